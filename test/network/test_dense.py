"""The paper's network: its receptive field, its size, its grids."""

import numpy as np
import pytest
import torch

from mtml_ros.network.batch import VoxelBatch, make_batch
from mtml_ros.network.config import NetworkConfig
from mtml_ros.network.dense import RECEPTIVE_FIELD, DenseNetwork
from mtml_ros.network.heads import Heads
from mtml_ros.network.sparse import SparseNetwork

LONG = 200  # voxels of a box that holds the field whole
MIDDLE = 100
CONFIG = NetworkConfig(("a", "b", "c", "d", "e"))


@pytest.fixture(scope="module")
def open_network() -> DenseNetwork:
    """Weights all positive and averages in place of maxima: no path from input to output is cut or
    cancelled, and a maximum reaches as far as an average, whichever voxel is the largest."""
    torch.manual_seed(0)
    network = DenseNetwork(CONFIG).double()
    network.pool = torch.nn.AvgPool3d(network.pool.kernel_size)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    return network


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(("voxel", "low", "high"), [
    # an even voxel is the first of its pooled cell, an odd one the last: mirror images
    (MIDDLE, MIDDLE - 71, MIDDLE + 70),
    (MIDDLE + 1, MIDDLE - 69, MIDDLE + 72),
])  # fmt: skip
def test_receptive_field_is_exactly_142_voxels_by_gradient_footprint(
    open_network, axis, voxel, low, high
):
    size, place = [2, 2, 2], [1, 1, 1]
    size[axis], place[axis] = LONG, voxel
    x = torch.ones(1, CONFIG.input_channels, *size, dtype=torch.float64, requires_grad=True)
    open_network.backbone(x)[0, :, place[0], place[1], place[2]].sum().backward()
    others = [a for a in range(3) if a != axis]
    reached = x.grad[0].sum(0).sum(dim=others).nonzero()[:, 0]
    assert (int(reached[0]), int(reached[-1])) == (low, high)
    assert len(reached) == RECEPTIVE_FIELD == 142


def test_it_has_1_3_million_parameters():
    assert 1.25e6 < sum(p.numel() for p in DenseNetwork(CONFIG).parameters()) < 1.35e6


def test_it_has_the_sparse_networks_heads():
    dense, sparse = DenseNetwork(CONFIG), SparseNetwork(CONFIG)
    assert type(dense.heads) is type(sparse.heads) is Heads
    assert [n for n, _ in dense.heads.named_parameters()] == [
        n for n, _ in sparse.heads.named_parameters()
    ]
    assert dense.heads.embedding.out_features == sparse.heads.embedding.out_features


@pytest.mark.parametrize("extent", [(1, 1, 1), (2, 2, 2), (3, 5, 7), (8, 6, 5)])
@pytest.mark.parametrize("corner", [0, 1, -7])
def test_boxes_of_even_and_odd_sizes_give_one_output_a_voxel(extent, corner):
    voxels = np.stack(np.indices(extent), axis=-1).reshape(-1, 3).astype(np.int32) + corner
    batch = make_batch([voxels], [torch.rand(len(voxels), CONFIG.input_channels)])
    with torch.no_grad():
        output = DenseNetwork(CONFIG)(batch)
    assert output.embedding.shape == (len(voxels), CONFIG.embedding_size)
    assert torch.isfinite(output.embedding).all()
    torch.testing.assert_close(output.direction.norm(dim=1), torch.ones(len(voxels)),
                               atol=1e-2, rtol=0)  # fmt: skip


def test_voxels_are_read_where_they_were_written():
    """The output of the voxels in another order is the same output in that order."""
    rng = np.random.default_rng(0)
    voxels = np.unique(rng.integers(0, 6, (40, 3)), axis=0).astype(np.int32)
    batch = make_batch([voxels], [torch.rand(len(voxels), CONFIG.input_channels)])
    order = torch.randperm(len(voxels))
    mixed = VoxelBatch(batch.coordinates[order], batch.scene[order], batch.inputs[order])
    network = DenseNetwork(CONFIG)
    with torch.no_grad():
        torch.testing.assert_close(
            network(batch).embedding[order], network(mixed).embedding, atol=1e-5, rtol=1e-5
        )


def test_scenes_of_a_batch_do_not_mix():
    rng = np.random.default_rng(0)
    corners = np.array([[0, 0, 0], [5, 5, 5]], dtype=np.int32)  # both boxes of the same extent
    voxels = np.unique(np.vstack([corners, rng.integers(0, 6, (30, 3))]), axis=0).astype(np.int32)
    inputs = [torch.rand(len(voxels), CONFIG.input_channels) for _ in range(2)]
    network = DenseNetwork(CONFIG)
    with torch.no_grad():
        both = network(make_batch([voxels, voxels], inputs)).embedding
        alone = [network(make_batch([voxels], [x])).embedding for x in inputs]
    torch.testing.assert_close(both, torch.cat(alone), atol=1e-5, rtol=1e-5)
