"""Convolution, batch normalisation, residual and ReLU in one, against torch's parts in float64."""

import copy

import numpy as np
import pytest
import torch

from mtml_ros.network.batch import make_batch
from mtml_ros.network.compiled_convolution import normalized_convolution
from mtml_ros.network.sparse import Convolution, Pointwise
from mtml_ros.network.sparse_ops import Lattice


def filled(module: Convolution | Pointwise) -> Convolution | Pointwise:
    torch.nn.init.uniform_(module.norm.weight, 0.5, 1.5)
    torch.nn.init.uniform_(module.norm.bias, -0.5, 0.5)
    return module.double().train()


@pytest.mark.parametrize("with_residual", [False, True])
def test_outputs_and_all_gradients_are_those_of_the_parts(sorted_voxels, with_residual):
    torch.manual_seed(0)
    voxels = sorted_voxels(np.random.default_rng(0).integers(0, 20, (5000, 3)))
    batch = make_batch([voxels], [torch.zeros(len(voxels), 1)])
    ours = filled(Convolution(6, 10, 27))
    theirs, results = copy.deepcopy(ours), []
    start, added = torch.randn(2, len(voxels), 10, dtype=torch.float64)
    for module, compiled in ((ours, True), (theirs, False)):
        x = start[:, :6].clone().requires_grad_()
        residual = added.clone().requires_grad_() if with_residual else None
        y = module(x, Lattice.of(batch, compiled).neighbors(), residual)
        (y * torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view_as(y)).sum().backward()
        results.append([
            y, x.grad, *(p.grad for p in module.parameters()), *module.norm.buffers(),
            *([residual.grad] if residual is not None else []),
        ])  # fmt: skip
    for mine, wanted in zip(*results):
        torch.testing.assert_close(mine, wanted, rtol=1e-9, atol=1e-9)


def test_a_convolution_of_one_voxel_too():
    torch.manual_seed(0)
    module = filled(Pointwise(4, 7))
    x = torch.randn(500, 4, dtype=torch.float64, requires_grad=True)
    reference = copy.deepcopy(module)
    wanted = reference.norm(reference.linear(x)).relu()
    module(x).square().sum().backward()
    mine, x.grad = x.grad, None
    wanted.square().sum().backward()
    torch.testing.assert_close(mine, x.grad)
    for ours, theirs in zip(module.parameters(), reference.parameters()):
        torch.testing.assert_close(ours.grad, theirs.grad)
    for ours, theirs in zip(module.norm.buffers(), reference.norm.buffers()):
        torch.testing.assert_close(ours, theirs)


def test_columns_far_from_zero_keep_their_variance():
    norm = torch.nn.BatchNorm1d(3)
    x = torch.randn(4000, 3) + torch.tensor([0.0, 1e3, -1e4])
    identity = torch.eye(3)[None]
    found = normalized_convolution(x, identity, None, norm, None)
    centred = x.double() - x.double().mean(0)
    wanted = (centred / centred.square().mean(0).add(norm.eps).sqrt()).relu()
    torch.testing.assert_close(found.double(), wanted, rtol=1e-3, atol=5e-3)
