"""InstanceTracker: ids that stay with their objects from one segmentation to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mtml_ros.core.instances import Instance, Segmentation, make_instance
from mtml_ros.core.sorted_keys import find, is_in
from mtml_ros.tracking.tracked_objects import ABSORBED_UPDATES, Objects, check_state

MIN_OVERLAP = 0.25
"""Share of the smaller of object and instance that must be common for them to be the same."""

UNLIKE_OVERLAP = 0.5, 0.25
"""Shares of the smaller and of the larger that must be common where their classes differ: one
object whose class is in doubt has them, a chair and the half of a table that it touches has not."""

MAX_VANISHED_VOXELS = 200_000
"""Voxels that are no longer in the map, kept so that an object that comes back has its id."""

VANISHING_SHARE = 0.05
VANISHING_MEMORY = 0.9
"""An object is vanishing while it has lately lost more than this share of its voxels from the map;
with each update what was lost counts for a tenth less."""

RECENT_UPDATES = 5
"""Updates after which an object that is not seen is neither found by its centroid nor counts as
the older piece of a merged one."""


@dataclass(frozen=True)
class TrackedInstance:
    """An instance and the object that it is.

    id: 1 or more, never given to another object. first_seen, last_seen: stamps, seconds.
    """

    id: int
    instance: Instance
    first_seen: float
    last_seen: float


class InstanceTracker:
    """Gives each instance the id of the object that it overlaps in the map.

    centroid_gate: metres. An object whose voxels have left the map is looked for by its centroid:
        the nearest instance of its class within the gate, if one is new; 0 turns that off.

    An object owns the voxels of its latest sighting. Pairs of object and instance that share at
    least a quarter of the smaller one (more where their classes differ, see UNLIKE_OVERLAP) are
    matched by falling IoU, each at most once, so a part
    that grows, a half that is completed and a flickering outline keep their id, and of a split
    object the part that is most like it does. Where objects merge, the oldest keeps its id
    (of unlike class: the one that makes up most of it); the others are remembered apart for some
    updates. What stays unmatched gets a new id, the largest the lowest; but pieces of an object
    that is vanishing (carried away, and cleared from the map bit by bit) stay one with it while
    that lasts. Objects that are not seen keep their voxels: the robot may come back to them. The
    order of the instances has no influence.

    One sorted array says which object owns which voxel, so that an update costs a look-up of the
    instances' voxels and one count of the pairs that occur.
    """

    def __init__(self, centroid_gate: float = 0.3) -> None:
        self.centroid_gate = centroid_gate
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """Forget all objects. Ids already given are still never given again."""
        self._keys = np.zeros(0, dtype=np.int64)  # ascending: voxels that objects own
        self._owner = np.zeros(0, dtype=np.int64)  # row of the owner of each
        self._objects = Objects.empty()
        self._updates = 0

    def update(self, segmentation: Segmentation, stamp: float) -> list[TrackedInstance]:
        """Recognise the instances of a segmentation, in their order; those that are pieces of one
        object are one in what is returned. stamp: seconds."""
        self._updates += 1
        seen = _Seen.of(segmentation)
        place = self._places_of(seen.keys)
        owner = np.append(self._owner, -1)[place]
        pairs = self._pairs(seen, owner)
        match, inside = self._match(seen, *pairs)
        self._match_by_centroid(seen, match, inside)
        self._note_losses(seen, place)
        piece_of = self._pieces_of_vanishing(seen, match, *pairs)

        fresh = np.flatnonzero((match < 0) & (piece_of < 0))
        # of those new at once the largest counts as the oldest, should they turn out to be one
        fresh = fresh[np.argsort(-seen.size[fresh], kind="stable")]
        match[fresh] = len(self._objects) + np.arange(len(fresh))
        born = Objects.empty(len(fresh))
        born.ids[:] = self._next_id + np.arange(len(fresh))
        born.first_seen[:] = stamp
        self._next_id += len(fresh)

        objects = self._objects = self._objects.append(born)
        inside = np.append(inside, np.full(len(fresh), -1))
        objects.absorbed[:] = np.where(inside >= 0, objects.absorbed + 1, 0)
        inside[objects.absorbed > ABSORBED_UPDATES] = -1
        objects.absorbed[inside < 0] = 0
        known = match >= 0
        rows = match[known]
        objects.updates[rows] = self._updates
        objects.first_seen[rows] = np.minimum(objects.first_seen[rows], stamp)
        objects.last_seen[rows] = stamp
        objects.labels[rows] = seen.labels[known]
        objects.centroids[rows] = seen.centroids[known]
        instances = _with_pieces(segmentation, match[seen.rank], piece_of[seen.rank])
        tracked = [
            TrackedInstance(
                int(objects.ids[row]), instance, float(objects.first_seen[row]), float(stamp)
            )
            for row, instance in zip(match[seen.rank].tolist(), instances)
            if row >= 0
        ]
        self._own(seen, owner, np.where(known, match, piece_of), inside)
        return tracked

    def _pairs(self, seen: _Seen, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Objects and instances that share voxels, and how many (each (p,) int64). owner: (n,) of
        each voxel seen."""
        owned, count = owner >= 0, max(1, len(seen.labels))
        pair, common = _counted(owner[owned] * count + seen.part[owned])
        return *np.divmod(pair, count), common

    def _match(
        self, seen: _Seen, obj: np.ndarray, part: np.ndarray, common: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Row of the object that each instance is ((I,), -1: none), and the instance that each
        unmatched object is now a part of ((K,), -1: none), from the pairs that share voxels."""
        objects = self._objects
        match = np.full(len(seen.labels), -1, dtype=np.int64)
        inside = np.full(len(objects), -1, dtype=np.int64)
        if not len(obj):
            return match, inside
        size = np.bincount(self._owner, minlength=len(objects))[obj]
        alike = common >= MIN_OVERLAP * np.minimum(size, seen.size[part])
        obj, part, common, size = obj[alike], part[alike], common[alike], size[alike]
        iou = common / (size + seen.size[part] - common)
        larger, smaller = np.maximum(size, seen.size[part]), np.minimum(size, seen.size[part])
        like = objects.labels[obj] == seen.labels[part]
        of_smaller, of_larger = UNLIKE_OVERLAP
        same = like | ((common >= of_smaller * smaller) & (common >= of_larger * larger))
        order = np.lexsort((part, obj, -common, -iou))
        order = order[same[order]]
        apart = objects.absorbed[obj] == 0
        taken = np.zeros(len(objects), dtype=bool)

        def take_best(pairs: np.ndarray) -> None:
            for o, p in zip(obj[pairs].tolist(), part[pairs].tolist()):
                if match[p] < 0 and not taken[o]:
                    match[p], taken[o] = o, True

        take_best(order[apart[order]])
        # Where objects merged, the oldest of them (the lowest row) takes the instance; not one
        # that was last seen long ago: that is no piece of it, but an old mistake in its place.
        recent = objects.updates >= self._updates - RECENT_UPDATES
        mostly = 2 * common >= size
        shared = dict(zip(zip(obj.tolist(), part.tolist()), common.tolist()))
        for i in np.flatnonzero(apart & mostly & recent[obj] & ~taken[obj]):
            o, p = int(obj[i]), int(part[i])
            rival = int(match[p])
            alike = objects.labels[o] == objects.labels[rival]
            if not taken[o] and o < rival and (alike or common[i] >= shared[rival, p]):
                match[p], taken[o], taken[rival] = o, True, False
        take_best(order)  # those that were part of another may be split from it again
        lost = mostly & ~taken[obj]
        inside[obj[lost]] = part[lost]
        return match, inside

    def _match_by_centroid(self, seen: _Seen, match: np.ndarray, inside: np.ndarray) -> None:
        """Match, in place, new instances to objects just lost whose voxels have left the map."""
        objects = self._objects
        lost = (inside < 0) & (objects.updates >= self._updates - RECENT_UPDATES)
        lost[match[match >= 0]] = False
        rows, parts = np.flatnonzero(lost), np.flatnonzero(match < 0)
        if not len(rows) or not len(parts):
            return
        of_lost = lost[self._owner]
        owner, here = self._owner[of_lost], is_in(self._keys[of_lost], seen.grid_keys)
        left = np.bincount(owner[here], minlength=len(objects))[rows]
        rows = rows[2 * left < np.bincount(owner, minlength=len(objects))[rows]]
        offset = objects.centroids[rows, None] - seen.centroids[None, parts]
        distance = np.linalg.norm(offset, axis=2)
        near = distance <= self.centroid_gate
        near &= objects.labels[rows, None] == seen.labels[None, parts]
        o, p = np.nonzero(near)
        for i in np.lexsort((p, o, distance[o, p].round(6))):
            row, part = rows[o[i]], parts[p[i]]
            if match[part] < 0 and not np.any(match == row):
                match[part] = row

    def _note_losses(self, seen: _Seen, place: np.ndarray) -> None:
        """Count the voxels that each object of the last update has lost from the map since."""
        objects = self._objects
        # others may own voxels that left the map long ago
        absent = np.append(objects.updates == self._updates - 1, False)[np.append(self._owner, -1)]
        absent[place] = False
        absent = np.flatnonzero(absent)
        cleared = self._owner[absent[~is_in(self._keys[absent], seen.grid_keys)]]
        objects.lost *= VANISHING_MEMORY
        objects.lost += np.bincount(cleared, minlength=len(objects))

    def _pieces_of_vanishing(
        self,
        seen: _Seen,
        match: np.ndarray,
        obj: np.ndarray,
        part: np.ndarray,
        common: np.ndarray,
    ) -> np.ndarray:
        """(I,) row of the vanishing object that owns at least half of each unmatched instance, -1:
        none. That object is matched to another one."""
        vanishing = self._objects.lost > VANISHING_SHARE * np.bincount(
            self._owner, minlength=len(self._objects)
        )
        vanishing &= is_in(np.arange(len(vanishing)), np.sort(match))
        piece = vanishing[obj] & (match[part] < 0) & (2 * common >= seen.size[part])
        piece_of = np.full(len(match), -1, dtype=np.int64)
        piece_of[part[piece]] = obj[piece]
        return piece_of

    def _own(self, seen: _Seen, before: np.ndarray, match: np.ndarray, inside: np.ndarray) -> None:
        """Write down who owns which voxel now, and forget objects that own none."""
        matched = np.zeros(len(self._objects), dtype=bool)
        matched[match] = True
        # what is part of another object keeps its voxels there, for a while
        give = (before < 0) | (inside[before] != seen.part)
        keep = np.flatnonzero(~matched[self._owner])
        keep = keep[~is_in(self._keys[keep], seen.keys[give])]
        keep = self._without_vanished(seen, keep)
        keys = np.concatenate([self._keys[keep], seen.keys[give]])
        owner = np.concatenate([self._owner[keep], match[seen.part[give]]])
        if len(keep):
            order = np.argsort(keys, kind="stable")  # two sorted runs: one merge
            keys, owner = keys[order], owner[order]
        alive = matched
        alive[owner] = True
        self._keys, self._owner = keys, (np.cumsum(alive) - 1)[owner]
        self._objects = self._objects.take(alive)

    def _without_vanished(self, seen: _Seen, keep: np.ndarray) -> np.ndarray:
        """`keep` without the voxels beyond MAX_VANISHED_VOXELS that are not in the map: those of
        the objects longest unseen go first."""
        if len(keep) <= MAX_VANISHED_VOXELS:
            return keep
        vanished = np.flatnonzero(~is_in(self._keys[keep], seen.grid_keys))
        owner = self._owner[keep[vanished]]
        newest_first = np.lexsort((-owner, -self._objects.updates[owner]))
        return np.delete(keep, vanished[newest_first[MAX_VANISHED_VOXELS:]])

    def _places_of(self, keys: np.ndarray) -> np.ndarray:
        """(n,) int64: place of each voxel among those owned, -1 for none."""
        found, at = find(self._keys, keys)
        return np.where(found, at, -1)

    def state(self) -> dict[str, np.ndarray]:
        """All that is remembered, as arrays to be saved with the map."""
        return {
            "keys": self._keys.copy(),
            "owner": self._objects.ids[self._owner],
            "counters": np.array([self._next_id, self._updates], dtype=np.int64),
            **{name: values.copy() for name, values in vars(self._objects).items()},
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Become what `state` gave; ids given since stay taken.

        Raises MapFileError, nothing changed, if it makes no sense.
        """
        objects = check_state(state)
        next_id, self._updates = (int(v) for v in state["counters"])
        self._next_id = max(self._next_id, next_id)  # none of those given here either
        self._keys = state["keys"].copy()
        self._owner = np.searchsorted(objects.ids, state["owner"])
        self._objects = objects


@dataclass(frozen=True)
class _Seen:
    """The instances of a segmentation, I of them in n voxels, in the order of their first voxels,
    so that nothing depends on the order in which they come.

    keys: (n,) int64 ascending. part: (n,) int64, instance of each voxel.
    size: (I,) int64, voxels. labels: (I,) uint8. centroids: (I, 3) float64, metres.
    rank: (I,) int64, place here of each instance of the segmentation.
    grid_keys: (V,) int64 ascending, all voxels of the grid.
    """

    keys: np.ndarray
    part: np.ndarray
    size: np.ndarray
    labels: np.ndarray
    centroids: np.ndarray
    rank: np.ndarray
    grid_keys: np.ndarray

    @staticmethod
    def of(segmentation: Segmentation) -> _Seen:
        instances, count = segmentation.instances, len(segmentation.instances)
        grid_keys = segmentation.grid.keys
        voxels = np.flatnonzero(segmentation.instance >= 0)
        part = segmentation.instance[voxels]
        first = np.full(count, len(part), dtype=np.int64)
        first[part[::-1]] = np.arange(len(part))[::-1]
        order = np.argsort(first, kind="stable")
        rank = np.empty(count, dtype=np.int64)
        rank[order] = np.arange(count)
        return _Seen(
            grid_keys[voxels],
            rank[part],
            np.bincount(rank[part], minlength=count),
            np.array([instances[i].label for i in order], dtype=np.uint8),
            np.array([instances[i].centroid for i in order], dtype=np.float64).reshape(-1, 3),
            rank,
            grid_keys,
        )


def _with_pieces(
    segmentation: Segmentation, row: np.ndarray, piece_of: np.ndarray
) -> list[Instance]:
    """The instances, those with pieces together with them. row, piece_of: (I,) object that each
    instance is, or is a piece of, -1: none."""
    instances = list(segmentation.instances)
    for obj in np.unique(piece_of[piece_of >= 0]):
        at = int(np.flatnonzero(row == obj)[0])
        whole = instances[at]
        parts = [whole, *(instances[i] for i in np.flatnonzero(piece_of == obj))]
        voxels = np.sort(np.concatenate([p.voxels for p in parts]))
        instances[at] = make_instance(segmentation.grid, voxels, whole.label, whole.score)
    return instances


def _counted(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values, ascending, and how often each occurs; fast where equal ones adjoin."""
    first = np.flatnonzero(np.append(True, values[1:] != values[:-1])[: len(values)])
    length = np.diff(np.append(first, len(values)))
    distinct, place = np.unique(values[first], return_inverse=True)
    return distinct, np.bincount(place.reshape(-1), length).astype(np.int64)
