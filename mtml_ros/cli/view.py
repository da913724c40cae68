"""mtml view: objects in a browser, from a result or from a running node."""

from __future__ import annotations

import json
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mtml_ros.core.object_record import ObjectRecord
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.io.point_files import PointFile

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("view", short_help="Objects in a browser: a result, or a running node.")
@click.argument("file", metavar="[FILE]", type=_FILE, required=False)
@click.option("--live", is_flag=True, help="Follow a running node (needs ROS and viser).")
@click.option("--objects", "objects_file", type=_FILE, help="The objects' JSON, beside FILE.")
@click.option("--html", type=_FILE, help="Where the page goes; else a temporary file is opened.")
@click.option("--taxonomy", "taxonomy_name", default="scannet", show_default=True)
@click.option("--node", default="/instance_segmentation", show_default=True, help="With --live.")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --live.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
def command(
    file: Path | None,
    live: bool,
    objects_file: Path | None,
    html: Path | None,
    taxonomy_name: str,
    node: str,
    host: str,
    port: int,
) -> None:
    """Shows FILE, a .ply or .npz that `mtml segment` or `mtml replay` wrote, as a page that needs
    no network; or with --live what a running node finds, as it finds it.
    """
    from mtml_ros.core.taxonomy import Taxonomy

    if live == (file is not None):
        raise click.UsageError("give FILE, or --live")
    taxonomy = Taxonomy.load(taxonomy_name)
    if file is None:
        from mtml_ros.core.errors import ConfigurationError

        try:
            from mtml_ros.ros.tools.live_viewer import follow
        except ImportError as error:
            raise ConfigurationError(f"--live needs ROS 2 (rclpy): {error}") from error
        follow(node, taxonomy, host, port, lambda text: click.echo(text, err=True))
        return
    page = html
    if page is None:
        with tempfile.NamedTemporaryFile(suffix=".html", delete=False) as made:
            page = Path(made.name)
    write_view(file, objects_file, page, taxonomy)
    click.echo(page)
    if html is None:
        webbrowser.open(page.as_uri())


def write_view(file: Path, objects_file: Path | None, page: Path, taxonomy: Taxonomy) -> None:
    """Writes the page of a result. Raises InputError where FILE holds no instances."""
    import numpy as np

    from mtml_ros.core.errors import InputError
    from mtml_ros.io.point_files import read_points
    from mtml_ros.visualization.page import write_page
    from mtml_ros.visualization.view import cells_of_points, network_colorings

    cloud = read_points(file)
    if cloud.instance is None:
        raise InputError(f"{file}: has no instances; `mtml segment {file} --out OUT` finds them")
    finite = cloud.finite
    labels = np.zeros(len(cloud), np.int64) if cloud.label is None else cloud.label
    encoded = taxonomy.encode(labels[finite])
    colorings = {} if cloud.rgb is None else {"input colours": cloud.rgb[finite]}
    colorings |= network_colorings(
        None if cloud.embedding is None else cloud.embedding[finite],
        None if cloud.direction is None else cloud.direction[finite],
    )
    instance = cloud.instance[finite]
    cells = cells_of_points(cloud.xyz[finite], encoded, instance, colorings=colorings)
    records = (
        _read(objects_file) if objects_file is not None else _records(cloud, encoded, taxonomy)
    )
    write_page(page, cells, records, taxonomy, file.stem)


def _read(path: Path) -> list[ObjectRecord]:
    from mtml_ros.core.errors import InputError
    from mtml_ros.core.object_record import ObjectRecord

    try:
        told = json.loads(path.read_text(encoding="utf-8"))["objects"]
        return [ObjectRecord.from_dict(entry) for entry in told]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{path}: is no file of objects: {error!r}") from None


def _records(cloud: PointFile, encoded: object, taxonomy: Taxonomy) -> list[ObjectRecord]:
    """The objects of a result without its JSON, from its points."""
    import numpy as np

    from mtml_ros.core.instances import make_instance
    from mtml_ros.core.object_record import ObjectRecord
    from mtml_ros.core.voxels import LabeledPoints, VoxelGrid

    assert cloud.instance is not None
    finite, labels = cloud.finite, np.asarray(encoded)
    instance, xyz = cloud.instance[finite], cloud.xyz[finite]
    score = np.zeros(len(instance)) if cloud.score is None else cloud.score[finite]
    records = []
    for id_ in np.unique(instance[instance >= 0]).tolist():
        mine = instance == id_
        grid, _ = VoxelGrid.from_points(LabeledPoints(xyz[mine], labels[mine]), 0.1)
        label = int(np.bincount(labels[mine]).argmax())
        found = make_instance(grid, np.arange(len(grid)), label, float(score[mine][0]))
        records.append(ObjectRecord.of(found, id_, taxonomy, int(mine.sum())))
    return records
