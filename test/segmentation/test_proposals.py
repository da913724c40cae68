"""Masks as sets of voxels; proposals are clusters, and their connected parts."""

import numpy as np
import torch

from mtml_ros.segmentation.components import neighbor_edges
from mtml_ros.segmentation.proposals import Masks, ProposalSettings, propose


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
    assert Masks.joined([none, none]).count == 0


def test_masks_of_a_partition():
    masks = Masks.of_partition(np.array([1, -1, 0, 1, 2]))
    assert as_sets(masks) == [{2}, {0, 3}, {4}]
    assert Masks.of_partition(np.full(4, -1)).count == 0


def test_joined_masks_follow_one_another_and_may_overlap():
    joined = Masks.joined([Masks.of([np.array([0, 1])]), Masks.of_partition(np.array([1, 0, 0]))])
    assert as_sets(joined) == [{0, 1}, {1, 2}, {0}]


def line(*places: int) -> np.ndarray:
    return np.array([[0, 0, p] for p in places], dtype=np.int32)


def test_clusters_and_their_connected_parts_are_proposed_for_each_bandwidth():
    # voxels 0 1 | 5 6 far apart share an embedding; 7 touches 6 and has another; 9: no candidate
    voxels = line(0, 1, 5, 6, 7, 9)
    candidates = np.array([True, True, True, True, True, False])
    embedding = torch.tensor([[0.0], [0.1], [0.0], [0.1], [5.0]])
    found = propose(embedding, candidates, neighbor_edges(voxels), ProposalSettings((1.0, 20.0)))
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
        neighbor_edges(voxels),
        ProposalSettings((1.0,), split=False),
    )
    assert [p.tolist() for p in found] == [[0, 0]]
