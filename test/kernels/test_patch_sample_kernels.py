"""Samples on flat patches, against the same rule in numpy, sample by sample."""

import numpy as np
import pytest

from mtml_ros.core.kernels import kernels


def cells(patches, seed):
    """Patches with a few cells each, every third a disc, and what is drawn for each cell."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-3, 3, (patches, 9)).astype(np.float32)
    count = rng.integers(1, 12, (patches, 2))
    wanted = rng.uniform(0, 1.2, patches).astype(np.float32)
    disc = (np.arange(patches) % 3 == 0).astype(np.uint8)
    number = int(count.prod(axis=1).sum())
    share, chance = rng.random((number, 2), np.float32), rng.random(number, np.float32)
    return [corners, count, wanted, disc, share, chance]


def reference(corners, count, wanted, disc, share, chance):
    """Places (n, 3) and patches (n,)."""
    number = count.prod(axis=1)
    patch = np.repeat(np.arange(len(count)), number)
    within = np.concatenate([np.arange(n) for n in number])
    rows, columns = count[patch].T
    a = ((within // columns + share[:, 0].astype(float)) / rows).astype(np.float32)
    b = ((within % columns + share[:, 1].astype(float)) / columns).astype(np.float32)
    half = np.float32(0.5)
    keep = chance < wanted[patch]
    keep &= (disc[patch] == 0) | ((a - half) ** 2 + (b - half) ** 2 <= half**2)
    p = corners.reshape(-1, 3, 3)[patch[keep]]
    return p[:, 0] + a[keep, None] * p[:, 1] + b[keep, None] * p[:, 2], patch[keep]


@pytest.mark.parametrize("seed", range(3))
def test_samples_are_those_of_the_same_rule_in_numpy(seed):
    drawn = cells(200, seed)
    xyz, patch = kernels.sample_patches(*drawn)
    expected, of = reference(*drawn)
    assert 0 < len(of) < len(drawn[-1])
    np.testing.assert_array_equal(patch, of)
    np.testing.assert_allclose(xyz.reshape(-1, 3), expected, rtol=0, atol=1e-5)


def test_no_patches_have_no_samples():
    xyz, patch = kernels.sample_patches(*(a[:0] for a in cells(1, 0)))
    assert len(xyz) == len(patch) == 0


@pytest.mark.parametrize("count", [[[1, 1]], [[2, 3]], [[0, 4]], [[-2, -2]], [[1 << 62, 4]]])
def test_cells_that_are_not_there_are_refused(count):
    corners, _, wanted, disc, share, chance = cells(1, 0)
    share, chance = np.resize(share, (4, 2)), np.resize(chance, 4)
    with pytest.raises(ValueError, match="count"):
        kernels.sample_patches(corners, np.array(count), wanted, disc, share, chance)
