"""Sparse convolution by the compiled kernels, on the CPU; float32, and float64 for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

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


def normalized_convolution(
    x: Tensor, weight: Tensor, tiles: TileMap | None, norm: nn.BatchNorm1d, residual: Tensor | None
) -> Tensor:
    """A convolution and what follows it in training, with its gradients: batch normalisation by the
    batch's own mean and variance (and the running ones kept up), a residual added, a ReLU.

    tiles: None for a convolution of 1^3.
    """
    out, mean, variance = _NormalizedConvolution.apply(  # type: ignore[no-untyped-call]
        x, weight, norm.weight, norm.bias, residual, tiles, norm.eps
    )
    with torch.no_grad():
        if norm.running_mean is not None and norm.running_var is not None:
            rate, rows = norm.momentum or 0.0, len(out)
            norm.running_mean.lerp_(mean, rate)
            norm.running_var.lerp_(variance * (rows / max(rows - 1, 1)), rate)
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked += 1
    return out  # type: ignore[no-any-return]


class _Convolution(torch.autograd.Function):
    """y_o = sum over k of sum over pairs (o, i) of element k: x_i W_k."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, tiles: TileMap) -> Tensor:
        x = x.contiguous()
        ctx.save_for_backward(x, weight)
        ctx.tiles = tiles
        return _convolve(x, weight, tiles.forward)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x, weight = ctx.saved_tensors
        grad = grads[0].contiguous()
        return *_gradients(x, weight, ctx.tiles, grad, ctx.needs_input_grad[0]), None


class _NormalizedConvolution(torch.autograd.Function):
    """The same, normalised, a residual added, through a ReLU; then the mean and the variance."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        gamma: Tensor,
        beta: Tensor,
        residual: Tensor | None,
        tiles: TileMap | None,
        epsilon: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        x = x.contiguous()
        y = _convolve(x, weight, None if tiles is None else tiles.forward)
        added = None if residual is None else residual.contiguous().numpy()
        found = kernels.normalize(y.numpy(), gamma.numpy(), beta.numpy(), added, epsilon)
        out, mean, variance = map(torch.from_numpy, found)
        ctx.save_for_backward(x, weight, gamma, y, out, mean, variance)
        ctx.tiles, ctx.epsilon = tiles, epsilon
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, gamma, y, out, mean, variance = ctx.saved_tensors
        grad_y, grad_gamma, grad_beta, grad_residual = kernels.normalize_backward(
            grads[0].contiguous().numpy(),
            y.numpy(),
            out.numpy(),
            gamma.numpy(),
            mean.numpy(),
            variance.numpy(),
            ctx.epsilon,
            ctx.needs_input_grad[4],
        )
        grad = torch.from_numpy(grad_y)
        return (
            *_gradients(x, weight, ctx.tiles, grad, ctx.needs_input_grad[0]),
            torch.from_numpy(grad_gamma),
            torch.from_numpy(grad_beta),
            None if grad_residual is None else torch.from_numpy(grad_residual),
            None,
            None,
        )


def _convolve(x: Tensor, weight: Tensor, kernel_map: kernels.Map | None) -> Tensor:
    outputs = len(x) if kernel_map is None else kernel_map.outputs
    y = x.new_empty(outputs, weight.shape[2])
    kernels.convolve(x.detach().numpy(), weight.detach().numpy(), kernel_map, y.numpy())
    return y


def _gradients(
    x: Tensor, weight: Tensor, tiles: TileMap | None, grad: Tensor, of_input: bool
) -> tuple[Tensor | None, Tensor]:
    """Those of x (None where nobody asks) and of the weights."""
    forward, backward = (None, None) if tiles is None else (tiles.forward, tiles.backward)
    grad_x = None
    if of_input:
        turned = weight.flip(0) if tiles is not None and tiles.mirrored else weight
        turned = turned.transpose(1, 2).contiguous()
        grad_x = _convolve(grad, turned, backward)
    grad_weight = torch.empty_like(weight)
    kernels.weight_gradient(x.numpy(), grad.numpy(), forward, grad_weight.numpy())
    return grad_x, grad_weight
