"""Settling: what contradicts the update before without new evidence waits until it lasts."""

import numpy as np
import pytest

from mtml_ros.core.instances import Segmentation, make_instance
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.tracking.settling import CONFIRM, LONGEST, Settling

TABLE, WALL = 1, 2


def found(parts: str, labels: str = "", first: int = 0) -> Segmentation:
    """Voxels in a row: a letter each for the instance, "." for none, " " where there is no voxel.
    labels: a digit each, TABLE where it is not given."""
    at = np.array([i for i, part in enumerate(parts) if part != " "], dtype=np.int32)
    label = np.array([int(labels[i]) if labels else TABLE for i in at], np.uint8)
    grid = VoxelGrid(np.stack([at + first, 0 * at, 0 * at], axis=1), label, 0.1)
    names = sorted(set(parts) - {" ", "."})
    instance = np.array([names.index(parts[i]) if parts[i] != "." else -1 for i in at], np.int32)
    instances = [
        make_instance(grid, np.flatnonzero(instance == n), TABLE, 0.9 - 0.1 * n)
        for n in range(len(names))
    ]
    return Segmentation(grid, instance, instances, [], label)


def shown(segmentation: Segmentation) -> list[list[int]]:
    """The voxels of each object, by their place in the row."""
    x = segmentation.grid.coordinates[:, 0]
    return sorted(x[i.voxels].tolist() for i in segmentation.instances)


def sets(parts: str) -> list[list[int]]:
    return shown(found(parts))


WHOLE, HALVES, THREE, NONE = "aaaaaaaa", "aaaabbbb", "aabbbbcc", "........"


@pytest.mark.parametrize("before", [WHOLE, HALVES, THREE])
@pytest.mark.parametrize("after", [WHOLE, HALVES, THREE, NONE])
def test_other_objects_in_a_map_that_stays_are_shown_once_they_last(before, after):
    settling = Settling()
    settling.settle(found(before))
    for _ in range(CONFIRM - 1):
        assert shown(settling.settle(found(after))) == sets(after if after == before else before)
    for _ in range(3):
        assert shown(settling.settle(found(after))) == sets(after)


def test_near_tied_ways_to_divide_a_table_that_flip_show_one_of_them_all_the_time():
    settling = Settling()
    settling.settle(found(WHOLE))
    for parts in (HALVES, THREE, WHOLE) * 10:
        assert shown(settling.settle(found(parts))) == sets(WHOLE)


@pytest.mark.parametrize("updates", [1, 5, 30])
def test_what_was_found_for_longer_is_kept_for_longer(updates):
    settling = Settling()
    for _ in range(updates):
        settling.settle(found(WHOLE))
    needed = min(max(updates, CONFIRM), LONGEST)
    for _ in range(needed - 1):
        assert shown(settling.settle(found(HALVES))) == sets(WHOLE)
    assert shown(settling.settle(found(HALVES))) == sets(HALVES)
    # and back as slowly
    for _ in range(needed - 1):
        assert shown(settling.settle(found(WHOLE))) == sets(HALVES)
    assert shown(settling.settle(found(WHOLE))) == sets(WHOLE)


def test_near_tie_that_flips_every_few_updates_comes_to_rest():
    settling = Settling()
    for _ in range(6):
        settling.settle(found(WHOLE))
    for parts in ([HALVES] * 5 + [WHOLE] * 2 + [THREE] * 5 + [WHOLE] * 2) * 5:
        assert shown(settling.settle(found(parts))) == sets(WHOLE)


def test_what_the_map_explains_is_shown_at_once_however_long_it_was_found():
    settling = Settling()
    for _ in range(30):
        settling.settle(found("aaabbbbb "))
    for now in (found("aaabbbccccc"), found("aaa        ")):
        assert shown(settling.settle(now)) == shown(now)


def test_little_by_little_the_map_changes_as_well():
    settling = Settling()
    for _ in range(30):
        settling.settle(found("aaaaaaaa....", "111111112222"))
    # one voxel more of eight to twelve an update is labelled otherwise, and found to be another's
    assert shown(settling.settle(found("aaaabbbb....", "111111122222"))) == sets("aaaaaaaa....")
    assert shown(settling.settle(found("aaaabbbb....", "111111222222"))) == sets("aaaaaaaa....")
    now = found("aaaabbbb....", "111112222222")
    assert shown(settling.settle(now)) == shown(now)


def test_object_that_is_missed_now_and_then_stays_with_class_and_score():
    settling = Settling()
    first = settling.settle(found(WHOLE)).instances[0]
    for parts in (NONE, NONE, WHOLE) * 5:
        (stays,) = settling.settle(found(parts)).instances
        assert (stays.label, stays.score) == (first.label, first.score)


def test_what_is_new_or_is_seen_otherwise_is_shown_at_once():
    settling = Settling()
    settling.settle(found("aaaa"))
    assert shown(settling.settle(found("aaaa....bbbb"))) == sets("aaaa....bbbb")
    assert shown(settling.settle(found("aaaaa...bbb."))) == sets("aaaaa...bbb.")
    # nothing was there before: an object that is found there is nobody's
    assert shown(settling.settle(found("aaaaacccbbb."))) == sets("aaaaacccbbb.")


def test_what_the_map_explains_is_shown_at_once():
    for now in (
        found("aaa     ."),  # carried away
        found("aaa......", labels="111222221"),  # a wall after all
        found("aaabbbbbbbb"),  # a second one, whose other end has come into view
        found("aaaaaaaaaaa"),  # both were one, whose middle has come into view
    ):
        settling = Settling()
        settling.settle(found("aaabbbbb "))
        assert shown(settling.settle(now)) == shown(now)


def test_kept_objects_grow_with_what_is_found_beside_them():
    settling = Settling()
    settling.settle(found("aaaabbbb"))
    # found as one, one voxel longer at either end
    grown = settling.settle(found("aaaaaaaaaa", first=-1))
    assert sorted(len(i.voxels) for i in grown.instances) in ([4, 6], [5, 5])
    assert (grown.instance >= 0).all()


def test_far_objects_go_on_beside_one_in_doubt():
    settling = Settling()
    settling.settle(found("aaaa    bbbb"))
    assert shown(settling.settle(found("aacc    bbb."))) == sets("aaaa    bbb.")


def test_after_a_reset_all_is_shown_as_it_is_found():
    settling = Settling()
    settling.settle(found(WHOLE))
    settling.reset()
    assert shown(settling.settle(found(HALVES))) == sets(HALVES)


def test_whatever_is_found_each_voxel_is_in_one_object_that_names_it():
    rng = np.random.default_rng(0)
    settling = Settling()
    for _ in range(300):
        width = int(rng.integers(1, 9))
        runs = rng.choice(list("abcde. "), 60 // width + 1, p=[0.17] * 5 + [0.1, 0.05])
        result = settling.settle(found("".join(r * width for r in runs)[:60]))
        expected = np.full(len(result.grid), -1)
        labels = result.grid.labels.copy()
        for number, instance in enumerate(result.instances):
            assert len(instance.voxels)
            assert (expected[instance.voxels] == -1).all()
            expected[instance.voxels] = number
            labels[instance.voxels] = instance.label
        assert np.array_equal(result.instance, expected)
        assert np.array_equal(result.labels, labels)
        scores = [i.score for i in result.instances]
        assert scores == sorted(scores, reverse=True)
