"""VoxelStore: what is known of each voxel (votes, last seen, misses left), found by its key."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mtml_ros.core.sorted_keys import find
from mtml_ros.core.voxels import winning_labels

MEMORY = 64
"""Clouds that decide a voxel's label: the votes of its first 64 are summed; from then on each new
one first scales the old votes by 1 - 1/64, so that a label can change however long it was seen: to
another class after 45 clouds of it, to unknown after 89 of that (a quarter of the votes left)."""

MISS_PERIOD = 0.19
"""Seconds in which a voxel can be missed once: clouds of a fast sensor err together, and ten of
them from one place are no more evidence than one. At 5 Hz each counts."""

HIT = 4
"""Misses that a hit makes up for: what is hit in one cloud of five stays, however thin it is."""


def period_of(stamp: float) -> int:
    """Number of the MISS_PERIOD that a stamp (seconds) is in; never 0, which is none."""
    return math.floor(stamp / MISS_PERIOD) + 1


@dataclass
class Slots:
    """What is known of S voxels, in no order.

    votes: (S, C + 1) float32 by class index. clouds: (S,) uint8, those that voted, up to MEMORY.
    label: (S,) uint8. seen: (S,) int64, number of the last cloud that hit it.
    misses_left: (S,) uint8, how many misses more it stands before it is removed.
    missed: (S,) int64, the period (see `period_of`) of the last miss that counted.
    """

    votes: np.ndarray
    clouds: np.ndarray
    label: np.ndarray
    seen: np.ndarray
    misses_left: np.ndarray
    missed: np.ndarray

    @staticmethod
    def empty(size: int, num_classes: int) -> Slots:
        """Slots of voxels of which nothing is known."""
        return Slots(
            np.zeros((size, num_classes + 1), dtype=np.float32),
            np.zeros(size, dtype=np.uint8),
            np.zeros(size, dtype=np.uint8),
            np.zeros(size, dtype=np.int64),
            np.zeros(size, dtype=np.uint8),
            np.zeros(size, dtype=np.int64),
        )

    def grow(self, size: int) -> None:
        """Make room for `size` voxels; nothing is known of the new ones."""
        larger = Slots.empty(size, self.votes.shape[1] - 1)
        for name, values in vars(self).items():
            getattr(larger, name)[: len(values)] = values
        vars(self).update(vars(larger))

    def forget(self, slots: np.ndarray) -> None:
        """Forget what is known of these voxels."""
        for values in vars(self).values():
            values[slots] = 0

    def vote(self, slots: np.ndarray, votes: np.ndarray) -> np.ndarray:
        """Add a cloud's votes (n, C + 1) to voxels; returns (n,) bool, whose label changed."""
        voted = votes.any(axis=1)
        clouds = self.clouds[slots]
        total = self.votes[slots]
        total[voted & (clouds >= MEMORY)] *= np.float32(1 - 1 / MEMORY)
        total += votes
        label = winning_labels(total)
        changed: np.ndarray = label != self.label[slots]
        self.votes[slots] = total
        self.label[slots] = label
        self.clouds[slots] = np.minimum(clouds + voted, MEMORY)
        return changed


