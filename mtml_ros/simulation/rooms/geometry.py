"""Furniture geometry: flat patches, solids made of them, points sampled on them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from mtml_ros.core.kernels import kernels

RECTANGLE, DISC = 0, 1
"""A patch is a parallelogram, or the ellipse inscribed in it."""

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Model:
    """One object in its own frame: metres, z up, standing on z = 0, its front towards +y.

    patches: (K, 3, 3) float32: corner, first and second edge; the outside is at first x second.
    kinds: (K,) uint8, RECTANGLE or DISC.
    size: extent along x, y and z of the box around the origin that it stands in.
    footprint: rectangles that others must not enter: centre x, centre y, length x, length y.
    label: class index. counted: whether it is an annotated instance.
    returns: share of a depth sensor's rays that come back from it (dark, glossy, glass: less).
    tops: surfaces that things may stand on: centre x, centre y, length x, length y, z.
    """

    patches: np.ndarray
    kinds: np.ndarray
    size: Vector
    footprint: tuple[tuple[float, float, float, float], ...]
    label: int
    counted: bool = True
    returns: float = 1.0
    tops: tuple[tuple[float, float, float, float, float], ...] = ()

    def as_label(self, label: int, counted: bool = True) -> Model:
        """The same body under another label."""
        return replace(self, label=label, counted=counted)


@dataclass
class Body:
    """Collects the solids of a model; `model` turns them into patches."""

    _solids: list[tuple[float, ...]] = field(default_factory=list)
    _patches: list[tuple[float, ...]] = field(default_factory=list)
    _discs: list[tuple[float, ...]] = field(default_factory=list)

    def box(self, x: float, y: float, z: float, lx: float, ly: float, lz: float,
            yaw: float = 0.0, tilt: float = 0.0) -> None:  # fmt: skip
        """A box whose base is centred on (x, y, z); tilt leans its top towards -y."""
        c, s, ct, st = math.cos(yaw), math.sin(yaw), math.cos(tilt), math.sin(tilt)
        a = (lx * c, lx * s, 0.0)
        b = (-ly * s * ct, ly * c * ct, ly * st)
        h = (lz * s * st, -lz * c * st, lz * ct)
        self.parallelepiped((x, y, z), a, b, h)

    def parallelepiped(self, base: Vector, a: Vector, b: Vector, h: Vector) -> None:
        """A solid with edges a, b, h (right-handed); `base` is the centre of its a-b side."""
        corner = tuple(base[i] - (a[i] + b[i]) / 2 for i in range(3))
        self._solids.append((*corner, *a, *b, *h))

    def beam(self, start: Vector, end: Vector, width: float, depth: float | None = None) -> None:
        """A square (or width x depth) bar between two points."""
        depth = width if depth is None else depth
        axis = (end[0] - start[0], end[1] - start[1], end[2] - start[2])
        length = math.hypot(*axis) + 1e-9
        # in plain numbers: numpy takes ten times as long for three of them
        across = _cross(axis, (0.0, 1.0, 0.0) if abs(axis[1]) < 0.9 * length else (1.0, 0.0, 0.0))
        up = _cross(axis, across)
        wide, high = width / math.hypot(*across), depth / math.hypot(*up)
        # across x up points along the axis, so the solid is right-handed
        self.parallelepiped(
            start,
            (across[0] * wide, across[1] * wide, across[2] * wide),
            (up[0] * high, up[1] * high, up[2] * high),
            axis,
        )

    def cylinder(self, x: float, y: float, z: float, radius: float, height: float,
                 top_radius: float | None = None, sides: int = 8, ry: float = 1.0,
                 caps: bool = True, inside: bool = False) -> None:  # fmt: skip
        """An upright (tapered) prism; ry flattens it along y; inside adds the inner surface."""
        top = radius if top_radius is None else top_radius
        # corners of equal area, not inscribed ones: the prism is as wide as the circle
        ring = [(math.cos(t), ry * math.sin(t))
                for t in np.arange(sides + 1) * (2 * math.pi / sides)]  # fmt: skip
        for (c0, s0), (c1, s1) in pairwise(ring):
            o = (x + radius * c0, y + radius * s0, z)
            chord = (radius * (c1 - c0), radius * (s1 - s0), 0.0)
            rise = ((top - radius) * (c0 + c1) / 2, (top - radius) * (s0 + s1) / 2, height)
            self._patches.append((*o, *chord, *rise))
            if inside:
                self._patches.append((*o, *rise, *chord))
        if caps:
            self.disc(x, y, z + height, top, top * ry)
            self.disc(x, y, z, radius, radius * ry, up=False)

    def disc(self, x: float, y: float, z: float, rx: float, ry: float, up: bool = True) -> None:
        """A horizontal ellipse, seen from above (or from below)."""
        a, b = (2 * rx, 0.0, 0.0), (0.0, 2 * ry, 0.0)
        self._discs.append((x - rx, y - ry, z, *(a if up else b), *(b if up else a)))

    def ellipsoid(self, x: float, y: float, z: float, rx: float, ry: float, rz: float,
                  rows: int = 4, columns: int = 8) -> None:  # fmt: skip
        """An ellipsoid centred on (x, y, z), of tangent patches."""
        lat = np.linspace(-math.pi / 2, math.pi / 2, rows + 1)
        for low, high in pairwise(lat):
            middle = (low + high) / 2
            for lon in np.arange(columns) * (2 * math.pi / columns):
                c, s = math.cos(lon), math.sin(lon)
                half = math.tan(math.pi / columns) * math.cos(middle)
                east = (-2 * half * s * rx, 2 * half * c * ry, 0.0)
                drop = math.cos(high) - math.cos(low)
                north = (drop * c * rx, drop * s * ry, (math.sin(high) - math.sin(low)) * rz)
                start = (x + math.cos(low) * c * rx - east[0] / 2,
                         y + math.cos(low) * s * ry - east[1] / 2,
                         z + math.sin(low) * rz)  # fmt: skip
                self._patches.append((*start, *east, *north))

    def patch(self, corner: Vector, u: Vector, v: Vector) -> None:
        """One parallelogram, seen from the side that u x v points to."""
        self._patches.append((*corner, *u, *v))

    def model(self, size: Vector, label: int, *, counted: bool = True, returns: float = 1.0,
              tops: tuple[tuple[float, float, float, float, float], ...] = (),
              ell: tuple[float, float, float] | None = None) -> Model:  # fmt: skip
        """The finished Model of everything collected, `size` around the origin.

        ell: a wing in front of an L-shaped object: centre x, width, length. The model is then
        moved back by half that length, so that its frame is again the middle of its box.
        """
        rows = [np.array(part, dtype=np.float32).reshape(-1, 3, 3)
                for part in (self._patches, self._discs) if part]  # fmt: skip
        if self._solids:
            rows.insert(0, _faces(np.array(self._solids, dtype=np.float32).reshape(-1, 4, 3)))
        patches = np.concatenate(rows)
        kinds = np.zeros(len(patches), dtype=np.uint8)
        kinds[len(patches) - len(self._discs) :] = DISC
        footprint: tuple[tuple[float, float, float, float], ...] = ((0.0, 0.0, size[0], size[1]),)
        if ell is not None:
            x, width, length = ell
            patches[:, 0, 1] -= length / 2
            tops = tuple((cx, cy - length / 2, lx, ly, z) for cx, cy, lx, ly, z in tops)
            footprint = ((0.0, -length / 2, size[0], size[1]), (x, size[1] / 2, width, length))
            size = (size[0], size[1] + length, size[2])
        return Model(patches, kinds, size, footprint, label, counted, returns, tops)


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _faces(solids: np.ndarray) -> np.ndarray:
    """(6 n, 3, 3) patches of solids (n, 4, 3) given by corner and three right-handed edges."""
    parts = np.concatenate(
        [solids, np.zeros_like(solids[:, :1])], axis=1
    )  # corner, a, b, h, nothing
    corner = solids[:, :1] + parts[:, [4, 3, 4, 2, 4, 1]]
    first, second = parts[:, [2, 1, 1, 3, 3, 2]], parts[:, [1, 2, 3, 1, 2, 3]]
    return np.stack([corner, first, second], axis=2).reshape(-1, 3, 3)


def place(patches: np.ndarray, x: float, y: float, z: float, yaw: float) -> np.ndarray:
    """Patches (K, 3, 3) turned by yaw about z, then moved to (x, y, z)."""
    c, s = math.cos(yaw), math.sin(yaw)
    turned = patches @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], dtype=np.float32)
    turned[:, 0] += np.array([x, y, z], dtype=np.float32)
    return turned


def sample_patches(
    patches: np.ndarray, kinds: np.ndarray, spacing: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Points about `spacing` metres apart on patches (K, 3, 3), stratified and jittered.

    Returns xyz (N, 3) float32 and the patch of each point (N,) int64, ascending.
    """
    lengths = np.linalg.norm(patches[:, 1:], axis=2) / spacing  # (K, 2), in spacings
    counts = np.maximum(np.ceil(lengths), 1).astype(np.int64)
    number = int(counts.prod(axis=1).sum())
    # a strip narrower than the spacing gets its share of points, not a full row
    wanted = np.minimum(lengths, 1.0).prod(axis=1).astype(np.float32)
    share, chance = rng.random((number, 2), dtype=np.float32), rng.random(number, dtype=np.float32)
    disc = (kinds == DISC).view(np.uint8)
    corners = np.ascontiguousarray(patches, dtype=np.float32).reshape(-1, 9)
    xyz, patch = kernels.sample_patches(corners, counts, wanted, disc, share, chance)
    return xyz.reshape(-1, 3), patch
