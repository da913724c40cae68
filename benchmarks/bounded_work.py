"""Time and peak memory of one update, whatever the map holds: shapes made to cost the most.

Every voxel is labelled as a chair's, so that all are candidates. Each case runs in a process of
its own; `peak_mb` is what the update took beside the loaded weights and the map, `bytes_voxel` the
same for each voxel that was segmented at once at most (`at_once`).
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mtml_ros.core.voxels import VoxelGrid, pack_keys, unpack_keys
from mtml_ros.segmentation.regions import REGION_VOXELS, divide
from mtml_ros.segmentation.segmenter import InstanceSegmenter


def _isolated(size: int) -> np.ndarray:
    """200 thousand cubes of `size` voxels a side, or as many as that many voxels make."""
    side = round((200_000 / size**3) ** (1 / 3))
    corners = np.indices((side,) * 3).reshape(3, -1).T * 20
    return (corners[:, None] + np.indices((size,) * 3).reshape(3, -1).T).reshape(-1, 3)


CASES: dict[str, Callable[[], np.ndarray]] = {
    "a solid block": lambda: np.indices((79, 79, 79)).reshape(3, -1).T,
    "isolated voxels": lambda: _isolated(1),
    "isolated cubes of 27": lambda: _isolated(3),
    "scattered in a hall": lambda: np.random.default_rng(0).integers(
        0, (400, 400, 30), (500_000, 3)
    ),
    "a plane": lambda: np.indices((1414, 1414, 1)).reshape(3, -1).T,
}


def run() -> list[dict[str, Any]]:
    """One row a case."""
    rows = []
    for name in CASES:
        command = [sys.executable, __file__, name]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(result.stdout))
    return rows


def measure(name: str) -> dict[str, Any]:
    """The row of a case."""
    segmenter = InstanceSegmenter.load(device="cpu")
    coordinates = unpack_keys(np.unique(pack_keys(CASES[name]())))
    chair = segmenter.taxonomy.index("chair")
    labels = np.full(len(coordinates), chair, np.uint8)
    segmenter.segment(VoxelGrid(coordinates[:1000], labels[:1000], segmenter.voxel_size))
    largest = sorted(len(r.rows) for r in divide(coordinates, 10))[-2:]
    at_once = sum(largest) if sum(largest) <= REGION_VOXELS else largest[-1]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter(), time.process_time()
    found = segmenter.segment(VoxelGrid(coordinates, labels, segmenter.voxel_size))
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return {
        "case": f"{name}, {len(coordinates):,} voxels",
        "ours_s": time.perf_counter() - began[0],
        "cpu_s": time.process_time() - began[1],
        "peak_mb": peak / 1e6,
        "at_once": at_once,
        "bytes_voxel": peak / max(at_once, 1),
        "objects": len(found.instances),
        **{f"{step}_s": spent for step, spent in found.seconds.items()},
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
