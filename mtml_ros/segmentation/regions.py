"""Regions: the parts of a grid that are segmented each by itself, so that far content has no say.

What lies apart is a region of its own. What is connected and larger than a room is cut at its
walls (rooms.py), and where that leaves more than memory should hold at once by upright blocks of
the world, each seen with a margin around it; stitching.py joins what the cuts went through. Where
the cuts go depends on what lies near alone, above and below, never on the map's extent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mtml_ros.core.kernels import kernels
from mtml_ros.core.voxels import occupied_cells, pack_keys, unpack_keys
from mtml_ros.segmentation.components import connected_components
from mtml_ros.segmentation.rooms import rooms

REGION_VOXELS = 131_072
"""Voxels that are segmented at once, at most; a large hall has 60 thousand. Of fewer than
(SMALLEST + 2 MARGIN)^3 = 13,824 nothing is cut further."""

ROOM_VOXELS = 32_768
"""Up to so many voxels count as one room, which only a gap as wide as LINKS[0] may cut; more are
cut at finer gaps, and at walls."""

CELL = 4
"""Voxels a side of the cells that regions are made of."""

LINKS = (16, 8, 4)
"""Voxels a side of the cells that link parts of a grid where they touch: a gap of twice as many
voxels always separates, one of fewer never. The first are the network's coarsest: across a gap
between them it sees nothing. The finer ones hold within what is larger than a room."""

SMALL = 1024
"""Islands of fewer voxels form a region with the others of their PACK: many specks cost little."""

PACK = 128
BLOCK = 64
"""Voxels a side of the blocks of the world that small islands are packed by, and that large ones
are cut by, at first upright only: what sees too many voxels is cut along all axes, blocks of those
in eight, down to SMALLEST."""

SMALLEST = 16
MARGIN = 0.25
"""Width of the margin around a block that is segmented with it, as a share of the block's."""


@dataclass(frozen=True)
class Region:
    """Voxels that are segmented together.

    rows: (n,) int64, ascending, of the grid. own: (n,) bool, those that the region answers for,
    the others being its margin; None: all of them. border: (n,) bool, those whose column touches
    another room's, which the region sees nothing of; None: none.
    """

    rows: np.ndarray
    own: np.ndarray | None = None
    border: np.ndarray | None = None

    @property
    def owned(self) -> np.ndarray:
        """(m,) int64: the rows that the region answers for."""
        return self.rows if self.own is None else self.rows[self.own]


def divide(coordinates: np.ndarray, least: int, region_voxels: int = REGION_VOXELS) -> list[Region]:
    """The regions of a grid; each voxel is one region's own, or a speck's and nobody's.

    coordinates: (V, 3) int32, sorted by key. least: voxels; fewer that lie apart from all else
    are a speck. Time and memory follow the number of voxels.
    """
    if not len(coordinates):
        return []
    keys, cell = occupied_cells(coordinates, CELL)
    cells, counts = unpack_keys(keys), np.bincount(cell, minlength=len(keys))
    room = min(ROOM_VOXELS, region_voxels)
    island = _islands(cells, counts, least, room)
    regions = []
    for rows in _grouped(island[cell], int(island.max()) + 1):
        if len(rows) <= room:
            regions.append(Region(rows))
        else:
            regions += _cut(coordinates, rows, room, region_voxels)
    return regions


def _cut(coordinates: np.ndarray, rows: np.ndarray, room: int, most: int) -> Iterator[Region]:
    """The regions of an island's rows: rooms, those of more than `most` voxels in blocks."""
    of, border = rooms(np.take(coordinates, rows, axis=0), room)
    for inside in _grouped(of, int(of.max()) + 1):
        here, meets = rows[inside], border[inside]
        if len(here) > most:
            for seen, own in _blocks(np.take(coordinates, here, axis=0), most):
                yield Region(here[seen], own, meets[seen] & own)
        else:
            yield Region(here, None, meets if meets.any() else None)


def _islands(cells: np.ndarray, counts: np.ndarray, least: int, room: int) -> np.ndarray:
    """(C,) the island of each cell (C, 3), numbered from 0; -1 for those of specks."""
    near = _linked(cells, LINKS[1])
    island = np.where(np.bincount(near, counts)[near] < least, -1, 0)
    number = 0
    within = np.flatnonzero(island >= 0)
    for link in LINKS:
        if not len(within):
            break
        part = _linked(cells[within], link)
        island[within] = number + part
        size = np.bincount(part, counts[within])
        number += len(size)
        within = within[size[part] > room]
    return _packed(cells, counts, island)


