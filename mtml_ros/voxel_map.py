"""VoxelMap: fuses labelled clouds over time into voxels with one label each, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtml_ros.errors import ConfigurationError, InputError, MapFileError
from mtml_ros.free_space import MAX_RAYS, seen_through
from mtml_ros.map_file import MAX_EXTRA_BYTES, MAX_HEADER_BYTES, read_map, write_map
from mtml_ros.taxonomy import MAX_CLASSES, Taxonomy
from mtml_ros.voxels import (
    COORDINATE_BITS,
    LabeledPoints,
    VoxelGrid,
    occupied_voxels,
    unpack_keys,
    winning_labels,
)

_AXIS = (1 << COORDINATE_BITS) - 1

MEMORY = 64
"""Clouds that decide a voxel's label: the votes of its first 64 are summed; from then on each new
one first scales the old votes by 1 - 1/64, so that a label can change however long it was seen."""

CLEAR_AFTER = 8
"""Clouds in a row that must see through a voxel, none hitting it, before it is removed."""


@dataclass(frozen=True)
class IntegrationReport:
    """What one cloud did to the map, in voxels.

    observed: voxels that the cloud hit. new: of those, not in the map before. relabelled: of the
    others, with another label now. evicted: removed for room, the longest unseen first.
    cleared: removed because the sensor looked through them.
    """

    observed: int
    new: int
    relabelled: int
    evicted: int
    cleared: int


@dataclass(frozen=True)
class _Cloud:
    """A cloud by voxel: keys (U,) ascending, votes (U, C) by class index - 1, one point of each
    (U,), and how many voxels were left out because the cloud alone exceeds the map."""

    keys: np.ndarray
    votes: np.ndarray
    point: np.ndarray
    left_out: int


@dataclass
class _Slots:
    """What is known of each voxel; a voxel keeps its row while it is in the map.

    votes: (S, C) float32 by class index - 1. clouds: (S,) uint8, those that voted, up to MEMORY.
    label: (S,) uint8. seen: (S,) int64, number of the last cloud that hit it.
    misses: (S,) uint8, clouds in a row that saw through it.
    """

    votes: np.ndarray
    clouds: np.ndarray
    label: np.ndarray
    seen: np.ndarray
    misses: np.ndarray

    @staticmethod
    def empty(size: int, num_classes: int) -> _Slots:
        return _Slots(
            np.zeros((size, num_classes), dtype=np.float32),
            np.zeros(size, dtype=np.uint8),
            np.zeros(size, dtype=np.uint8),
            np.zeros(size, dtype=np.int64),
            np.zeros(size, dtype=np.uint8),
        )

    def grow(self, size: int) -> None:
        """Make room for `size` voxels; the new ones are all zero."""
        larger = _Slots.empty(size, self.votes.shape[1])
        for name, values in vars(self).items():
            getattr(larger, name)[: len(values)] = values
        vars(self).update(vars(larger))

    def clear(self, slots: np.ndarray) -> None:
        """Set these voxels to zero."""
        for values in vars(self).values():
            values[slots] = 0

    def vote(self, slots: np.ndarray, votes: np.ndarray) -> np.ndarray:
        """Add a cloud's votes (n, C) to voxels; returns (n,) bool, those with another label now."""
        voted = votes.any(axis=1)  # a cloud that knows no class of a voxel says nothing of it
        clouds = self.clouds[slots]
        total = self.votes[slots]
        total[voted & (clouds >= MEMORY)] *= np.float32(1 - 1 / MEMORY)
        total += votes
        label = winning_labels(_with_unknown(total))
        changed: np.ndarray = label != self.label[slots]
        self.votes[slots] = total
        self.label[slots] = label
        self.clouds[slots] = np.minimum(clouds + voted, MEMORY)
        return changed


_SAVED = ("votes", "clouds", "seen", "misses")  # labels follow from the votes


def _with_unknown(votes: np.ndarray) -> np.ndarray:
    """Votes (n, C) by class index - 1 as (n, C + 1) by class index."""
    return np.pad(votes, ((0, 0), (1, 0)))


