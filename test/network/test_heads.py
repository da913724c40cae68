"""Directions have unit length; embeddings know places within a scene, never absolute ones."""

import numpy as np
import torch

from mtml_ros.network.batch import make_batch
from mtml_ros.network.config import NetworkConfig
from mtml_ros.network.heads import Heads, scene_positions

SIZE = 0.1
CONFIG = NetworkConfig(("thing",), embedding_size=5, position_scale=2.0, voxel_size=SIZE)


def batch_of(*scenes):
    arrays = [np.array(s, dtype=np.int32) for s in scenes]
    return make_batch(arrays, [torch.zeros(len(a), 1) for a in arrays])


def test_directions_have_unit_length():
    torch.manual_seed(0)
    voxels = [[x, 0, 0] for x in range(50)]
    output = Heads(6, CONFIG)(torch.randn(50, 6), batch_of(voxels))
    torch.testing.assert_close(output.direction.norm(dim=1), torch.ones(50), atol=1e-4, rtol=0)
    assert output.embedding.shape == (50, 5)
    assert output.semantic is None


def test_a_direction_of_nothing_is_zero_and_its_gradient_finite():
    heads = Heads(2, CONFIG)
    torch.nn.init.zeros_(heads.direction.bias)
    features = torch.zeros(1, 2, requires_grad=True)
    direction = heads(features, batch_of([[0, 0, 0]])).direction
    direction.sum().backward()
    assert direction.abs().max() == 0
    assert torch.isfinite(features.grad).all()


def test_positions_are_relative_to_their_own_scenes_mean():
    # means: (1, 0, 0) and (0, 5, 0) voxels; the second scene's place does not matter
    batch = batch_of([[0, 0, 0], [2, 0, 0]], [[64, 0, 0], [64, 10, 0]])
    expected = [[-0.1, 0, 0], [0.1, 0, 0], [0, -0.5, 0], [0, 0.5, 0]]
    torch.testing.assert_close(scene_positions(batch, SIZE), torch.tensor(expected))


def test_the_first_three_dimensions_carry_the_position():
    heads = Heads(4, CONFIG)
    output = heads(torch.zeros(2, 4), batch_of([[0, 0, 0], [0, 3, 1]]))
    # same features, so the embeddings differ by the positions alone, times position_scale
    difference = output.embedding[1] - output.embedding[0]
    torch.testing.assert_close(difference, torch.tensor([0, 0.6, 0.2, 0, 0]))


def test_a_moved_scene_has_the_same_embeddings():
    heads = Heads(4, CONFIG)
    features = torch.randn(3, 4)
    voxels = np.array([[0, 0, 0], [0, 3, 1], [7, 7, 7]])
    here = heads(features, batch_of(voxels)).embedding
    for shift in ([5, 1, 3], [3200, -640, 32], [100_003, 17, -9]):
        there = heads(features, batch_of(voxels + shift)).embedding
        torch.testing.assert_close(here, there, atol=1e-4, rtol=0)


def test_without_position_all_dimensions_are_free():
    config = NetworkConfig(("thing",), embedding_size=2, position_scale=0.0)
    output = Heads(4, config)(torch.zeros(2, 4), batch_of([[0, 0, 0], [0, 30, 1]]))
    assert torch.equal(output.embedding[0], output.embedding[1])


def test_the_semantic_head_gives_logits_of_no_object_and_of_the_classes():
    config = NetworkConfig(("chair", "table", "wall"), semantic=True)
    with torch.inference_mode():
        output = Heads(4, config)(torch.randn(2, 4), batch_of([[0, 0, 0], [0, 30, 1]]))
    assert output.semantic is not None
    assert output.semantic.shape == (2, 4)
    assert output.probability is not None
    everything = torch.softmax(output.semantic, dim=1).numpy()
    np.testing.assert_array_equal(output.probability, everything[:, 1:])
