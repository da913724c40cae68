"""Leftovers: what is left of an object after a sensor has seen that the rest of it is gone."""

from __future__ import annotations

import numpy as np

from mtml_ros.core.neighbors import key_steps, offsets_within
from mtml_ros.core.sorted_keys import find
from mtml_ros.mapping.voxel_store import VoxelStore

REACH = 2
"""Voxels to every side that are a voxel's surroundings."""

SHARE = 0.6
"""A voxel goes when more than this share of its surroundings, of its label, is gone. Beside a cut
straight through an object it is half at most, so that the part that still stands is not eaten."""

REMEMBERED = 64
"""Clouds for which a cleared voxel is remembered."""

SEARCHED = 500
"""Voxels, of those cleared at once, that leftovers are looked for around: time and memory are
bounded, and a leftover has many cleared voxels around it, so that one of these is among them."""

_AROUND = key_steps(offsets_within(REACH))


class Leftovers:
    """Remembers what was cleared, and finds the voxels that should go with it.

    Rays say little of a voxel that lies on a floor, or that few of them pass. Of an object that
    was carried away such voxels would stay for long, in pieces that look like new objects.
    """

    def __init__(self) -> None:
        self._keys = np.zeros(0, dtype=np.int64)  # ascending
        self._labels = np.zeros(0, dtype=np.int16)
        self._clouds = np.zeros(0, dtype=np.int64)

    def join(self, store: VoxelStore, cleared: np.ndarray, cloud: int, unseen: int) -> np.ndarray:
        """Rows (ascending) of the voxels that are `cleared` (rows) and of those that go with them.

        cloud: this one's number. unseen: for how many clouds nothing has hit a leftover voxel.
        """
        if not len(cleared):
            return cleared
        back = store.find(self._keys)[0]
        self._keep((self._clouds > cloud - REMEMBERED) & ~back)
        standing = store.labels().astype(np.int16)  # -1: goes
        new = cleared
        while len(new):
            self._remember(store.keys[new], standing[new], cloud)
            standing[new] = -1
            some = new[:: -(-len(new) // SEARCHED)]
            _, near = store.find(np.unique(store.keys[some, None] + _AROUND))
            unhit = store.slots.seen[store.slot[near]] <= cloud - unseen
            near = near[unhit & (standing[near] >= 0)]
            around, label = store.keys[near, None] + _AROUND, standing[near, None]
            left = np.sum(_labels_at(around, store.keys, standing) == label, axis=1)
            gone = np.sum(_labels_at(around, self._keys, self._labels) == label, axis=1)
            new = near[gone > SHARE * (left + gone)]
        return np.flatnonzero(standing < 0)

    def _keep(self, which: np.ndarray) -> None:
        self._keys, self._labels = self._keys[which], self._labels[which]
        self._clouds = self._clouds[which]

    def _remember(self, keys: np.ndarray, labels: np.ndarray, cloud: int) -> None:
        self._keys = np.concatenate([self._keys, keys])
        self._labels = np.concatenate([self._labels, labels])
        self._clouds = np.concatenate([self._clouds, np.full(len(keys), cloud)])
        self._keep(np.argsort(self._keys, kind="stable"))


def _labels_at(wanted: np.ndarray, keys: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Label at each wanted key, of voxels with these keys (ascending, one or more); -1: none."""
    found, row = find(keys, wanted)
    return np.where(found, labels[row], np.int16(-1))
