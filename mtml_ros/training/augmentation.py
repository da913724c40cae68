"""Augmentation of scenes: nothing of it changes which object is which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtml_ros.core.scene import Scene


@dataclass(frozen=True)
class AugmentationSettings:
    """How scenes vary from one look to the next.

    rotate: any yaw; else quarter turns. flip: mirror images (the paper has both).
    scale: each axis by 1 - scale to 1 + scale. tilt: degrees, least and most lean of the vertical.
    shift: metres, moves the voxel lattice against the scene.
    drop_points: greatest share of points left out at random.
    drop_regions: mean number of balls of 20 to 60 cm in which all points are left out.
    jitter: metres, standard deviation of noise on the points.
    """

    rotate: bool = True
    flip: bool = True
    scale: float = 0.0
    tilt: float = 0.0
    shift: float = 1.0
    drop_points: float = 0.0
    drop_regions: float = 0.0
    jitter: float = 0.0


def augment(scene: Scene, settings: AugmentationSettings, rng: np.random.Generator) -> Scene:
    """The scene turned, mirrored, stretched, moved and thinned; at least one point remains."""
    s = settings
    yaw = rng.uniform(0, 2 * np.pi) if s.rotate else np.pi / 2 * rng.integers(4)
    transform = np.array(
        [[np.cos(yaw), -np.sin(yaw), 0.0], [np.sin(yaw), np.cos(yaw), 0.0], [0.0, 0.0, 1.0]]
    )
    if s.flip and rng.random() < 0.5:
        transform = transform @ np.diag([-1.0, 1.0, 1.0])
    if s.scale:
        transform = transform @ np.diag(rng.uniform(1 - s.scale, 1 + s.scale, 3))
    if s.tilt:
        transform = _lean(np.radians(rng.uniform(-s.tilt, s.tilt, 2))) @ transform
    xyz = scene.xyz @ transform.T.astype(np.float32)
    xyz += rng.uniform(-s.shift, s.shift, 3).astype(np.float32)
    if s.jitter:
        xyz += rng.normal(0, s.jitter, xyz.shape).astype(np.float32)
    keep = np.ones(len(xyz), dtype=bool)
    if s.drop_points:
        keep &= rng.random(len(xyz)) >= rng.uniform(0, s.drop_points)
    for _ in range(int(rng.poisson(s.drop_regions)) if s.drop_regions else 0):
        middle = xyz[rng.integers(len(xyz))]
        keep &= ((xyz - middle) ** 2).sum(axis=1) > rng.uniform(0.2, 0.6) ** 2
    if not keep.any():
        keep[0] = True
    return Scene(
        xyz[keep],
        scene.labels[keep],
        scene.instance[keep],
        None if scene.noisy_labels is None else scene.noisy_labels[keep],
        None if scene.features is None else scene.features[keep],
    )


def _lean(angles: np.ndarray) -> np.ndarray:
    """(3, 3) rotation about x, then about y, by angles (2,) in radians."""
    (cx, cy), (sx, sy) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    result: np.ndarray = about_y @ about_x
    return result
