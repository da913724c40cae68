"""What the kernels of suppression, components and growth refuse, and how their cost grows. The
values of the first two are tested with the functions that use them."""

import numpy as np
import pytest

from mtml_ros.core.kernels import kernels
from mtml_ros.core.voxels import pack_keys, unpack_keys
from mtml_ros.segmentation.components import touching

VOXEL, STARTS = np.array([0, 1, 2, 1]), np.array([0, 3, 4])


def test_suppression_of_isolated_voxels_does_not_take_voxels_times_masks():
    """That would be 10^11 here, minutes."""
    count = 300_000
    voxel, starts = np.arange(count), np.arange(count + 1)
    kept, greatest = kernels.suppress(voxel, starts, voxel, count, 0.3)
    assert len(kept) == count
    assert not greatest.any()


@pytest.mark.parametrize(
    ("voxel", "starts", "message"),
    [
        (VOXEL, np.array([0, 3, 3, 4]), "empty"),
        (VOXEL, np.array([0, 3]), "starts"),
        (VOXEL, np.array([1, 4]), "starts"),
        (VOXEL, np.zeros(0, dtype=np.int64), "starts"),
        (VOXEL + 1, STARTS, "out of range"),
        (VOXEL - 1, STARTS, "out of range"),
        (VOXEL[::-1], STARTS, "in a row"),
    ],
)
def test_masks_that_are_none_are_refused(voxel, starts, message):
    with pytest.raises(ValueError, match=message):
        kernels.suppress(voxel, starts, np.arange(2), 3, 0.5)


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="order"):
        kernels.suppress(VOXEL, STARTS, np.array([0, 2]), 3, 0.5)
    neighbors = kernels.touching(np.arange(3), 20)
    with pytest.raises(ValueError, match="labels"):
        kernels.label_components(neighbors, np.zeros((1, 4), dtype=np.int64))
    with pytest.raises(ValueError, match="labels"):
        kernels.label_components(neighbors, np.zeros(3, dtype=np.int64))
    with pytest.raises(ValueError, match="bits"):
        kernels.touching(np.arange(3), 40)


def grown(pairs, cost, seed, group):
    """Each voxel's seed, by relaxing every pair until nothing changes."""
    best = [(0, int(s)) if s >= 0 else (np.inf, -1) for s in seed]
    ways = [(a, b) for p in pairs.tolist() for a, b in (p, p[::-1])]
    changed = True
    while changed:
        changed = False
        for a, b in ways:
            reach = (best[a][0] + int(cost[b]), best[a][1])
            if seed[b] < 0 and group[a] == group[b] and best[a][1] >= 0 and reach < best[b]:
                best[b], changed = reach, True
    return [s for _, s in best]


@pytest.mark.parametrize("costs", [1, 3, 400])
def test_each_voxel_goes_to_the_seed_that_least_cost_lies_before(costs):
    rng = np.random.default_rng(costs)
    cells = rng.integers(0, 12, (500, 3)) * [1, 1, 0]
    cells = unpack_keys(np.unique(pack_keys(cells)))
    count = len(cells)
    group, cost = rng.integers(0, 2, count), rng.integers(0, costs, count)
    seed = np.where(rng.random(count) < 0.1, rng.integers(0, 4, count), -1)
    neighbors = touching(cells)
    found = kernels.grow(neighbors, cost, seed, group)
    assert found.tolist() == grown(neighbors.pairs(), cost, seed, group)
    assert len(set(found.tolist())) > 3


def test_growth_refuses_costs_that_are_none():
    neighbors = kernels.touching(np.arange(3), 20)
    none = np.zeros(3, dtype=np.int64)
    for cost in (none - 1, none + (1 << 32), none[:2]):
        with pytest.raises(ValueError, match="cost"):
            kernels.grow(neighbors, cost, none, none)


@pytest.mark.parametrize(
    "coordinates", [np.zeros((0, 3)), np.zeros((2, 2)), np.full((1, 3), 2**20), np.zeros(3)]
)
def test_boxes_refuse_what_has_none(coordinates):
    with pytest.raises(ValueError, match="coordinates"):
        kernels.least_box(coordinates.astype(np.int64))
