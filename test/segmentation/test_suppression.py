"""Suppression against a slow reference with sets."""

import numpy as np
import pytest

from mtml_ros.segmentation.proposals import Masks
from mtml_ros.segmentation.suppression import suppress


def random_masks(seed: int, count: int = 40, voxels: int = 60) -> Masks:
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(count):
        low = int(rng.integers(0, voxels - 5))
        parts.append(np.arange(low, min(voxels, low + int(rng.integers(1, 25)))))
    return Masks.of(parts)


def slow_suppress(masks: Masks, scores: np.ndarray, iou: float) -> list[int]:
    sets = [set(p.tolist()) for p in masks.split()]
    left = sorted(range(len(sets)), key=lambda i: (-scores[i], -len(sets[i]), i))
    kept: list[int] = []
    for i in left:
        if all(len(sets[i] & sets[k]) / len(sets[i] | sets[k]) <= iou for k in kept):
            kept.append(i)
    return kept


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("iou", [0.0, 0.3, 0.7, 1.0])
def test_the_same_survive_as_in_a_slow_reference(seed, iou):
    masks = random_masks(seed)
    scores = np.random.default_rng(seed).integers(0, 6, masks.count) / 5  # with ties
    assert suppress(masks, scores, 60, iou)[0].tolist() == slow_suppress(masks, scores, iou)


def test_ties_go_to_the_larger_then_the_first():
    masks = Masks.of([np.array([0, 1]), np.array([0, 1, 2]), np.array([0, 1, 2])])
    assert suppress(masks, np.ones(3), 3, 0.5)[0].tolist() == [1]


def test_a_mask_that_only_suppressed_masks_overlap_survives():
    # b overlaps a by 3/5 and goes; c overlaps b by 3/5 but a by 2/6 only, and stays
    a, b, c = np.arange(0, 4), np.arange(1, 5), np.arange(2, 6)
    kept, overlap = suppress(Masks.of([a, b, c]), np.array([0.9, 0.8, 0.7]), 6, 0.5)
    assert kept.tolist() == [0, 2]
    assert overlap.tolist() == [0, 2 / 6]


def test_the_overlap_is_the_greatest_with_a_better_survivor():
    # d overlaps a by 1/5, b by 2/4 and c, which goes, by 3/4
    parts = [np.arange(0, 3), np.arange(3, 6), np.array([2, 3, 4, 5]), np.array([2, 4, 5])]
    kept, overlap = suppress(Masks.of(parts), np.array([0.9, 0.8, 0.7, 0.6]), 6, 0.6)
    assert kept.tolist() == [0, 1, 3]
    assert overlap.tolist() == [0, 0, 2 / 4]


def test_nothing_to_suppress():
    assert suppress(Masks.of([]), np.zeros(0), 10, 0.3)[0].tolist() == []
