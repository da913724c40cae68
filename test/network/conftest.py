"""Batches of a few voxels, and one thread, so that the tests are steady beside other work."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from mtml_ros.core.voxels import pack_keys
from mtml_ros.network.batch import VoxelBatch, make_batch

MakeBatch = Callable[..., VoxelBatch]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def sorted_voxels() -> Callable[[np.ndarray], np.ndarray]:
    """Voxel indices (n, 3) in the order that a VoxelGrid has them in, each once."""

    def order(coordinates: np.ndarray) -> np.ndarray:
        unique = np.unique(coordinates, axis=0)
        return unique[np.argsort(pack_keys(unique))].astype(np.int32)

    return order


@pytest.fixture
def random_batch(sorted_voxels: Callable[[np.ndarray], np.ndarray]) -> MakeBatch:
    """A batch of scenes of random voxels in a box, with random input in double precision."""

    def make(
        seed: int = 0, scenes: int = 1, voxels: int = 60, box: int = 7, channels: int = 3
    ) -> VoxelBatch:
        rng = np.random.default_rng(seed)
        coordinates = [sorted_voxels(rng.integers(0, box, (voxels, 3))) for _ in range(scenes)]
        inputs = [torch.from_numpy(rng.normal(size=(len(c), channels))) for c in coordinates]
        return make_batch(coordinates, inputs)

    return make
