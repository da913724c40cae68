"""Sparse convolution in plain torch: gather, multiply, add, over the occupied voxels alone.

A convolution is a list of pairs for each element of its kernel (which output voxel receives from
which input voxel). Gathering the rows of one element's pairs, one matrix product, and adding
the rows into place was the fastest of six arrangements measured on a CPU (one product over all
27 neighbours gathered, products before gathering, embedding-bag sums), and holds for CUDA.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from mtml_ros.core.errors import InputError
from mtml_ros.network.batch import VoxelBatch

BITS = 18
"""Bits a coordinate; nine remain for the scene."""


@dataclass(frozen=True)
class KernelMap:
    """Which voxel feeds which, for each element of a kernel.

    pairs: K entries (outputs (P,) int64, inputs (P,) int64); within one entry no output
        repeats. None in place of an entry: each voxel feeds itself.
    """

    pairs: tuple[tuple[Tensor, Tensor] | None, ...]
    num_inputs: int
    num_outputs: int

    def transposed(self) -> KernelMap:
        """The map of the transposed convolution: from this one's outputs to its inputs."""
        swapped = tuple(None if p is None else (p[1], p[0]) for p in self.pairs)
        return KernelMap(swapped, self.num_outputs, self.num_inputs)


class _SparseConvolution(torch.autograd.Function):
    """y_o = sum over k of sum over pairs (o, i) of element k: x_i W_k."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, kernel_map: KernelMap) -> Tensor:
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


def sparse_convolution(x: Tensor, weight: Tensor, kernel_map: KernelMap) -> Tensor:
    """(num_outputs, C_out) from x (num_inputs, C_in) and weight (K, C_in, C_out)."""
    return _SparseConvolution.apply(x, weight, kernel_map)  # type: ignore[no-untyped-call]


class Lattice:
    """The occupied voxels of a batch at one resolution, in ascending order of their keys."""

    def __init__(self, keys: Tensor) -> None:
        self.keys = keys

    def __len__(self) -> int:
        return len(self.keys)

    @staticmethod
    def of(batch: VoxelBatch) -> Lattice:
        """The lattice of a batch's voxels; batches are in ascending order of the keys.

        Raises InputError when a scene is too wide or the scenes are too many for a key.
        """
        if int(batch.coordinates.max()) >= (1 << BITS) - 1 or int(batch.scene[-1]) >= 512:
            raise InputError(f"more than {1 << BITS} voxels wide, or more than 512 scenes a batch")
        x, y, z = batch.coordinates.unbind(1)
        return Lattice((((batch.scene << BITS | x) << BITS) | y) << BITS | z)

    def neighbors(self) -> KernelMap:
        """The map of a submanifold 3^3 convolution (outputs only where inputs are)."""
        offsets = list(product((-1, 0, 1), repeat=3))
        pairs: list[tuple[Tensor, Tensor] | None] = [None] * 27
        for k in range(14, 27):  # element 26 - k is the mirror image: the same pairs, swapped
            dx, dy, dz = offsets[k]
            wanted = self.keys + ((dx << 2 * BITS) + (dy << BITS) + dz)
            at = torch.searchsorted(self.keys, wanted).clamp_(max=len(self.keys) - 1)
            here = (self.keys[at] == wanted).nonzero()[:, 0]
            there = at[here]
            pairs[k], pairs[26 - k] = (here, there), (there, here)
        return KernelMap(tuple(pairs), len(self), len(self))

    def coarsened(self) -> tuple[Lattice, KernelMap]:
        """The lattice of half the resolution, and the map of a 2^3 convolution of stride 2."""
        ones = (1 << 2 * BITS) | (1 << BITS) | 1
        low = self.keys & ones
        keys, parent = torch.unique((self.keys & ~ones) >> 1, return_inverse=True)
        child = (low >> 2 * BITS) * 4 + ((low >> BITS) & 1) * 2 + (low & 1)
        pairs = []
        for k in range(8):
            inputs = (child == k).nonzero()[:, 0]
            pairs.append((parent[inputs], inputs))
        return Lattice(keys), KernelMap(tuple(pairs), len(self), len(keys))
