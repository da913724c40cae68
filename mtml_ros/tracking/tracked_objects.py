"""Objects that a tracker remembers: a table of them, and what makes a saved one sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mtml_ros.core.errors import MapFileError
from mtml_ros.core.sorted_keys import is_in

ABSORBED_UPDATES = 100
"""Updates for which the pieces of a merged object are remembered apart, in case it splits again."""

MAX_SAVED_ID = 1 << 31
"""Greatest next id of a saved map: ids are uint32 in messages, and half of them stay free."""

MAX_STAMP = 2.0**31
"""Seconds; ROS's Time holds none beyond."""


@dataclass
class Objects:
    """Every object remembered, in ascending order of ids.

    ids, updates (number of the update it was last seen in), absorbed (updates in a row in which
    it was part of another): (K,) int64. first_seen, last_seen: (K,) float64, seconds.
    lost: (K,) float64, voxels that were cleared from the map of late, older ones counting less.
    labels: (K,) uint8. centroids: (K, 3) float64, metres.
    """

    ids: np.ndarray
    updates: np.ndarray
    absorbed: np.ndarray
    first_seen: np.ndarray
    last_seen: np.ndarray
    lost: np.ndarray
    labels: np.ndarray
    centroids: np.ndarray

    @staticmethod
    def empty(size: int = 0) -> Objects:
        return Objects(
            np.zeros(size, dtype=np.int64),
            np.zeros(size, dtype=np.int64),
            np.zeros(size, dtype=np.int64),
            np.zeros(size, dtype=np.float64),
            np.zeros(size, dtype=np.float64),
            np.zeros(size, dtype=np.float64),
            np.zeros(size, dtype=np.uint8),
            np.zeros((size, 3), dtype=np.float64),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> Objects:
        return Objects(*(values[rows] for values in vars(self).values()))

    def append(self, other: Objects) -> Objects:
        pairs = zip(vars(self).values(), vars(other).values())
        return Objects(*(np.concatenate(pair) for pair in pairs))


def check_state(state: Mapping[str, np.ndarray]) -> Objects:
    """The objects, copied, of what `InstanceTracker.state` gave.

    state: besides their arrays keys (n,) int64, the voxels that objects own; owner (n,) int64, the
        id of the owner of each; counters (2,) int64, the next id and the number of updates.

    Raises MapFileError if it makes no sense.
    """
    size = len(state["ids"]) if "ids" in state and state["ids"].ndim == 1 else 0
    expected = {
        "keys": np.zeros(0, dtype=np.int64),
        "owner": np.zeros(0, dtype=np.int64),
        "counters": np.zeros(2, dtype=np.int64),
        **vars(Objects.empty(size)),
    }
    for name, like in expected.items():
        values = state.get(name)
        shape = None if values is None else values.shape
        fits = len(shape or ()) == 1 if name in ("keys", "owner") else shape == like.shape
        if values is None or values.dtype != like.dtype or not fits:
            raise MapFileError(f"objects: {name!r} is missing or of a wrong type or shape")
    objects = Objects(*(state[name].copy() for name in vars(Objects.empty())))
    keys, owner = state["keys"], state["owner"]
    next_id, updates = (int(v) for v in state["counters"])
    sound = (
        len(keys) == len(owner)
        and bool(np.all(keys[1:] > keys[:-1]))
        and bool(np.all(keys >= 0))
        and bool(np.all(objects.ids[1:] > objects.ids[:-1]))
        and bool(np.all((objects.ids >= 1) & (objects.ids < next_id)))
        and bool(np.all(is_in(owner, objects.ids)))
        and 1 <= next_id <= MAX_SAVED_ID
        and 0 <= updates < 1 << 62
        and bool(np.all((objects.updates >= 0) & (objects.updates <= updates)))
        and bool(np.all((objects.absorbed >= 0) & (objects.absorbed <= ABSORBED_UPDATES)))
        and bool(np.all((objects.lost >= 0) & np.isfinite(objects.lost)))
        and bool(np.all(np.isfinite(objects.centroids)))
        and bool(np.all(np.abs([objects.first_seen, objects.last_seen]) < MAX_STAMP))
    )
    if not sound:
        raise MapFileError("objects: holds values that make no sense together")
    return objects
