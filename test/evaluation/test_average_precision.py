"""AP in every corner of the official evaluator, with the areas worked out by hand.

The area under a curve of points (precision p_i, recall r_i), by ascending score, closed by (1, 0),
is the sum of p_i * (r_(i-1) - r_(i+1)) / 2, where the first point is its own predecessor and the
last has 0 after it.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtml_ros.core.errors import ConfigurationError, InputError
from mtml_ros.evaluation.average_precision import (
    OVERLAPS,
    AveragePrecision,
    GroundTruth,
    evaluate_scenes,
)
from mtml_ros.io.benchmark_files import Prediction

CLASSES = {5: "chair", 7: "table"}


def scene(*runs):
    """Ids of a scene from (id, number of points) runs."""
    return np.concatenate([np.full(n, i) for i, n in runs])


def mask(start, stop, label=5, score=0.9):
    return Prediction(np.arange(start, stop), label, score)


def evaluate(*scenes, classes=CLASSES, **settings):
    collected = AveragePrecision(classes, **settings)
    for ids, predictions in scenes:
        collected.add(predictions, GroundTruth.from_ids(ids, classes))
    return collected.result([0.75])


def test_perfect_masks_have_ap_one():
    ids = scene((5001, 100), (5002, 150), (0, 50))
    result = evaluate((ids, [mask(0, 100), mask(100, 250, score=0.2)]))
    assert result.ap["chair"] == result.ap50["chair"] == result.ap25["chair"] == 1.0


def test_ap_averages_iou_from_50_to_90_as_the_official_range_does():
    np.testing.assert_allclose(OVERLAPS, [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9])
    # IoU 184 / 200 = .92: above all nine; were .95 among them, AP would be 9 / 10
    result = evaluate((scene((5001, 200)), [mask(0, 184)]))
    assert result.ap["chair"] == 1.0


def test_area_by_hand_of_right_wrong_right():
    # chairs A, B; by score: right .9, wrong .8 (on the table), right .7.
    # from .7 up: p 2/3, r 1; from .8: p 1/2, r 1/2; from .9: p 1, r 1/2; closing point p 1, r 0
    # weights (1 - 1/2)/2, (1 - 1/2)/2, (1/2 - 0)/2, (1/2 - 0)/2: all 1/4
    ids = scene((5001, 100), (5002, 100), (7001, 100))
    result = evaluate(
        (ids, [mask(0, 100, score=0.9), mask(200, 300, score=0.8), mask(100, 200, score=0.7)])
    )
    assert result.ap50["chair"] == pytest.approx((2 / 3 + 1 / 2 + 1 + 1) / 4)


def test_equal_scores_are_one_point_of_the_curve():
    ids = scene((5001, 100), (7001, 100))
    # one cut: p 1/2, r 1, weight 1/2; closing point weight 1/2
    tied = evaluate((ids, [mask(0, 100, score=0.5), mask(100, 200, score=0.5)]))
    assert tied.ap50["chair"] == pytest.approx(0.75)
    # wrong one first: from .5 up p 1/2, r 1, weight 1/2; from .9 p 0, r 0; closing weight 0
    wrong_first = evaluate((ids, [mask(0, 100, score=0.5), mask(100, 200, score=0.9)]))
    assert wrong_first.ap50["chair"] == pytest.approx(0.25)


def test_scores_rank_across_scenes():
    # the other scene's wrong mask outranks the right one: as in the case above
    right = (scene((5001, 100)), [mask(0, 100, score=0.5)])
    wrong = (scene((7001, 100)), [mask(0, 100, score=0.9)])
    assert evaluate(right, wrong).ap50["chair"] == pytest.approx(0.25)


def test_an_overlap_equal_to_the_threshold_is_no_match():
    result = evaluate((scene((5001, 100), (7001, 100)), [mask(0, 200)]))
    # IoU is 100 / 200; above .25, not above .5
    assert (result.ap25["chair"], result.ap50["chair"]) == (1.0, 0.0)


def test_the_best_of_duplicate_matches_is_right_and_the_others_wrong():
    # IoU 1 at score .6 and .8 at score .9. To IoU .75, six thresholds, both match: the one of .9
    # is right, the other wrong: (p 1/2, r 1), (p 1, r 1): weights 0, 1/2, and 1/2: area 1.
    # At .80, .85, .90 only the one of .6 matches, the other is wrong and first: area .25.
    result = evaluate((scene((5001, 200)), [mask(0, 200, score=0.6), mask(0, 160, score=0.9)]))
    assert result.ap50["chair"] == pytest.approx(1.0)
    assert result.ap["chair"] == pytest.approx((6 * 1 + 3 * 0.25) / 9)


def test_duplicates_below_the_best_lower_the_precision_of_later_objects():
    # A: right .9, duplicate .8; B: right .7: right, wrong, right as in the case by hand
    ids = scene((5001, 100), (5002, 100))
    result = evaluate(
        (ids, [mask(0, 100, score=0.8), mask(0, 100, score=0.9), mask(100, 200, score=0.7)])
    )
    assert result.ap50["chair"] == pytest.approx((2 / 3 + 1 / 2 + 1 + 1) / 4)


@pytest.mark.parametrize("void", [0, 7, 1001, 40001], ids=["none", "group", "wall", "otherprop"])
def test_a_mask_mostly_on_void_is_dropped_while_its_share_is_above_the_threshold(void):
    # second mask: 120 of 200 points on void (.6), 80 on a table, and ranked first.
    # .6 is above .50 and .55: dropped, AP 1. At .60 and the six above it is wrong: area .25
    ids = scene((5001, 200), (void, 120), (7001, 80))
    result = evaluate((ids, [mask(0, 200, score=0.5), mask(200, 400, score=0.9)]))
    assert result.ap25["chair"] == result.ap50["chair"] == 1.0
    assert result.ap["chair"] == pytest.approx((2 * 1 + 7 * 0.25) / 9)


def test_a_mask_half_on_void_is_wrong_at_one_half():
    ids = scene((5001, 200), (0, 100), (7001, 100))
    result = evaluate((ids, [mask(0, 200, score=0.5), mask(200, 400, score=0.9)]))
    assert result.ap25["chair"] == 1.0  # .5 is above .25: dropped
    assert result.ap50["chair"] == pytest.approx(0.25)  # .5 is not above .5


def test_points_of_another_valid_class_are_not_void():
    ids = scene((5001, 200), (7001, 200))
    result = evaluate((ids, [mask(0, 200, score=0.5), mask(200, 400, score=0.9)]))
    assert result.ap25["chair"] == pytest.approx(0.25)


def test_objects_under_the_least_size_are_neither_to_find_nor_wrong_to_find():
    ids = scene((5001, 100), (5002, 99), (7001, 101))
    found_small = mask(100, 200, score=1.0)  # 99 of its 100 points on the small chair
    result = evaluate((ids, [mask(0, 100, score=0.5), found_small]))
    assert result.ap["chair"] == 1.0
    assert evaluate((ids, [mask(0, 100)])).ap["chair"] == 1.0
    # and with a least size of 99 it counts: half of the chairs found
    lower = evaluate((ids, [mask(0, 100)]), min_region=99)
    assert lower.ap50["chair"] == pytest.approx(0.5)


def test_a_mask_on_a_small_object_of_another_class_is_wrong():
    ids = scene((5001, 100), (7001, 99), (5002, 1))
    result = evaluate((ids, [mask(0, 100, score=0.5), mask(100, 200, score=0.9)]))
    assert result.ap50["chair"] == pytest.approx(0.25)


def test_predictions_under_the_least_size_or_empty_do_not_count():
    ids = scene((5001, 100), (7001, 200))
    small, empty = mask(100, 199, score=1.0), Prediction(np.zeros(0, np.int64), 5, 1.0)
    assert evaluate((ids, [mask(0, 100, score=0.1), small, empty])).ap["chair"] == 1.0
    assert evaluate((ids, [empty]), min_region=0).ap["chair"] == 0.0


def test_a_class_without_objects_is_undefined_and_not_in_the_mean():
    result = evaluate((scene((5001, 100)), [mask(0, 100), mask(0, 100, label=7)]))
    assert math.isnan(result.ap["table"])
    assert result.mean_ap == 1.0
    assert result.to_json()["classes"]["table"] == {"ap": None, "ap50": None, "ap25": None}


def test_a_class_without_predictions_has_zero_and_counts_in_the_mean():
    result = evaluate((scene((5001, 100), (7001, 100)), [mask(0, 100)]))
    assert result.ap["table"] == 0.0
    assert result.mean_ap50 == 0.5


def test_a_class_whose_predictions_are_all_dropped_has_zero():
    # the official script stops with an IndexError here; nothing found is 0
    result = evaluate((scene((5001, 100), (0, 200)), [mask(100, 300)]))
    assert result.ap["chair"] == 0.0


def test_nothing_at_all_is_undefined():
    result = AveragePrecision(CLASSES).result()
    assert result.to_json()["mean"] == {"ap": None, "ap50": None, "ap25": None}


def test_below_one_half_a_mask_belongs_to_the_first_object_it_matches():
    ids = scene((5001, 100), (5002, 100))
    # IoU .5 with each, so both match at .25; chair 1 takes it: p 1, r 1/2: (1/2 + 1/2) / 2
    both = mask(0, 200, score=0.9)
    assert evaluate((ids, [both])).ap25["chair"] == pytest.approx(0.5)
    # a mask of chair 2 alone completes it, wherever it stands in the list
    second = mask(100, 200, score=0.3)
    assert evaluate((ids, [second, both])).ap25["chair"] == pytest.approx(1.0)


def test_below_one_half_the_second_of_two_masks_is_a_duplicate_here_and_right_there():
    # chair 1 takes the first (.9), the second (.6) is its duplicate and then chair 2's match:
    # from .6: p 2/3, r 1; from .9: p 1, r 1/2; weights 1/4, 1/2, 1/4
    ids = scene((5001, 100), (5002, 100))
    result = evaluate((ids, [mask(0, 200, score=0.9), mask(0, 200, score=0.6)]))
    assert result.ap25["chair"] == pytest.approx(2 / 3 / 4 + 1 / 2 + 1 / 4)


def test_an_instance_number_of_zero_is_an_object():
    assert evaluate((scene((5000, 100)), [mask(0, 100)])).ap["chair"] == 1.0


def test_predictions_of_no_valid_class_are_left_out():
    result = evaluate((scene((5001, 100)), [mask(0, 100, score=0.2), mask(0, 100, label=1)]))
    assert result.ap["chair"] == 1.0


def test_class_agnostic_takes_any_label_for_any_object():
    ids = scene((5001, 100), (7001, 100), (0, 100))
    predictions = [mask(0, 100, label=7), mask(100, 200, label=99, score=0.5)]
    assert evaluate((ids, predictions)).mean_ap == 0.0
    result = evaluate((ids, predictions), class_agnostic=True)
    assert result.to_json()["classes"] == {"object": {"ap": 1.0, "ap50": 1.0, "ap25": 1.0}}


def test_labels_and_instances_are_read_as_the_ids_are():
    labels = np.repeat([5, 5, 7, 1, 5], 100)
    instance = np.repeat([4, 2000, 4, 3, -1], 100)  # one number over two classes: two objects
    truth = GroundTruth.from_labels(labels, instance, CLASSES)
    assert truth.label.tolist() == [5, 5, 7]
    assert truth.region.tolist() == np.repeat([0, 1, 2, 3, 3], 100).tolist()
    perfect = [mask(0, 100), mask(100, 200), mask(200, 300, label=7)]
    assert evaluate_scenes([(perfect, labels, instance)], CLASSES).mean_ap == 1.0


def test_ids_far_apart_and_close_together_give_the_same_objects():
    ids = scene((5001, 3), (0, 2), (7002, 4))
    far = np.append(ids, 1 << 40)
    close_truth, far_truth = (GroundTruth.from_ids(i, CLASSES) for i in (ids, far))
    assert close_truth.label.tolist() == far_truth.label.tolist() == [5, 7]
    assert close_truth.size.tolist() == far_truth.size.tolist() == [3, 4]
    assert close_truth.region.tolist() == far_truth.region[:-1].tolist()
    assert far_truth.region[-1] == 2  # void


def test_masks_as_booleans_and_as_indices_in_any_order_are_the_same():
    ids = scene((5001, 100), (7001, 100))
    inside = np.arange(200) < 120
    shuffled = np.random.default_rng(0).permutation(np.flatnonzero(inside))
    for given_mask in (inside, shuffled, np.repeat(shuffled, 2), shuffled.astype(np.uint32)):
        result = evaluate((ids, [Prediction(given_mask, 5, 1.0)]))
        # IoU 100 / 120: above .50 .. .80, seven of nine
        assert result.ap["chair"] == pytest.approx(7 / 9)
        assert result.at(0.75)["chair"] == 1.0


@settings(deadline=None, max_examples=50)  # a busy machine is no failure
@given(
    scores=st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.9]), min_size=6, max_size=6),
    starts=st.lists(st.integers(0, 30), min_size=6, max_size=6),
)
def test_only_the_order_of_the_scores_counts(scores, starts):
    ids = scene((5001, 15), (5002, 15), (0, 10))
    collected = []
    for transform in (float, lambda s: 100 * s**3 - 7):
        masks = [mask(a, a + 10, score=transform(s)) for a, s in zip(starts, scores)]
        collected.append(evaluate((ids, masks), min_region=1).values)
    np.testing.assert_array_equal(*collected)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Prediction(np.zeros(9, bool), 5, 1.0), "9 points for a scene of 10"),
        (Prediction(np.array([10]), 5, 1.0), "outside the scene's 0..9"),
        (Prediction(np.array([-1]), 5, 1.0), "outside the scene's 0..9"),
        (Prediction(np.array([0.5]), 5, 1.0), "integers"),
        (Prediction(np.array([0]), 5, math.nan), "not a number"),
    ],
)
def test_what_cannot_be_scored_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        evaluate((scene((5001, 10)), [wrong]), min_region=1)


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ConfigurationError, match="id of 1 or more"):
        AveragePrecision({0: "group"})
    with pytest.raises(ConfigurationError, match=r"0\.33 was not computed"):
        AveragePrecision(CLASSES).result().at(0.33)
    with pytest.raises(InputError, match="do not fit"):
        GroundTruth.from_labels(np.zeros(3), np.zeros(2), CLASSES)
