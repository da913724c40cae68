"""Counts of the non-overlapping labelling, on labellings small enough to count by eye."""

import numpy as np
import pytest

from mtml_ros.core.errors import ConfigurationError, InputError
from mtml_ros.evaluation.average_precision import GroundTruth
from mtml_ros.evaluation.non_overlapping import Counts, LabellingAccuracy

CLASSES = {5: "chair", 7: "table"}


def count(instance, labels, ids, **settings):
    accuracy = LabellingAccuracy(CLASSES, **{"min_region": 1, **settings})
    accuracy.add(np.repeat(*instance), labels, GroundTruth.from_ids(np.repeat(*ids), CLASSES))
    return accuracy


def test_split_object_is_one_match_and_one_false_positive():
    # chair of 10 found as 8 and 2; table of 10 found whole but as a chair
    found = count(([0, 1, 2], [8, 2, 10]), [5, 5, 5], ([5001, 7001], [10, 10]))
    assert found.by_class["chair"] == Counts(objects=1, predicted=3, matched=1, iou=0.8)
    assert found.by_class["table"] == Counts(objects=1)
    total = found.total
    assert (total.false_positives, total.misses) == (2, 1)
    assert (total.precision, total.recall) == (1 / 3, 1 / 2)
    assert total.false_positives_per_100_objects == 100.0
    # panoptic quality: .8 / (1 match + 2 / 2 false + 1 / 2 missed)
    assert total.panoptic_quality == pytest.approx(0.8 / 2.5)


def test_class_agnostic_matches_whatever_the_label():
    found = count(
        ([0, 1, 2], [8, 2, 10]), [5, 5, 99], ([5001, 7001], [10, 10]), class_agnostic=True
    )
    assert found.total == Counts(objects=2, predicted=3, matched=2, iou=1.8)


def test_merged_objects_are_one_false_positive_and_two_misses():
    # IoU is 10 / 20 with each, not above .5
    found = count(([0], [20]), [5], ([5001, 5002], [10, 10]))
    assert found.total == Counts(objects=2, predicted=1)


def test_instances_mostly_on_void_and_small_ones_are_not_counted():
    instance, ids = ([0, 1, 2, -1], [6, 4, 3, 7]), ([0, 7001, 5001, 0], [4, 6, 3, 7])
    # 0: 4 of 6 points on void. 1: on the table, a false positive. 2: a chair of 3 points.
    assert count(instance, [5, 5, 5], ids).total == Counts(2, 2, 1, 1.0)
    assert count(instance, [5, 5, 5], ids, min_region=4).total == Counts(1, 1)


def test_a_match_of_an_ignored_small_object_is_neither_right_nor_wrong():
    found = count(([0, -1], [5, 4]), [5], ([5001, 7001], [4, 5]), min_region=5)
    assert found.by_class["chair"] == Counts()


def test_scenes_add_up_and_nothing_is_undefined():
    accuracy = LabellingAccuracy(CLASSES, min_region=1)
    assert accuracy.total.precision is None
    assert accuracy.total.recall is None
    assert accuracy.total.false_positives_per_100_objects is None
    assert accuracy.total.panoptic_quality is None
    truth = GroundTruth.from_ids(np.full(4, 5001), CLASSES)
    for _ in range(3):
        accuracy.add(np.zeros(4, np.int32), np.array([5]), truth)
    accuracy.add(np.full(4, -1), np.zeros(0), truth)
    assert accuracy.total == Counts(4, 3, 3, 3.0)


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match="points"):
        count(([0], [3]), [5], ([5001], [4]))
    with pytest.raises(InputError, match=r"outside -1\.\.0"):
        count(([1], [4]), [5], ([5001], [4]))
    with pytest.raises(ConfigurationError, match="unique"):
        LabellingAccuracy(CLASSES, threshold=0.3)
