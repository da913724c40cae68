"""Triangles as the flat patches that the simulated sensor looks at, few and large where it can."""

from __future__ import annotations

import numpy as np

SAMPLES = 200_000
"""Points at most that a piece's surface is sampled with."""

SPACING = 0.005
"""Metres between them where that many suffice."""

CELLS = (0.24, 0.12, 0.06, 0.03)
"""Metres: a patch covers what lies in a cell, the largest in which it is a filled rectangle."""

FLAT = 0.006
"""Metres that samples of a patch may lie off its plane, root mean square."""

FILLED = 0.8
"""Share of its rectangle that a patch must cover, but in the smallest cells."""

BEND = 0.88
"""Least length of the mean of its samples' unit normals; a quarter of a round leg has .9."""

UPRIGHT = 0.7
"""Cosine to the normal that a line must have by which a sample is seen."""

THIN = 0.05
"""Metres: a side of a sheet with another sheet so close before it is nobody's view."""

MAX_PATCHES = 1500
"""Of a piece; where it has more, larger cells are tried, up to 2.8 times as large."""


def surface_patches(triangles: np.ndarray) -> np.ndarray:
    """(K, 3, 3) float32 patches of a surface (T, 3, 3), facing those who can see them.

    The order of a file's corners does not tell the outside. So samples of the surface are given
    the sides from which some straight line leads out of the piece; a sheet has both.
    """
    area = np.linalg.norm(np.cross(triangles[:, 1] - triangles[:, 0],
                                   triangles[:, 2] - triangles[:, 0]), axis=1) / 2  # fmt: skip
    triangles, area = triangles[area > 1e-9], area[area > 1e-9]
    spacing = max(SPACING, float(np.sqrt(area.sum() / SAMPLES)))
    xyz, normal = _samples(triangles, area, spacing)
    outside = _outside(xyz, normal, spacing)
    xyz = np.concatenate([xyz[outside[0]], xyz[outside[1]]])
    normal = np.concatenate([normal[outside[0]], -normal[outside[1]]])
    for coarser in (1.0, 1.4, 2.0, 2.8):
        patches = _patches(xyz, normal, spacing, [c * coarser for c in CELLS])
        if len(patches) <= MAX_PATCHES:
            break
    return patches


def _samples(
    triangles: np.ndarray, area: np.ndarray, spacing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) spread evenly over triangles, and the normal of each (N, 3)."""
    rng = np.random.default_rng(0)  # the same piece gives the same patches
    reach = np.cumsum(area)
    number = max(int(reach[-1] / spacing**2), 200)
    chosen = np.searchsorted(reach, (np.arange(number) + rng.random(number)) / number * reach[-1])
    chosen = np.minimum(chosen, len(area) - 1)
    a, b = rng.random((2, number, 1))
    fold = a + b > 1
    a, b = np.where(fold, 1 - a, a), np.where(fold, 1 - b, b)
    corner = triangles[:, 0]
    u, v = triangles[:, 1] - corner, triangles[:, 2] - corner
    normal = np.cross(u, v)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return corner[chosen] + a * u[chosen] + b * v[chosen], normal[chosen]


class _Occupied:
    """Which cells of a grid hold a part of the piece; none outside of it."""

    def __init__(self, xyz: np.ndarray, size: float) -> None:
        self.size = size
        self.low = xyz.min(axis=0) - 1.5 * size
        self.shape = np.ceil((xyz.max(axis=0) + 1.5 * size - self.low) / size).astype(int)
        self.full = np.zeros(self.shape, dtype=bool)
        self.full[tuple(self.cell(xyz).T)] = True

    def cell(self, xyz: np.ndarray) -> np.ndarray:
        """(N, 3) cells of points."""
        return np.floor((xyz - self.low) / self.size).astype(np.int64)

    def hit(self, xyz: np.ndarray) -> np.ndarray:
        """(N,) bool: whether points lie in a full cell."""
        cell = self.cell(xyz)
        inside = ((cell >= 0) & (cell < self.shape)).all(axis=1)
        found = np.zeros(len(xyz), dtype=bool)
        found[inside] = self.full[tuple(cell[inside].T)]
        return found

    def leads_out(self, start: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """(N,) bool: whether a line from points (N, 3) meets nothing of the piece and leaves the
        grid other than through its floor, under which nobody stands."""
        free = np.ones(len(start), dtype=bool)
        left, step = np.arange(len(start)), 1.5 * self.size
        while len(left):
            cell = self.cell(start[left] + step * direction)
            inside = ((cell >= 0) & (cell < self.shape)).all(axis=1)
            free[left[~inside]] = cell[~inside, 2] >= 0
            left, cell = left[inside], cell[inside]
            full = self.full[tuple(cell.T)]
            free[left[full]] = False
            left, step = left[~full], step + self.size
        return free


def _outside(xyz: np.ndarray, normal: np.ndarray, spacing: float) -> np.ndarray:
    """(2, N) bool: whether samples are seen from where their normal points, and from behind."""
    grid = _Occupied(xyz, 0.03)
    whole = np.ravel_multi_index(tuple(grid.cell(xyz).T), tuple(grid.shape))
    cells, index = np.unique(whole, return_inverse=True)
    cell = np.stack(np.unravel_index(cells, tuple(grid.shape)), axis=1)
    middle = grid.low + (cell + 0.5) * grid.size
    directions = _directions(48)
    free = np.stack([grid.leads_out(middle, direction) for direction in directions], axis=1)
    fine = _Occupied(xyz, max(0.008, 1.6 * spacing))
    seen = np.zeros((2, len(xyz)), dtype=bool)
    for side, n in enumerate((normal, -normal)):
        # the free line that is nearest to upright on the sheet
        best, cosine = np.zeros(len(xyz), dtype=np.int64), np.full(len(xyz), UPRIGHT)
        for j, direction in enumerate(directions):
            along = n @ direction
            better = free[index, j] & (along > cosine)
            best[better], cosine[better] = j, along[better]
        seen[side] = cosine > UPRIGHT
        # the coarse grid says nothing of what is near
        for way, reach in ((n, THIN), (directions[best], 2.5 * grid.size)):
            for step in np.arange(1.6 * fine.size, reach, 0.75 * fine.size):
                left = np.flatnonzero(seen[side])
                seen[side, left] = ~fine.hit(xyz[left] + step * way[left])
    return seen


def _directions(number: int) -> np.ndarray:
    """(number, 3) unit vectors spread evenly over the sphere (Fibonacci's lattice)."""
    z = 1 - (2 * np.arange(number) + 1) / number
    turn = np.arange(number) * np.pi * (3 - np.sqrt(5))
    r = np.sqrt(1 - z**2)
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], axis=1)


