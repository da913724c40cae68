"""VoxelMap: fuses labelled clouds over time into voxels with one label each, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtml_ros.core.errors import ConfigurationError, InputError, MapFileError
from mtml_ros.core.taxonomy import MAX_CLASSES, Taxonomy
from mtml_ros.core.voxels import (
    LabeledPoints,
    VoxelGrid,
    count_votes,
    occupied_voxels,
    pack_keys,
    unpack_keys,
    winning_labels,
)
from mtml_ros.mapping.folder_file import FolderFile
from mtml_ros.mapping.free_space import MAX_RAYS, cast_rays, without_hit_neighbor
from mtml_ros.mapping.leftovers import Leftovers
from mtml_ros.mapping.map_file import MAX_EXTRA_BYTES, MAX_HEADER_BYTES, read_map, write_map
from mtml_ros.mapping.voxel_store import MEMORY, Slots, VoxelStore, period_of

CLEAR_AFTER = 8
"""Clouds that must see through a voxel before it is removed, hitting nothing of its label beside
it; up to twice as many if it was hit often, and a hit in between makes up for several (see
VoxelStore.count_misses). Of clouds that come within voxel_store.MISS_PERIOD one counts. What is
left of an object most of which was removed goes with it (see Leftovers)."""

WINDOW_STEP = 1 / 32
"""Share of map_radius that the sensor goes before the map is cut to the radius again: that much
farther than the radius lies the farthest voxel at most."""

MAX_STAMP = 2.0**31
"""Seconds; ROS's Time holds none beyond, so that no saved map has one."""

_SAVED = ("votes", "clouds", "seen", "misses_left")  # labels follow from the votes


@dataclass(frozen=True)
class IntegrationReport:
    """What one cloud did to the map, in voxels.

    observed: voxels that the cloud hit. new: of those, not in the map before. relabelled: of the
    others, with another label now. evicted: removed for room, the longest unseen first, or left
    behind by the sensor.
    cleared: removed because the sensor looked through them, or the map was replaced.
    """

    observed: int
    new: int
    relabelled: int
    evicted: int
    cleared: int


@dataclass(frozen=True)
class _Cloud:
    """A cloud by voxel.

    keys: (U,) int64 ascending. votes: (U, C + 1) float32 by class index. voxel: (N,) int64, voxel
    of each point, counted before `left_out` of them were, because the cloud exceeds the map.
    """

    keys: np.ndarray
    votes: np.ndarray
    voxel: np.ndarray
    left_out: int


@dataclass(frozen=True)
class SavedMap:
    """A map as a file holds it, checked. stamp: seconds. extra: what was saved beside it."""

    store: VoxelStore
    stamp: float | None
    extra: dict[str, np.ndarray]


