"""Sparse convolutions against torch's dense ones, values and gradients, in double precision: those
of the compiled kernels and those in plain torch alike."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv3d, conv_transpose3d

from mtml_ros.core.errors import InputError
from mtml_ros.network.batch import VoxelBatch, make_batch
from mtml_ros.network.sparse_ops import BITS, Lattice, sparse_convolution
from mtml_ros.network.torch_convolution import PairMap

BOX = 8  # dense grids around scenes of up to 8 voxels to a side, placed at ALIGNMENT = 32


@pytest.fixture(params=[True, False], ids=["compiled", "torch"])
def lattice_of(request):
    """The lattice of a batch, with maps of either kind."""
    return lambda batch: Lattice.of(batch, compiled=request.param)


def pairs_of(kernel_map) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Outputs and inputs of each element's pairs."""
    if isinstance(kernel_map, PairMap):
        every = torch.arange(kernel_map.num_outputs)
        return [(every, every) if p is None else p for p in kernel_map.pairs]
    element, output, voxel = map(torch.from_numpy, kernel_map.forward.pairs())
    return [(output[element == k], voxel[element == k]) for k in range(kernel_map.forward.elements)]


def dense_grid(batch: VoxelBatch, values: torch.Tensor) -> torch.Tensor:
    """(scenes, C, 8, 8, 8) with the values at the voxels, zero elsewhere."""
    scenes = int(batch.scene[-1]) + 1
    at = batch.coordinates - 32
    grid = values.new_zeros(scenes, BOX, BOX, BOX, values.shape[1])
    grid = grid.index_put((batch.scene, *at.unbind(1)), values)
    return grid.permute(0, 4, 1, 2, 3)


def read(batch: VoxelBatch, grid: torch.Tensor) -> torch.Tensor:
    """(V, C): the dense grid's values at the voxels."""
    x, y, z = (batch.coordinates - 32).unbind(1)
    return grid[batch.scene, :, x, y, z]


def as_kernel(weight: torch.Tensor, edge: int) -> torch.Tensor:
    """(edge^3, C_in, C_out) as torch's (C_out, C_in, edge, edge, edge)."""
    return weight.reshape(edge, edge, edge, *weight.shape[1:]).permute(4, 3, 0, 1, 2)


