"""Leftovers: what goes with the voxels around it that were cleared, and what does not."""

from itertools import product

import numpy as np
import pytest

from mtml_ros.core.voxels import pack_keys, unpack_keys
from mtml_ros.mapping.leftovers import REMEMBERED, SEARCHED, Leftovers
from mtml_ros.mapping.voxel_store import Slots, VoxelStore

FLOOR, CHAIR, SOFA = 2, 5, 6
UNSEEN = 8
CLOUD = 100
NONE = np.zeros(0, dtype=np.int64)
Voxels = list[tuple[int, ...]]


def block(x: range, y: range, z: range) -> Voxels:
    return list(product(x, y, z))


def make_store(*parts: tuple[Voxels, int], seen: int = 50) -> VoxelStore:
    """A store of voxels with labels, all last seen by one cloud."""
    keys = np.concatenate([pack_keys(np.array(v, dtype=np.int32)) for v, _ in parts])
    order = np.argsort(keys)
    slots = Slots.empty(len(keys), 20)
    slots.label[:] = np.concatenate([np.full(len(v), label) for v, label in parts])[order]
    slots.seen[:] = seen
    return VoxelStore.of(keys[order], slots, 10**6)


def rows_of(store: VoxelStore, voxels: Voxels) -> np.ndarray:
    return np.sort(store.find(pack_keys(np.array(voxels, dtype=np.int32)))[1])


def voxels_of(store: VoxelStore, rows: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(v) for v in unpack_keys(store.keys[rows]).tolist()}


FIVE, UPPER = range(5), range(1, 5)
UNDER = block(range(-3, 8), range(-3, 8), range(-1, 0))


def test_layer_on_the_floor_goes_with_the_rest_and_the_floor_stays() -> None:
    store = make_store((block(FIVE, FIVE, FIVE), CHAIR), (UNDER, FLOOR))
    cleared = rows_of(store, block(FIVE, FIVE, UPPER))
    joined = Leftovers().join(store, cleared, CLOUD, UNSEEN)
    assert voxels_of(store, joined) == set(block(FIVE, FIVE, FIVE))
    assert np.all(np.diff(joined) > 0)


def test_what_goes_little_by_little_is_remembered() -> None:
    store, leftovers = make_store((block(FIVE, FIVE, FIVE), CHAIR)), Leftovers()
    for number, z in enumerate((4, 3, 2, 1)):
        assert len(store) == 25 * (z + 1)
        layer = rows_of(store, block(FIVE, FIVE, range(z, z + 1)))
        store.exchange(leftovers.join(store, layer, CLOUD + number, UNSEEN), NONE)
    assert len(store) == 0


@pytest.mark.parametrize(("later", "left"), [(REMEMBERED - 1, 0), (REMEMBERED, 25)])
def test_what_was_cleared_long_ago_is_forgotten(later: int, left: int) -> None:
    store, leftovers = make_store((block(FIVE, FIVE, FIVE), CHAIR)), Leftovers()
    for cloud, layers in ((CLOUD, range(2, 5)), (CLOUD + later, range(1, 2))):
        cleared = rows_of(store, block(FIVE, FIVE, layers))
        store.exchange(leftovers.join(store, cleared, cloud, UNSEEN), NONE)
    assert len(store) == left


@pytest.mark.parametrize(
    ("whole", "half"),
    [
        (block(range(20), range(1), range(1)), block(range(10), range(1), range(1))),
        (block(range(20), range(9), range(1)), block(range(10), range(9), range(1))),
        (block(range(20), range(9), range(9)), block(range(10), range(9), range(9))),
        (block(range(20), range(9), range(9)), block(range(20), range(9), range(5))),
    ],
    ids=["bar", "board", "block", "upper_half"],
)
def test_what_stands_beside_a_straight_cut_stays(whole: Voxels, half: Voxels) -> None:
    """As the neighbour, of the same class and unseen, of what was carried away."""
    store = make_store((whole, CHAIR))
    cleared = rows_of(store, half)
    np.testing.assert_array_equal(Leftovers().join(store, cleared, CLOUD, UNSEEN), cleared)


def test_layer_of_noise_that_is_cleared_takes_no_wall_with_it() -> None:
    wall, noise = block(range(1), range(30), range(20)), block(range(1, 2), range(30), range(20))
    store = make_store((wall + noise, 1))
    cleared = rows_of(store, noise)
    np.testing.assert_array_equal(Leftovers().join(store, cleared, CLOUD, UNSEEN), cleared)


@pytest.mark.parametrize(("seen", "goes"), [(CLOUD - UNSEEN, True), (CLOUD - UNSEEN + 1, False)])
def test_only_what_was_not_hit_for_a_while_goes(seen: int, goes: bool) -> None:
    store = make_store((block(FIVE, FIVE, FIVE), CHAIR))
    rest = rows_of(store, block(FIVE, FIVE, range(1)))
    store.slots.seen[store.slot[rest]] = seen
    cleared = rows_of(store, block(FIVE, FIVE, UPPER))
    joined = Leftovers().join(store, cleared, CLOUD, UNSEEN)
    assert len(joined) == (125 if goes else 100)


def test_voxels_of_another_label_stay_however_alone_they_are() -> None:
    store = make_store((block(FIVE, FIVE, UPPER), CHAIR), ([(2, 2, 0)], SOFA))
    cleared = rows_of(store, block(FIVE, FIVE, UPPER))
    np.testing.assert_array_equal(Leftovers().join(store, cleared, CLOUD, UNSEEN), cleared)


def test_voxels_that_came_back_count_as_there() -> None:
    """A chair is carried away and put back; then a corner of it is cleared."""
    chair = block(FIVE, FIVE, FIVE)
    leftovers = Leftovers()
    store = make_store((chair, CHAIR))
    assert len(leftovers.join(store, np.arange(125), CLOUD, UNSEEN)) == 125
    assert len(leftovers.join(store, rows_of(store, [(0, 0, 0)]), CLOUD + 20, UNSEEN)) == 1


def test_nothing_cleared_is_nothing_to_do() -> None:
    assert len(Leftovers().join(make_store((UNDER, FLOOR)), NONE, CLOUD, UNSEEN)) == 0
    assert len(Leftovers().join(VoxelStore(20, 10), NONE, CLOUD, UNSEEN)) == 0


def test_of_very_many_cleared_at_once_the_leftovers_are_found_as_well() -> None:
    """A hall of 49 chairs is cleared but for the lowest layer of each."""
    sides = [range(8 * i, 8 * i + 5) for i in range(7)]
    whole = [v for x, y in product(sides, sides) for v in block(x, y, FIVE)]
    store = make_store((whole, CHAIR))
    cleared = rows_of(store, [v for v in whole if v[2] > 0])
    assert len(cleared) > 4 * SEARCHED
    assert len(Leftovers().join(store, cleared, CLOUD, UNSEEN)) == len(whole)


def test_voxels_at_the_ends_of_the_key_range_are_no_trouble() -> None:
    end = 1_048_575
    store = make_store(([(end, end, end), (-end, -end, -end)], CHAIR))
    assert len(Leftovers().join(store, np.array([0, 1]), CLOUD, UNSEEN)) == 2
