"""From scored masks to one labelling: classes, and each voxel in one instance at most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from mtml_ros.core.options import require
from mtml_ros.segmentation.proposals import Masks

LEAST_SHARE = 0.7
"""Of a mask that better ones must leave, without the joint choice."""


@dataclass(frozen=True)
class LabellingSettings:
    """Which objects are given out.

    score_threshold: instances are dropped whose score, with what is added to it when masks are
        chosen (preference.py), times the share of them that better ones leave, is below it; so an
        object's own score may be lower by up to PREFERENCE + COMPONENT.
    min_voxels: smaller instances are dropped, and smaller proposals.
    assign_radius: a leftover voxel goes to the nearest instance within this in the embedding; 0:
        it goes to none (as in the paper).
    """

    score_threshold: float = 0.35
    min_voxels: int = 10
    assign_radius: float = 1.5

    def __post_init__(self) -> None:
        checks = {"min_voxels": self.min_voxels >= 1, "assign_radius": self.assign_radius >= 0}
        require("labelling", checks, self)


def label_masks(masks: Masks, votes: np.ndarray) -> np.ndarray:
    """(P,) uint8: each mask's most probable class (section 3.3); 0 (unknown) where none has a vote.

    votes: (V, C + 1) each voxel's votes by class index; those for 0 do not count. Ties go to the
    lower index.
    """
    if not masks.count:
        return np.zeros(0, dtype=np.uint8)
    total = masks.sum(votes)
    best = total[:, 1:].argmax(axis=1) + 1
    return np.where(total[np.arange(masks.count), best] > 0, best, 0).astype(np.uint8)


def non_overlapping_labelling(
    masks: Masks,
    scores: np.ndarray,
    num_voxels: int,
    min_voxels: int,
    least_score: float = 0.0,
    least_share: float = LEAST_SHARE,
) -> np.ndarray:
    """(num_voxels,) int64: each voxel in at most one mask (its position), -1 for none.

    masks: by falling scores (P,). A mask takes what better ones have left, if that is at least
    min_voxels and `least_share` of it, and its score times that share at least `least_score`.
    """
    owner = np.full(num_voxels, -1, dtype=np.int64)
    for i, (voxels, score) in enumerate(zip(masks.split(), scores)):
        free = voxels[owner[voxels] < 0]
        share = len(free) / len(voxels)
        if len(free) >= min_voxels and share >= least_share and share * score >= least_score:
            owner[free] = i
    return owner


def assign_leftovers(
    owner: np.ndarray, candidates: np.ndarray, embedding: np.ndarray, radius: float
) -> np.ndarray:
    """owner with each leftover candidate given to the instance nearest in the embedding.

    owner: (V,) int64, -1 for leftover voxels. candidates: (V,) bool. embedding: (V, E).
    A voxel farther than `radius` from every instance's mean embedding stays what it is.
    """
    taken = owner >= 0
    free = np.flatnonzero(candidates & ~taken)
    if not radius or not len(free) or not taken.any():
        return owner
    ids, index = np.unique(owner[taken], return_inverse=True)
    counts = np.bincount(index)
    means = np.stack(
        [np.bincount(index, weights=column) / counts for column in embedding[taken].T], axis=1
    )
    distance, best = cKDTree(means).query(embedding[free])
    near = distance <= radius
    result = owner.copy()
    result[free[near]] = ids[best[near]]
    return result
