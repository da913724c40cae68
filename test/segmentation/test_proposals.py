"""Masks as sets of voxels; proposals are clusters, and their connected parts."""

import numpy as np
import torch

from mtml_ros.segmentation.components import touching
from mtml_ros.segmentation.proposals import Masks, Proposals, ProposalSettings, propose


def as_sets(masks: Masks) -> list[set[int]]:
    return [set(part.tolist()) for part in masks.split()]


def test_masks_of_parts_and_back():
    parts = [np.array([1, 4]), np.array([], dtype=np.int64), np.array([0])]
    masks = Masks.of(parts)
    assert masks.count == 3
    assert masks.sizes.tolist() == [2, 0, 1]
    assert as_sets(masks) == [{1, 4}, set(), {0}]


def test_select_takes_masks_in_the_order_asked_for():
    masks = Masks.of([np.array([1]), np.array([2, 3]), np.array([4])])
    assert as_sets(masks.select(np.array([2, 1]))) == [{4}, {2, 3}]
    assert masks.select(np.array([], dtype=np.int64)).count == 0


def test_no_masks():
    none = Masks.of([])
    assert (none.count, none.split(), none.sizes.tolist()) == (0, [], [])


def test_masks_of_partitions_come_once_those_of_the_first_first():
    first, second = np.array([1, -1, 0, 1, 2]), np.array([0, -1, 1, 1, 2])
    found = Proposals.of([first, second])
    assert as_sets(found.masks) == [{2}, {0, 3}, {4}, {0}, {2, 3}]
    by_first, by_second = found.source.T.tolist()
    assert by_first == [True, True, True, False, False]
    assert by_second == [False, False, True, True, True]
    large = Proposals.of([first, second], min_voxels=2)
    assert as_sets(large.masks) == [{0, 3}, {2, 3}]
    assert Proposals.of([np.full(4, -1)]).masks.count == 0


def test_sums_and_means_over_masks():
    masks = Masks.of([np.array([0, 2]), np.array([2])])
    values = np.array([[1, 2], [9, 9], [3, 8]], dtype=np.float32)
    assert masks.sum(values).tolist() == [[4, 10], [3, 8]]
    assert masks.mean(values).tolist() == [[2, 5], [3, 8]]


def line(*places: int) -> np.ndarray:
    return np.array([[0, 0, p] for p in places], dtype=np.int32)


def test_clusters_and_their_connected_parts_are_proposed_for_each_bandwidth():
    # voxels 0 1 | 5 6 far apart share an embedding; 7 touches 6 and has another; 9: no candidate
    voxels = line(0, 1, 5, 6, 7, 9)
    candidates = np.array([True, True, True, True, True, False])
    embedding = torch.tensor([[0.0], [0.1], [0.0], [0.1], [5.0]])
    found = propose(embedding, candidates, touching(voxels), ProposalSettings((1.0, 20.0)))
    assert [p.tolist() for p in found] == [
        [0, 0, 0, 0, 1, -1],  # bandwidth 1: by embedding
        [0, 0, 0, 0, 0, -1],  # bandwidth 20: all are one
        [0, 0, 1, 1, 2, -1],  # the connected parts of each
        [0, 0, 1, 1, 1, -1],
    ]
    assert all(p.dtype == np.int64 for p in found)


def test_without_splitting_there_are_only_the_clusters():
    voxels = line(0, 5)
    found = propose(
        torch.zeros(2, 1),
        np.array([True, True]),
        touching(voxels),
        ProposalSettings((1.0,), split=False),
    )
    assert [p.tolist() for p in found] == [[0, 0]]
