"""Sparse convolution by the compiled kernels, on the CPU; float32, and float64 for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mtml_ros.core.kernels import kernels


@dataclass(frozen=True)
class TileMap:
    """Which voxel feeds which, as the kernels want it, and the same from outputs to inputs.

    mirrored: whether element k of `backward` is element K - 1 - k of `forward` with its pairs
        swapped, as where all voxels are inputs and outputs; else it is element k.
    """

    forward: kernels.Map
    backward: kernels.Map
    mirrored: bool

    @property
    def num_inputs(self) -> int:
        return self.forward.inputs

    @property
    def num_outputs(self) -> int:
        return self.forward.outputs

    def transposed(self) -> TileMap:
        """The map of the transposed convolution: from this one's outputs to its inputs."""
        return TileMap(self.backward, self.forward, self.mirrored)

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """(num_outputs, D) from x (num_inputs, C) and weight (K, C, D)."""
        return _Convolution.apply(x, weight, self)  # type: ignore[no-untyped-call]


def neighbor_map(keys: Tensor) -> TileMap:
    """The map of a submanifold 3^3 convolution (outputs only where inputs are).

    keys: (V,) int64 ascending, of 18 bits a coordinate.
    """
    found = kernels.neighbor_map(keys.numpy())
    return TileMap(found, found, mirrored=True)


def halved(keys: Tensor) -> tuple[Tensor, TileMap]:
    """The keys at half the resolution, and the map of a 2^3 convolution of stride 2."""
    coarse, down, up = kernels.halved(keys.numpy())
    return torch.from_numpy(coarse), TileMap(down, up, mirrored=False)


class _Convolution(torch.autograd.Function):
    """y_o = sum over k of sum over pairs (o, i) of element k: x_i W_k."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, tiles: TileMap) -> Tensor:
        x = x.contiguous()
        ctx.save_for_backward(x, weight)
        ctx.tiles = tiles
        return _convolve(x, weight, tiles.forward)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        grad = grads[0].contiguous()
        x, weight = ctx.saved_tensors
        tiles: TileMap = ctx.tiles
        grad_x = None
        if ctx.needs_input_grad[0]:
            turned = weight.flip(0) if tiles.mirrored else weight
            grad_x = _convolve(grad, turned.transpose(1, 2).contiguous(), tiles.backward)
        grad_weight = torch.empty_like(weight)
        kernels.weight_gradient(x.numpy(), grad.numpy(), tiles.forward, grad_weight.numpy())
        return grad_x, grad_weight, None


def _convolve(x: Tensor, weight: Tensor, kernel_map: kernels.Map) -> Tensor:
    y = x.new_empty(kernel_map.outputs, weight.shape[2])
    kernels.convolve(x.detach().numpy(), weight.detach().numpy(), kernel_map, y.numpy())
    return y
