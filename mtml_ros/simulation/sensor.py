"""A simulated depth sensor: which surface samples its depth images see, and where they land.

Rays are not traced. The samples themselves are drawn into two small depth buffers a pose (a fine
one for far samples, a coarse one for near samples, so that no surface has holes), and a sample
is seen when its patch faces the camera and it does not lie behind the plane of the nearest patch
in its pixel (kernels/depth_images.cpp). At the 10 cm voxels that rooms are made for this is as
good as ray casting, and takes half a millisecond a pose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mtml_ros.core.kernels import kernels
from mtml_ros.simulation.rooms.geometry import sample_patches
from mtml_ros.simulation.rooms.settings import ScanSettings


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
        p = surfaces.patches.astype(np.float32)
        normal = np.cross(p[:, 1], p[:, 2])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        offset = (normal * p[:, 0]).sum(axis=1)
        center = p[:, 0] + (p[:, 1] + p[:, 2]) / 2
        radius = np.maximum(np.linalg.norm(p[:, 1] + p[:, 2], axis=1),
                            np.linalg.norm(p[:, 1] - p[:, 2], axis=1)) / 2  # fmt: skip
        starts = np.searchsorted(patch, np.arange(len(p) + 1))
        self.samples = (xyz, starts, normal, offset, center, radius)
        self.max_range = float(rng.uniform(*settings.max_range))
        self.noise = float(rng.uniform(*settings.noise))
        self.grazing = float(rng.uniform(*settings.grazing))
        half = math.radians(rng.uniform(*settings.field_of_view)) / 2
        near = kernels.NEAR_PIXELS
        # A fine pixel is 1.5 sample spacings wide at half the range, a coarse one at a sixth.
        self.pixel = 3 * settings.spacing / self.max_range
        columns = math.ceil(2 * math.tan(half) / self.pixel / near) * near
        self.shape = (math.ceil(0.75 * columns / near) * near, columns)

    def visible(self, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Indices of the samples seen, their depth, and whether each lies at a depth edge."""
        return kernels.see(
            *self.samples, camera.position.astype(np.float32), camera.axes, self.shape, self.pixel,
            (self.settings.min_range, self.max_range), self.grazing,
        )  # fmt: skip

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


def _drift(poses: int, size: float, rng: np.random.Generator) -> np.ndarray:
    """(poses, 3) metres: a smooth random walk whose spread over the scan is about `size`."""
    steps = rng.standard_normal((poses, 3)) * np.array([1.0, 1.0, 0.5])
    walk = np.cumsum(steps, axis=0) * (size / math.sqrt(max(poses, 1)))
    centred: np.ndarray = (walk - walk.mean(axis=0)).astype(np.float32)
    return centred
