"""A recorded RGB-D sequence through ObjectMapper: what clearing takes of it, and how ids last.

    python benchmarks/real_sequence.py DATA [--every 6] [--labels erring] [--node [--pace 1]]

DATA: the folder `data` of github.com/andyzeng/tsdf-fusion-python (RedKitchen of 7-Scenes, whose
licence is for research: evaluation only, nothing of it ships and nothing is trained on it).
The scene is static, so that of what was seen in many frames nothing should be cleared.
--node: through the real node, see real_sequence_node.py.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.transforms import Transform
from mtml_ros.core.voxels import LabeledPoints, pack_keys, voxel_keys
from mtml_ros.io.camera import Camera, rays
from mtml_ros.io.depth_image import DepthSettings, project_depth
from mtml_ros.mapper import ObjectMapper, Update

FLOOR = -1.5
"""Metres: height of the floor in the sequence's own frame, turned upright."""

RATE = 30.0
"""Hz, of the frames."""

OFTEN, MOMENT = 5, 0.2
"""Moments of so many seconds in which a voxel must be hit to be static, whatever the rate: fewer
may be noise, which may go."""

SHIFT, BLOBS, BLOB_CLASSES = 3, 4, (0, 1, 3, 5, 6, 7, 10)
"""Labels that err: pixels to the side, wrong blobs a frame, and the classes of these."""

# What stands where in the upright frame, read off a picture of it from above: NYU40 id, low and
# high corner in metres. A point is of the first box that it lies in.
BOXES = [
    (2, (-9, -9, -1), (9, 9, 0.06)),  # floor
    (5, (-1.45, 1.32, 0.06), (-0.98, 2.05, 0.98)),  # chairs: at the table's left end,
    (5, (-0.98, 1.3, 0.06), (-0.85, 1.75, 0.6)),
    (5, (-0.75, 2.09, 0.06), (-0.1, 2.4, 1.0)),  # on its far side,
    (5, (0.3, 2.09, 0.06), (0.9, 2.4, 1.0)),
    (5, (1.26, 1.4, 0.06), (1.55, 2.0, 1.0)),  # at its right end,
    (5, (-0.7, 0.8, 0.06), (0.05, 1.13, 1.0)),  # on the near side
    (5, (-0.72, 1.13, 0.3), (-0.15, 1.5, 0.6)),
    (7, (-1.0, 1.13, 0.06), (1.26, 2.09, 0.80)),  # table
    (12, (-2.6, 1.0, 0.86), (-1.75, 3.4, 0.96)),  # counters on the units
    (12, (-2.6, 2.75, 0.86), (0.0, 3.4, 0.96)),
    (3, (-2.3, 1.0, 0.06), (-1.75, 3.0, 0.86)),  # units
    (3, (-2.3, 2.7, 0.06), (0.0, 3.4, 0.86)),
    (3, (1.85, 1.9, 0.06), (2.4, 3.35, 1.1)),
    (1, (-9, 3.3, 0.06), (9, 9, 3)),  # wall
]


@dataclass(frozen=True)
class Frame:
    """One cloud. stamp: seconds. xyz: (N, 3) float32 in the camera's frame. label: (N,) NYU40 ids.
    pose: from the camera to the map."""

    stamp: float
    xyz: np.ndarray
    label: np.ndarray
    pose: Transform


@dataclass
class Static:
    """What was hit often, and is therefore there."""

    _hits: set[tuple[int, int]] = field(default_factory=set)

    def hit(self, xyz: np.ndarray, stamp: float, voxel_size: float) -> None:
        """Points (N, 3) in the map."""
        moment = int(stamp / MOMENT + 1e-6)
        keys = np.unique(voxel_keys(xyz, voxel_size))
        self._hits.update((key, moment) for key in keys.tolist())

    def keys(self) -> set[int]:
        """Of the static voxels."""
        often = Counter(key for key, _ in self._hits)
        return {key for key, count in often.items() if count >= OFTEN}


def frames(data: Path, every: int, stride: int, labels: str) -> Iterator[Frame]:
    """The frames in order, one of `every`."""
    upright = upright_axes(data)
    matrix = np.loadtxt(data / "camera-intrinsics.txt")
    settings = DepthSettings(stride=stride, max_range=4.5, edge_jump=np.inf)  # edges are noise
    for number, path in enumerate(sorted(data.glob("frame-*.depth.png"))[::every]):
        depth = np.asarray(Image.open(path))
        depth = np.where(depth == 65535, np.nan, depth / 1000).astype(np.float32)
        pose = np.loadtxt(path.with_name(path.name.replace("depth.png", "pose.txt")))
        rotation, origin = upright @ pose[:3, :3], upright @ pose[:3, 3] - [0, 0, FLOOR]
        focal, center = (matrix[0, 0], matrix[1, 1]), (matrix[0, 2], matrix[1, 2])
        camera = Camera(depth.shape[1], depth.shape[0], focal, center)
        ids = true_ids(depth, camera, rotation, origin)
        if labels == "erring":
            ids = erring(ids, np.random.default_rng(number))
        cloud = project_depth(depth, camera, ids, settings=settings)
        yield Frame(number * every / RATE, cloud.xyz, cloud.label, Transform(rotation, origin))


