"""mtml segment: finds the separate objects in labelled scans."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mtml_ros.core.object_record import ObjectRecord
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.io.point_files import PointFile
    from mtml_ros.segmentation.clouds import Found

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("segment", short_help="Find the separate objects in labelled scans.")
@click.argument("scans", metavar="INPUT...", type=_FILE, nargs=-1, required=True)
@click.option("--out", type=_FILE, help="Points with instances: .ply or .npz.")
@click.option("--out-dir", type=_FOLDER, help="Folder for the results of several INPUTs.")
@click.option("--objects", "objects_file", type=_FILE, help="Objects as JSON.")
@click.option("--html", type=_FILE, help="A page that shows the objects in 3D, offline.")
@click.option("--png", type=_FILE, help="A picture of labels and instances.")
@click.option(
    "--proposals",
    type=_FOLDER,
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
    default="scannet",
    show_default=True,
    help="What the labels mean: a name that `mtml taxonomy` lists, or a YAML file.",
)
@click.option("--label-field", default="label", show_default=True, help="Name of the labels.")
@click.option("--no-labels", is_flag=True, help="INPUT has no labels, and that is on purpose.")
@click.option("--scale", type=float, default=1.0, help="Metres a unit of INPUT; default: 1.")
@click.option(
    "--up",
    type=click.Choice(["z", "y", "x", "-z", "-y", "-x"]),
    default="z",
    show_default=True,
    help="INPUT's axis that points up.",
)
@click.option("--recenter", is_flag=True, help="Move INPUT's middle to the origin.")
@click.option(
    "--as-in-the-paper", is_flag=True, help="Without what this project adds to the paper's method."
)
@click.option(
    "--features",
    is_flag=True,
    help="Keep what the network gave each point: embedding and direction, in OUT and the page.",
)
@click.option("--voxel-size", type=float, help="Metres; default: what the weights are made for.")
@click.option("--force", is_flag=True, help="Overwrite INPUT, or results that are there already.")
@click.option("--jobs", type=click.IntRange(1), default=1, help="Scans at once, with --out-dir.")
@click.option("--scheduler", help="Address of a Dask scheduler whose workers do --out-dir's work.")
def command(
    scans: tuple[Path, ...],
    out: Path | None,
    out_dir: Path | None,
    objects_file: Path | None,
    html: Path | None,
    png: Path | None,
    proposals: Path | None,
    force: bool,
    jobs: int,
    scheduler: str | None,
    **options: Any,
) -> None:
    """Finds the separate objects in INPUT: a .ply, .pcd or .npz file with xyz (metres, z up) and
    an integer label a point, or a mesh (with --no-labels).

    OUT gets INPUT's points in INPUT's order: x y z (.npz: xyz), label (of a point in an object:
    the object's), instance (the object's number in the table, -1: none), score (the object's, 0:
    none). From .ply to .ply all else stays: colours, faces, other properties; without colours it
    is coloured by instance. --features adds embedding and direction (.ply: embedding_0 and so on),
    which `mtml view` shows as colours. The same input gives the same output, and the same objects
    as the node finds; points on their borders are in them as they are labelled, if labels are good.

    With --out-dir several INPUTs go to DIR/NAME.ply (or .npz) and DIR/NAME.json each; one that
    fails does not stop the others, and what is there already is not done again.
    """
    if (out is None) == (out_dir is None):
        raise click.UsageError("give --out for one INPUT, or --out-dir for several")
    settings = {**options, "force": force}
    if out_dir is not None:
        if objects_file or html or png or proposals:
            raise click.UsageError("--objects, --html, --png and --proposals go with --out alone")
        from mtml_ros.cli.segment_many import segment_many

        segment_many(scans, out_dir, settings, jobs, scheduler)
        return
    if len(scans) > 1:
        raise click.UsageError("several INPUTs need --out-dir")
    assert out is not None
    from mtml_ros.core.object_record import table

    records = segment_file(scans[0], out, settings, objects_file, html, png, proposals)
    click.echo(table([record.as_dict() for record in records]))


def segment_file(
    scan: Path,
    out: Path,
    settings: dict[str, Any],
    objects_file: Path | None = None,
    html: Path | None = None,
    png: Path | None = None,
    proposals: Path | None = None,
) -> list[ObjectRecord]:
    """Segments one file; the records of its objects. settings: the command's other options.

    Raises MtmlError.
    """
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.io.object_files import write_objects
    from mtml_ros.io.placement import AS_IT_IS, Placement
    from mtml_ros.io.point_files import labels_missing, read_points, write_points

    _check_names(out, scan, proposals, settings["force"])
    taxonomy = Taxonomy.load(settings["taxonomy"])
    placement = Placement(settings["scale"], settings["up"], settings["recenter"])
    unlabelled = settings["no_labels"]
    with _step(f"reading {scan.name}") as note:
        cloud = read_points(scan, settings["label_field"], placement)
        note(f"{len(cloud):,} points")
        if cloud.label is None and not unlabelled:
            raise labels_missing(cloud, settings["label_field"])
    _warn(cloud, taxonomy, unlabelled)
    with _step("loading the network") as note:
        from mtml_ros.segmentation.clouds import segment_cloud
        from mtml_ros.segmentation.segmenter import InstanceSegmenter

        segmenter = InstanceSegmenter.load(
            settings["weights"],
            taxonomy,
            settings["device"],
            as_in_the_paper=settings["as_in_the_paper"],
        )
        note(str(segmenter.device))
    with _step("segmenting") as note:
        found = segment_cloud(
            cloud, segmenter, settings["voxel_size"], unlabelled, settings["features"]
        )
        steps = ", ".join(f"{k} {v:.2f}" for k, v in found.segmentation.seconds.items())
        note(f"{len(found.segmentation.grid):,} voxels; {steps}")
    with _step(f"writing {out.name}"):
        like = scan if scan.suffix.lower() == ".ply" and placement == AS_IT_IS else None
        colors = cloud.rgb
        if out.suffix.lower() == ".ply" and colors is None:
            from mtml_ros.visualization.colors import instance_colors

            colors = instance_colors(found.instance)
        elif like is not None:
            colors = None  # they stay as they are
        write_points(
            out, cloud.xyz, found.label, found.instance, found.score, colors, like, found.network
        )
    records = found.records(taxonomy)
    if objects_file is not None:
        size = found.segmentation.grid.voxel_size
        moved = {"origin": cloud.origin.tolist()} if placement.recenter else {}
        write_objects(objects_file, records, voxel_size=size, **moved)
    if proposals is not None:
        with _step(f"writing proposals to {proposals}") as note:
            note(f"{_write_proposals(proposals, scan.stem, found, taxonomy)} masks")
    if html is not None or png is not None:
        with _step("drawing"):
            _draw(cloud, found, taxonomy, scan.stem, html, png)
    return records


def _check_names(out: Path, scan: Path, proposals: Path | None, force: bool) -> None:
    """Refuses before the work what could not be written after it."""
    from mtml_ros.core.errors import InputError

    if out.suffix.lower() not in (".ply", ".npz"):
        raise InputError(f"--out {out}: must end in .ply or .npz")
    if not out.absolute().parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.absolute().parent}")
    if not force and out.exists() and scan.exists() and out.samefile(scan):
        raise InputError(f"--out {out}: that is INPUT itself; --force overwrites it")
    if proposals is not None and any(c.isspace() for c in scan.stem):
        raise InputError(
            f"{scan.name}: the benchmark's files are named after INPUT and allow no space; "
            "rename it, or leave out --proposals"
        )


def _warn(cloud: PointFile, taxonomy: Taxonomy, unlabelled: bool) -> None:
    """Says on stderr which classes there are, and what looks wrong."""
    from mtml_ros.io.sanity import check_cloud, check_geometry, count_labels

    finite = cloud.finite
    xyz = cloud.xyz[finite]
    if unlabelled or cloud.label is None:
        warnings = check_geometry(xyz)
    else:
        label = cloud.label[finite]
        click.echo(f"labels: {count_labels(label, taxonomy).summary()}", err=True)
        warnings = check_cloud(xyz, label, taxonomy)
    for warned in warnings:
        click.echo(f"warning: {warned.text}", err=True)


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
    from mtml_ros.visualization.view import (
        cells_of_points,
        network_colorings,
        objects_of,
        principal_colors,
    )

    finite = cloud.finite
    label = np.zeros(len(cloud), np.int64) if cloud.label is None else cloud.label
    truth = None if cloud.instance is None else cloud.instance[finite]
    colorings = {}
    if cloud.rgb is not None:
        colorings["input colours"] = cloud.rgb[finite]
    if cloud.features is not None:
        colorings["features"] = principal_colors(cloud.features[finite])
    given = {name: values[finite] for name, values in found.network.items()}
    colorings |= network_colorings(given.get("embedding"), given.get("direction"))
    voxel = found.point_to_voxel[finite]
    cells = cells_of_points(
        cloud.xyz[finite],
        taxonomy.encode(label[finite]),
        found.instance[finite],
        truth=truth,
        corrected=found.segmentation.labels[voxel],
        colorings=colorings,
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
