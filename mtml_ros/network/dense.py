"""The paper's network: dense, derived from SSCNet, with a receptive field of 142 voxels.

SSCNet's context stack (Song et al. 2017) with larger dilations (MTML, section 3.1). A stride of
two in the first convolution would make the field odd; with stride one the layers below give
exactly RECEPTIVE_FIELD, which a test checks by the footprint of a gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtml_ros.network.batch import VoxelBatch
from mtml_ros.network.config import NetworkConfig
from mtml_ros.network.heads import Heads, NetworkOutput

RECEPTIVE_FIELD = 142
"""Voxels: 14.2 m at 10 cm, larger than usual rooms."""

DILATIONS = (1, 3, 4, 8)


class DenseNetwork(nn.Module):
    """VoxelBatch to NetworkOutput over the bounding box of the scenes.

    The grid is a multiple of two voxels wide, for the pooling; its cost is that of the box.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.first = nn.Sequential(_conv(config.input_channels, 16, 7), nn.ReLU())
        self.residual = _Residual(16, 32, 1, shortcut=True)
        self.pool = nn.MaxPool3d(2)
        self.widen = _conv(32, 64, 1)
        self.context = nn.ModuleList(_Residual(64, 64, d) for d in DILATIONS)
        self.mix = nn.Sequential(
            _conv(64 * len(DILATIONS), 128, 1), nn.ReLU(), _conv(128, 128, 1), nn.ReLU()
        )
        self.up = nn.ConvTranspose3d(128, 32, 4, stride=2, padding=1)
        self.heads = Heads(32, config)

    def forward(self, batch: VoxelBatch) -> NetworkOutput:
        low = batch.coordinates.amin(dim=0) // 2 * 2
        at = batch.coordinates - low
        size = [(int(n) // 2 + 1) * 2 for n in at.amax(dim=0)]
        scenes = int(batch.scene[-1]) + 1
        grid = batch.inputs.new_zeros(scenes, *size, batch.inputs.shape[1])
        grid[batch.scene, at[:, 0], at[:, 1], at[:, 2]] = batch.inputs
        # the layout that makes dense convolutions fast on a CPU
        x = grid.permute(0, 4, 1, 2, 3).contiguous(memory_format=torch.channels_last_3d)
        x = self.backbone(x)
        features = x[batch.scene, :, at[:, 0], at[:, 1], at[:, 2]]
        output: NetworkOutput = self.heads(features, batch)
        return output

    def backbone(self, x: Tensor) -> Tensor:
        """(B, 32, X, Y, Z) features from (B, I, X, Y, Z) input; the sizes even."""
        x = self.widen(self.pool(self.residual(self.first(x))))
        scales = []
        for block in self.context:
            x = block(x)
            scales.append(x)
        x = self.mix(torch.cat(scales, dim=1))
        y: Tensor = self.up(x)
        return y.relu()


class _Residual(nn.Module):
    """Two 3^3 convolutions around a shortcut (a 1^3 convolution where the width changes)."""

    def __init__(self, channels: int, out: int, dilation: int, shortcut: bool = False) -> None:
        super().__init__()
        self.first = _conv(channels, out, 3, dilation)
        self.second = _conv(out, out, 3, dilation)
        self.shortcut = _conv(channels, out, 1) if shortcut else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.first(x).relu())
        return (y + self.shortcut(x)).relu()


def _conv(channels: int, out: int, kernel: int, dilation: int = 1) -> nn.Conv3d:
    return nn.Conv3d(channels, out, kernel, padding=dilation * (kernel // 2), dilation=dilation)