class VoxelMap:
    """Labelled voxels that clouds are fused into; safe to use from several threads.

    voxel_size: metres. num_classes: of the taxonomy, "unknown" not counted.
    max_voxels: the most that the map holds; one more evicts the voxel longest unseen, counted in
        clouds (of those unseen equally long, the one with the lowest key). About 110 bytes a
        voxel at 20 classes.
    clear_after: clouds in a row that must see through a voxel before it is removed; only clouds
        whose sensor's origin is known count.

    Each point votes for its class, weighted by its confidence; the class with most votes is the
    voxel's label, unknown only where none has any. The keys lie sorted in one array, what is
    known of each voxel in slots that never move, so that a cloud costs its own voxels and, when
    some are new, one copy of the keys.
    """

    def __init__(
        self,
        voxel_size: float,
        num_classes: int,
        max_voxels: int,
        clear_after: int = CLEAR_AFTER,
    ) -> None:
        if not (np.isfinite(voxel_size) and voxel_size > 0):
            raise ConfigurationError(f"voxel_size must be above 0 m, not {voxel_size}")
        if not 1 <= num_classes <= MAX_CLASSES:
            raise ConfigurationError(f"a map has 1 to {MAX_CLASSES} classes, not {num_classes}")
        if not 1 <= max_voxels < 1 << 31:
            raise ConfigurationError(f"max_voxels must be 1 to 2^31 - 1, not {max_voxels}")
        if not 1 <= clear_after <= 255:
            raise ConfigurationError(f"clear_after must be 1 to 255 clouds, not {clear_after}")
        self.voxel_size = float(voxel_size)
        self.num_classes = num_classes
        self.max_voxels = max_voxels
        self.clear_after = clear_after
        self._changing = threading.Lock()  # held by the one thread that changes the map
        self._lock = threading.Lock()  # held only while the map is between two states
        self._revision = 0
        self._clouds = 0
        self._stamp: float | None = None
        self._start()

    def _start(self) -> None:
        self._keys = np.zeros(0, dtype=np.int64)  # ascending; replaced, never written into
        self._slot = np.zeros(0, dtype=np.int32)  # slot of each key
        self._free = np.zeros(0, dtype=np.int32)
        self._slots = _Slots.empty(0, self.num_classes)
        self._grid: VoxelGrid | None = None
        self._coordinates = (self._keys, unpack_keys(self._keys))  # of these very keys

    def __len__(self) -> int:
        """Number of voxels."""
        return len(self._keys)

    @property
    def revision(self) -> int:
        """A number that grows whenever the voxels or their labels change."""
        return self._revision

    @property
    def stamp(self) -> float | None:
        """Stamp (seconds) of the last cloud; None before the first."""
        return self._stamp

    def integrate(
        self, points: LabeledPoints, stamp: float, sensor_origin: np.ndarray | None = None
    ) -> IntegrationReport:
        """Add a cloud to the map.

        stamp: seconds. sensor_origin: (3,) metres in the map frame; if given, voxels that the
        sensor looked through in `clear_after` clouds in a row, and hit in none, are removed.
        Raises InputError, the map untouched, when a point lies too far out, a label is none of
        the map's, or a confidence is below 0 or not finite.
        """
        cloud = self._tally(points)
        with self._changing:
            missed = self._seen_through(points, cloud, sensor_origin)
            with self._lock:
                self._clouds += 1
                self._stamp = float(stamp)
                row = np.searchsorted(self._keys, cloud.keys)
                known = row < len(self._keys)
                known[known] = self._keys[row[known]] == cloud.keys[known]
                hit, new_keys = row[known], cloud.keys[~known]
                self._slots.seen[self._slot[hit]] = self._clouds
                cleared = self._miss(hit, missed)
                evicted = self._longest_unseen(cleared, len(new_keys))
                slots = np.empty(len(cloud.keys), dtype=np.int32)
                slots[known] = self._slot[hit]
                slots[~known] = self._exchange(np.concatenate([cleared, evicted]), new_keys)
                self._slots.seen[slots] = self._clouds
                relabelled = int(np.count_nonzero(self._slots.vote(slots, cloud.votes)[known]))
                if len(new_keys) or len(cleared) or len(evicted) or relabelled:
                    self._changed()
        return IntegrationReport(
            len(cloud.keys), len(new_keys), relabelled, len(evicted) + cloud.left_out, len(cleared)
        )

    def replace(self, points: LabeledPoints, stamp: float) -> IntegrationReport:
        """Make this cloud the whole map. Raises InputError as `integrate` does."""
        cloud = self._tally(points)
        size = len(cloud.keys)
        slots = _Slots.empty(size, self.num_classes)
        slot = np.arange(size, dtype=np.int32)
        slots.vote(slot, cloud.votes)
        with self._changing:
            old_keys, old_labels = self._keys, self._slots.label[self._slot]
            at = np.minimum(np.searchsorted(old_keys, cloud.keys), max(len(old_keys) - 1, 0))
            known = old_keys[at] == cloud.keys if len(old_keys) else np.zeros(size, dtype=bool)
            relabelled = int(np.count_nonzero(old_labels[at[known]] != slots.label[known]))
            gone = len(old_keys) - int(np.count_nonzero(known))
            with self._lock:
                self._clouds += 1
                self._stamp = float(stamp)
                slots.seen[:] = self._clouds
                self._keys, self._slot, self._slots = cloud.keys, slot, slots
                self._free = np.zeros(0, dtype=np.int32)
                new = size - int(np.count_nonzero(known))
                if new or gone or relabelled:
                    self._changed()
        return IntegrationReport(size, new, relabelled, cloud.left_out, gone)

    def reset(self) -> None:
        """Forget everything."""
        with self._changing, self._lock:
            if len(self._keys):
                self._changed()
            self._start()

    def snapshot(self) -> VoxelGrid:
        """The map as it is now. While nothing changes, the same object; do not write into it."""
        with self._lock:
            if self._grid is not None:
                return self._grid
            keys, revision = self._keys, self._revision
            labels = self._slots.label[self._slot]
            keys_known, coordinates = self._coordinates
        if keys_known is not keys:
            coordinates = unpack_keys(keys)
        grid = VoxelGrid(coordinates, labels, self.voxel_size)
        with self._lock:
            if revision == self._revision:
                self._grid, self._coordinates = grid, (keys, coordinates)
        return grid

    def save(
        self, path: str | Path, taxonomy: Taxonomy, extra: Mapping[str, np.ndarray] | None = None
    ) -> None:
        """Write the map, and `extra` arrays beside it, to one file: whole or not at all.

        Raises MapFileError when the file cannot be written.
        """
        self._check_taxonomy(taxonomy)
        with self._changing:
            arrays = {f"map.{name}": getattr(self._slots, name)[self._slot] for name in _SAVED}
            arrays["map.keys"] = self._keys
            stamp = np.nan if self._stamp is None else self._stamp
        arrays["map.stamp"] = np.array([stamp], dtype=np.float64)
        arrays.update({f"extra.{name}": values for name, values in (extra or {}).items()})
        write_map(path, arrays, self.voxel_size, taxonomy)

    def load(self, path: str | Path, taxonomy: Taxonomy) -> dict[str, np.ndarray]:
        """Become the map that was saved; returns the `extra` arrays saved with it.

        Raises MapFileError, this map untouched, when the file is damaged, not a map, of another
        voxel size or other classes, or holds more than `max_voxels`.
        """
        self._check_taxonomy(taxonomy)
        row = 8 + 4 * self.num_classes + 1 + 8 + 1
        limit = self.max_voxels * row + MAX_EXTRA_BYTES + MAX_HEADER_BYTES
        arrays = read_map(path, self.voxel_size, taxonomy, limit)
        try:
            keys, slots, stamp = self._parse(arrays)
        except MapFileError as error:
            raise MapFileError(f"map {path}: {error}") from None
        with self._changing, self._lock:
            self._start()
            self._keys, self._slots = keys, slots
            self._slot = np.arange(len(keys), dtype=np.int32)
            self._clouds = int(slots.seen.max(initial=0))
            self._stamp = stamp
            self._changed()
        return {n[6:]: a for n, a in arrays.items() if n.startswith("extra.")}

    def _changed(self) -> None:
        self._revision += 1
        self._grid = None

    def _tally(self, points: LabeledPoints) -> _Cloud:
        """The cloud's voxels and votes; of more than `max_voxels`, those with the highest keys."""
        labels, weights = points.labels, points.confidence
        if labels.max(initial=0) > self.num_classes:
            raise InputError(
                f"class index {labels.max()} in a cloud for a map of {self.num_classes} classes"
            )
        if weights is not None and not np.all((weights >= 0) & np.isfinite(weights)):
            raise InputError("a point's confidence is below 0 or not finite")
        keys, voxel = occupied_voxels(points.xyz, self.voxel_size)
        known = labels > 0
        flat = voxel[known] * self.num_classes + (labels[known] - 1)
        votes = np.bincount(
            flat,
            weights=None if weights is None else weights[known],
            minlength=len(keys) * self.num_classes,
        ).reshape(len(keys), self.num_classes)
        left_out = max(0, len(keys) - self.max_voxels)
        point = np.empty(len(keys), dtype=np.int64)
        point[voxel] = np.arange(len(voxel))
        return _Cloud(
            keys[left_out:], votes[left_out:].astype(np.float32), point[left_out:], left_out
        )

    def _seen_through(
        self, points: LabeledPoints, cloud: _Cloud, sensor_origin: np.ndarray | None
    ) -> np.ndarray:
        """Rows of the map that the sensor looked through; other rays in turn if there are many."""
        if sensor_origin is None:
            return np.zeros(0, dtype=np.int64)
        origin = np.asarray(sensor_origin, dtype=np.float64)
        if origin.shape != (3,) or not np.all(np.isfinite(origin)):
            raise InputError(f"the sensor's origin must be three finite numbers, not {origin}")
        every = max(1, -(-len(cloud.keys) // MAX_RAYS))
        ends = points.xyz[cloud.point[self._clouds % every :: every]]
        return seen_through(self._keys, origin, ends, self.voxel_size)

    def _miss(self, hit: np.ndarray, missed: np.ndarray) -> np.ndarray:
        """Rows (ascending) to remove, after counting a miss in each row that none hit."""
        slots = self._slots
        slots.misses[self._slot[hit]] = 0
        missed = np.setdiff1d(missed, hit, assume_unique=True)
        slot = self._slot[missed]
        slots.misses[slot] += 1
        cleared: np.ndarray = missed[slots.misses[slot] >= self.clear_after]
        return cleared

    def _longest_unseen(self, cleared: np.ndarray, num_new: int) -> np.ndarray:
        """Rows (ascending) to evict, so that `num_new` voxels have room."""
        excess = len(self._keys) - len(cleared) + num_new - self.max_voxels
        if excess <= 0:
            return np.zeros(0, dtype=np.int64)
        seen = self._slots.seen[self._slot]
        seen[cleared] = np.iinfo(np.int64).max
        last = np.partition(seen, excess - 1)[excess - 1]
        older = np.flatnonzero(seen < last)
        equal = np.flatnonzero(seen == last)[: excess - len(older)]
        return np.union1d(older, equal)

    def _exchange(self, rows: np.ndarray, new_keys: np.ndarray) -> np.ndarray:
        """Remove rows and add keys (ascending, none of them there); returns the new keys' slots."""
        keys, slot = self._keys, self._slot
        if len(rows):
            released = slot[rows]
            self._slots.clear(released)
            self._free = np.concatenate([self._free, released])
            keep = np.ones(len(keys), dtype=bool)
            keep[rows] = False
            keys, slot = keys[keep], slot[keep]
        taken = self._take(len(new_keys))
        if len(new_keys):
            place = np.searchsorted(keys, new_keys) + np.arange(len(new_keys))
            old = np.ones(len(keys) + len(new_keys), dtype=bool)
            old[place] = False
            merged_keys, merged_slot = np.empty(len(old), np.int64), np.empty(len(old), np.int32)
            merged_keys[old], merged_keys[place] = keys, new_keys
            merged_slot[old], merged_slot[place] = slot, taken
            keys, slot = merged_keys, merged_slot
        self._keys, self._slot = keys, slot
        return taken

    def _take(self, count: int) -> np.ndarray:
        """Slots (count,) for new voxels, all zero."""
        if count > len(self._free):
            size = len(self._slots.label)
            needed = size + count - len(self._free)
            grown = max(needed, min(2 * size, self.max_voxels))
            self._slots.grow(grown)
            self._free = np.concatenate([np.arange(size, grown, dtype=np.int32), self._free])
        split = len(self._free) - count
        self._free, taken = self._free[:split], self._free[split:]
        return taken

    def _check_taxonomy(self, taxonomy: Taxonomy) -> None:
        if len(taxonomy) != self.num_classes:
            raise ConfigurationError(
                f"a taxonomy of {len(taxonomy)} classes for a map of {self.num_classes}"
            )

    def _parse(self, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, _Slots, float | None]:
        """Keys, slots and stamp of a saved map; MapFileError where a value makes no sense."""
        keys = arrays.get("map.keys", np.zeros(0))
        if keys.dtype != np.int64 or keys.ndim != 1 or len(keys) > self.max_voxels:
            raise MapFileError(f"holds no keys, or more than max_voxels ({self.max_voxels})")
        slots = _Slots.empty(0, self.num_classes)
        for name in _SAVED:
            empty, values = getattr(slots, name), arrays.get(f"map.{name}")
            shape = (len(keys), *empty.shape[1:])
            if values is None or values.dtype != empty.dtype or values.shape != shape:
                raise MapFileError(f"{name!r} is missing or of a wrong type or shape")
            setattr(slots, name, values)
        stamp = arrays.get("map.stamp", np.zeros(0))
        axes = [keys >> (2 * COORDINATE_BITS), keys >> COORDINATE_BITS, keys]
        sound = (
            bool(np.all(keys[1:] > keys[:-1]))
            and all(bool(np.all((a & _AXIS) > 0)) for a in axes)
            and bool(np.all(keys >= 0))
            and bool(np.all((slots.votes >= 0) & np.isfinite(slots.votes)))
            and bool(np.all(slots.clouds <= MEMORY))
            and bool(np.all((slots.seen >= 0) & (slots.seen < 1 << 62)))
            and bool(np.all(slots.misses < self.clear_after))
            and stamp.dtype == np.float64
            and stamp.shape == (1,)
        )
        if not sound:
            raise MapFileError("holds values that no map has")
        slots.label = winning_labels(_with_unknown(slots.votes))
        return keys, slots, None if np.isnan(stamp[0]) else float(stamp[0])
