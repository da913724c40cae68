"""The joint choice among masks: by hand, and against all choices there are."""

from itertools import combinations

import numpy as np
import pytest

from mtml_ros.segmentation.choice import CONFLICT, choose, worth_of
from mtml_ros.segmentation.proposals import Masks

THREE_CHAIRS = Masks.of([np.arange(30), np.arange(10), np.arange(10, 20), np.arange(20, 30)])


def test_three_chairs_are_worth_more_than_the_row_that_is_a_little_surer():
    assert choose(THREE_CHAIRS, np.array([0.6, 0.4, 0.4, 0.4]), 30).tolist() == [1, 2, 3]
    assert choose(THREE_CHAIRS, np.array([0.6, 0.1, 0.1, 0.1]), 30).tolist() == [0]


@pytest.mark.parametrize(("label_weight", "chosen"), [(0.0, [0]), (1.0, [1, 2])])
def test_two_pieces_that_are_less_sure_are_no_objects_unless_labels_decide(label_weight, chosen):
    masks = Masks.of([np.arange(20), np.arange(8), np.arange(8, 20)])
    surplus = np.array([0.95, 0.72, 0.72]) - 0.25
    assert choose(masks, worth_of(surplus, label_weight), 20).tolist() == chosen


@pytest.mark.parametrize("label_weight", [0.0, 0.4, 1.0])
def test_three_chairs_that_are_nearly_as_sure_as_their_row_are_objects(label_weight):
    surplus = np.array([0.9, 0.8, 0.8, 0.8]) - 0.25
    assert choose(THREE_CHAIRS, worth_of(surplus, label_weight), 30).tolist() == [1, 2, 3]


def test_worth_keeps_the_order_and_the_sign_of_what_scores_exceed_the_threshold_by():
    surplus = np.linspace(-0.5, 1.3, 50)
    for label_weight in (0.0, 0.5, 1.0):
        worth = worth_of(surplus, label_weight)
        assert (np.diff(worth) > 0).all()
        np.testing.assert_array_equal(np.sign(worth), np.sign(surplus))
    np.testing.assert_allclose(worth_of(surplus, 1.0), surplus)


def test_of_two_that_conflict_the_one_of_more_worth_is_chosen_and_ties_go_to_the_larger():
    masks = Masks.of([np.arange(4), np.arange(6)])
    assert choose(masks, np.array([0.5, 0.4]), 6).tolist() == [0]
    assert choose(masks, np.array([0.5, 0.5]), 6).tolist() == [1]


def test_masks_that_share_half_of_the_smaller_one_may_both_be_objects():
    worth = np.array([0.5, 0.4])
    half, more = (Masks.of([np.arange(10), np.arange(start, start + 4)]) for start in (8, 7))
    assert choose(half, worth, 12).tolist() == [0, 1]
    assert choose(more, worth, 12).tolist() == [0]


def test_what_is_worth_nothing_is_not_chosen():
    assert choose(THREE_CHAIRS, np.array([-0.1, 0.0, 0.2, -0.3]), 30).tolist() == [2]
    assert choose(Masks.of([]), np.zeros(0), 30).tolist() == []


@pytest.mark.parametrize("seed", range(8))
def test_the_sum_is_at_least_that_of_best_first_and_near_the_greatest_of_all(seed):
    rng = np.random.default_rng(seed)
    begin = rng.integers(0, 30, 10)
    masks = Masks.of([np.arange(b, b + n) for b, n in zip(begin, rng.integers(3, 15, 10))])
    worth = rng.uniform(-0.1, 0.7, 10)

    def conflict(i: int, j: int) -> bool:
        one, other = (set(masks.split()[k].tolist()) for k in (i, j))
        return len(one & other) > CONFLICT * min(len(one), len(other))

    def allowed(some: tuple[int, ...]) -> bool:
        return not any(conflict(i, j) for i, j in combinations(some, 2))

    every = (c for n in range(11) for c in combinations(range(10), n) if allowed(c))
    greatest = max(worth[list(c)].sum() for c in every)
    greedy: list[int] = []
    for i in np.argsort(-worth):
        if worth[i] > 0 and not any(conflict(i, j) for j in greedy):
            greedy.append(int(i))
    found = choose(masks, worth, 50)
    assert allowed(tuple(found.tolist()))
    assert greatest + 1e-9 >= worth[found].sum() >= max(worth[greedy].sum(), 0.9 * greatest)
