"""The sparse network at inference on the CPU: compiled kernels, with nothing of torch between them.

Batch normalisation is folded into the weights once, the heads are one convolution, and what is to
be concatenated is written side by side from the start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from mtml_ros.core.kernels import kernels
from mtml_ros.network.batch import VoxelBatch
from mtml_ros.network.compiled_convolution import halved, neighbor_map
from mtml_ros.network.heads import EPSILON, NetworkOutput, scene_positions
from mtml_ros.network.sparse import LEVELS, Convolution, Pointwise, ResidualBlock, SparseNetwork
from mtml_ros.network.sparse_ops import Lattice


@dataclass(frozen=True)
class _Folded:
    """A convolution and what follows it: weight (K, C, D), shift (D,) float32, a ReLU or none."""

    weight: np.ndarray
    shift: np.ndarray
    relu: bool = True

    @property
    def out_channels(self) -> int:
        """D."""
        return int(self.weight.shape[2])

    @staticmethod
    def of(module: nn.Module) -> _Folded:
        if not isinstance(module, (Convolution, Pointwise)):
            raise TypeError(f"a {type(module).__name__} cannot be folded")
        norm = module.norm
        if norm.running_mean is None or norm.running_var is None:
            raise ValueError("the batch normalisation keeps no running mean and variance")
        with torch.no_grad():
            scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
            shift = norm.bias - norm.running_mean * scale
            weight = _transposed(module.linear) if isinstance(module, Pointwise) else module.weight
            return _Folded((weight * scale).float().numpy(), shift.float().numpy())

    def __call__(
        self,
        x: np.ndarray,
        kernel_map: kernels.Map | None,
        out: np.ndarray | None = None,
        residual: np.ndarray | None = None,
    ) -> np.ndarray:
        """(V', D) from x (V, C), written to `out` where it is given."""
        if out is None:
            rows = len(x) if kernel_map is None else kernel_map.outputs
            out = np.empty((rows, self.out_channels), np.float32)
        kernels.convolve(x, self.weight, kernel_map, out, None, self.shift, residual, self.relu)
        return out


class SparseInference:
    """What a SparseNetwork says in evaluation mode, but for rounding, with the weights that it had
    when this was made. Float32."""

    def __init__(self, network: SparseNetwork) -> None:
        fold = _Folded.of
        self._stem, self._last, self._mix = (
            fold(network.stem),
            fold(network.last),
            fold(network.mix),
        )
        self._down = [fold(m) for m in network.down]
        self._up = [fold(m) for m in network.up]
        self._merge = [fold(m) for m in network.merge]
        self._encoder = [_blocks(b) for b in network.encoder]
        self._decoder = [_blocks(b) for b in network.decoder]
        self._config = network.config
        heads = network.heads
        parts = [heads.embedding, heads.direction]
        if heads.semantic is not None:
            parts.append(heads.semantic)
        with torch.no_grad():
            weight = torch.cat([_transposed(p) for p in parts], dim=2)
            shift = torch.cat([p.bias for p in parts])
            self._heads = _Folded(weight.float().numpy(), shift.float().numpy(), relu=False)
        self._edges = np.cumsum([p.out_features for p in parts])[:-1].tolist()

    def __call__(self, batch: VoxelBatch) -> NetworkOutput:
        """The network's output for a batch on the CPU."""
        keys = Lattice.of(batch, compiled=True).keys
        near, stride = [neighbor_map(keys).forward], []
        for _ in range(LEVELS - 1):
            keys, to_coarse = halved(keys)
            stride.append(to_coarse)
            near.append(neighbor_map(keys).forward)

        # of each level but the coarsest, what comes up from below beside what is kept on the way
        # down: (V, 2 C)
        joined = [
            np.empty((s.num_inputs, 2 * up.out_channels), np.float32)
            for s, up in zip(stride, self._up)
        ]
        x = self._stem(batch.inputs.numpy(), near[0], _right(joined[0]))
        for level in range(1, LEVELS):
            x = self._down[level - 1](x, stride[level - 1].forward)
            keep = _right(joined[level]) if level < LEVELS - 1 else None
            x = _through(self._encoder[level], x, near[level], keep)
        for level in range(LEVELS - 2, -1, -1):
            left = joined[level][:, : self._up[level].out_channels]
            self._up[level](x, stride[level].backward, left)
            if level > 0:
                x = self._merge[level - 1](joined[level], None)
                x = _through(self._decoder[level], x, near[level])
        return self._output(self._mix(self._last(joined[0], near[0]), None), batch)

    def _output(self, features: np.ndarray, batch: VoxelBatch) -> NetworkOutput:
        c = self._config
        values = np.split(self._heads(features, None), self._edges, axis=1)
        embedding, direction, *semantic = (torch.from_numpy(v) for v in values)
        if c.position_scale > 0:
            embedding[:, :3] += scene_positions(batch, c.voxel_size) * c.position_scale
        direction /= (direction.square().sum(1, keepdim=True) + EPSILON).sqrt()
        return NetworkOutput(
            embedding, direction, semantic[0] if semantic else None, torch.from_numpy(features)
        )


def forward_of(network: nn.Module, device: torch.device) -> Callable[[VoxelBatch], NetworkOutput]:
    """What gives a network's output in evaluation mode fastest, with the weights of this moment."""
    if device.type == "cpu" and isinstance(network, SparseNetwork):
        return SparseInference(network)
    return network


def _transposed(linear: nn.Linear) -> torch.Tensor:
    """(1, C, D), as convolutions have their weights."""
    return linear.weight.t()[None].contiguous()


def _blocks(blocks: nn.Module) -> list[tuple[_Folded, _Folded]]:
    """The two convolutions of each residual block."""
    found = [b for b in blocks.modules() if isinstance(b, ResidualBlock)]
    return [(_Folded.of(b.first), _Folded.of(b.second)) for b in found]


def _through(
    blocks: list[tuple[_Folded, _Folded]],
    x: np.ndarray,
    kernel_map: kernels.Map,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """x after residual blocks, the last of which writes to `out`."""
    for i, (first, second) in enumerate(blocks, 1):
        x = second(first(x, kernel_map), kernel_map, out if i == len(blocks) else None, x)
    return x


def _right(joined: np.ndarray) -> np.ndarray:
    """The right half of the columns."""
    return joined[:, joined.shape[1] // 2 :]
