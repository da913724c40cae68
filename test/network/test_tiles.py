"""run_in_tiles: as the whole where nothing is cut, and never more than a tile at once."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from mtml_ros.network.batch import VoxelBatch, make_batch
from mtml_ros.network.config import NetworkConfig
from mtml_ros.network.heads import NetworkOutput
from mtml_ros.network.sparse import SparseNetwork
from mtml_ros.network.tiles import HALO, run_in_tiles

CONFIG = NetworkConfig(("a", "b"), width=4, embedding_size=4)
CPU = torch.device("cpu")


class Watched(nn.Module):
    """A network that notes the coordinates of each batch it is given."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.network = SparseNetwork(config)
        self.seen: list[torch.Tensor] = []

    def forward(self, batch: VoxelBatch) -> NetworkOutput:
        self.seen.append(batch.coordinates)
        output: NetworkOutput = self.network(batch)
        return output


def run(config: NetworkConfig, coordinates: np.ndarray, tiles: int) -> tuple[Watched, list]:
    network = Watched(config).eval()
    generator = torch.Generator().manual_seed(1)
    inputs = torch.rand(len(coordinates), config.input_channels, generator=generator)
    batch = make_batch([coordinates], [inputs])
    with torch.inference_mode():
        return network, [network(batch), run_in_tiles(network, batch, config, tiles, CPU)]


def assert_same(whole: NetworkOutput, tiles: NetworkOutput) -> None:
    torch.testing.assert_close(tiles.embedding, whole.embedding, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(tiles.direction, whole.direction, rtol=1e-4, atol=1e-4)
    if whole.semantic is None:
        assert tiles.semantic is None
    else:
        torch.testing.assert_close(tiles.semantic, whole.semantic, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    "config",
    [CONFIG, replace(CONFIG, semantic=True), replace(CONFIG, position_scale=0.0)],
    ids=["positions", "semantic", "free"],
)
def test_rooms_far_apart_are_tiles_of_their_own_with_the_same_output(
    config: NetworkConfig, axis: int, sorted_voxels: Callable
) -> None:
    rng = np.random.default_rng(axis)
    cells = [rng.choice(20**3, 200, replace=False) for _ in range(4)]
    rooms = [np.stack(np.unravel_index(c, (20, 20, 20)), axis=1) for c in cells]
    for number, room in enumerate(rooms):
        room[:, axis] += 200 * number
    coordinates = sorted_voxels(np.concatenate(rooms))
    network, (whole, tiles) = run(config, coordinates, 4)
    assert_same(whole, tiles)
    assert [len(s) for s in network.seen] == [800, 200, 200, 200, 200]


def test_what_is_no_larger_than_the_halo_is_seen_whole_from_each_tile(
    sorted_voxels: Callable,
) -> None:
    coordinates = sorted_voxels(np.random.default_rng(0).integers(0, HALO, (300, 3)))
    network, (whole, tiles) = run(CONFIG, coordinates, 8)
    assert len(network.seen) == 9
    assert_same(whole, tiles)


def test_a_tile_sees_the_halo_around_it_and_no_more(sorted_voxels: Callable) -> None:
    hall = np.zeros((400, 3), dtype=np.int32)
    hall[:, 1] = np.arange(400)
    network, _ = run(CONFIG, sorted_voxels(hall), 2)
    first, second = (s[:, 1] - network.seen[0][0, 1] for s in network.seen[1:])
    assert (int(first.min()), int(first.max())) == (0, 199 + HALO)
    assert (int(second.min()), int(second.max())) == (200 - HALO, 399)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_more_tiles_than_voxels(count: int, sorted_voxels: Callable) -> None:
    coordinates = np.zeros((count, 3), dtype=np.int32)
    coordinates[:, 2] = np.arange(count)
    _, (whole, tiles) = run(CONFIG, sorted_voxels(coordinates), 8)
    assert_same(whole, tiles)
