"""The occupied voxels of a batch level by level, and the maps of convolutions over them.

On the CPU the compiled kernels do the work, on CUDA plain torch.
"""

from __future__ import annotations

from typing import TypeAlias

from torch import Tensor

from mtml_ros.core.errors import InputError
from mtml_ros.network import compiled_convolution, torch_convolution
from mtml_ros.network.batch import VoxelBatch

BITS = 18
"""Bits a coordinate; nine remain for the scene. The compiled kernels count on it."""

KernelMap: TypeAlias = compiled_convolution.TileMap | torch_convolution.PairMap


class Lattice:
    """The occupied voxels of a batch at one resolution, in ascending order of their keys.

    keys: (V,) int64. compiled: whether the maps are those of the compiled kernels.
    """

    def __init__(self, keys: Tensor, compiled: bool) -> None:
        self.keys = keys
        self.compiled = compiled

    def __len__(self) -> int:
        return len(self.keys)

    @staticmethod
    def of(batch: VoxelBatch, compiled: bool | None = None) -> Lattice:
        """The lattice of a batch's voxels; batches are in ascending order of the keys.

        compiled: None for where the batch is on the CPU.
        Raises InputError when a scene is too wide or the scenes are too many for a key.
        """
        if int(batch.coordinates.max()) >= (1 << BITS) - 1 or int(batch.scene[-1]) >= 512:
            raise InputError(f"more than {1 << BITS} voxels wide, or more than 512 scenes a batch")
        x, y, z = batch.coordinates.unbind(1)
        keys = (((batch.scene << BITS | x) << BITS) | y) << BITS | z
        return Lattice(keys, not keys.is_cuda if compiled is None else compiled)

    def neighbors(self) -> KernelMap:
        """The map of a submanifold 3^3 convolution (outputs only where inputs are)."""
        if self.compiled:
            return compiled_convolution.neighbor_map(self.keys)
        return torch_convolution.neighbor_map(self.keys, BITS)

    def coarsened(self) -> tuple[Lattice, KernelMap]:
        """The lattice of half the resolution, and the map of a 2^3 convolution of stride 2."""
        kernel_map: KernelMap
        if self.compiled:
            keys, kernel_map = compiled_convolution.halved(self.keys)
        else:
            keys, kernel_map = torch_convolution.halved(self.keys, BITS)
        return Lattice(keys, self.compiled), kernel_map


def sparse_convolution(x: Tensor, weight: Tensor, kernel_map: KernelMap) -> Tensor:
    """(num_outputs, C_out) from x (num_inputs, C_in) and weight (K, C_in, C_out)."""
    return kernel_map.convolve(x, weight)
