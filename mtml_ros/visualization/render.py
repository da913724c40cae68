"""Draws cubes into an image with numpy alone: orthographic, shaded, hidden ones hidden.

All cubes have one size and one orientation, so that all have the same outline on the image: it is
computed once, as a stamp of pixels, and put down once a cube against a depth buffer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_FACE_LIGHT = (0.87, 0.76, 1.0)  # faces across x, y and z (the top)
_OUTLINE_LIGHT = 0.9  # along a cube's edges, so that single cubes can be told apart
_OUTLINE_SHARE = 0.16  # of a face's half width
_LEAST_SPAN = 2.0  # metres across an image, so that a single cube does not fill it
_CREVICE_RADIUS = 0.012  # of the image's height
_CREVICE_STRENGTH = 0.8


@dataclass(frozen=True)
class Camera:
    """An orthographic view from above.

    azimuth: direction in which the camera stands, radians from the x axis.
    elevation: of the camera above the horizon, radians.
    scale: pixels a metre. offset: (2,) pixel of the map's origin. size: (height, width) pixels.
    """

    azimuth: float
    elevation: float
    scale: float
    offset: np.ndarray
    size: tuple[int, int]

    @property
    def axes(self) -> np.ndarray:
        """(3, 3) rows: right, down and away from the camera, unit vectors in the map."""
        return _axes(self.azimuth, self.elevation)

    def project(self, points: np.ndarray) -> np.ndarray:
        """(n, 3): pixel column, pixel row, and distance in metres, of points (n, 3)."""
        seen: np.ndarray = np.asarray(points, dtype=np.float64) @ self.axes.T
        seen[:, :2] = seen[:, :2] * self.scale + self.offset
        return seen

    @staticmethod
    def around(
        points: np.ndarray, azimuth: float, elevation: float, size: tuple[int, int], margin: float
    ) -> Camera:
        """The camera whose image (height, width) these points (n, 3) fill.

        margin: metres left free around the points.
        """
        flat = points.astype(np.float64) @ _axes(azimuth, elevation)[:2].T
        if not len(flat):
            flat = np.zeros((1, 2))
        low, high = flat.min(axis=0) - margin, flat.max(axis=0) + margin
        height, width = size
        span = np.maximum(high - low, _LEAST_SPAN)
        scale = min(width / span[0], height / span[1])
        offset = np.array([width, height]) / 2 - (low + high) / 2 * scale
        return Camera(azimuth, elevation, float(scale), offset, size)


def _axes(azimuth: float, elevation: float) -> np.ndarray:
    ca, sa, ce, se = np.cos(azimuth), np.sin(azimuth), np.cos(elevation), np.sin(elevation)
    right = (-sa, ca, 0.0)
    down = (ca * se, sa * se, -ce)
    away = (-ca * ce, -sa * ce, -se)
    return np.array([right, down, away])


def draw_cubes(camera: Camera, centers: np.ndarray, edge: float) -> tuple[np.ndarray, np.ndarray]:
    """Which cube each pixel shows, and how bright.

    centers: (N, 3) metres. edge: metres.
    Returns (H, W) int64 indices of cubes, -1 where there is none, and (H, W) float32 light, 0..1.
    """
    height, width = camera.size
    columns, rows, distance = camera.project(centers).T
    order = np.argsort(-distance, kind="stable")  # a later write to a pixel is the nearer cube's
    columns = np.floor(columns[order]).astype(np.int64)
    rows = np.floor(rows[order]).astype(np.int64)
    distance = distance[order].astype(np.float32)

    nearest = np.full(height * width, np.inf, dtype=np.float32)
    cube = np.full(height * width, -1, dtype=np.int64)
    light = np.zeros(height * width, dtype=np.float32)
    for dx, dy, nearer, brightness in _stamp(camera, edge):
        x, y, d = columns + dx, rows + dy, distance - nearer
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        pixel = np.where(inside, y * width + x, 0)
        seen = np.flatnonzero(inside & (d < nearest[pixel]))
        pixel = pixel[seen]
        nearest[pixel] = d[seen]
        cube[pixel] = order[seen]
        light[pixel] = brightness
    shape = camera.size
    light *= _crevices(nearest.reshape(shape)).reshape(-1)
    return cube.reshape(shape), light.reshape(shape)


def _stamp(camera: Camera, edge: float) -> list[tuple[int, int, float, float]]:
    """The pixels of one cube: offsets, metres nearer than its centre, brightness."""
    half = edge / 2
    right, down, away = camera.axes
    radius = int(np.ceil(half * np.sqrt(3) * camera.scale)) + 1
    slack = 0.5 / camera.scale  # of a pixel, so that neighbouring cubes leave no gaps
    offsets = np.mgrid[-radius : radius + 1, -radius : radius + 1].reshape(2, -1).T[:, ::-1]
    starts = (offsets / camera.scale) @ np.stack([right, down])  # (n, 3), beside the centre
    reach = np.full((len(offsets), 3), np.inf)  # from the middle of each face; in it below half
    way = np.zeros((len(offsets), 3))
    for axis in np.flatnonzero(np.abs(away) > 1e-9):
        way[:, axis] = (-np.sign(away[axis]) * half - starts[:, axis]) / away[axis]
        on_face = np.delete(starts + way[:, [axis]] * away, axis, axis=1)
        reach[:, axis] = np.abs(on_face).max(axis=1)
    pixels = []
    for i in np.flatnonzero(reach.min(axis=1) <= half + slack):
        face = int(reach[i].argmin())
        outline = reach[i, face] > half * (1 - _OUTLINE_SHARE) and half * camera.scale > 3
        light = _FACE_LIGHT[face] * (_OUTLINE_LIGHT if outline else 1.0)
        pixels.append((int(offsets[i, 0]), int(offsets[i, 1]), float(-way[i, face]), light))
    return pixels


def _crevices(distance: np.ndarray) -> np.ndarray:
    """(H, W) float32 light, lower where the surroundings are nearer to the camera.

    Eye-dome lighting (Boucheny 2009), which shows depth without knowing any surface's direction.
    distance: (H, W) metres, inf where there is nothing.
    """
    radius = max(1, round(distance.shape[0] * _CREVICE_RADIUS))
    total = np.zeros_like(distance)
    padded = np.pad(distance, radius, constant_values=np.inf)
    height, width = distance.shape
    here = np.where(np.isfinite(distance), distance, 0)
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1), (-0.7, -0.7), (-0.7, 0.7), (0.7, -0.7),
                   (0.7, 0.7)):  # fmt: skip
        y, x = radius + round(radius * dy), radius + round(radius * dx)
        there = padded[y : y + height, x : x + width]
        total += np.clip(here - there, 0.0, 0.5)
    light: np.ndarray = np.exp(-_CREVICE_STRENGTH * total / 8 / 0.25)
    return light.astype(np.float32)
