"""Grouping voxels: own mean-shift and components beside scikit-learn's and scipy's."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.datasets import SCANS
from mtml_ros.io.point_files import read_points
from mtml_ros.segmentation.components import connected_components
from mtml_ros.segmentation.mean_shift import mean_shift

CLUSTERS, DIMENSIONS, BANDWIDTH = 40, 8, 1.0


def run() -> list[dict[str, Any]]:
    """Mean-shift on made embeddings of two sizes, components on the shipped scans."""
    shifts = [_mean_shift(n) for n in (5_000, 20_000)]
    return shifts + [_components(path) for path in sorted(SCANS.glob("*.npz"))]


def _mean_shift(count: int) -> dict[str, Any]:
    """Clusters as training leaves them: centres 3 apart or more, radii of .2 and a few strays."""
    from sklearn.cluster import MeanShift
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(count)
    centers: list[np.ndarray] = []
    while len(centers) < CLUSTERS:
        candidate = rng.uniform(-6, 6, DIMENSIONS)
        if all(np.linalg.norm(candidate - c) > 3 for c in centers):
            centers.append(candidate)
    truth = rng.integers(CLUSTERS, size=count)
    spread = rng.gamma(2.0, 0.035, (count, 1))
    points = (np.array(centers)[truth] + spread * rng.normal(size=(count, DIMENSIONS))).astype("f4")

    tensor = torch.from_numpy(points)
    mean_shift(tensor[:100], [BANDWIDTH])  # torch's first call sets itself up
    began = time.perf_counter()
    ((ours, _),) = mean_shift(tensor, [BANDWIDTH])
    own = time.perf_counter() - began
    began = time.perf_counter()
    theirs = MeanShift(bandwidth=BANDWIDTH, bin_seeding=True).fit(points).labels_
    other = time.perf_counter() - began
    return {
        "case": f"mean-shift, {count:,} embeddings",
        "ours_s": own,
        "alternative": "sklearn MeanShift(bin_seeding)",
        "alternative_s": other,
        "times": other / own,
        "agreement": f"ARI {adjusted_rand_score(theirs, ours.numpy()):.4f}",
    }


def _components(path: Path) -> dict[str, Any]:
    """Components of equal label; scipy labels a dense box once a class."""
    from scipy import ndimage

    cloud = read_points(path)
    points = LabeledPoints(cloud.xyz, Taxonomy.scannet().encode(cloud.label))
    grid, _ = VoxelGrid.from_points(points, 0.1)
    began = time.perf_counter()
    ours = connected_components(grid.coordinates, grid.labels)
    own = time.perf_counter() - began

    began = time.perf_counter()
    place = tuple((grid.coordinates - grid.coordinates.min(axis=0)).T)
    dense = np.full(np.max(place, axis=1) + 1, -1, dtype=np.int16)
    dense[place] = grid.labels
    theirs = np.zeros(len(grid), dtype=np.int64)
    for label in np.unique(grid.labels):
        parts, _ = ndimage.label(dense == label, np.ones((3, 3, 3)))
        here = grid.labels == label
        theirs[here] = parts[place][here] + theirs.max()
    other = time.perf_counter() - began
    pairs = np.unique(np.stack([ours, theirs]), axis=1).shape[1]
    same = pairs == len(np.unique(ours)) == len(np.unique(theirs))
    return {
        "case": f"components, {path.stem}, {len(grid):,} voxels",
        "ours_s": own,
        "alternative": "scipy.ndimage.label a class",
        "alternative_s": other,
        "times": other / own,
        "agreement": "same" if same else "DIFFERENT",
    }
