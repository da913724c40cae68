"""Preference: what was found before wins near ties, whole components where labels decide."""

from types import SimpleNamespace

import numpy as np
import pytest

from mtml_ros.core.instances import Segmentation, make_instance
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.segmentation.choice import choose
from mtml_ros.segmentation.labelling import non_overlapping_labelling
from mtml_ros.segmentation.preference import (
    COMPONENT,
    MIN_COMPONENT,
    NEW,
    NOBODY,
    PREFERENCE,
    components_preferred,
    instances_before,
    preference,
    with_preference,
)
from mtml_ros.segmentation.proposals import Masks, Proposals

WHOLE, LEFT, RIGHT = np.arange(20), np.arange(10), np.arange(10, 20)
MASKS = Masks.of([WHOLE, LEFT, RIGHT])
THRESHOLD = 0.35


def row(length: int, first: int = 0) -> VoxelGrid:
    x = np.arange(first, first + length, dtype=np.int32)
    return VoxelGrid(np.stack([x, 0 * x, 0 * x], axis=1), np.ones(length, np.uint8), 0.1)


def chosen(scores: list[float], before: np.ndarray) -> np.ndarray:
    """Which mask each voxel is given to, as the segmenter chooses."""
    preferred = with_preference(np.array(scores), MASKS, before)
    kept = choose(MASKS, preferred - THRESHOLD, 20)
    owner = non_overlapping_labelling(MASKS.select(kept), preferred[kept], 20, 5, THRESHOLD)
    return np.append(kept, -1)[owner]


def test_what_agrees_is_preferred_by_its_overlap_and_what_is_found_otherwise_is_not() -> None:
    before = np.full(20, NEW)
    assert preference(MASKS, before).tolist() == [0, 0, 0]
    before[:16] = 0
    # where the map was known, the whole is all of it, the left half 10/16 and the right one 6/16;
    # 6/10 of that was known
    expected = [PREFERENCE, 0.25 * PREFERENCE, -0.6 * 0.25 * PREFERENCE]
    assert preference(MASKS, before) == pytest.approx(expected)
    before[10:] = 1
    assert preference(MASKS, before) == pytest.approx([0, PREFERENCE, PREFERENCE])
    before[:10] = NOBODY
    assert preference(MASKS, before) == pytest.approx([0, -PREFERENCE, PREFERENCE])


def test_at_least_half_of_a_score_is_left_so_that_a_threshold_of_nothing_shows_all() -> None:
    scores, before = np.array([0.02, 0.15, 0.5]), np.full(20, NOBODY)
    preferred = with_preference(scores, MASKS, before)
    assert preferred == pytest.approx([0.01, 0.075, 0.5 - PREFERENCE])
    owner = non_overlapping_labelling(MASKS, preferred, 20, 5, 0.0)
    assert (owner >= 0).all()


def test_near_tie_between_a_table_and_its_halves_stays_as_it_was() -> None:
    """The table is worth .22 to .25, each half .11 to .125: the same, a little more or less."""
    rng = np.random.default_rng(0)
    for first in ([0.60, 0.46, 0.46], [0.57, 0.475, 0.475]):
        before = chosen(first, np.full(20, NEW))
        start = before.copy()
        for _ in range(50):
            half = rng.uniform(0.46, 0.475)
            before = chosen([rng.uniform(0.57, 0.60), half, half], before)
            assert np.array_equal(before, start)


def test_object_that_grows_into_new_voxels_stays_one() -> None:
    """The table is worth .25, its halves together .22: that one half was there is no reason to
    leave the other half apart."""
    left_was_there = np.where(np.arange(20) < 10, 0, NEW)
    assert chosen([0.60, 0.46, 0.46], left_was_there).tolist() == [0] * 20
    # a newcomer beside it that is one by far enough is none of it
    assert chosen([0.60, 0.46, 0.70], left_was_there).tolist() == [1] * 10 + [2] * 10


def test_what_is_better_by_more_than_the_preference_wins_at_once() -> None:
    as_whole = np.zeros(20, dtype=np.int64)
    # 0.57 + 0.1 - 0.35 against twice what the halves are above 0.35
    assert chosen([0.57, 0.50, 0.50], as_whole).tolist() == [0] * 20
    assert chosen([0.57, 0.52, 0.52], as_whole).tolist() == [1] * 10 + [2] * 10


def test_object_whose_score_falls_a_little_below_the_threshold_stays_and_comes_back_above() -> None:
    new, as_whole = np.full(20, NEW), np.zeros(20, dtype=np.int64)
    assert chosen([0.36, 0, 0], new).tolist() == [0] * 20
    assert chosen([0.34, 0, 0], as_whole).tolist() == [0] * 20
    assert chosen([0.34, 0, 0], new).tolist() == [-1] * 20
    assert chosen([0.24, 0, 0], as_whole).tolist() == [-1] * 20


def test_where_nothing_was_found_before_an_object_enters_above_where_it_would_leave() -> None:
    nothing, as_whole = np.full(20, NOBODY), np.zeros(20, dtype=np.int64)
    for score in (0.26, 0.44):
        assert chosen([score, 0, 0], nothing).tolist() == [-1] * 20
        assert chosen([score, 0, 0], as_whole).tolist() == [0] * 20
    assert chosen([0.46, 0, 0], nothing).tolist() == [0] * 20


def test_instances_before_are_found_by_their_voxels_in_a_map_that_has_grown_and_lost() -> None:
    old = row(4)
    instance = np.array([-1, 0, 0, 1], dtype=np.int32)
    found = [make_instance(old, np.flatnonzero(instance == i), 1, 0.5) for i in (0, 1)]
    previous = Segmentation(old, instance, found, [], old.labels)
    assert instances_before(row(5, first=2), previous).tolist() == [0, 1, NEW, NEW, NEW]
    assert instances_before(row(2), None).tolist() == [NEW, NEW]
    assert instances_before(row(0), previous).tolist() == []


def test_whole_components_are_preferred_as_far_as_labels_decide() -> None:
    halves, none = np.repeat([0, 1], 10), np.full(20, -1)
    proposals = Proposals.of([np.zeros(20, np.int64), halves, np.append(halves[:-1], -1)])

    def preferred(component: np.ndarray, weight: float, label: int = 1) -> list[float]:
        labels = np.full(20, label, np.uint8)
        context = SimpleNamespace(component=component, label_weight=weight, labels=labels)
        return components_preferred(proposals, context).tolist()

    # the whole is two components; the last mask is one less a voxel
    assert preferred(halves, 0.5) == [0, *[0.5 * COMPONENT] * 2, 0]
    assert preferred(halves, 0.5, label=0) == [0, 0, 0, 0]
    assert preferred(none, 1.0) == [0, 0, 0, 0]
    proposals = Proposals.of([np.where(np.arange(20) < MIN_COMPONENT - 1, 0, -1)])
    assert preferred(np.where(np.arange(20) < MIN_COMPONENT - 1, 0, -1), 1.0) == [0]
