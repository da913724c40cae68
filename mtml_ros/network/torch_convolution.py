"""Sparse convolution in plain torch: what CUDA runs, and what tests hold the compiled kernels to.

Gathering the rows of one kernel element's pairs, one matrix product, and adding the rows into place
was the fastest of six arrangements measured (one product over all 27 neighbours gathered, products
before gathering, embedding-bag sums).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class PairMap:
    """Which voxel feeds which, for each element of a kernel.

    pairs: K entries (outputs (P,) int64, inputs (P,) int64); within one entry no output
        repeats. None in place of an entry: each voxel feeds itself.
    """

    pairs: tuple[tuple[Tensor, Tensor] | None, ...]
    num_inputs: int
    num_outputs: int

    def transposed(self) -> PairMap:
        """The map of the transposed convolution: from this one's outputs to its inputs."""
        swapped = tuple(None if p is None else (p[1], p[0]) for p in self.pairs)
        return PairMap(swapped, self.num_outputs, self.num_inputs)

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """(num_outputs, D) from x (num_inputs, C) and weight (K, C, D)."""
        return _Convolution.apply(x, weight, self)  # type: ignore[no-untyped-call]


def neighbor_map(keys: Tensor, bits: int) -> PairMap:
    """The map of a submanifold 3^3 convolution (outputs only where inputs are).

    keys: (V,) int64 ascending, of `bits` bits a coordinate.
    """
    offsets = list(product((-1, 0, 1), repeat=3))
    pairs: list[tuple[Tensor, Tensor] | None] = [None] * 27
    for k in range(14, 27):  # element 26 - k is the mirror image: the same pairs, swapped
        dx, dy, dz = offsets[k]
        wanted = keys + ((dx << 2 * bits) + (dy << bits) + dz)
        at = torch.searchsorted(keys, wanted).clamp_(max=len(keys) - 1)
        here = (keys[at] == wanted).nonzero()[:, 0]
        there = at[here]
        pairs[k], pairs[26 - k] = (here, there), (there, here)
    return PairMap(tuple(pairs), len(keys), len(keys))


def halved(keys: Tensor, bits: int) -> tuple[Tensor, PairMap]:
    """The keys at half the resolution, and the map of a 2^3 convolution of stride 2."""
    ones = (1 << 2 * bits) | (1 << bits) | 1
    low = keys & ones
    coarse, parent = torch.unique((keys & ~ones) >> 1, return_inverse=True)
    child = (low >> 2 * bits) * 4 + ((low >> bits) & 1) * 2 + (low & 1)
    pairs = []
    for k in range(8):
        inputs = (child == k).nonzero()[:, 0]
        pairs.append((parent[inputs], inputs))
    return coarse, PairMap(tuple(pairs), len(keys), len(coarse))


class _Convolution(torch.autograd.Function):
    """y_o = sum over k of sum over pairs (o, i) of element k: x_i W_k."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, kernel_map: PairMap) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.kernel_map = kernel_map
        y = x.new_zeros(kernel_map.num_outputs, weight.shape[2])
        for w, pair in zip(weight, kernel_map.pairs):
            if pair is None:
                y.addmm_(x, w)
            elif len(pair[0]):
                y.index_add_(0, pair[0], x.index_select(0, pair[1]) @ w)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (grad,) = grads
        x, weight = ctx.saved_tensors
        grad = grad.to(x.dtype)
        grad_x = torch.zeros_like(x) if ctx.needs_input_grad[0] else None
        grad_weight = torch.zeros_like(weight)
        for k, (w, pair) in enumerate(zip(weight, ctx.kernel_map.pairs)):
            if pair is None:
                torch.mm(x.t(), grad, out=grad_weight[k])
                if grad_x is not None:
                    grad_x.addmm_(grad, w.t())
            elif len(pair[0]):
                g = grad.index_select(0, pair[0])
                torch.mm(x.index_select(0, pair[1]).t(), g, out=grad_weight[k])
                if grad_x is not None:
                    grad_x.index_add_(0, pair[1], g @ w.t())
        return grad_x, grad_weight, None
