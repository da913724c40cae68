"""Clouds into a map: the voxel map beside a dictionary and beside sorting the whole map again."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from mtml_ros.core.voxels import LabeledPoints, VoxelGrid, unpack_keys, voxel_keys, winning_labels
from mtml_ros.mapping.voxel_map import VoxelMap

SIZE = 0.1
CLASSES = 20
STEPS = 12
"""Clouds of each case; the first two warm up."""


def run() -> list[dict[str, Any]]:
    """One row a case and alternative: seconds a cloud and snapshot, median."""
    rows = []
    for voxels, points in ((20_000, 20_000), (20_000, 300_000), (500_000, 60_000)):
        start, clouds = _drive(voxels, points)
        grid, ours = _ours(start, clouds)
        for name, other in (("dictionary of votes", _dictionary), ("sort again", _sorting)):
            other_grid, seconds = other(start, clouds)
            same = np.array_equal(grid.coordinates, other_grid.coordinates) and np.array_equal(
                grid.labels, other_grid.labels
            )
            rows.append({
                "case": f"{points:,} points into {voxels:,} voxels",
                "ours_s": ours,
                "alternative": name,
                "alternative_s": seconds,
                "times": seconds / ours,
                "same": same,
            })  # fmt: skip
        _, cleared = _ours(start, clouds, clear=True)
        rows.append({"case": "  the same, and free space cleared", "ours_s": cleared})
    return rows


def _drive(voxels: int, points: int) -> tuple[LabeledPoints, list[LabeledPoints]]:
    """A floor with things on it of that many voxels, and clouds of 8 x 8 m on a way along it."""
    rng = np.random.default_rng(0)
    length = voxels / 2 * SIZE**2 / 8  # half of the voxels are floor, 8 m wide

    def cloud(count: int, low: float, high: float) -> LabeledPoints:
        x, y = rng.uniform(low, high, count), rng.uniform(0, 8, count)
        # a wavy wall every metre, the floor between
        wall = np.abs((x + 0.2 * np.sin(y)) % 1 - 0.5) < 0.04
        z = np.where(wall, rng.uniform(0, 1.2, count), 0.05)
        labels = np.where(wall, 3 + (x.astype(int) % 15), 2)
        wrong = rng.random(count) < 0.2
        labels[wrong] = rng.integers(0, CLASSES + 1, wrong.sum())
        return LabeledPoints(np.stack([x, y, z], 1).astype(np.float32), labels.astype(np.uint8))

    ahead = np.linspace(length - 8.5, length - 7, STEPS)
    return cloud(voxels * 4, 0, length), [cloud(points, x, x + 8) for x in ahead]


def _timed(
    clouds: list[LabeledPoints], add: Callable[[LabeledPoints], None], see: Callable[[], VoxelGrid]
) -> tuple[VoxelGrid, float]:
    seconds = []
    for cloud in clouds:
        began = time.perf_counter()
        add(cloud)
        grid = see()
        seconds.append(time.perf_counter() - began)
    return grid, median(seconds[2:])


def _ours(
    start: LabeledPoints, clouds: list[LabeledPoints], clear: bool = False
) -> tuple[VoxelGrid, float]:
    voxel_map = VoxelMap(SIZE, CLASSES, 2_000_000)
    voxel_map.integrate(start, 0.0)
    sensor = np.array([clouds[0].xyz[:, 0].mean(), 4.0, 1.5]) if clear else None
    return _timed(clouds, lambda c: _discard(voxel_map.integrate(c, 0.0, sensor)),
                  voxel_map.snapshot)  # fmt: skip


def _discard(_: object) -> None:
    """Forget a result."""


def _pairs(cloud: LabeledPoints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Key, label and votes of each pair of voxel and label in a cloud, as `count_votes` weighs
    them."""
    keys, row = np.unique(voxel_keys(cloud.xyz, SIZE), return_inverse=True)
    pair, count = np.unique(row.reshape(-1) * 256 + cloud.labels, return_counts=True)
    label = pair % 256
    known = count[label > 0].sum() / max(1, len(cloud.labels))
    return keys[pair // 256], label, np.where(label > 0, count, count * known)


def _dictionary(start: LabeledPoints, clouds: list[LabeledPoints]) -> tuple[VoxelGrid, float]:
    """Key to votes, pair by pair; the usual first attempt."""
    votes: dict[int, list[float]] = {}

    def add(cloud: LabeledPoints) -> None:
        for key, label, count in zip(*(values.tolist() for values in _pairs(cloud))):
            if key not in votes:
                votes[key] = [0.0] * (CLASSES + 1)
            votes[key][label] += count

    def see() -> VoxelGrid:
        keys = np.array(sorted(votes))
        table = np.array([votes[key] for key in keys.tolist()], dtype=np.float32)
        return VoxelGrid(unpack_keys(keys), winning_labels(table), SIZE)

    add(start)
    return _timed(clouds, add, see)


def _sorting(start: LabeledPoints, clouds: list[LabeledPoints]) -> tuple[VoxelGrid, float]:
    """All pairs of the map and the cloud together, sorted by numpy.unique for each cloud."""
    state: dict[str, np.ndarray] = {}

    def add(cloud: LabeledPoints) -> None:
        keys, labels, counts = _pairs(cloud)
        if state:
            keys = np.concatenate([state["keys"], keys])
            labels = np.concatenate([state["labels"], labels])
            counts = np.concatenate([state["counts"], counts])
        unique, row = np.unique(keys, return_inverse=True)
        pair, place = np.unique(row.reshape(-1) * 256 + labels, return_inverse=True)
        state["unique"], state["keys"], state["labels"] = unique, unique[pair // 256], pair % 256
        state["row"] = pair // 256
        state["counts"] = np.bincount(place.reshape(-1), counts)

    def see() -> VoxelGrid:
        table = np.zeros((len(state["unique"]), CLASSES + 1), dtype=np.float32)
        table[state["row"], state["labels"]] = state["counts"]
        return VoxelGrid(unpack_keys(state["unique"]), winning_labels(table), SIZE)

    add(start)
    return _timed(clouds, add, see)
