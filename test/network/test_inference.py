"""The network at inference with everything folded, against its own forward pass in torch."""

import numpy as np
import pytest
import torch

from mtml_ros.network.batch import make_batch
from mtml_ros.network.config import NetworkConfig
from mtml_ros.network.inference import SparseInference
from mtml_ros.network.sparse import SparseNetwork


def network(config: NetworkConfig) -> SparseNetwork:
    """One whose batch normalisation has seen something."""
    torch.manual_seed(0)
    made = SparseNetwork(config)
    for name, buffer in made.named_buffers():
        if "running" in name:
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    for name, parameter in made.named_parameters():
        if "norm" in name:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    return made.eval()


@pytest.mark.parametrize(
    "config",
    [
        NetworkConfig(("a", "b"), width=20, embedding_size=5),
        NetworkConfig(("a", "b"), semantic=True, position_scale=0.0),
        NetworkConfig(("a",), input="features", feature_size=7, width=8, semantic=True),
    ],
)
def test_output_is_that_of_the_forward_pass(config, sorted_voxels):
    rng = np.random.default_rng(0)
    scenes = [sorted_voxels(rng.integers(0, 30, (1500, 3))) for _ in range(2)]
    inputs = [torch.rand(len(v), config.input_channels) for v in scenes]
    if config.input == "labels":
        inputs = [torch.eye(3)[torch.randint(0, 3, (len(v),))] for v in scenes]
    made, batch = network(config), make_batch(scenes, inputs)
    with torch.no_grad():
        wanted = made(batch)
    found = SparseInference(made)(batch)
    for name in ("embedding", "direction", "semantic", "features"):
        theirs, ours = getattr(wanted, name), getattr(found, name)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_weights_are_those_at_the_time_it_was_made(sorted_voxels):
    config = NetworkConfig(("a", "b"), width=4)
    voxels = sorted_voxels(np.random.default_rng(0).integers(0, 9, (50, 3)))
    batch = make_batch([voxels], [torch.rand(len(voxels), 3)])
    made = network(config)
    folded = SparseInference(made)
    before = folded(batch).embedding
    for parameter in made.parameters():
        parameter.data.zero_()
    assert torch.equal(folded(batch).embedding, before)
