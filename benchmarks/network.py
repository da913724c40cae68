"""One pass of the network over a shipped scan: the sparse one beside the paper's dense one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.io.point_files import read_points
from mtml_ros.network.batch import make_batch, one_hot
from mtml_ros.network.checkpoint import build_network
from mtml_ros.network.config import NetworkConfig
from mtml_ros.network.device import choose_device
from mtml_ros.network.inference import forward_of

SCANS = Path(__file__).resolve().parents[1] / "mtml_ros" / "datasets" / "scans"


def run() -> list[dict[str, Any]]:
    """One row a scan; untrained weights, which take as long."""
    return [_compare(path) for path in sorted(SCANS.glob("*.npz"))]


def _compare(path: Path) -> dict[str, Any]:
    cloud, taxonomy = read_points(path), Taxonomy.scannet()
    points = LabeledPoints(cloud.xyz, taxonomy.encode(cloud.label))
    grid, _ = VoxelGrid.from_points(points, 0.1)
    device = choose_device("auto")
    inputs = one_hot(grid.labels, len(taxonomy) + 1)  # the network's classes are the taxonomy's
    batch = make_batch([grid.coordinates], [inputs]).to(device)
    seconds = {}
    for architecture, repeats in (("sparse", 3), ("dense", 1)):
        torch.manual_seed(0)
        config = NetworkConfig(taxonomy.names[1:], architecture=architecture)
        forward = forward_of(build_network(config).to(device).eval(), device)
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            with torch.inference_mode():
                forward(batch).embedding.cpu()  # copying waits for the device
            times.append(time.perf_counter() - began)
        seconds[architecture] = sorted(times)[repeats // 2]
    cells = int((batch.coordinates.amax(0) - batch.coordinates.amin(0) + 1).prod())
    return {
        "case": f"{path.stem}, {len(grid):,} of {cells:,} cells occupied",
        "ours_s": seconds["sparse"],
        "alternative": "dense network of the paper",
        "alternative_s": seconds["dense"],
        "times": seconds["dense"] / seconds["sparse"],
    }
