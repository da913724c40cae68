"""A simulated depth sensor: which surface samples its depth images see, and where they land.

Rays are not traced. The samples themselves are drawn into two small depth buffers a pose (a fine
one for far samples, a coarse one for near samples, so that no surface has holes), and a sample
is seen when its patch faces the camera and it does not lie behind the plane of the nearest patch
in its pixel. At the 10 cm voxels that rooms are made for this is as good as
ray casting, and takes milliseconds a pose in numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mtml_ros.simulation.rooms.geometry import sample_patches
from mtml_ros.simulation.rooms.settings import ScanSettings

NEAR_PIXELS = 3
"""A pixel of the coarse buffer is this many fine pixels wide."""

BLIND = 0.06
"""Metres: what is nearer to the camera hides nothing; no hand-held camera is in a wall."""

MAX_TOLERANCE = 0.4
"""Metres: no sample this far behind the nearest in its pixel is seen, however steep all is."""

BEHIND = 0.02
"""Metres: a sample so far behind the surface in front of it is hidden by it."""

EDGE = 0.25
"""Metres: a jump of the depth to the next pixel that makes an edge."""


@dataclass(frozen=True)
class Camera:
    """A depth image's pose: position (3,) metres, heading and pitch (up positive) in radians."""

    position: np.ndarray
    yaw: float
    pitch: float

    @property
    def axes(self) -> np.ndarray:
        """(3, 3): right, down, forward as rows."""
        c, s, cp, sp = (math.cos(self.yaw), math.sin(self.yaw),
                        math.cos(self.pitch), math.sin(self.pitch))  # fmt: skip
        forward = np.array([c * cp, s * cp, sp])
        right = np.array([s, -c, 0.0])
        return np.stack([right, np.cross(forward, right), forward]).astype(np.float32)


@dataclass(frozen=True)
class Returns:
    """What the sensor measured: xyz (N, 3) float32 in the map frame, the patch that each ray hit
    (N,) int64, and the index of the camera that saw it (N,) int32, ascending.
    """

    xyz: np.ndarray
    patch: np.ndarray
    pose: np.ndarray


@dataclass(frozen=True)
class Surfaces:
    """What there is to see. patches: (K, 3, 3); kinds: (K,); returns: (K,) share of rays back."""

    patches: np.ndarray
    kinds: np.ndarray
    returns: np.ndarray


def scan(
    surfaces: Surfaces, cameras: list[Camera], settings: ScanSettings, rng: np.random.Generator
) -> Returns:
    """The fused returns of all cameras, in order."""
    if not cameras:
        return Returns(np.zeros((0, 3), np.float32), np.zeros(0, np.int64), np.zeros(0, np.int32))
    xyz, patch = sample_patches(surfaces.patches, surfaces.kinds, settings.spacing, rng)
    sensor = _Sensor(surfaces, xyz, patch, settings, rng)
    drift = _drift(len(cameras), rng.uniform(*settings.drift), rng)
    copies = np.zeros(len(xyz), dtype=np.uint8)
    parts = []
    for camera, offset in zip(cameras, drift):
        seen, ranges, edge = sensor.visible(camera)
        keep = copies[seen] < settings.copies
        # not all of the returns, so that a sample's copies come from different poses
        chance = 0.7 * sensor.shares[patch[seen]] * np.where(edge, 1 - settings.edge_loss, 1)
        keep &= rng.random(len(seen), dtype=np.float32) < chance
        seen, ranges, edge = seen[keep], ranges[keep], edge[keep]
        copies[seen] += 1
        parts.append((sensor.measure(camera, seen, ranges, edge) + offset, patch[seen]))
    pose = np.repeat(np.arange(len(parts), dtype=np.int32), [len(p) for p, _ in parts])
    return Returns(
        np.concatenate([p for p, _ in parts]).astype(np.float32),
        np.concatenate([i for _, i in parts]),
        pose,
    )


