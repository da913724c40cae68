"""Rooms: how a connected part of a grid that is too large falls apart at its walls.

Seen from above, a room is open floor with tall columns around it. What of the open floor stays
connected when narrow passages are closed are rooms; what else there is belongs to the one that
least stuff separates it from, so a wall's two sides to the rooms that they face. Where a cut goes
depends on what stands near it alone, wherever the building ends; whether there are such cuts, on
the height of all that hangs together (STOREY).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from mtml_ros.core.kernels import kernels
from mtml_ros.segmentation.components import label_components, touching

TALL = 10
"""Voxels in a column from which on it separates: walls, and furniture as high as a person."""

SIDE = 20
"""Voxels a side of the smallest room."""

NARROWEST = 6
"""Passages of up to twice as many voxels are closed, wider ones only after narrower ones did not
do: a doorway has about ten."""

STOREY = 45
"""Voxels; in what is higher, the walls of one storey would cut the rooms of another."""


def rooms(coordinates: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """(n,) int64 the room of each voxel, numbered from 0; (n,) bool, whether its column touches
    another room's.

    coordinates: (n, 3) int32, sorted by key. most: voxels, up to which a room is not cut further;
    where no wall is found, one may have more.
    """
    x, y = coordinates[:, 0], coordinates[:, 1]
    first = np.append(True, (x[1:] != x[:-1]) | (y[1:] != y[:-1]))
    column = np.cumsum(first) - 1
    height = np.bincount(column)
    room, border = np.zeros(len(height), dtype=np.int64), np.zeros(len(height), dtype=bool)
    closed = height >= TALL  # and soon all that is beside these
    if not closed.any() or _tall(coordinates) > STOREY:
        return room[column], border[column]
    plan = coordinates[first] * np.array([1, 1, 0], dtype=np.int32)
    near = touching(plan)
    one, two = near.pairs().T
    for depth in range(NARROWEST + 1):
        large = np.bincount(room, height)[room] > most
        if not large.any():
            break
        part = label_components(near, np.where(large & ~closed, room, -1))
        room = _grown(near, plan, height, room, _seeds(part, room, SIDE - 2 * depth))
        beside = closed[one] != closed[two]
        closed[one[beside]] = closed[two[beside]] = True
    apart = room[one] != room[two]
    border[one[apart]] = border[two[apart]] = True
    return room[column], border[column]


def _tall(coordinates: np.ndarray) -> int:
    """Voxels from bottom to top, a few strays apart."""
    height = coordinates[:, 2] - coordinates[:, 2].min()
    share = np.cumsum(np.bincount(height)) / len(height)
    return int(np.searchsorted(share, 0.98) - np.searchsorted(share, 0.02))


def _seeds(part: np.ndarray, room: np.ndarray, side: int) -> np.ndarray:
    """(C,) number from 0 of the seed that each column is of, or -1: the parts (C,) of at least
    side^2 columns, in rooms (C,) that have several of them."""
    inside = part >= 0
    area = np.bincount(part[inside])
    home = np.zeros(len(area), dtype=np.int64)
    home[part[inside]] = room[inside]
    good = area >= side * side
    good &= np.bincount(home[good], minlength=int(room.max()) + 1)[home] > 1
    result: np.ndarray = np.append(np.where(good, np.cumsum(good) - 1, -1), -1)[part]
    return result


def _grown(
    near: kernels.Neighbors,
    plan: np.ndarray,
    height: np.ndarray,
    room: np.ndarray,
    seed: np.ndarray,
) -> np.ndarray:
    """`room` (C,) with those cut that have seeds: each column (C, 3) goes to the seed that least
    stuff separates it from, the sum of the squared `height` of the columns on the way: a wall is
    more than what stands before it."""
    seeded = np.zeros(int(room.max()) + 1, dtype=bool)
    seeded[room[seed >= 0]] = True
    if not seeded.any():
        return room
    inside = seeded[room]
    to = kernels.grow(near, height**2, seed, room)
    known, lost = np.flatnonzero(inside & (to >= 0)), np.flatnonzero(inside & (to < 0))
    if len(lost):  # no way leads there: the nearest
        to[lost] = to[known[cKDTree(plan[known]).query(plan[lost])[1]]]
    result = np.where(inside, len(seeded) + to, room)
    numbered: np.ndarray = np.unique(result, return_inverse=True)[1]
    return numbered.reshape(-1)
