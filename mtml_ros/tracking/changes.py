"""Changes: what an update shows otherwise than the one before, for who need not see all again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtml_ros.core.instances import Segmentation
from mtml_ros.core.sorted_keys import find
from mtml_ros.core.voxels import unpack_keys
from mtml_ros.tracking.tracker import TrackedInstance


@dataclass(frozen=True)
class Shown:
    """What the voxels of a grid are shown as.

    label: (V,) uint8, class index. id: (V,) int64, of its object, 0 for none. score: (V,) float32,
    its object's, 0 for none.
    """

    label: np.ndarray
    id: np.ndarray
    score: np.ndarray

    @staticmethod
    def of(segmentation: Segmentation, tracked: Sequence[TrackedInstance]) -> Shown:
        """As these objects show them."""
        label = segmentation.labels
        ids, score = np.zeros(len(label), np.int64), np.zeros(len(label), np.float32)
        for found in tracked:
            ids[found.instance.voxels] = found.id
            score[found.instance.voxels] = found.instance.score
        return Shown(label, ids, score)

    def differs(self, old: Shown, at: np.ndarray) -> np.ndarray:
        """(V,) bool: whether a voxel is shown otherwise than `old` shows its row `at`."""
        result: np.ndarray = (
            (self.label != old.label[at]) | (self.id != old.id[at]) | (self.score != old.score[at])
        )
        return result


@dataclass(frozen=True)
class Changes:
    """What differs from the update before.

    number: of this update, one more than that before. shown: all of it. rows: (n,) int64,
    ascending, of the grid: voxels that are new, or whose label, object or score is another.
    removed: (m, 3) int32, voxels that are in the grid no more.
    """

    number: int
    shown: Shown
    rows: np.ndarray
    removed: np.ndarray


class ChangeLog:
    """Remembers what the last update showed of each voxel; 21 bytes a voxel."""

    def __init__(self) -> None:
        self._number = 0
        self._keys = np.zeros(0, dtype=np.int64)
        self._shown: Shown | None = None

    def update(self, segmentation: Segmentation, tracked: Sequence[TrackedInstance]) -> Changes:
        """The changes since the call before; at the first all is new."""
        keys, shown = segmentation.grid.keys, Shown.of(segmentation, tracked)
        old_keys, old = self._keys, self._shown
        self._number, self._keys, self._shown = self._number + 1, keys, shown
        if old is None or not len(old_keys):
            return Changes(self._number, shown, np.arange(len(keys)), np.zeros((0, 3), np.int32))
        known, at = find(old_keys, keys)
        gone = np.ones(len(old_keys), dtype=bool)
        gone[at[known]] = False
        changed = ~known | shown.differs(old, at)
        return Changes(self._number, shown, np.flatnonzero(changed), unpack_keys(old_keys[gone]))
