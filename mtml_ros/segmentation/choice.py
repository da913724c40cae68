"""The joint choice: which masks of a scene are objects together, rather than one after another.

Best first takes one mask over three chairs in a row, because it is a little surer than that of each
chair, and has lost three objects. Here the summed worth of all masks that are chosen decides. From
best first on, a mask is exchanged for those that it alone kept out, or several for the one that
they kept out, as long as the sum grows: a local maximum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtml_ros.core.kernels import kernels
from mtml_ros.segmentation.proposals import Masks

CONFLICT = 0.5
"""Two masks that share more than this of the smaller one cannot both be objects."""
SURENESS = 2.0
"""Power of `worth_of` where labels do not decide; 1 sums scores up, as where they do."""
SWEEPS = 6
"""Over all masks at most; two or three are usual."""
LEAST_GAIN = 1e-9


@dataclass(frozen=True)
class ScoredMasks:
    """Masks, and of each (P,) float64 its own score, that with what is preferred, by which masks
    are put in order and dropped, and what it is worth to the joint choice."""

    masks: Masks
    score: np.ndarray
    preferred: np.ndarray
    worth: np.ndarray

    def select(self, which: np.ndarray) -> ScoredMasks:
        """Those at positions `which`, in that order."""
        of_each = (self.score[which], self.preferred[which], self.worth[which])
        return ScoredMasks(self.masks.select(which), *of_each)


def worth_of(surplus: np.ndarray, label_weight: float) -> np.ndarray:
    """(P,) what masks add to the sum whose scores exceed the threshold by (P,) `surplus`.

    Scores that were right would add up; two pieces of an object that was seen in part are both
    scored too high. So a sure mask counts for more than several that are less sure together; as far
    as labels decide (`label_weight`) whole components are preferred instead.
    """
    power = label_weight + (1 - label_weight) * SURENESS
    result: np.ndarray = np.where(surplus > 0, np.abs(surplus) ** power, surplus)
    return result


def choose(masks: Masks, worth: np.ndarray, num_voxels: int) -> np.ndarray:
    """(n,) int64: positions, ascending, of masks no two of which conflict.

    worth: (P,) what each adds to the sum; those of nothing or less are not chosen.
    """
    choice = _Choice(masks, worth, num_voxels)
    for _ in range(SWEEPS):
        choice.add(choice.rank)
        grew = [choice.exchange(mask) for mask in choice.rank.tolist()]
        if not any(grew):
            break
    return np.flatnonzero(choice.chosen)


class _Choice:
    """Masks that are chosen so far, and by how many of these each mask is kept out."""

    def __init__(self, masks: Masks, worth: np.ndarray, num_voxels: int) -> None:
        row, column, both = kernels.overlaps(masks.voxel, masks.starts, num_voxels)
        sizes, good = masks.sizes, worth > 0
        conflict = both > CONFLICT * np.minimum(sizes[row], sizes[column])
        conflict &= (row != column) & good[row] & good[column]
        row, column = row[conflict], column[conflict]
        order = np.argsort(row, kind="stable")
        ends = np.cumsum(np.bincount(row, minlength=masks.count))
        self.rivals = np.split(column[order], ends[:-1])
        rank = np.lexsort((-sizes, -worth))
        self.worth, self.rank = worth, rank[good[rank]]
        self.chosen = np.zeros(masks.count, dtype=bool)
        self.kept_out = np.zeros(masks.count, dtype=np.int64)

    def add(self, candidates: np.ndarray) -> list[int]:
        """Chooses each that nothing keeps out, in order, and says which."""
        added = []
        for mask in candidates.tolist():
            if not self.kept_out[mask] and not self.chosen[mask]:
                self._switch(mask, True)
                added.append(mask)
        return added

    def exchange(self, mask: int) -> bool:
        """Whether the sum grew: by others in place of this mask, or by it in place of others."""
        near = self.rivals[mask]
        if self.chosen[mask]:
            freed = near[self.kept_out[near] == 1]
            self._switch(mask, False)
            instead = self.add(freed[np.argsort(-self.worth[freed], kind="stable")])
            grew = bool(self.worth[instead].sum() > self.worth[mask] + LEAST_GAIN)
            if not grew:
                self._put(mask, instead)
            return grew
        against = near[self.chosen[near]].tolist()
        grew = bool(self.worth[mask] > self.worth[against].sum() + LEAST_GAIN)
        if grew:
            self._put(mask, against)
        return grew

    def _put(self, mask: int, instead_of: list[int]) -> None:
        for other in instead_of:
            self._switch(other, False)
        self._switch(mask, True)

    def _switch(self, mask: int, on: bool) -> None:
        self.chosen[mask] = on
        self.kept_out[self.rivals[mask]] += 1 if on else -1
