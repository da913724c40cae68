"""Which voxels of a map a sensor has just looked through."""

from __future__ import annotations

import numpy as np

from mtml_ros.voxels import COORDINATE_BITS, unpack_keys

MAX_RAYS = 4096
MAX_RANGE = 6.0
"""Metres from the sensor within which voxels are cleared; farther ones are hit too rarely."""

MARGIN = 1.5
"""Voxels at the end of a ray that it says nothing about: the surface's own thickness and noise."""

CORE = 0.35
"""Half width, in voxels, of the middle part of a voxel that a ray must cross to miss it."""

STEP = 0.5
"""Voxels between the samples of a ray."""


def seen_through(
    keys: np.ndarray, origin: np.ndarray, ends: np.ndarray, voxel_size: float
) -> np.ndarray:
    """Rows (m,) int64, ascending, of the voxels that rays pass through without ending there.

    keys: (V,) int64 ascending, the map's voxels. origin: (3,) metres, the sensor.
    ends: (R, 3) metres, the points that the rays end at; at most a few thousand.

    A ray is followed back from its end and counts only from the first free voxel on: what is
    joined to the surface it ends on (a floor seen at a grazing angle, a wall that drift has
    thickened) is left alone, and so are voxels of which it cuts only a corner.
    """
    nothing = np.zeros(0, dtype=np.int64)
    start = np.asarray(origin, dtype=np.float64) / voxel_size
    stop = np.asarray(ends, dtype=np.float64) / voxel_size
    length = np.linalg.norm(stop - start, axis=1)
    use = length > MARGIN + STEP
    stop, length = stop[use], length[use]
    if not len(stop) or not len(keys):
        return nothing
    rows, low, extent = _lattice(keys, start, stop, MAX_RANGE / voxel_size)
    if rows is None:
        return nothing

    # samples (R, S), from the end of each ray back towards the sensor
    reach = MAX_RANGE / voxel_size
    first = np.maximum(MARGIN, length - reach)
    back = first[:, None] + STEP * np.arange(int(np.ceil((length - first).max() / STEP)))
    inside = back < length[:, None]
    direction = (start - stop) / length[:, None]
    index = np.zeros(inside.shape, dtype=np.int64)
    core = np.ones(inside.shape, dtype=bool)
    for axis in range(3):
        at = (stop - low)[:, axis, None] + direction[:, axis, None] * back
        cell = np.floor(at)
        core &= np.abs(at - cell - 0.5) <= CORE
        inside &= (cell >= 0) & (cell < extent[axis])
        index = index * int(extent[axis]) + cell.astype(np.int64)
    row = rows[np.where(inside, index, 0)]
    was_free = np.logical_or.accumulate(inside & (row < 0), axis=1)
    missed: np.ndarray = np.unique(row[inside & (row >= 0) & was_free & core])
    return missed.astype(np.int64)


def _lattice(
    keys: np.ndarray, start: np.ndarray, stop: np.ndarray, reach: float
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """Row of each voxel (-1: free) in the box of the rays, at most `reach` voxels around `start`.

    Returns the flat table (int32), or None if no voxel lies there, its low corner and extent (3,).
    """
    low = np.floor(np.maximum(np.minimum(stop.min(axis=0), start), start - reach)).astype(np.int64)
    high = np.floor(np.minimum(np.maximum(stop.max(axis=0), start), start + reach)).astype(np.int64)
    extent = high - low + 1
    if np.any(extent < 1):
        return None, low, extent
    # keys order as x first: the box's slab of the map is one slice
    x = np.array([low[0], high[0] + 1]) + (1 << (COORDINATE_BITS - 1))
    span = np.searchsorted(keys, x << (2 * COORDINATE_BITS))
    slab = unpack_keys(keys[span[0] : span[1]]).astype(np.int64) - low
    near = np.flatnonzero(np.all((slab >= 0) & (slab < extent), axis=1))
    if not len(near):
        return None, low, extent
    table = np.full(int(np.prod(extent)), -1, dtype=np.int32)
    table[np.ravel_multi_index(slab[near].T, extent)] = near + span[0]
    return table, low, extent