def upright_axes(data: Path) -> np.ndarray:
    """(3, 3) rotation from the sequence's frame to one whose z is up."""
    up = -np.loadtxt(data / "gravity-direction.txt")
    up /= np.linalg.norm(up)
    x = np.array([1.0, 0, 0]) - up[0] * up
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(up, x), up])


def true_ids(
    depth: np.ndarray, camera: Camera, rotation: np.ndarray, origin: np.ndarray
) -> np.ndarray:
    """(h, w) uint16: NYU40 id of what each pixel shows, 0 in no box."""
    ray = np.dstack([rays(camera), np.ones(depth.shape, np.float32)])
    xyz = (ray * depth[..., None]) @ rotation.T.astype(np.float32) + origin.astype(np.float32)
    ids = np.zeros(depth.shape, dtype=np.uint16)
    for label, low, high in BOXES:
        inside = ids == 0
        for axis in range(3):
            inside &= (xyz[..., axis] >= low[axis]) & (xyz[..., axis] < high[axis])
        ids[inside] = label
    return ids


def erring(ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The ids SHIFT pixels beside their place, with round blobs of one wrong class each."""
    wrong = np.roll(ids, SHIFT, axis=1)
    row, column = np.ogrid[: ids.shape[0], : ids.shape[1]]
    for _ in range(BLOBS):
        v, u = rng.uniform(0, ids.shape)
        radius = rng.uniform(10, 40)
        wrong[(row - v) ** 2 + (column - u) ** 2 < radius**2] = rng.choice(BLOB_CLASSES)
    return wrong


def play(data: Path, every: int, stride: int, labels: str, updates: int) -> None:
    """Play the sequence, one update every so many clouds (0: none), and print what came of it."""
    mapper = ObjectMapper.load()
    static = Static()
    cleared: Counter[int] = Counter()
    before = np.zeros(0, dtype=np.int64)
    ids: list[frozenset[int]] = []
    seconds: list[float] = []
    label_of: dict[int, int] = {}
    for number, frame in enumerate(frames(data, every, stride, labels)):
        points = LabeledPoints(frame.pose.apply(frame.xyz), mapper.taxonomy.encode(frame.label))
        began = time.perf_counter()
        mapper.integrate(points, frame.stamp, frame.pose.translation)
        seconds.append(time.perf_counter() - began)
        static.hit(points.xyz, frame.stamp, mapper.map.voxel_size)
        grid = mapper.map.snapshot()
        keys = pack_keys(grid.coordinates)
        label_of.update(zip(keys.tolist(), grid.labels.tolist()))
        cleared.update(np.setdiff1d(before, keys, assume_unique=True).tolist())
        before = keys
        if updates and number % updates == updates - 1:
            update = mapper.update(force=True)
            assert update is not None
            ids.append(frozenset(t.id for t in update.tracked))
            print(f"{number:4}", _objects(update, mapper.taxonomy))
    print(f"{len(seconds)} clouds, integrated in {np.median(seconds) * 1000:.1f} ms (median)")
    summary(static.keys(), set(before.tolist()), ids)
    names = mapper.taxonomy.names
    ever = list(static.keys() & cleared.keys())
    print(f"static lost at any time {len(ever)}: "
          f"{Counter(names[label_of[key]] for key in ever).most_common()}")  # fmt: skip


def summary(static: set[int], there: set[int], ids: list[frozenset[int]]) -> None:
    """Print what share of the static voxels is lost, and how often the set of ids changed."""
    lost = static - there
    print(f"map {len(there)} voxels, {len(static)} static (hit in {OFTEN} moments or more)")
    print(f"static lost at the end {len(lost)} ({len(lost) / len(static):.2%})")
    changes = [one != other for one, other in pairwise(ids)]
    print(
        f"{len(ids)} updates; set of ids changed in {sum(changes)}, last 20: {sum(changes[-20:])}"
    )


def _objects(update: Update, taxonomy: Taxonomy) -> str:
    found = sorted(update.tracked, key=lambda t: t.id)
    names = taxonomy.names
    return " ".join(f"{t.id}:{names[t.instance.label]}.{t.instance.score * 100:.0f}"
                    f"({len(t.instance.voxels)})" for t in found)  # fmt: skip


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description="a recorded RGB-D sequence through ObjectMapper")
    parser.add_argument("data", type=Path)
    parser.add_argument("--every", type=int, default=6, help="frames a cloud (30 Hz / 6 = 5 Hz)")
    parser.add_argument("--stride", type=int, default=2, help="pixels a point")
    parser.add_argument("--labels", choices=["true", "erring"], default="erring")
    parser.add_argument("--updates", type=int, default=4, help="clouds an update; 0: none")
    parser.add_argument("--node", action="store_true", help="through the node")
    parser.add_argument("--pace", type=float, default=1.0, help="--node: 1 is real time")
    options = parser.parse_args()
    if options.node:
        from real_sequence_node import play_to_node  # imports ROS

        recorded = frames(options.data, options.every, options.stride, options.labels)
        play_to_node(list(recorded), options.pace)
        return
    play(options.data, options.every, options.stride, options.labels, options.updates)


if __name__ == "__main__":
    main()
