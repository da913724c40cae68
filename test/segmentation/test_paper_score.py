"""Each term of the score, worked out by hand."""

import numpy as np
import pytest

from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.paper_score import (
    ScoreSettings,
    direction_coherency,
    feature_coherency,
    score_masks,
    size_regularity,
)
from mtml_ros.segmentation.proposals import Masks


def context_of(embedding: np.ndarray, direction: np.ndarray, centers: np.ndarray) -> VoxelContext:
    """What the paper's score reads; the rest is empty."""
    none = np.zeros(0)
    return VoxelContext(
        embedding,
        direction,
        centers,
        none,
        none,
        none,
        none,
        none,
        none,
        features=None,
        probability=None,
        given=None,
    )


def test_feature_coherency_is_the_share_within_the_radius_of_the_mean():
    # mask 0: 0, 0, 0, 4 have mean 1: distances 1, 1, 1, 3; mask 1: the first voxel alone
    embedding = np.array([[0.0], [0.0], [0.0], [4.0]])
    masks = Masks.of([np.arange(4), np.array([0])])
    assert feature_coherency(masks, embedding, 1.0).tolist() == [0.75, 1.0]
    assert feature_coherency(masks, embedding, 0.5).tolist() == [0.0, 1.0]


def test_direction_coherency_is_the_mean_cosine_towards_the_centre():
    # on x at 0, 1, 2: centre 1; the first points there (1), the middle is the centre (counts 1),
    # the last points up (cosine 0): 2/3
    centers = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
    direction = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    masks = Masks.of([np.arange(3)])
    assert direction_coherency(masks, direction, centers) == pytest.approx([2 / 3])


def test_directions_that_point_away_count_as_nothing():
    # (-1 - 1) / 2 = -1, at least 0
    centers = np.array([[0.0, 0, 0], [1, 0, 0]])
    direction = np.array([[-1.0, 0, 0], [1, 0, 0]])
    assert direction_coherency(Masks.of([np.arange(2)]), direction, centers).tolist() == [0.0]


def test_two_objects_taken_for_one_agree_less_with_their_directions_than_each_alone():
    centers = np.array([[x, y, 0.0] for x in range(6) for y in range(3)])
    middle = np.where(centers[:, :1] < 3, [[1.0, 1, 0]], [[4.0, 1, 0]])
    towards = middle - centers
    length = np.linalg.norm(towards, axis=1, keepdims=True)
    direction = towards / np.maximum(length, 1e-9)
    masks = Masks.of([np.arange(9), np.arange(9, 18), np.arange(18)])
    one, other, both = direction_coherency(masks, direction, centers)
    assert one == other == pytest.approx(1.0)
    assert both < 0.7


def test_size_regularity_falls_on_both_sides_as_a_fourth_root():
    # 2 of 32 is 1/16, whose fourth root is 1/2; so is that of 1000 in 16000
    sizes = np.array([0, 2, 32, 1000, 16_000])
    assert size_regularity(sizes, 32, 1000) == pytest.approx([0, 0.5, 1, 1, 0.5])


def test_the_score_is_the_product_and_a_term_that_is_off_counts_as_one():
    embedding = np.array([[0.0], [0.0], [0.0], [4.0]])
    centers = np.array([[0.0, 0, 0], [0, 1, 0], [0, 2, 0], [0, 3, 0]])
    direction = np.array([[0.0, 1, 0], [0, 1, 0], [0, -1, 0], [0, 1, 0]])  # 1, 1, 1, -1: 0.5
    masks = Masks.of([np.arange(4)])
    settings = {"radius": 1.0, "small": 64, "large": 6000}  # 4 of 64: fourth root of 1/16
    for off, expected in (
        ({}, 0.75 * 0.5 * 0.5),
        ({"use_feature": False}, 0.5 * 0.5),
        ({"use_direction": False}, 0.75 * 0.5),
        ({"use_size": False}, 0.75 * 0.5),
    ):
        context = context_of(embedding, direction, centers)
        terms = score_masks(masks, context, ScoreSettings(**settings, **off))
        assert terms.score == pytest.approx([expected])


def test_no_masks_have_no_scores():
    context = context_of(np.zeros((3, 2)), np.zeros((3, 3)), np.zeros((3, 3)))
    none = score_masks(Masks.of([]), context, ScoreSettings())
    assert none.score.shape == (0,)