def _linked(cells: np.ndarray, link: int) -> np.ndarray:
    """(C,) int32 the connected component of each cell among cells `link` voxels wide."""
    keys, coarse = occupied_cells(cells, link // CELL)
    result: np.ndarray = connected_components(unpack_keys(keys))[coarse]
    return result


def _packed(cells: np.ndarray, counts: np.ndarray, island: np.ndarray) -> np.ndarray:
    """`island` with the small ones of one block joined, numbered anew."""
    inside = np.flatnonzero(island >= 0)
    _, first, of = np.unique(island[inside], return_index=True, return_inverse=True)
    small = np.bincount(of, counts[inside]) < SMALL
    # an island's block is that of its first cell; number 2 key + 1 is no large island's
    block = pack_keys(cells[inside[first]] // (PACK // CELL))
    name = np.where(small, 2 * block + 1, 2 * np.arange(len(first)))
    result = np.full(len(island), -1)
    result[inside] = np.unique(name, return_inverse=True)[1][of]
    return result


def _blocks(coordinates: np.ndarray, most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows that are seen together, ascending, and which of them (bool) are their block's own.

    most: voxels seen, beyond which a column of blocks is cut into blocks, and those in eight.
    """
    keys, cell = occupied_cells(coordinates, CELL)
    cells, counts = unpack_keys(keys), np.bincount(cell)
    rows_of = _Lists.grouped(cell, len(cells))
    column = cells // (BLOCK // CELL) * [1, 1, 0]
    names, of = np.unique(pack_keys(column), return_inverse=True)
    members = _grouped(of, len(names))
    place = dict(zip(names.tolist(), range(len(names))))
    around = np.indices((3, 3, 1)).reshape(3, -1).T - [1, 1, 0]
    for name, all_own in zip(unpack_keys(names), members):
        nearby = [place.get(key) for key in pack_keys(name + around).tolist()]
        near = np.concatenate([members[i] for i in nearby if i is not None])
        todo = [(all_own, BLOCK // CELL, 2)]  # cut along the first two axes only, then along all
        while todo:
            part, side, axes = todo.pop()
            low, margin = cells[part[0]] // side * side, int(side * MARGIN)
            offset = (cells[near] - low)[:, :axes]
            visible = np.all((offset >= -margin) & (offset < side + margin), axis=1)
            seen, offset = near[visible], offset[visible]
            if counts[seen].sum() > most and side > SMALLEST // CELL:
                smaller = side if axes == 2 else side // 2
                piece = np.unique(pack_keys(cells[part] // smaller), return_inverse=True)[1]
                todo += [(part[r], smaller, 3) for r in _grouped(piece, int(piece.max()) + 1)]
            else:
                own = np.all((offset >= 0) & (offset < side), axis=1)
                rows, owned = rows_of.joined(seen, own)
                order = np.argsort(rows)
                yield rows[order], owned[order]


@dataclass(frozen=True)
class _Lists:
    """Lists of rows one after another: list i is rows[start[i] : start[i + 1]]."""

    rows: np.ndarray
    start: np.ndarray

    @staticmethod
    def grouped(group: np.ndarray, count: int) -> _Lists:
        """The rows of each group 0..count - 1, ascending; those of group -1 are in none."""
        return _Lists(*kernels.grouped(np.ascontiguousarray(group, dtype=np.int64), count))

    def joined(self, which: np.ndarray, flags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows of several lists, and of each the flag of its list."""
        sizes = self.start[which + 1] - self.start[which]
        before = np.cumsum(sizes) - sizes
        place = np.arange(int(sizes.sum())) + np.repeat(self.start[which] - before, sizes)
        return self.rows[place], np.repeat(flags, sizes)


def _grouped(group: np.ndarray, count: int) -> list[np.ndarray]:
    """The rows of each group 0..count - 1, ascending; those of group -1 are in none."""
    lists = _Lists.grouped(group, count)
    return [lists.rows[a:b] for a, b in zip(lists.start[:-1], lists.start[1:])]
