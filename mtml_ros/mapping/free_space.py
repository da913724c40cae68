"""Free-space ray casting: which voxels of a map a sensor has just looked through."""

from __future__ import annotations

from itertools import product

import numpy as np

from mtml_ros.core.sorted_keys import find
from mtml_ros.core.voxels import COORDINATE_BITS, MAX_COORDINATE, unpack_keys
from mtml_ros.mapping.voxel_store import VoxelStore

MAX_RAYS = 4096
"""Rays that are followed of one cloud; if it has more, others come in turn."""

MAX_RANGE = 6.0
"""Metres from the sensor within which voxels are cleared; farther ones are hit too rarely."""

MARGIN = 1.5
"""Voxels at the end of a ray that it says nothing about: the surface's own thickness and noise."""

CORE = 0.35
"""Half width, in voxels, of the middle part of a voxel that a ray must cross to miss it."""

STEP = 0.5
"""Voxels between the samples of a ray."""

# added to a key, these give the voxel and those that touch it (at the very ends of the range
# other, distant ones)
_TOUCHING = np.array(
    [
        (x << (2 * COORDINATE_BITS)) + (y << COORDINATE_BITS) + z
        for x, y, z in product((-1, 0, 1), repeat=3)
    ]
)


def cast_rays(
    keys: np.ndarray, origin: np.ndarray, ends: np.ndarray, voxel_size: float
) -> np.ndarray:
    """Rows (m,) int64, ascending, of the voxels that rays pass through without ending there.

    keys: (V,) int64 ascending, the map's voxels. origin: (3,) metres, the sensor.
    ends: (R, 3) metres, the points that the rays end at; at most a few thousand.

    A ray is followed back from its end and counts only from the first free voxel on: what is
    joined to the surface it ends on (a floor seen at a grazing angle, a wall that drift has
    thickened) is left alone, and so are voxels of which it cuts only a corner.
    """
    start = np.asarray(origin, dtype=np.float64) / voxel_size
    stop = np.asarray(ends, dtype=np.float64) / voxel_size
    length = np.linalg.norm(stop - start, axis=1)
    use = length > MARGIN
    stop, length = stop[use], length[use]
    reach = MAX_RANGE / voxel_size
    table, low = _rows_around(keys, start, stop, reach)
    if table is None:
        return np.zeros(0, dtype=np.int64)

    # samples (R, S) from the end of each ray back to the sensor, where the rest of them stay
    first = np.maximum(MARGIN, length - reach)
    count = int(np.ceil((length - first).max() / STEP))
    back = (first[:, None] + STEP * np.arange(count)).astype(np.float32)
    np.minimum(back, length[:, None], out=back)
    end = (stop - low).astype(np.float32)
    direction = ((start - stop) / length[:, None]).astype(np.float32)
    cell = np.zeros(back.shape, dtype=np.int32)
    for axis in range(3):  # all lie inside the table, so that cutting off decimals is floor
        cell *= table.shape[axis]
        cell += (end[:, axis, None] + direction[:, axis, None] * back).astype(np.int32)
    row = table.reshape(-1)[cell]
    occupied = row >= 0
    joined = np.where(occupied.all(axis=1), count, occupied.argmin(axis=1))
    ray, sample = np.nonzero(occupied & (np.arange(count) > joined[:, None]))
    at = end[ray] + direction[ray] * back[ray, sample][:, None]
    core = np.all(np.abs(at - np.floor(at) - 0.5) <= CORE, axis=1)
    return np.unique(row[ray[core], sample[core]]).astype(np.int64)


def without_hit_neighbor(store: VoxelStore, missed: np.ndarray, hit: np.ndarray) -> np.ndarray:
    """Those of the `missed` rows that touch no voxel of their own label that the same cloud hit;
    nor are they hit themselves (all rows ascending).

    Where the sensor still sees an object, what it misses beside that is no evidence: rays pass
    between the slats of a back, along an edge that fills a tenth of its voxels, over a table top
    that gives no return at a grazing angle. What was carried away is hit nowhere.
    """
    if not len(missed) or not len(hit):
        return missed
    keys, labels = store.keys[hit], store.labels_of(hit)
    wanted = store.keys[missed, None] + _TOUCHING
    there, at = find(keys, wanted)
    beside = there & (labels[at] == store.labels_of(missed)[:, None])
    return missed[~np.any(beside, axis=1)]


def _rows_around(
    keys: np.ndarray, start: np.ndarray, stop: np.ndarray, reach: float
) -> tuple[np.ndarray | None, np.ndarray]:
    """Row of each voxel (-1: free) in a box that holds the rays up to `reach` from their start.

    start: (3,), stop: (R, 3), in voxels. Returns the (X, Y, Z) int32 table, or None where there
    is nothing to look at, and the voxel of its low corner (3,).
    """
    if not len(stop):
        return None, start
    # the rays' box, cut off where it is out of reach, and one voxel more for rounding
    low = np.maximum(np.minimum(stop.min(axis=0), start), start - reach)
    high = np.minimum(np.maximum(stop.max(axis=0), start), start + reach)
    low, high = np.floor(low).astype(np.int64) - 1, np.floor(high).astype(np.int64) + 1
    # keys order by x first, so that those of the box lie in one slice
    x = np.clip([low[0], high[0]], -MAX_COORDINATE, MAX_COORDINATE) + MAX_COORDINATE + 1
    begin = np.searchsorted(keys, x[0] << (2 * COORDINATE_BITS))
    last = (x[1] << (2 * COORDINATE_BITS)) | ((1 << (2 * COORDINATE_BITS)) - 1)
    end = np.searchsorted(keys, last, side="right")
    voxels = unpack_keys(keys[begin:end])
    near = np.flatnonzero(np.all((voxels >= low) & (voxels <= high), axis=1))
    if not len(near):
        return None, low
    table = np.full(high - low + 1, -1, dtype=np.int32)
    table[tuple((voxels[near] - low).T)] = near + begin
    return table, low
