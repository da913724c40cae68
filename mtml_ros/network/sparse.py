"""The default network: a submanifold sparse U-Net over the occupied voxels.

It replaces the paper's dense SSCNet-derived network (dense.py), whose cost is that of the
bounding box. Each level halves the resolution and widens the view: a stack of five reaches
REACH voxels to every side, where the paper's receptive field of 142 is 71 to a side.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtml_ros.network.batch import VoxelBatch
from mtml_ros.network.compiled_convolution import TileMap, normalized_convolution
from mtml_ros.network.config import NetworkConfig
from mtml_ros.network.heads import Heads, NetworkOutput
from mtml_ros.network.sparse_ops import KernelMap, Lattice, sparse_convolution

LEVELS = 5
ENCODER_BLOCKS = (0, 2, 2, 2, 2)
DECODER_BLOCKS = (0, 1, 1, 1)
GROWTH = (1.0, 1.5, 2.0, 2.0, 2.0)
"""Blocks and channels (times the width) of each level, finest first. The finest level, where most
voxels are, has one convolution on the way in and one on the way out."""

REACH = (
    2  # the finest level's two convolutions
    + sum(2**level * 2 * n for level, n in enumerate(ENCODER_BLOCKS))
    + sum(2**level * 2 * n for level, n in enumerate(DECODER_BLOCKS))
)
"""Voxels to each side that an output can depend on, along occupied voxels (at least; strided
steps add up to 2^LEVELS more, depending on the place in the coarse cell)."""


class Convolution(nn.Module):
    """A sparse convolution, batch normalisation, a residual where there is one, and a ReLU."""

    def __init__(self, channels: int, out: int, kernel: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(kernel, channels, out))
        # He's rule for the number of neighbours that are occupied on a surface, about half
        nn.init.normal_(self.weight, std=(2.0 / (channels * max(1.0, kernel / 2))) ** 0.5)
        self.norm = nn.BatchNorm1d(out, momentum=0.05)

    def forward(self, x: Tensor, kernel_map: KernelMap, residual: Tensor | None = None) -> Tensor:
        if self.training and isinstance(kernel_map, TileMap):
            return normalized_convolution(x, self.weight, kernel_map, self.norm, residual)
        y: Tensor = self.norm(sparse_convolution(x, self.weight, kernel_map))
        if residual is not None:
            y = y + residual
        return y.relu_()


class ResidualBlock(nn.Module):
    """Two submanifold 3^3 convolutions around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Convolution(channels, channels, 27)
        self.second = Convolution(channels, channels, 27)

    def forward(self, x: Tensor, kernel_map: KernelMap) -> Tensor:
        y: Tensor = self.second(self.first(x, kernel_map), kernel_map, residual=x)
        return y


class Blocks(nn.Module):
    """Residual blocks one after another, all on one lattice."""

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(ResidualBlock(channels) for _ in range(count))

    def forward(self, x: Tensor, kernel_map: KernelMap) -> Tensor:
        for block in self.blocks:
            x = block(x, kernel_map)
        return x


class Pointwise(nn.Module):
    """A 1^3 convolution, batch normalisation and a ReLU."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, out, bias=False)
        self.norm = nn.BatchNorm1d(out, momentum=0.05)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and not x.is_cuda:
            weight = self.linear.weight.t()[None].contiguous()
            return normalized_convolution(x, weight, None, self.norm, None)
        y: Tensor = self.norm(self.linear(x))
        return y.relu_()


class SparseNetwork(nn.Module):
    """VoxelBatch to NetworkOutput; see NetworkConfig for what varies."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        widths = [int(config.width * g) for g in GROWTH]
        self.stem = Convolution(config.input_channels, widths[0], 27)
        self.down = nn.ModuleList(
            Convolution(widths[i], widths[i + 1], 8) for i in range(LEVELS - 1)
        )
        self.encoder = nn.ModuleList(Blocks(w, n) for w, n in zip(widths, ENCODER_BLOCKS))
        self.up = nn.ModuleList(Convolution(widths[i + 1], widths[i], 8) for i in range(LEVELS - 1))
        self.merge = nn.ModuleList(
            Pointwise(2 * widths[i], widths[i]) for i in range(1, LEVELS - 1)
        )
        self.decoder = nn.ModuleList(Blocks(w, n) for w, n in zip(widths, DECODER_BLOCKS))
        self.last = Convolution(2 * widths[0], widths[0], 27)
        self.mix = Pointwise(widths[0], widths[0])
        self.heads = Heads(widths[0], config)

    def forward(self, batch: VoxelBatch) -> NetworkOutput:
        lattice = Lattice.of(batch)
        near: list[KernelMap] = [lattice.neighbors()]
        stride: list[KernelMap] = []
        for _ in range(LEVELS - 1):
            lattice, to_coarse = lattice.coarsened()
            stride.append(to_coarse)
            near.append(lattice.neighbors())

        x = self.stem(batch.inputs, near[0])
        skips = [x]
        for level in range(1, LEVELS):
            x = self.down[level - 1](x, stride[level - 1])
            x = self.encoder[level](x, near[level])
            skips.append(x)
        for level in range(LEVELS - 2, 0, -1):
            x = self.up[level](x, stride[level].transposed())
            x = self.merge[level - 1](torch.cat([x, skips[level]], dim=1))
            x = self.decoder[level](x, near[level])
        x = self.up[0](x, stride[0].transposed())
        x = self.mix(self.last(torch.cat([x, skips[0]], dim=1), near[0]))
        output: NetworkOutput = self.heads(x, batch)
        return output
