"""Cost follows what changed: a building of living rooms in full, and after one room changed.

`rooms` is the time in that of one room alone, measured in turn with it; `voxel` the same for each
voxel. A changed room loses some of its points. `fresh` counts the voxels that were segmented anew,
margins included. Snapshot, ids and changes are part of an update, publishing is not.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.io.point_files import read_points
from mtml_ros.mapper import ObjectMapper

SCAN = Path(__file__).resolve().parents[1] / "mtml_ros" / "datasets" / "scans" / "living_room.npz"
REPEATS = 7
CASES = ((6, 1.0), (6, 0.4), (6, 0.0), (2, 0.0))
"""Rooms along each side, and metres between them; at 0 they stand wall to wall, and four are a
connected flat of 80 thousand voxels."""


def run() -> list[dict[str, Any]]:
    """Two rows a building: in full (three runs), and one room changed (seven)."""
    cloud = read_points(SCAN)
    room = LabeledPoints(cloud.xyz, Taxonomy.scannet().encode(cloud.label))
    alone = _mapper()
    rows = []
    for side, gap in CASES:
        building = _mapper()
        corners = corners_of(room, side, gap, building.map.voxel_size)
        whole = LabeledPoints(
            np.concatenate([room.xyz + c for c in corners]), np.tile(room.labels, len(corners))
        )
        name = f"{side * side} rooms, {gap:g} m apart"
        rows.append(_in_full(name, alone, building, room, whole))
        rows.append(_one_changed(name, alone, building, room, whole))
    return rows


def _mapper() -> ObjectMapper:
    return ObjectMapper.load(device="cpu")


def corners_of(room: LabeledPoints, side: int, gap: float, size: float) -> np.ndarray:
    """(R, 3) float32: the rooms' shifts, whole voxels."""
    pitch = np.ceil((np.ptp(room.xyz, axis=0) + gap) / size + 1).astype(int)
    places = np.array([(x, y, 0) for x in range(side) for y in range(side)])
    return (places * pitch * size).astype(np.float32)


def _anew(mapper: ObjectMapper, points: LabeledPoints, stamp: float) -> float:
    """Seconds of an update of which nothing was known before."""
    mapper.reset()
    mapper.map.replace(points, stamp)
    began = time.perf_counter()
    mapper.update(force=True)
    return time.perf_counter() - began


def _in_full(
    name: str, alone: ObjectMapper, building: ObjectMapper, room: LabeledPoints, all_: LabeledPoints
) -> dict[str, Any]:
    one, ours = [], []
    for stamp in range(3):
        one += [_anew(alone, room, stamp) for _ in range(3)]
        ours.append(_anew(building, all_, stamp))
    voxels, least = len(building.map), len(alone.map)
    times = statistics.median(ours) / statistics.median(one)
    return {
        "case": f"{name}, in full, {voxels:,} voxels",
        "ours_s": statistics.median(ours),
        "one_room_s": statistics.median(one),
        "rooms": times,
        "voxel": times * least / voxels,
    }


def _one_changed(
    name: str, alone: ObjectMapper, building: ObjectMapper, room: LabeledPoints, all_: LabeledPoints
) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    inside = len(room) * (int(len(all_) / len(room)) // 2)  # a room in the middle
    one, ours, fresh = [], [], []
    for stamp in range(3, 3 + REPEATS):
        one.append(_anew(alone, room, stamp))
        keep = np.ones(len(all_), dtype=bool)
        keep[inside + rng.integers(0, len(room), len(room) // 10)] = False
        building.map.replace(LabeledPoints(all_.xyz[keep], all_.labels[keep]), stamp)
        began = time.perf_counter()
        building.update()
        ours.append(time.perf_counter() - began)
        fresh.append(building.fresh_voxels)
    return {
        "case": f"{name}, one changed",
        "ours_s": statistics.median(ours),
        "one_room_s": statistics.median(one),
        "rooms": statistics.median(ours) / statistics.median(one),
        "fresh": int(statistics.median(fresh)),
        "voxels": len(alone.map),
    }
