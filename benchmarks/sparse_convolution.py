"""One submanifold 3^3 convolution: ours, in torch, torch's dense one, neighbours gathered."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtml_ros.core.voxels import occupied_voxels, unpack_keys
from mtml_ros.io.point_files import read_points
from mtml_ros.network.batch import VoxelBatch, make_batch
from mtml_ros.network.device import choose_device
from mtml_ros.network.sparse_ops import BITS, Lattice, sparse_convolution
from mtml_ros.network.torch_convolution import PairMap, neighbor_map

SCANS = Path(__file__).resolve().parents[1] / "mtml_ros" / "datasets" / "scans"
CHANNELS = 32
REPEATS = 5


def run() -> list[dict[str, Any]]:
    """One row a scan: seconds forward, and forward and backward, of each way; the same result."""
    return [_compare(path) for path in sorted(SCANS.glob("*.npz"))]


def _compare(path: Path) -> dict[str, Any]:
    device = choose_device("auto")
    keys, _ = occupied_voxels(read_points(path).xyz, 0.1)
    torch.manual_seed(0)
    batch = make_batch([unpack_keys(keys)], [torch.randn(len(keys), CHANNELS)]).to(device)
    x = batch.inputs.requires_grad_()
    weight = (0.05 * torch.randn(27, CHANNELS, CHANNELS)).to(device).requires_grad_()
    start = time.perf_counter()
    kernel_map = Lattice.of(batch).neighbors()
    building = time.perf_counter() - start
    pairs = neighbor_map(Lattice.of(batch).keys, BITS)
    neighbors = _neighbor_table(pairs).to(device)
    ways: dict[str, Callable[[], Tensor]] = {
        "ours": lambda: sparse_convolution(x, weight, kernel_map),
        "torch": lambda: sparse_convolution(x, weight, pairs),
        "gathered": lambda: _gathered(x, weight, neighbors),
        "dense": lambda: _dense(batch, x, weight),
    }
    outputs = {name: way() for name, way in ways.items()}
    row: dict[str, Any] = {"scan": path.stem, "voxels": len(keys), "map_s": building}
    for training in (False, True):
        seconds = {name: _seconds(way, (x, weight), training) for name, way in ways.items()}
        label = "training" if training else "forward"
        row |= {f"{name}_{label}_s": value for name, value in seconds.items()}
        row[f"over_torch_{label}"] = seconds["torch"] / seconds["ours"]
        row[f"over_gathered_{label}"] = seconds["gathered"] / seconds["ours"]
        row[f"over_dense_{label}"] = seconds["dense"] / seconds["ours"]
    row["largest_difference"] = max(
        (outputs["ours"] - other).abs().max().item() for other in outputs.values()
    )
    return row


def _neighbor_table(kernel_map: PairMap) -> Tensor:
    """(V, 27): the input voxel of each output voxel and element; V where there is none."""
    v = kernel_map.num_outputs
    table = torch.full((v, 27), v)
    for k, pair in enumerate(kernel_map.pairs):
        if pair is None:
            table[:, k] = torch.arange(v)
        else:
            table[pair[0].cpu(), k] = pair[1].cpu()
    return table


def _gathered(x: Tensor, weight: Tensor, table: Tensor) -> Tensor:
    """All 27 neighbours gathered (zeros where there is none), and one matrix product."""
    padded = torch.cat([x, x.new_zeros(1, x.shape[1])])
    return padded[table].flatten(1) @ weight.flatten(0, 1)


def _dense(batch: VoxelBatch, x: Tensor, weight: Tensor) -> Tensor:
    """torch's conv3d over the bounding box, in the layout that is fastest on a CPU."""
    at = batch.coordinates - batch.coordinates.amin(dim=0)
    grid = x.new_zeros(*(int(n) + 1 for n in at.amax(dim=0)), x.shape[1])
    grid = grid.index_put(tuple(at.unbind(1)), x)
    kernel = weight.reshape(3, 3, 3, CHANNELS, CHANNELS).permute(4, 3, 0, 1, 2)
    box = grid.permute(3, 0, 1, 2)[None].contiguous(memory_format=torch.channels_last_3d)
    y = torch.nn.functional.conv3d(box, kernel, padding=1)
    return y[0][:, at[:, 0], at[:, 1], at[:, 2]].t()


def _seconds(way: Callable[[], Tensor], inputs: tuple[Tensor, Tensor], training: bool) -> float:
    """The median of a few runs, on CUDA with the device's work done."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        with torch.set_grad_enabled(training):
            y = way()
        if training:
            torch.autograd.grad(y.sum(), inputs)
        if y.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return float(np.median(times))
