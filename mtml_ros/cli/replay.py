"""mtml replay: a recording's labelled clouds or depth images through the map, without ROS."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import numpy as np

    from mtml_ros.core.object_record import ObjectRecord
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.io.bag_clouds import BagClouds
    from mtml_ros.mapper import ObjectMapper, Update

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("replay", short_help="Objects in a rosbag2 recording, without ROS.")
@click.argument("bag", metavar="BAG", type=click.Path(path_type=Path))
@click.option("--points", default="", help="Topic of labelled clouds (PointCloud2).")
@click.option("--depth", default="", help="Topic of depth images: 16UC1 (mm) or 32FC1 (m).")
@click.option("--camera-info", default="", help="Topic of the depth images' CameraInfo.")
@click.option("--label-image", default="", help="Topic of label images of the same stamps.")
@click.option("--confidence-image", default="", help="Topic of the labels' confidences.")
@click.option("--rectified", is_flag=True, help="The images are rectified: CameraInfo's p holds.")
@click.option("--max-range", type=float, default=6.0, show_default=True, help="Metres, of depth.")
@click.option("--map-frame", default="map", show_default=True, help="Frame of the map, in /tf.")
@click.option("--label-field", default="label", show_default=True, help="The clouds' label field.")
@click.option(
    "--taxonomy",
    "taxonomy_name",
    default="scannet",
    show_default=True,
    help="What the labels mean: a name that `mtml taxonomy` lists, or a YAML file.",
)
@click.option("--weights", help="A .safetensors file, or the name of weights that ship.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option(
    "--every",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Seconds of the recording between two segmentations; 0: one, at the end.",
)
@click.option("--out", type=_FILE, help="The map's voxels: xyz, label, instance, score (.npz).")
@click.option("--objects", "objects_file", type=_FILE, help="Objects as JSON.")
@click.option("--html", type=_FILE, help="A page that shows the objects in 3D, offline.")
@click.option("--map", "map_file", type=_FILE, help="The map, for the node's ~/load_map.")
def command(
    bag: Path,
    taxonomy_name: str,
    weights: str | None,
    device: str,
    every: float,
    out: Path | None,
    objects_file: Path | None,
    html: Path | None,
    map_file: Path | None,
    **topics: Any,
) -> None:
    """Plays BAG (a rosbag2 folder, .mcap, .db3, or ROS 1's .bag) as fast as it goes: clouds
    (--points), or depth images with label images (--depth, --camera-info, --label-image), placed
    by the recording's own /tf and /tf_static, fused and segmented as the node does.
    """
    from mtml_ros.core.object_record import ObjectRecord, table
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.io.bag_clouds import CloudTopics
    from mtml_ros.io.bags import Bag

    _check(topics, out)
    labels, confidence = topics.pop("label_image"), topics.pop("confidence_image")
    taxonomy = Taxonomy.load(taxonomy_name)
    with Bag(bag) as recording:
        chosen = CloudTopics(labels=labels, confidence=confidence, **topics)
        chosen.check(recording)
        from mtml_ros.mapper import ObjectMapper

        mapper = ObjectMapper.load(weights, taxonomy, device)
        update = _play(recording, chosen, mapper, every)
    records = [
        ObjectRecord.of(t.instance, t.id, taxonomy, None, t.first_seen, t.last_seen)
        for t in update.tracked
    ]
    _write(update, records, taxonomy, out, objects_file, html, bag.stem)
    if map_file is not None:
        mapper.save(map_file)
    click.echo(table([record.as_dict() for record in records], "voxels"))


def _check(topics: dict[str, Any], out: Path | None) -> None:
    from mtml_ros.core.errors import InputError

    images = [topics[name] for name in ("depth", "camera_info", "label_image")]
    if bool(topics["points"]) == any(images) or (any(images) and not all(images)):
        raise click.UsageError(
            "give --points TOPIC, or --depth, --camera-info and --label-image together"
        )
    if out is not None and out.suffix != ".npz":
        raise InputError(f"--out {out}: must end in .npz")


def _play(recording: Any, topics: Any, mapper: ObjectMapper, every: float) -> Update:
    """Integrates every cloud, segments now and then and at the end; says what became of them."""
    from dataclasses import replace

    import numpy as np
    from tqdm import tqdm

    from mtml_ros.core.voxels import LabeledPoints
    from mtml_ros.io.bag_clouds import BagClouds

    began, integrated, seconds = time.perf_counter(), 0, 0.0
    ids: Counter[int] = Counter()
    latest = last = None
    with tqdm(total=recording.count(topics.all), unit=" messages", mininterval=0.5) as bar:
        topics = replace(topics, voxel_size=mapper.map.voxel_size)
        clouds = BagClouds(recording, topics, bar.update)
        for placed in clouds:
            start = time.perf_counter()
            label = placed.cloud.label
            assert label is not None  # both decoders require it
            ids.update(dict(zip(*(a.tolist() for a in np.unique(label, return_counts=True)))))
            points = LabeledPoints(
                placed.cloud.xyz, mapper.taxonomy.encode(label), placed.cloud.confidence
            )
            mapper.integrate(points, placed.stamp, placed.origin)
            integrated += 1
            seconds += time.perf_counter() - start
            if every and (last is None or placed.stamp >= last + every or placed.stamp < last):
                latest, last = mapper.update() or latest, placed.stamp
                bar.set_postfix_str(f"{len(latest.tracked) if latest else 0} objects")
    latest = mapper.update() or latest
    took = time.perf_counter() - began
    _report(clouds, integrated, seconds, took, ids, mapper)
    if latest is None:
        raise _nothing(clouds, topics.map_frame)
    return latest


def _report(
    clouds: BagClouds,
    integrated: int,
    seconds: float,
    took: float,
    ids: Counter[int],
    mapper: ObjectMapper,
) -> None:
    import numpy as np

    from mtml_ros.io.sanity import check_labels, check_map, count_labels

    each = f", {1000 * seconds / integrated:.1f} ms each into the map" if integrated else ""
    click.echo(
        f"{integrated} of {clouds.received} clouds integrated{each}; {took:.1f} s in all", err=True
    )
    for reason, number in clouds.dropped.most_common():
        click.echo(f"  {number} dropped: {reason} ({clouds.reasons[reason]})", err=True)
    if "bad_transform" in clouds.reasons:
        click.echo(f"warning: {clouds.reasons['bad_transform']}", err=True)
    if not integrated:
        return
    values = np.array(list(ids), np.int64)
    # one in a thousand of each id's points stands for them
    sample = np.repeat(values, [max(1, n // 1000) for n in ids.values()])
    click.echo(f"labels: {count_labels(sample, mapper.taxonomy).summary()}", err=True)
    unknown = [w for w in check_labels(sample, mapper.taxonomy) if w.kind == "unknown_ids"]
    for warned in [*unknown, *check_map(mapper.map.snapshot(), mapper.taxonomy)]:
        click.echo(f"warning: {warned.text}", err=True)


def _nothing(clouds: BagClouds, map_frame: str) -> Exception:
    """The error for a recording of which no cloud came into the map."""
    from mtml_ros.core.errors import InputError

    frames = clouds.buffer.frames
    if not clouds.received:
        return InputError(
            "no cloud came together: the depth images and the labels share no stamp"
            if clouds.topics.depth
            else "the bag holds no cloud"
        )
    if not frames:
        return InputError(
            f"the bag holds no transforms (/tf, /tf_static), and its clouds are not in "
            f"{map_frame!r}; if the sensor did not move, name its frame with --map-frame"
        )
    return InputError(
        f"no cloud could be placed in {map_frame!r}; frames in /tf: {', '.join(frames[:20])}; "
        "name the fixed one with --map-frame"
    )


def _write(
    update: Update,
    records: list[ObjectRecord],
    taxonomy: Taxonomy,
    out: Path | None,
    objects_file: Path | None,
    html: Path | None,
    title: str,
) -> None:
    import numpy as np

    from mtml_ros.io.object_files import write_objects
    from mtml_ros.io.point_files import write_points

    grid = update.segmentation.grid
    instance, score = _owners(update)
    if out is not None:
        labels = taxonomy.ids[update.segmentation.labels].astype(np.int64)
        write_points(out, grid.centers, labels, instance, score)
    if objects_file is not None:
        write_objects(objects_file, records, voxel_size=grid.voxel_size)
    if html is not None:
        from mtml_ros.visualization.page import write_page
        from mtml_ros.visualization.view import Cells

        corrected = update.segmentation.labels
        cells = Cells(
            grid.centers, grid.voxel_size, grid.labels, instance.astype(np.int64), None, corrected
        )
        write_page(html, cells, records, taxonomy, title)


def _owners(update: Update) -> tuple[np.ndarray, np.ndarray]:
    """(V,) int32 id of each voxel's object, -1 for none, and (V,) float32 its score."""
    import numpy as np

    instance = np.full(len(update.segmentation.grid), -1, dtype=np.int32)
    score = np.zeros(len(instance), dtype=np.float32)
    for t in update.tracked:
        instance[t.instance.voxels] = t.id
        score[t.instance.voxels] = t.instance.score
    return instance, score