class VoxelStore:
    """Keys in ascending order, and a slot of each that stays the voxel's own while it is there.

    keys: (V,) int64 and slot: (V,) int32 are replaced, never written into: who holds them has
    the voxels of that moment. Most clouds bring few new voxels; adding them copies these two
    arrays, and nothing else moves.
    """

    def __init__(self, num_classes: int, max_voxels: int) -> None:
        self.max_voxels = max_voxels
        self.keys = np.zeros(0, dtype=np.int64)
        self.slot = np.zeros(0, dtype=np.int32)
        self.slots = Slots.empty(0, num_classes)
        self._free = np.zeros(0, dtype=np.int32)

    @staticmethod
    def of(keys: np.ndarray, slots: Slots, max_voxels: int) -> VoxelStore:
        """A store of these voxels; keys ascending, slots in their order."""
        store = VoxelStore(slots.votes.shape[1] - 1, max_voxels)
        store.keys, store.slots = keys, slots
        store.slot = np.arange(len(keys), dtype=np.int32)
        return store

    def __len__(self) -> int:
        return len(self.keys)

    def labels(self) -> np.ndarray:
        """(V,) uint8, in the order of the keys."""
        return self.slots.label[self.slot]

    def labels_of(self, rows: np.ndarray) -> np.ndarray:
        """(n,) uint8 of these rows."""
        return self.slots.label[self.slot[rows]]

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n,) bool, which keys are there, and the rows of those that are."""
        known, row = find(self.keys, keys)
        return known, row[known]

    def count_misses(
        self, missed: np.ndarray, hit: np.ndarray, clear_after: int, period: int
    ) -> np.ndarray:
        """Rows to remove, of those `missed` and not `hit` by a cloud (all rows ascending).

        A new voxel stands `clear_after` misses; a hit makes up for HIT, up to twice `clear_after`.
        So what is gone is removed after `clear_after` to twice as many misses, of which each
        `period` (see `period_of`) counts one.
        """
        left, before = self.slots.misses_left, self.slots.missed
        slot = self.slot[hit]
        left[slot] = np.minimum(left[slot].astype(np.int16) + HIT, 2 * clear_after)
        missed = np.setdiff1d(missed, hit, assume_unique=True)
        missed = missed[before[self.slot[missed]] != period]
        slot = self.slot[missed]
        before[slot] = period
        left[slot] -= np.minimum(left[slot], 1)
        ended: np.ndarray = missed[left[slot] == 0]
        return ended

    def longest_unseen(self, leaving: np.ndarray, num_new: int) -> np.ndarray:
        """Rows (ascending) to evict so that, without those `leaving`, `num_new` have room.

        Those last seen by the earliest cloud; of one cloud, those with the lowest keys.
        """
        excess = len(self.keys) - len(leaving) + num_new - self.max_voxels
        if excess <= 0:
            return np.zeros(0, dtype=np.int64)
        seen = self.slots.seen[self.slot]
        seen[leaving] = np.iinfo(np.int64).max
        last = np.partition(seen, excess - 1)[excess - 1]
        older = np.flatnonzero(seen < last)
        equal = np.flatnonzero(seen == last)[: excess - len(older)]
        return np.union1d(older, equal)

    def exchange(self, rows: np.ndarray, new_keys: np.ndarray) -> np.ndarray:
        """Remove rows and add keys (ascending, none of them there); returns the new keys' slots.

        All or nothing, should memory run out.
        """
        released, count = self.slot[rows], len(new_keys)
        free = np.concatenate([self._free, released])
        if count > len(free):
            free = np.concatenate([self._grow(count - len(free)), free])
        free, taken = free[: len(free) - count], free[len(free) - count :]
        keys, slot = self.keys, self.slot
        if len(rows):
            keep = np.ones(len(keys), dtype=bool)
            keep[rows] = False
            keys, slot = keys[keep], slot[keep]
        if count:
            place = np.searchsorted(keys, new_keys) + np.arange(count)
            old = np.ones(len(keys) + count, dtype=bool)
            old[place] = False
            keys, slot = _merged(old, place, keys, new_keys), _merged(old, place, slot, taken)
        self.slots.forget(released)
        self.keys, self.slot, self._free = keys, slot, free
        return taken

    def _grow(self, count: int) -> np.ndarray:
        """`count` slots or more, twice as many as there are if the map may grow to that."""
        size = len(self.slots.label)
        grown = max(size + count, min(2 * size, self.max_voxels))
        self.slots.grow(grown)
        return np.arange(size, grown, dtype=np.int32)


def _merged(old: np.ndarray, place: np.ndarray, values: np.ndarray, new: np.ndarray) -> np.ndarray:
    """`values` where `old`, and `new` at `place`."""
    result = np.empty(len(old), dtype=values.dtype)
    result[old], result[place] = values, new
    return result