class VoxelMap:
    """Labelled voxels that clouds are fused into; safe to use from several threads.

    voxel_size: metres. num_classes: of the taxonomy, "unknown" not counted.
    max_voxels: the most that the map holds; one more evicts the voxel longest unseen, counted in
        clouds (of those unseen equally long, the one with the lowest key). About 110 bytes a
        voxel at 20 classes.
    clear_after: clouds (1 to 127) that must see through a voxel before it is removed, up to twice
        as many if it was hit often; only clouds whose sensor's origin is known count.
    map_radius: metres; voxels farther than this from where the sensor is now are forgotten, so
        that an endless run needs no endless map. Only clouds whose sensor's origin is known count.

    Each point votes for its class, or for none, weighted by its confidence, as `count_votes` says;
    the sum decides as `winning_labels` says. The votes of the last 64 clouds or so count, see
    voxel_store.MEMORY.
    """

    def __init__(
        self,
        voxel_size: float,
        num_classes: int,
        max_voxels: int,
        clear_after: int = CLEAR_AFTER,
        map_radius: float = np.inf,
    ) -> None:
        if not (np.isfinite(voxel_size) and voxel_size > 0):
            raise ConfigurationError(f"voxel_size must be above 0 m, not {voxel_size}")
        if not 1 <= num_classes <= MAX_CLASSES:
            raise ConfigurationError(f"a map has 1 to {MAX_CLASSES} classes, not {num_classes}")
        if not 1 <= max_voxels < 1 << 31:
            raise ConfigurationError(f"max_voxels must be 1 to 2^31 - 1, not {max_voxels}")
        if not 1 <= clear_after <= 127:
            raise ConfigurationError(f"clear_after must be 1 to 127 clouds, not {clear_after}")
        if not map_radius > 0:
            raise ConfigurationError(f"map_radius must be above 0 m, not {map_radius}")
        self.voxel_size = float(voxel_size)
        self.num_classes = num_classes
        self.max_voxels = max_voxels
        self.clear_after = clear_after
        self.map_radius = float(map_radius)
        self._changing = threading.Lock()  # held by the one thread that changes the map
        self._lock = threading.Lock()  # held only while the map is between two states
        self._store = VoxelStore(num_classes, max_voxels)
        self._leftovers = Leftovers()
        self._clouds = 0
        self._window: np.ndarray | None = None  # the sensor when the map was last cut to its radius
        self._stamp: float | None = None
        self._revision = 0
        self._grid: VoxelGrid | None = None  # the snapshot, while it holds

    def __len__(self) -> int:
        """Number of voxels."""
        return len(self._store)

    @property
    def revision(self) -> int:
        """A number that grows whenever the voxels or their labels change."""
        return self._revision

    @property
    def stamp(self) -> float | None:
        """Stamp (seconds) of the last cloud; None before the first."""
        return self._stamp

    def integrate(
        self,
        points: LabeledPoints,
        stamp: float,
        sensor_origin: np.ndarray | None = None,
        clear: bool = True,
    ) -> IntegrationReport:
        """Add a cloud to the map.

        stamp: seconds. sensor_origin: (3,) metres in the map frame; if given, what lies beyond
        `map_radius` from it is forgotten, and if `clear`, voxels that the sensor has looked through
        often enough are removed (see `clear_after`).
        Raises InputError, the map untouched, when a point lies too far out, a label is none of
        the map's, or a confidence is below 0 or not finite.
        """
        cloud = self._tally(points)
        origin = None if sensor_origin is None else np.asarray(sensor_origin, dtype=np.float64)
        if origin is not None and not (origin.shape == (3,) and np.all(np.isfinite(origin))):
            raise InputError(f"the sensor's origin must be three finite numbers, not {origin}")
        with self._changing:
            store, missed = self._store, np.zeros(0, dtype=np.int64)
            if origin is not None and clear:
                ends = self._ray_ends(points.xyz, cloud)
                missed = cast_rays(store.keys, origin, ends, self.voxel_size)
            keys, votes = cloud.keys, cloud.votes
            if origin is not None and np.isfinite(self.map_radius):
                near = self._distance(keys, origin) <= self.map_radius
                keys, votes = keys[near], votes[near]
            left_behind = self._left_behind(origin)
            known, hit = store.find(keys)
            new_keys = keys[~known]
            missed = without_hit_neighbor(store, missed, hit)
            slots = np.empty(len(keys), dtype=np.int32)
            slots[known] = store.slot[hit]
            with self._lock:
                self._clouds += 1
                self._stamp = float(stamp)
                store.slots.seen[slots[known]] = self._clouds
                cleared = store.count_misses(missed, hit, self.clear_after, period_of(stamp))
                cleared = self._leftovers.join(store, cleared, self._clouds, self.clear_after)
                leaving = np.union1d(cleared, left_behind)
                evicted = store.longest_unseen(leaving, len(new_keys))
                leaving = np.union1d(leaving, evicted)
                if len(leaving) or len(new_keys):
                    slots[~known] = store.exchange(leaving, new_keys)
                    store.slots.seen[slots[~known]] = self._clouds
                    store.slots.misses_left[slots[~known]] = self.clear_after
                relabelled = int(np.count_nonzero(store.slots.vote(slots, votes)[known]))
                if len(leaving) or len(new_keys) or relabelled:
                    self._changed()
        dropped = len(leaving) - len(cleared) + cloud.left_out
        return IntegrationReport(len(keys), len(new_keys), relabelled, dropped, len(cleared))

    def replace(self, points: LabeledPoints, stamp: float) -> IntegrationReport:
        """Make this cloud the whole map. Raises InputError as `integrate` does."""
        cloud = self._tally(points)
        slots = Slots.empty(len(cloud.keys), self.num_classes)
        store = VoxelStore.of(cloud.keys, slots, self.max_voxels)
        slots.vote(store.slot, cloud.votes)
        slots.misses_left[:] = self.clear_after
        with self._changing:
            known, row = self._store.find(cloud.keys)
            relabelled = int(np.count_nonzero(self._store.labels()[row] != slots.label[known]))
            new, gone = int(np.count_nonzero(~known)), len(self._store) - len(row)
            with self._lock:
                self._clouds += 1
                self._stamp = float(stamp)
                slots.seen[:] = self._clouds
                self._store, self._window = store, None
                if new or gone or relabelled:
                    self._changed()
        return IntegrationReport(len(cloud.keys), new, relabelled, cloud.left_out, gone)

    def reset(self) -> None:
        """Forget everything."""
        with self._changing, self._lock:
            if len(self._store):
                self._changed()
            self._store = VoxelStore(self.num_classes, self.max_voxels)
            self._leftovers = Leftovers()
            self._window = None

    def snapshot(self) -> VoxelGrid:
        """The map as it is now. While nothing changes, the same object; do not write into it."""
        with self._lock:
            if self._grid is not None:
                return self._grid
            keys, labels, revision = self._store.keys, self._store.labels(), self._revision
        grid = VoxelGrid.of_keys(keys, labels, self.voxel_size)
        with self._lock:
            if revision == self._revision:
                self._grid = grid
        return grid

    def save(
        self,
        path: str | Path | FolderFile,
        taxonomy: Taxonomy,
        extra: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Write the map, and `extra` arrays beside it, to one file: whole or not at all.

        Raises MapFileError when the file cannot be written.
        """
        self._check_taxonomy(taxonomy)
        with self._changing:
            slots, slot = self._store.slots, self._store.slot
            arrays = {f"map.{name}": getattr(slots, name)[slot] for name in _SAVED}
            arrays["map.keys"] = self._store.keys
            stamp = np.nan if self._stamp is None else self._stamp
        arrays["map.stamp"] = np.array([stamp], dtype=np.float64)
        arrays.update({f"extra.{name}": values for name, values in (extra or {}).items()})
        write_map(path, arrays, self.voxel_size, taxonomy)

    def load(self, path: str | Path | FolderFile, taxonomy: Taxonomy) -> dict[str, np.ndarray]:
        """Become the map that was saved; returns the `extra` arrays saved with it.

        Raises MapFileError, this map untouched, when the file is damaged, not a map, of another
        voxel size or other classes, or holds more than `max_voxels`.
        """
        saved = self.read(path, taxonomy)
        self.become(saved)
        return saved.extra

    def read(self, path: str | Path | FolderFile, taxonomy: Taxonomy) -> SavedMap:
        """What `load` would become, this map untouched. Raises as `load` does."""
        self._check_taxonomy(taxonomy)
        row = 8 + 4 * (self.num_classes + 1) + 1 + 8 + 1
        limit = self.max_voxels * row + MAX_EXTRA_BYTES + MAX_HEADER_BYTES
        arrays = read_map(path, self.voxel_size, taxonomy, limit)
        try:
            store, stamp = self._parse(arrays)
        except MapFileError as error:
            raise MapFileError(f"map {path}: {error}") from None
        extra = {n[6:]: a for n, a in arrays.items() if n.startswith("extra.")}
        return SavedMap(store, stamp, extra)

    def become(self, saved: SavedMap) -> None:
        """Take over what `read` gave; cannot fail."""
        with self._changing, self._lock:
            self._store, self._stamp = saved.store, saved.stamp
            self._window = None
            self._leftovers = Leftovers()
            self._clouds = int(saved.store.slots.seen.max(initial=0))
            self._changed()

    def _left_behind(self, origin: np.ndarray | None) -> np.ndarray:
        """Rows (ascending) of the voxels beyond map_radius from the sensor; looked for only when it
        has gone a WINDOW_STEP of the radius since the last time."""
        reach = self.map_radius
        if origin is None or not np.isfinite(reach):
            return np.zeros(0, dtype=np.int64)
        if self._window is not None and np.linalg.norm(origin - self._window) < WINDOW_STEP * reach:
            return np.zeros(0, dtype=np.int64)
        self._window = origin
        return np.flatnonzero(self._distance(self._store.keys, origin) > reach)

    def _distance(self, keys: np.ndarray, origin: np.ndarray) -> np.ndarray:
        """(n,) float64, metres from the sensor to the voxels' centres."""
        offset = (unpack_keys(keys) + 0.5) * self.voxel_size - origin
        distance: np.ndarray = np.sqrt(np.einsum("ni,ni->n", offset, offset))
        return distance

    def _changed(self) -> None:
        self._revision += 1
        self._grid = None

    def _tally(self, points: LabeledPoints) -> _Cloud:
        """The cloud by voxel; of more than `max_voxels` those with the highest keys."""
        labels, weights = points.labels, points.confidence
        if labels.max(initial=0) > self.num_classes:
            raise InputError(
                f"class index {labels.max()} in a cloud for a map of {self.num_classes} classes"
            )
        if weights is not None and not np.all((weights >= 0) & np.isfinite(weights)):
            raise InputError("a point's confidence is below 0 or not finite")
        keys, voxel = occupied_voxels(points.xyz, self.voxel_size)
        votes = count_votes(voxel, labels, len(keys), weights, self.num_classes)
        left_out = max(0, len(keys) - self.max_voxels)
        return _Cloud(keys[left_out:], votes[left_out:], voxel, left_out)

    def _ray_ends(self, xyz: np.ndarray, cloud: _Cloud) -> np.ndarray:
        """(R, 3) points, one a voxel of the cloud; with each cloud other points and voxels."""
        size = len(cloud.keys) + cloud.left_out
        point = np.empty(size, dtype=np.int64)
        begin = self._clouds * 7919 % max(len(xyz), 1)  # any prime: the last one written stays
        for part in (slice(begin, None), slice(0, begin)):
            point[cloud.voxel[part]] = np.arange(len(xyz))[part]
        every = -(-size // MAX_RAYS) or 1
        ends: np.ndarray = xyz[point[self._clouds % every :: every]]
        return ends

    def _check_taxonomy(self, taxonomy: Taxonomy) -> None:
        if len(taxonomy) != self.num_classes:
            raise ConfigurationError(
                f"a taxonomy of {len(taxonomy)} classes for a map of {self.num_classes}"
            )

    def _parse(self, arrays: Mapping[str, np.ndarray]) -> tuple[VoxelStore, float | None]:
        """What a saved map holds; MapFileError where a value makes no sense."""
        keys = arrays.get("map.keys", np.zeros(0))
        if keys.dtype != np.int64 or keys.ndim != 1 or len(keys) > self.max_voxels:
            raise MapFileError(f"holds no keys, or more than max_voxels ({self.max_voxels})")
        slots = Slots.empty(len(keys), self.num_classes)
        for name in _SAVED:
            empty, values = getattr(slots, name), arrays.get(f"map.{name}")
            if values is None or values.dtype != empty.dtype or values.shape != empty.shape:
                raise MapFileError(f"{name!r} is missing or of a wrong type or shape")
            setattr(slots, name, values)
        stamp = arrays.get("map.stamp", np.zeros(0))
        sound = (
            bool(np.all(keys >= 0) and np.all(keys[1:] > keys[:-1]))
            and np.array_equal(pack_keys(unpack_keys(keys)), keys)
            and bool(np.all((slots.votes >= 0) & np.isfinite(slots.votes)))
            and bool(np.all(slots.clouds <= MEMORY))
            and bool(np.all((slots.seen >= 0) & (slots.seen < 1 << 62)))
            and bool(np.all(slots.misses_left > 0))
            and stamp.dtype == np.float64
            and stamp.shape == (1,)
            and bool(np.isnan(stamp[0]) or abs(stamp[0]) < MAX_STAMP)
        )
        if not sound:
            raise MapFileError("holds values that no map has")
        slots.label = winning_labels(slots.votes)
        slots.misses_left = np.minimum(slots.misses_left, np.uint8(2 * self.clear_after))
        store = VoxelStore.of(keys, slots, self.max_voxels)
        return store, None if np.isnan(stamp[0]) else float(stamp[0])