class _Sensor:
    """One room's depth camera: its optics, drawn once, and the samples it looks at."""

    def __init__(self, surfaces: Surfaces, xyz: np.ndarray, patch: np.ndarray,
                 settings: ScanSettings, rng: np.random.Generator) -> None:  # fmt: skip
        self.xyz, self.patch, self.settings, self.rng = xyz, patch, settings, rng
        self.shares = surfaces.returns.astype(np.float32)
        p = surfaces.patches
        normal = np.cross(p[:, 1], p[:, 2])
        self.normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        self.offset = (self.normal * p[:, 0]).sum(axis=1)
        self.center = p[:, 0] + (p[:, 1] + p[:, 2]) / 2
        self.radius = np.maximum(np.linalg.norm(p[:, 1] + p[:, 2], axis=1),
                                 np.linalg.norm(p[:, 1] - p[:, 2], axis=1)) / 2  # fmt: skip
        self.start = np.searchsorted(patch, np.arange(len(p) + 1))
        self.max_range = float(rng.uniform(*settings.max_range))
        self.noise = float(rng.uniform(*settings.noise))
        self.grazing = float(rng.uniform(*settings.grazing))
        half = math.radians(rng.uniform(*settings.field_of_view)) / 2
        # A fine pixel is 1.5 sample spacings wide at half the range, a coarse one at a sixth.
        self.pixel = 3 * settings.spacing / self.max_range
        columns = math.ceil(2 * math.tan(half) / self.pixel / NEAR_PIXELS) * NEAR_PIXELS
        rows = math.ceil(0.75 * columns / NEAR_PIXELS) * NEAR_PIXELS
        self.shape = (rows, columns)
        self.tangents = (columns * self.pixel / 2, rows * self.pixel / 2)

    def visible(self, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Indices of the samples seen, their depth, and whether each lies at a depth edge."""
        candidates = self._candidates(camera)
        axes = camera.axes
        local = axes @ (self.xyz[candidates] - camera.position.astype(np.float32)).T
        depth = local[2]
        inside = (depth > BLIND) & (depth < self.max_range)
        inside &= np.abs(local[0]) < self.tangents[0] * depth
        inside &= np.abs(local[1]) < self.tangents[1] * depth
        chosen = np.flatnonzero(inside)
        candidates, local = candidates[chosen], local[:, chosen]
        depth = local[2]
        rows, columns = self.shape
        column = ((local[0] / depth + self.tangents[0]) / self.pixel).astype(np.int32)
        row = ((local[1] / depth + self.tangents[1]) / self.pixel).astype(np.int32)
        pixel = np.minimum(row, rows - 1) * columns + np.minimum(column, columns - 1)
        nearest, owner = self._nearest(pixel, depth, self.patch[candidates])
        front = nearest.ravel()[pixel]
        # most of what is hidden is hidden well: the surface in front matters to the rest alone
        chosen = np.flatnonzero(depth <= front + MAX_TOLERANCE)
        candidates, depth, front, pixel = (v[chosen] for v in (candidates, depth, front, pixel))
        local = local[:, chosen]
        hider = owner[pixel]
        height = np.einsum("ij,ij->i", self.normal[hider], self.xyz[candidates])
        seen = (height > self.offset[hider] - BEHIND) | (depth < front + BEHIND)
        toward = self.normal[self.patch[candidates]] @ axes.T
        distance = np.sqrt(np.einsum("ij,ij->j", local, local))
        seen &= -np.einsum("ji,ij->j", toward, local) > self.grazing * distance
        seen &= depth > self.settings.min_range
        chosen = np.flatnonzero(seen)
        window = np.pad(nearest, 1, mode="edge")
        around = np.minimum(np.minimum(window[:-2, 1:-1], window[2:, 1:-1]),
                            np.minimum(window[1:-1, :-2], window[1:-1, 2:]))  # fmt: skip
        edge = depth[chosen] > around.ravel()[pixel[chosen]] + EDGE
        return candidates[chosen], depth[chosen], edge

    def _candidates(self, camera: Camera) -> np.ndarray:
        """Samples of the patches that face the camera and may lie in its frustum."""
        position = camera.position.astype(np.float32)
        local = (self.center - position) @ camera.axes.T
        good = self.normal @ position > self.offset
        good &= (local[:, 2] > -self.radius) & (local[:, 2] < self.max_range + self.radius)
        for axis, tangent in enumerate(self.tangents):
            # distance of the centre to the frustum's side plane against the bounding radius
            beyond = (np.abs(local[:, axis]) - tangent * local[:, 2]) / math.hypot(1, tangent)
            good &= beyond < self.radius
        chosen = np.flatnonzero(good)
        counts = self.start[chosen + 1] - self.start[chosen]
        first = np.repeat(self.start[chosen] - (np.cumsum(counts) - counts), counts)
        return first + np.arange(len(first))

    def _nearest(
        self, pixel: np.ndarray, depth: np.ndarray, patch: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(rows, columns) least depth a pixel, spread over a block where near, and (rows *
        columns) the patch that has it.
        """
        rows, columns = self.shape
        fine = np.full(rows * columns, np.inf, dtype=np.float32)
        np.minimum.at(fine, pixel, depth)
        first = np.flatnonzero(depth == fine[pixel])
        owner = np.zeros(rows * columns, dtype=np.int64)
        owner[pixel[first]] = patch[first]
        fine, owner = _without_holes(fine.reshape(rows, columns), owner.reshape(rows, columns))

        def blocks(image: np.ndarray) -> np.ndarray:
            shape = (rows // NEAR_PIXELS, NEAR_PIXELS, columns // NEAR_PIXELS, NEAR_PIXELS)
            square: np.ndarray = image.reshape(shape).swapaxes(1, 2)
            return square

        # a block takes part with its nearest pixel where that is near
        flat = blocks(fine).reshape(rows // NEAR_PIXELS, columns // NEAR_PIXELS, -1)
        least = flat.argmin(axis=2)[..., None]
        coarse = np.take_along_axis(flat, least, axis=2)[..., 0]
        its_owner = np.take_along_axis(blocks(owner).reshape(flat.shape), least, axis=2)[..., 0]
        coarse, its_owner = _without_holes(
            np.where(coarse < self.max_range / 2, coarse, np.float32(np.inf)), its_owner
        )
        near = np.isfinite(coarse)[..., None, None]
        spread = np.where(near, coarse[..., None, None], blocks(fine))
        owned = np.where(near, its_owner[..., None, None], blocks(owner))
        return spread.swapaxes(1, 2).reshape(rows, columns), owned.swapaxes(1, 2).ravel()

    def measure(
        self, camera: Camera, seen: np.ndarray, depth: np.ndarray, edge: np.ndarray
    ) -> np.ndarray:
        """(n, 3) where the returns of these samples land: noise along the ray, mixed pixels."""
        ray = self.xyz[seen] - camera.position.astype(np.float32)
        error = self.noise * depth * self.rng.standard_normal(len(seen), dtype=np.float32)
        # relative, as the ray is the distance itself: noise * depth^2 / depth
        scale = 1 + error
        mixed = edge & (self.rng.random(len(seen), dtype=np.float32) < self.settings.mixed)
        scale[mixed] -= 0.15 * self.rng.random(int(mixed.sum()), dtype=np.float32)
        landed: np.ndarray = camera.position.astype(np.float32) + ray * scale[:, None]
        return landed


def _without_holes(depth: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth and owner images whose pixels behind all four neighbours are as the farthest of them:
    no sample of the surface there fell into that pixel, and one would look through it.
    """
    around = np.pad(depth, 1, mode="edge")
    owners = np.pad(owner, 1, mode="edge")
    sides = (np.s_[:-2, 1:-1], np.s_[2:, 1:-1], np.s_[1:-1, :-2], np.s_[1:-1, 2:])
    worst, its_owner = np.full_like(depth, -np.inf), owner
    for side in sides:
        farther = around[side] > worst
        worst = np.where(farther, around[side], worst)
        its_owner = np.where(farther, owners[side], its_owner)
    hole = depth > worst + EDGE / 2
    return np.where(hole, worst, depth), np.where(hole, its_owner, owner)


def _drift(poses: int, size: float, rng: np.random.Generator) -> np.ndarray:
    """(poses, 3) metres: a smooth random walk whose spread over the scan is about `size`."""
    steps = rng.standard_normal((poses, 3)) * np.array([1.0, 1.0, 0.5])
    walk = np.cumsum(steps, axis=0) * (size / math.sqrt(max(poses, 1)))
    centred: np.ndarray = (walk - walk.mean(axis=0)).astype(np.float32)
    return centred
