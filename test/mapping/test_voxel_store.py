"""VoxelStore and its slots: votes, fading, misses, eviction."""

import numpy as np
import pytest

from mtml_ros.mapping.voxel_store import MEMORY, Slots, VoxelStore, period_of


def store_of(keys: list[int], seen: list[int], max_voxels: int = 10) -> VoxelStore:
    slots = Slots.empty(len(keys), 2)
    slots.seen[:] = seen
    return VoxelStore.of(np.array(keys, dtype=np.int64), slots, max_voxels)


def test_votes_are_summed_until_the_memory_is_full_and_fade_from_then_on() -> None:
    slots, one = Slots.empty(1, 2), np.array([0])
    for _ in range(MEMORY):
        slots.vote(one, np.array([[0, 1, 0]], dtype=np.float32))
    assert slots.votes.tolist() == [[0, MEMORY, 0]]
    # the fixed point of v = v (1 - 1/64) + 1 is 64, so 64 votes stay 64
    slots.vote(one, np.array([[0, 1, 0]], dtype=np.float32))
    assert slots.votes.tolist() == [[0, MEMORY, 0]]
    slots.vote(one, np.array([[0, 0, 1]], dtype=np.float32))
    assert slots.votes.tolist() == [[0, MEMORY - 1, 1]]


def test_label_seen_for_ever_is_overruled_by_as_many_clouds_as_halve_its_votes() -> None:
    slots, one = Slots.empty(1, 2), np.array([0])
    for _ in range(1000):
        slots.vote(one, np.array([[0, 3, 0]], dtype=np.float32))
    clouds = 0
    while slots.label[0] == 1:
        slots.vote(one, np.array([[0, 0, 3]], dtype=np.float32))
        clouds += 1
    # (1 - 1/64)^n < 1/2  <=>  n > 44.01
    assert clouds == 45


def test_cloud_without_any_label_neither_votes_nor_fades_the_votes() -> None:
    slots, one = Slots.empty(1, 2), np.array([0])
    for _ in range(3 * MEMORY):
        slots.vote(one, np.array([[0, 0, 1]], dtype=np.float32))
    before = slots.votes.copy()
    changed = slots.vote(one, np.zeros((1, 3), dtype=np.float32))
    assert (slots.votes.tolist(), slots.label.tolist()) == (before.tolist(), [2])
    assert not changed.any()


def test_class_seen_for_ever_gives_way_to_unknown_when_a_quarter_of_its_votes_is_left() -> None:
    slots, one = Slots.empty(1, 2), np.array([0])
    for _ in range(1000):
        slots.vote(one, np.array([[0, 3, 0]], dtype=np.float32))
    clouds = 0
    while slots.label[0] == 1:
        slots.vote(one, np.array([[3, 0, 0]], dtype=np.float32))
        clouds += 1
    # (1 - 1/64)^n < 1/4  <=>  n > 88.03
    assert clouds == 89


def test_vote_says_which_labels_changed() -> None:
    slots = Slots.empty(3, 2)
    votes = np.array([[0, 0, 1], [0, 0, 0], [0, 1, 1]], dtype=np.float32)
    assert slots.vote(np.array([2, 0, 1]), votes).tolist() == [True, False, True]
    assert slots.label.tolist() == [0, 1, 2]  # a tie goes to the lower class


def test_find_gives_the_rows_of_known_keys() -> None:
    known, rows = store_of([3, 5, 9], [0, 0, 0]).find(np.array([1, 3, 9, 12]))
    assert (known.tolist(), rows.tolist()) == ([False, True, True, False], [0, 2])


def test_exchange_keeps_what_is_known_of_the_voxels_that_stay() -> None:
    store = store_of([3, 5, 9], [30, 50, 90])
    taken = store.exchange(np.array([1]), np.array([1, 7, 11]))
    store.slots.seen[taken] = [10, 70, 110]
    assert store.keys.tolist() == [1, 3, 7, 9, 11]
    assert store.slots.seen[store.slot].tolist() == [10, 30, 70, 90, 110]


def test_slots_of_removed_voxels_are_used_again_and_clean() -> None:
    store = store_of([3, 5], [30, 50], max_voxels=2)
    store.slots.votes[:] = 7
    store.exchange(np.array([0, 1]), np.array([4, 6]))
    assert len(store.slots.seen) == 2
    assert not store.slots.votes.any()
    assert not store.slots.seen.any()


@pytest.mark.parametrize(
    ("num_new", "leaving", "evicted"),
    [
        (0, [], []),
        (1, [], [1]),
        (2, [], [1, 2]),  # of 2 and 4, seen by the same cloud, the lower key goes first
        (3, [], [1, 2, 4]),
        (4, [], [0, 1, 2, 4]),
        (2, [1], [2]),
        (2, [0, 3], []),
    ],
)
def test_longest_unseen_leave_first(num_new: int, leaving: list[int], evicted: list[int]) -> None:
    store = store_of([1, 2, 3, 4, 5], [8, 6, 7, 9, 7], max_voxels=5)
    assert store.longest_unseen(np.array(leaving, dtype=np.int64), num_new).tolist() == evicted


def test_voxel_that_is_only_missed_is_removed() -> None:
    store, none = store_of([1, 2, 3], [0, 0, 0]), np.zeros(0, dtype=np.int64)
    store.slots.misses_left[:] = [3, 3, 2]
    assert store.count_misses(np.array([0, 2]), none, 3, 1).tolist() == []
    assert store.count_misses(np.array([0, 2]), none, 3, 2).tolist() == [2]
    # hit and seen through by one cloud is a hit; a hit adds 4, up to twice the count
    assert store.count_misses(np.array([0, 2]), np.array([0, 1]), 3, 3).tolist() == [2]
    assert store.slots.misses_left.tolist() == [5, 6, 0]


def test_of_the_misses_of_one_period_one_counts() -> None:
    store, none, row = store_of([1], [0]), np.zeros(0, dtype=np.int64), np.array([0])
    store.slots.misses_left[:] = 3
    for stamp in (7.60, 7.65, 7.70, 7.75, 7.80):  # periods of .19 s begin at 7.60 and 7.79
        assert not len(store.count_misses(row, none, 8, period_of(stamp)))
    assert store.slots.misses_left.tolist() == [1]
    assert store.count_misses(row, none, 8, period_of(8.0)).tolist() == [0]


def test_misses_end_at_its_bound_also_at_the_largest_count() -> None:
    store, none = store_of([1], [0]), np.zeros(0, dtype=np.int64)
    store.slots.misses_left[:] = 127
    for period in range(100):
        assert store.count_misses(none, np.array([0]), 127, period).tolist() == []
    assert store.slots.misses_left.tolist() == [254]


def test_thin_thing_hit_by_one_cloud_of_five_stays_and_by_one_of_seven_goes() -> None:
    none, row = np.zeros(0, dtype=np.int64), np.array([0])
    for every, stays in ((5, True), (7, False)):
        store = store_of([1], [0])
        store.slots.misses_left[:] = 8
        ended = [
            len(store.count_misses(row, row if number % every == 0 else none, 8, number + 1)) > 0
            for number in range(100)
        ]
        assert any(ended) != stays
