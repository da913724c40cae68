"""Points to voxels with a majority label: beside numpy's unique rows, and Open3D (no labels)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import UNKNOWN_MAJORITY, LabeledPoints, VoxelGrid
from mtml_ros.io.point_files import read_points

SCANS = Path(__file__).resolve().parents[1] / "mtml_ros" / "datasets" / "scans"


def run() -> list[dict[str, Any]]:
    """One row a scan."""
    return [_compare(path) for path in sorted(SCANS.glob("*.npz"))]


def _compare(path: Path) -> dict[str, Any]:
    cloud = read_points(path)
    points = LabeledPoints(cloud.xyz, Taxonomy.scannet().encode(cloud.label))
    began = time.perf_counter()
    grid, way_back = VoxelGrid.from_points(points, 0.1)
    ours = time.perf_counter() - began

    began = time.perf_counter()
    indices = np.floor(points.xyz.astype(np.float64) / 0.1).astype(np.int64)
    voxels, inverse = np.unique(indices, axis=0, return_inverse=True)
    votes = np.zeros((len(voxels), 256))
    np.add.at(votes, (inverse.reshape(-1), points.labels), 1)
    votes[:, 0] *= (points.labels > 0).mean()  # as in count_votes
    unknown = votes[:, 0] > UNKNOWN_MAJORITY * votes[:, 1:].sum(axis=1)
    labels = np.where(unknown | ~votes[:, 1:].any(axis=1), 0, votes[:, 1:].argmax(axis=1) + 1)
    other = time.perf_counter() - began
    same = (
        (voxels == grid.coordinates).all()
        and (labels == grid.labels).all()
        and (inverse.reshape(-1) == way_back).all()
    )
    open3d_s = _open3d(points.xyz)
    return {
        "case": f"{path.stem}, {len(cloud):,} points",
        "ours_s": ours,
        "alternative": "numpy.unique(axis=0), add.at",
        "alternative_s": other,
        "times": other / ours,
        "same": bool(same),
        "open3d_s": open3d_s,
        "times_open3d": None if open3d_s is None else open3d_s / ours,
    }


def _open3d(xyz: np.ndarray) -> float | None:
    """Seconds of `voxel_down_sample_and_trace`, which says which points are in a voxel, but gives
    it no label; None where Open3D is not installed (extra `simulation`)."""
    try:
        import open3d
    except ImportError:
        return None
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(xyz.astype(np.float64)))
    low, high = cloud.get_min_bound(), cloud.get_max_bound()
    began = time.perf_counter()
    cloud.voxel_down_sample_and_trace(0.1, low, high)
    return time.perf_counter() - began
