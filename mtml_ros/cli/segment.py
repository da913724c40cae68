"""mtml segment: finds the separate objects in one labelled scan."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import numpy as np

    from mtml_ros.core.instances import Segmentation
    from mtml_ros.core.object_record import ObjectRecord
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.io.point_files import PointFile
    from mtml_ros.segmentation.segmenter import InstanceSegmenter

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("segment", short_help="Find the separate objects in a labelled scan.")
@click.argument("scan", metavar="INPUT", type=_FILE)
@click.option("--out", type=_FILE, required=True, help="Points with instances: .ply or .npz.")
@click.option("--objects", "objects_file", type=_FILE, help="Objects as JSON.")
@click.option("--html", type=_FILE, help="A page that shows the objects in 3D, offline.")
@click.option("--png", type=_FILE, help="A picture of labels and instances.")
@click.option(
    "--proposals",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the overlapping scored masks, in the ScanNet benchmark's format.",
)
@click.option("--weights", help="A .safetensors file, or the name of weights that ship.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the network runs.",
)
@click.option(
    "--taxonomy",
    "taxonomy_name",
    default="scannet",
    show_default=True,
    help="What the labels mean: scannet (NYU40 ids), toy, or a YAML file.",
)
@click.option("--voxel-size", type=float, help="Metres; default: what the weights are made for.")
def command(
    scan: Path,
    out: Path,
    objects_file: Path | None,
    html: Path | None,
    png: Path | None,
    proposals: Path | None,
    weights: str | None,
    device: str,
    taxonomy_name: str,
    voxel_size: float | None,
) -> None:
    """Finds the separate objects in INPUT: a .ply, .pcd or .npz file with xyz (metres, z up) and
    an integer label a point.

    OUT gets INPUT's points in INPUT's order: x y z (.npz: xyz), label (of a point in an object:
    the object's), instance (the object's number in the table, -1: none), score (the object's, 0:
    none); a .ply also colours by instance. The same input gives the same output, and the same
    objects as the node finds.
    """
    from mtml_ros.core.object_record import table
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.io.point_files import read_points, write_points

    _check_names(out, scan, proposals)
    taxonomy = Taxonomy.load(taxonomy_name)
    with _step(f"reading {scan.name}") as note:
        cloud = read_points(scan)
        note(f"{len(cloud):,} points")
    with _step("loading the network") as note:
        from mtml_ros.segmentation.segmenter import InstanceSegmenter

        segmenter = InstanceSegmenter.load(weights, taxonomy, device)
        note(str(segmenter.device))
    with _step("segmenting") as note:
        found = segment_cloud(cloud, segmenter, voxel_size)
        steps = ", ".join(f"{k} {v:.2f}" for k, v in found.segmentation.seconds.items())
        note(f"{len(found.segmentation.grid):,} voxels; {steps}")
    with _step(f"writing {out.name}"):
        colors = found.colors() if out.suffix.lower() == ".ply" else None
        write_points(out, cloud.xyz, found.label, found.instance, found.score, colors)
    records = [record.as_dict() for record in describe(found, taxonomy)]
    if objects_file is not None:
        _write_json(objects_file, found, records)
    if proposals is not None:
        with _step(f"writing proposals to {proposals}") as note:
            note(f"{_write_proposals(proposals, scan.stem, found, taxonomy)} masks")
    if html is not None or png is not None:
        with _step("drawing"):
            _draw(cloud, found, taxonomy, scan.stem, html, png)
    click.echo(table(records))


@dataclass(frozen=True)
class Found:
    """A segmented cloud: the voxels' segmentation, and its values point by point.

    label: (N,) int64 ids. instance: (N,) int32, -1 for none. score: (N,) float32, 0 for none.
    point_to_voxel: (N,) int64, -1 for points that are not finite.
    """

    segmentation: Segmentation
    label: np.ndarray
    instance: np.ndarray
    score: np.ndarray
    point_to_voxel: np.ndarray

    def colors(self) -> np.ndarray:
        """(N, 3) uint8, by instance, for viewers that know no instances."""
        from mtml_ros.visualization.colors import instance_colors

        return instance_colors(self.instance)


def segment_cloud(
    cloud: PointFile, segmenter: InstanceSegmenter, voxel_size: float | None = None
) -> Found:
    """The objects in a cloud, point for point in its order.

    Voxels and their labels are formed as the node's map forms them of the same points. Points
    that are not finite belong to nothing. voxel_size: metres, None for that of the weights.
    Raises InputError where the cloud lacks what the weights need.
    """
    import numpy as np

    from mtml_ros.core.errors import ConfigurationError, InputError
    from mtml_ros.core.voxels import LabeledPoints, VoxelGrid

    taxonomy = segmenter.taxonomy
    if cloud.label is None and not segmenter.config.semantic:
        raise InputError(
            "the input has no label, and these weights need one a point; add an integer field "
            "(.npz: array) 'label'"
        )
    size = segmenter.voxel_size if voxel_size is None else voxel_size
    if not size > 0:
        raise ConfigurationError(f"--voxel-size must be above 0 m, not {size}")
    label = np.zeros(len(cloud), dtype=np.int64) if cloud.label is None else cloud.label
    finite = cloud.finite
    points = LabeledPoints(cloud.xyz[finite], taxonomy.encode(label[finite]))
    features = None if cloud.features is None else cloud.features[finite]
    grid, voxel = VoxelGrid.from_points(points, size, features)
    segmentation = segmenter.segment(grid)

    point_to_voxel = np.full(len(cloud), -1, dtype=np.int64)
    point_to_voxel[finite] = voxel
    owner = np.append(segmentation.instance, np.int32(-1))  # voxel -1 belongs to nothing
    scores = np.array([*(o.score for o in segmentation.instances), 0.0], dtype=np.float32)
    labels = np.append(taxonomy.ids[segmentation.labels], 0).astype(np.int64)
    instance = owner[point_to_voxel]
    return Found(
        segmentation,
        np.where(instance >= 0, labels[point_to_voxel], label),
        instance,
        scores[instance],
        point_to_voxel,
    )


def describe(found: Found, taxonomy: Taxonomy) -> list[ObjectRecord]:
    """One record an object, by its number in `instance`."""
    import numpy as np

    from mtml_ros.core.object_record import ObjectRecord

    objects = found.segmentation.instances
    points = np.bincount(found.instance[found.instance >= 0], minlength=len(objects))
    return [ObjectRecord.of(o, i, taxonomy, int(points[i])) for i, o in enumerate(objects)]


def _check_names(out: Path, scan: Path, proposals: Path | None) -> None:
    """Refuses before the work what could not be written after it."""
    from mtml_ros.core.errors import InputError

    if out.suffix.lower() not in (".ply", ".npz"):
        raise InputError(f"--out {out}: must end in .ply or .npz")
    if not out.absolute().parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.absolute().parent}")
    if proposals is not None and any(c.isspace() for c in scan.stem):
        raise InputError(
            f"{scan.name}: the benchmark's files are named after INPUT and allow no space; "
            "rename it, or leave out --proposals"
        )


def _write_json(path: Path, found: Found, records: list[dict[str, Any]]) -> None:
    from mtml_ros.core.errors import InputError

    content = {"voxel_size": found.segmentation.grid.voxel_size, "objects": records}
    try:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def _write_proposals(folder: Path, scene: str, found: Found, taxonomy: Taxonomy) -> int:
    """Writes the masks point for point; returns how many."""
    import numpy as np

    from mtml_ros.io.benchmark_files import Prediction, write_submission

    # points sorted by voxel, so that a mask's points are a few slices; voxel -1 comes first
    order = np.argsort(found.point_to_voxel, kind="stable")
    count = len(found.segmentation.grid)
    start = np.searchsorted(found.point_to_voxel[order], np.arange(count + 1))
    predictions = []
    for p in found.segmentation.proposals:
        slices = [order[start[v] : start[v + 1]] for v in p.voxels]
        mask = np.sort(np.concatenate(slices))
        predictions.append(Prediction(mask, int(taxonomy.ids[p.label]), p.score))
    write_submission(folder, scene, predictions, len(found.instance))
    return len(predictions)


def _draw(
    cloud: PointFile,
    found: Found,
    taxonomy: Taxonomy,
    title: str,
    html: Path | None,
    png: Path | None,
) -> None:
    import numpy as np

    from mtml_ros.visualization.page import write_page
    from mtml_ros.visualization.picture import draw_segmentation
    from mtml_ros.visualization.view import cells_of_points, objects_of

    finite = cloud.finite
    label = np.zeros(len(cloud), np.int64) if cloud.label is None else cloud.label
    truth = None if cloud.instance is None else cloud.instance[finite]
    cells = cells_of_points(
        cloud.xyz[finite], taxonomy.encode(label[finite]), found.instance[finite], truth=truth
    )
    objects = objects_of(found.segmentation, taxonomy)
    if html is not None:
        write_page(html, cells, objects, taxonomy, title)
    if png is not None:
        draw_segmentation(png, cells, objects, taxonomy, title)


@contextmanager
def _step(name: str) -> Iterator[Any]:
    """Says on stderr what is being done, and when it is done, how long it took and what came."""
    notes: list[str] = []
    click.echo(f"{name} ... ", nl=False, err=True)
    began = time.perf_counter()
    try:
        yield notes.append
    except BaseException:
        click.echo("", err=True)
        raise
    seconds = f"{time.perf_counter() - began:.2f} s"
    click.echo(", ".join([seconds, *notes]), err=True)
