"""The whole chain on the shipped scans: the network and each step beside components alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.evaluation.baselines import components_as_instances
from mtml_ros.io.point_files import read_points
from mtml_ros.segmentation.segmenter import InstanceSegmenter

SCANS = Path(__file__).resolve().parents[1] / "mtml_ros" / "datasets" / "scans"
REPEATS = 5


def run() -> list[dict[str, Any]]:
    """One row a scan: the median of five runs after one to warm up."""
    segmenter = InstanceSegmenter.load()
    taxonomy = segmenter.taxonomy
    return [_measure(path, segmenter, taxonomy) for path in sorted(SCANS.glob("*.npz"))]


def _measure(path: Path, segmenter: InstanceSegmenter, taxonomy: Taxonomy) -> dict[str, Any]:
    cloud = read_points(path)
    points = LabeledPoints(cloud.xyz, taxonomy.encode(cloud.label))
    grid, _ = VoxelGrid.from_points(points, segmenter.voxel_size)
    segmenter.segment(grid)
    runs = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        found = segmenter.segment(grid)
        runs.append((time.perf_counter() - began, found))
    ours, found = sorted(runs, key=lambda run: run[0])[REPEATS // 2]
    began = time.perf_counter()
    baseline = components_as_instances(grid, taxonomy)
    other = time.perf_counter() - began
    return {
        "case": f"{path.stem}, {len(grid):,} voxels",
        "ours_s": ours,
        **{f"{step}_s": seconds for step, seconds in found.seconds.items()},
        "objects": len(found.instances),
        "components_s": other,
        "components": len(baseline.instances),
    }