def random_weight(elements: int, channels: int, out: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(elements, channels, out, dtype=torch.float64, generator=generator)
    return weight.requires_grad_()


def assert_same_values_and_gradients(ours, theirs, inputs, scale):
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    for a, b in zip(
        torch.autograd.grad((ours * scale).sum(), inputs, retain_graph=True),
        torch.autograd.grad((theirs * scale).sum(), inputs, retain_graph=True),
    ):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scenes", [1, 3])
@pytest.mark.parametrize("voxels", [1, 60, 300])  # alone, scattered, crowded
def test_submanifold_convolution_is_the_dense_one_read_at_the_voxels(
    lattice_of, random_batch, scenes, voxels
):
    batch = random_batch(voxels, scenes, voxels)
    x = batch.inputs.requires_grad_()
    weight = random_weight(27, 3, 5)
    ours = sparse_convolution(x, weight, lattice_of(batch).neighbors())
    theirs = read(batch, conv3d(dense_grid(batch, x), as_kernel(weight, 3), padding=1))
    scale = torch.randn(ours.shape, dtype=torch.float64)
    assert_same_values_and_gradients(ours, theirs, (x, weight), scale)


@pytest.mark.parametrize("scenes", [1, 3])
def test_strided_convolution_and_its_transpose_are_the_dense_ones(lattice_of, random_batch, scenes):
    batch = random_batch(5, scenes, voxels=80)
    x = batch.inputs.requires_grad_()
    coarse, to_coarse = lattice_of(batch).coarsened()
    down, up = random_weight(8, 3, 4), random_weight(8, 4, 2)
    dense = conv3d(dense_grid(batch, x), as_kernel(down, 2), stride=2)
    occupied = dense_grid(batch, torch.ones(len(batch), 1, dtype=torch.float64))
    # coarse voxels, in the order of their keys: those that hold a fine one
    holds = torch.nn.functional.max_pool3d(occupied, 2)[:, 0]
    scene, cx, cy, cz = holds.nonzero().unbind(1)
    assert len(coarse) == len(scene)

    ours = sparse_convolution(x, down, to_coarse)
    theirs = dense[scene, :, cx, cy, cz]
    scale = torch.randn(ours.shape, dtype=torch.float64)
    assert_same_values_and_gradients(ours, theirs, (x, down), scale)

    back = sparse_convolution(ours, up, to_coarse.transposed())
    only_occupied = dense * holds[:, None]
    wide = conv_transpose3d(only_occupied, as_kernel(up.transpose(1, 2), 2).contiguous(), stride=2)
    scale = torch.randn(back.shape, dtype=torch.float64)
    assert_same_values_and_gradients(back, read(batch, wide), (x, down, up), scale)


def test_gradients_are_those_of_finite_differences(lattice_of, random_batch):
    batch = random_batch(3, 2, voxels=10, box=3)
    lattice = lattice_of(batch)
    _, to_coarse = lattice.coarsened()
    for elements, kernel_map in ((27, lattice.neighbors()), (8, to_coarse)):
        x = batch.inputs.clone().requires_grad_()
        weight = random_weight(elements, 3, 2)
        assert torch.autograd.gradcheck(
            lambda x, w, m=kernel_map: sparse_convolution(x, w, m), (x, weight)
        )


def test_an_input_that_needs_no_gradient_gets_none(lattice_of, random_batch):
    batch = random_batch()
    weight = random_weight(27, 3, 2)
    sparse_convolution(batch.inputs, weight, lattice_of(batch).neighbors()).sum().backward()
    assert batch.inputs.grad is None
    assert weight.grad is not None


def test_scenes_at_the_same_place_do_not_touch(lattice_of, sorted_voxels):
    voxels = sorted_voxels(np.random.default_rng(0).integers(0, 4, (40, 3)))
    inputs = torch.ones(len(voxels), 1)
    kernel_map = lattice_of(make_batch([voxels] * 3, [inputs] * 3)).neighbors()
    scene = torch.arange(3).repeat_interleave(len(voxels))
    for outputs, inputs in pairs_of(kernel_map):
        assert torch.equal(scene[outputs], scene[inputs])


def test_opposite_faces_of_the_key_range_are_not_neighbours(lattice_of):
    """z's last value and z = 0 of the next y have keys that follow one another."""
    edge = (1 << BITS) - 2
    coordinates = torch.tensor([[1, 1, edge], [1, 2, 1]])
    batch = VoxelBatch(coordinates, torch.zeros(2, dtype=torch.int64), torch.ones(2, 1))
    pairs = pairs_of(lattice_of(batch).neighbors())
    assert [len(p[0]) for k, p in enumerate(pairs) if k != 13] == [0] * 26


def test_a_scene_too_wide_for_the_keys_is_refused(lattice_of):
    wide = np.array([[0, 0, 0], [1 << BITS, 0, 0]], dtype=np.int32)
    with pytest.raises(InputError, match="voxels wide"):
        lattice_of(make_batch([wide], [torch.ones(2, 1)]))


def test_more_scenes_than_the_keys_have_room_for_are_refused(lattice_of):
    one = np.zeros((1, 3), dtype=np.int32)
    lattice_of(make_batch([one] * 512, [torch.ones(1, 1)] * 512))
    with pytest.raises(InputError, match="512 scenes"):
        lattice_of(make_batch([one] * 513, [torch.ones(1, 1)] * 513))


def test_five_levels_of_a_map_far_from_its_origin_are_those_at_the_origin(
    lattice_of, sorted_voxels
):
    voxels = sorted_voxels(np.random.default_rng(1).integers(-20, 20, (200, 3)))
    inputs = torch.ones(len(voxels), 1)
    here = lattice_of(make_batch([voxels], [inputs]))
    far = lattice_of(make_batch([voxels + np.int32(32 * 3000)], [inputs]))
    for _ in range(5):
        assert torch.equal(here.keys, far.keys)
        here, far = here.coarsened()[0], far.coarsened()[0]
