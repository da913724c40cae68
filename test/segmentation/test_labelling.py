"""Classes of masks by their voxels' votes, one labelling, and what becomes of leftover voxels."""

import numpy as np

from mtml_ros.segmentation.labelling import assign_leftovers, label_masks, non_overlapping_labelling
from mtml_ros.segmentation.proposals import Masks


def votes_of(labels: list[int], num_classes: int = 3) -> np.ndarray:
    votes = np.zeros((len(labels), num_classes + 1), dtype=np.float32)
    votes[np.arange(len(labels)), labels] = 1
    return votes


def test_a_mask_has_the_class_of_most_of_its_voxels():
    masks = Masks.of([np.array([0, 1, 2]), np.array([2, 3, 4])])
    labels = label_masks(masks, votes_of([2, 2, 1, 3, 3]))
    assert labels.tolist() == [2, 3]
    assert labels.dtype == np.uint8


def test_unknown_does_not_vote_and_ties_go_to_the_lower_class():
    masks = Masks.of([np.array([0, 1, 2]), np.array([2, 3]), np.array([0, 1])])
    assert label_masks(masks, votes_of([0, 0, 3, 2])).tolist() == [3, 2, 0]


def test_votes_may_be_probabilities():
    # class 1: 0.6 + 0.2 + 0.2 = 1.0; class 2: 0.4 + 0.4 + 0.4 = 1.2
    votes = np.array([[0, 0.6, 0.4], [0, 0.2, 0.4], [0, 0.2, 0.4]], dtype=np.float32)
    assert label_masks(Masks.of([np.arange(3)]), votes).tolist() == [2]


def test_no_masks_have_no_labels():
    assert label_masks(Masks.of([]), votes_of([1])).shape == (0,)


def test_leftover_voxels_go_to_the_instance_nearest_in_the_embedding():
    embedding = np.array([[0.0], [1.0], [10.0], [0.9], [9.0], [5.0], [0.5]])
    owner = np.array([4, 4, 7, -1, -1, -1, -1])  # means: 0.5 of instance 4, 10 of instance 7
    candidates = np.array([True] * 6 + [False])
    result = assign_leftovers(owner, candidates, embedding, 1.5)
    assert result.tolist() == [4, 4, 7, 4, 7, -1, -1]
    assert owner.tolist() == [4, 4, 7, -1, -1, -1, -1]  # the input is left as it was


def test_the_radius_itself_is_near_enough():
    owner = np.array([0, -1, -1])
    embedding = np.array([[0.0], [1.5], [1.6]])
    assert assign_leftovers(owner, np.ones(3, dtype=bool), embedding, 1.5).tolist() == [0, 0, -1]


def test_with_no_radius_leftover_voxels_stay():
    owner = np.array([0, -1])
    result = assign_leftovers(owner, np.ones(2, dtype=bool), np.zeros((2, 1)), 0.0)
    assert result.tolist() == [0, -1]


def test_without_instances_or_leftover_voxels_nothing_changes():
    none, all_taken = np.array([-1, -1]), np.array([0, 1])
    for owner in (none, all_taken):
        result = assign_leftovers(owner, np.ones(2, dtype=bool), np.zeros((2, 1)), 1.0)
        assert result.tolist() == owner.tolist()


def test_each_voxel_belongs_to_the_best_mask_that_has_it():
    masks = Masks.of([np.array([0, 1, 2, 3]), np.array([3, 4, 5, 6])])
    found = non_overlapping_labelling(masks, np.array([0.9, 0.8]), 8, 1)
    assert found.tolist() == [0, 0, 0, 0, 1, 1, 1, -1]


def test_what_better_masks_have_mostly_taken_is_no_object():
    # the second keeps 1 of 4 voxels, less than the share asked for; the third 2 of 4, just enough
    masks = Masks.of([np.arange(0, 6), np.array([3, 4, 5, 6]), np.array([4, 5, 7, 8])])
    found = non_overlapping_labelling(masks, np.ones(3), 9, 1, least_share=0.5)
    assert found.tolist() == [0] * 6 + [-1, 2, 2]


def test_masks_under_the_least_size_are_left_out():
    masks = Masks.of([np.array([0, 1, 2]), np.array([3, 4])])
    assert non_overlapping_labelling(masks, np.ones(2), 5, 3).tolist() == [0, 0, 0, -1, -1]


def test_a_score_counts_for_the_share_that_is_left():
    # the second keeps 3 of 4 voxels: of its 0.5 there are 0.375 left
    masks = Masks.of([np.array([0, 1]), np.array([1, 2, 3, 4])])
    scores = np.array([0.9, 0.5])
    assert non_overlapping_labelling(masks, scores, 5, 1, 0.375).tolist() == [0, 0, 1, 1, 1]
    assert non_overlapping_labelling(masks, scores, 5, 1, 0.376).tolist() == [0, 0, -1, -1, -1]
