"""The default network: its reach along occupied voxels, no mixing, no absolute place."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtml_ros.network.batch import VoxelBatch, make_batch
from mtml_ros.network.config import NetworkConfig
from mtml_ros.network.sparse import LEVELS, REACH, SparseNetwork

CONFIG = NetworkConfig(("a", "b"), width=4, embedding_size=4)


def build(seed: int = 0) -> SparseNetwork:
    torch.manual_seed(seed)
    return SparseNetwork(CONFIG).eval()


def scene(seed: int, sorted_voxels, count: int = 300, box: int = 24):
    voxels = sorted_voxels(np.random.default_rng(seed).integers(0, box, (count, 3)))
    generator = torch.Generator().manual_seed(seed)
    return voxels, torch.rand(len(voxels), CONFIG.input_channels, generator=generator)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_reach_along_a_line_of_voxels_by_gradient_footprint(axis):
    length, middle = 2 * (REACH + 60), REACH + 60
    voxels = np.zeros((length, 3), dtype=np.int32)
    voxels[:, axis] = np.arange(length)
    network = build().double()
    with torch.no_grad():  # positive weights: no path is cut or cancelled
        for name, parameter in network.named_parameters():
            if "weight" in name:
                parameter.abs_()
    inputs = torch.ones(length, CONFIG.input_channels, dtype=torch.float64, requires_grad=True)
    batch = make_batch([voxels], [inputs])
    output = network(batch)
    for place in range(middle, middle + 2 ** (LEVELS - 1)):  # every place in a coarsest cell
        (gradient,) = torch.autograd.grad(output.direction[place].sum(), inputs, retain_graph=True)
        reached = gradient.abs().sum(1).nonzero()[:, 0]
        left, right = place - int(reached[0]), int(reached[-1]) - place
        assert min(left, right) >= REACH >= 71  # the paper's 142 voxels are 71 to a side
        assert max(left, right) <= REACH + 2**LEVELS
        assert len(reached) == left + right + 1  # no gaps


def test_scenes_of_a_batch_do_not_mix(sorted_voxels):
    network = build()
    scenes = [scene(i, sorted_voxels) for i in range(3)]
    with torch.no_grad():
        both = network(make_batch(*zip(*scenes)))
        alone = [network(make_batch([v], [x])) for v, x in scenes]
    torch.testing.assert_close(both.embedding, torch.cat([o.embedding for o in alone]))
    torch.testing.assert_close(both.direction, torch.cat([o.direction for o in alone]))


def test_no_gradient_flows_from_one_scene_to_another(sorted_voxels):
    network = build()
    (a, x), (b, y) = scene(0, sorted_voxels), scene(1, sorted_voxels)
    x.requires_grad_()
    y.requires_grad_()
    output = network(make_batch([a, b], [x, y]))
    (output.embedding[: len(a)].sum() + output.direction[: len(a)].sum()).backward()
    assert x.grad.abs().sum() > 0
    assert y.grad.abs().sum() == 0


@pytest.mark.parametrize("shift", [(32, 0, -64), (32_000, 3200, 32)])
def test_a_map_moved_by_multiples_of_the_alignment_gets_the_same_output(shift, sorted_voxels):
    network = build()
    voxels, inputs = scene(0, sorted_voxels)
    with torch.no_grad():
        here = network(make_batch([voxels], [inputs]))
        there = network(make_batch([voxels + np.array(shift, dtype=np.int32)], [inputs]))
    assert torch.equal(here.embedding, there.embedding)
    assert torch.equal(here.direction, there.direction)


def test_objects_out_of_reach_of_each_other_do_not_touch_each_others_directions(sorted_voxels):
    """Sparse means that nothing crosses empty space wider than the coarsest cells."""
    network = build()
    voxels, inputs = scene(0, sorted_voxels, box=8)
    far = voxels + np.array([0, 0, 640], dtype=np.int32)
    everything = sorted_voxels(np.vstack([voxels, far]))
    first = everything[:, 2] < 300
    both_inputs = torch.zeros(len(everything), inputs.shape[1])
    both_inputs[torch.from_numpy(first)] = inputs
    both_inputs[torch.from_numpy(~first)] = torch.rand(inputs.shape)
    with torch.no_grad():
        alone = network(make_batch([voxels], [inputs])).direction
        both = network(make_batch([everything], [both_inputs])).direction
    torch.testing.assert_close(both[torch.from_numpy(first)], alone)


def test_one_voxel_is_enough_and_gradients_are_finite():
    network = SparseNetwork(CONFIG)
    network.eval()
    batch = make_batch([np.zeros((1, 3), dtype=np.int32)], [torch.ones(1, 3)])
    output = network(batch)
    (output.embedding.sum() + output.direction.sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_every_parameter_learns_from_a_batch(sorted_voxels):
    network = SparseNetwork(CONFIG).train()
    batch: VoxelBatch = make_batch(*zip(*[scene(i, sorted_voxels) for i in range(2)]))
    output = network(batch)
    (output.embedding.square().sum() + output.direction[:, 0].sum()).backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize("semantic", [False, True])
def test_what_is_fused_at_inference_gives_what_the_layers_give_one_by_one(semantic, sorted_voxels):
    torch.manual_seed(0)
    network = SparseNetwork(replace(CONFIG, semantic=semantic)).eval()
    generator = torch.Generator().manual_seed(1)
    for name, value in network.state_dict().items():  # nothing is left at 0 or 1
        if "norm" in name and value.is_floating_point():
            value.copy_(0.5 + torch.rand(value.shape, generator=generator))
    batch = make_batch(*zip(*(scene(i, sorted_voxels) for i in range(2))))
    layers = network(batch)  # with gradients, so layer by layer
    with torch.inference_mode():
        fused = network(batch)
    torch.testing.assert_close(fused.embedding, layers.embedding, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(fused.direction, layers.direction, rtol=1e-4, atol=1e-4)
    if semantic:
        torch.testing.assert_close(fused.semantic, layers.semantic, rtol=1e-4, atol=1e-4)