def _patches(xyz: np.ndarray, normal: np.ndarray, spacing: float, cells: list[float]) -> np.ndarray:
    """(K, 3, 3) float32 rectangles that cover oriented samples, larger cells first."""
    rows = []
    for level, size in enumerate(cells):
        if not len(xyz):
            break
        last = level == len(cells) - 1
        side = np.abs(normal).argmax(axis=1)
        facing = 2 * side + (normal[np.arange(len(normal)), side] < 0)
        cell = np.floor((xyz - xyz.min(axis=0) + 1e-9) / size).astype(np.int64)
        key = np.ravel_multi_index((*cell.T, facing), (*(cell.max(axis=0) + 1), 6))
        _, group = np.unique(key, return_inverse=True)
        patches, good = _rectangles(xyz, normal, group, spacing, last)
        rows.append(patches[good])
        left = ~good[group]
        xyz, normal = xyz[left], normal[left]
    return np.concatenate(rows).astype(np.float32)


def _rectangles(
    xyz: np.ndarray, normal: np.ndarray, group: np.ndarray, spacing: float, last: bool
) -> tuple[np.ndarray, np.ndarray]:
    """A rectangle (G, 3, 3) for each group of samples, and whether it is one (G,)."""
    order = np.argsort(group, kind="stable")
    xyz, normal, group = xyz[order], normal[order], group[order]
    first = np.flatnonzero(np.diff(group, prepend=-1))
    count = np.diff(first, append=len(group))

    def mean(values: np.ndarray) -> np.ndarray:
        total: np.ndarray = np.add.reduceat(values, first, axis=0)
        return total / count.reshape(-1, *[1] * (values.ndim - 1))

    middle, n = mean(xyz), mean(normal)
    bend = np.linalg.norm(n, axis=1)
    n /= np.maximum(bend, 1e-9)[:, None]
    offset = xyz - middle[group]
    off = np.sqrt(mean((offset * n[group]).sum(axis=1) ** 2))
    area = count * spacing**2
    best = np.full(len(count), np.inf)
    patches = np.zeros((len(count), 3, 3))
    # the sides of the rectangle: level, where the patch is not itself; else along the room's axes
    axis = np.where((np.abs(n[:, 2]) < 0.9)[:, None], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0])
    u0 = np.cross(axis, n)
    u0 /= np.linalg.norm(u0, axis=1, keepdims=True)
    v0 = np.cross(n, u0)
    for turn in (0.0, np.pi / 8, np.pi / 4, 3 * np.pi / 8):
        u = np.cos(turn) * u0 + np.sin(turn) * v0
        v = np.cross(n, u)
        along, across = (offset * u[group]).sum(axis=1), (offset * v[group]).sum(axis=1)
        low = np.stack([np.minimum.reduceat(c, first) for c in (along, across)], axis=1)
        high = np.stack([np.maximum.reduceat(c, first) for c in (along, across)], axis=1)
        sides = high - low + spacing
        covers = sides.prod(axis=1)
        better = covers < best - 1e-9
        best = np.where(better, covers, best)
        shrink = np.sqrt(np.minimum(area / covers, 1.0)) if last else np.ones(len(count))
        u, v = u * (sides[:, :1] * shrink[:, None]), v * (sides[:, 1:] * shrink[:, None])
        centre = middle + np.einsum("gi,gij->gj", (low + high) / 2, np.stack(
            [u / np.linalg.norm(u, axis=1, keepdims=True),
             v / np.linalg.norm(v, axis=1, keepdims=True)], axis=1))  # fmt: skip
        corner = centre - u / 2 - v / 2
        patches = np.where(better[:, None, None], np.stack([corner, u, v], axis=1), patches)
    if last:
        return patches, area > 4 * spacing**2
    return patches, (off < FLAT) & (area > FILLED * best) & (count > 16) & (bend > BEND)
