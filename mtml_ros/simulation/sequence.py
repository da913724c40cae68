"""A room as a moving depth camera sees it, cloud by cloud: what a robot's map is given."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.simulation.rooms.generate import compose
from mtml_ros.simulation.rooms.path import walk
from mtml_ros.simulation.rooms.room_types import furnish
from mtml_ros.simulation.rooms.settings import Dice, RoomSettings
from mtml_ros.simulation.sensor import Camera, scan

SHIFT = 0.03
"""Metres that labels lie beside their place: three pixels of a camera at 5 m."""

BLOBS, BLOB_RADIUS = 4, (0.1, 0.3)
"""Wrong blobs a cloud, and their least and greatest radius in metres."""


@dataclass(frozen=True)
class Frame:
    """One cloud. points: in the map frame, with true labels. origin: (3,) metres, the camera.
    instance: (N,) int32, object of each point, -1 for none."""

    points: LabeledPoints
    origin: np.ndarray
    instance: np.ndarray


def record(
    rng: np.random.Generator, frames: int, settings: RoomSettings | None = None
) -> list[Frame]:
    """So many clouds of one static room, along a walk through it.

    The camera moves and turns evenly from each view of `rooms.path.walk` to the next.
    """
    settings = RoomSettings() if settings is None else settings
    dice = Dice(rng, settings)
    plan = furnish(settings, dice)
    surfaces, label, instance = compose(plan, dice)
    cameras = _evenly(walk(plan, dice), frames)
    # a surface sample may be seen in every cloud, unlike in one fused scan
    returns = scan(surfaces, cameras, replace(settings.scan, copies=255), rng)
    ends = np.searchsorted(returns.pose, np.arange(frames + 1))
    clouds = []
    for camera, first, end in zip(cameras, ends[:-1], ends[1:]):
        patch = returns.patch[first:end]
        points = LabeledPoints(returns.xyz[first:end], label[patch])
        clouds.append(Frame(points, camera.position.astype(np.float64), instance[patch]))
    return clouds


def with_errors(frame: Frame, rng: np.random.Generator) -> LabeledPoints:
    """The cloud with labels as a 2D network and a badly registered camera give them: SHIFT beside
    their place, and BLOBS round blobs of one wrong class each, others in each cloud."""
    xyz, labels = frame.points.xyz, frame.points.labels
    if not len(xyz):
        return frame.points
    aside = np.cross(xyz.mean(axis=0) - frame.origin, [0, 0, 1])
    aside *= SHIFT / max(float(np.linalg.norm(aside)), 1e-6)
    tree = cKDTree(xyz)
    wrong = labels[tree.query(xyz + aside)[1]]
    classes = np.unique(np.append(labels, 0))
    for _ in range(BLOBS):
        inside = tree.query_ball_point(xyz[rng.integers(len(xyz))], rng.uniform(*BLOB_RADIUS))
        wrong[inside] = rng.choice(classes)
    return LabeledPoints(xyz, wrong)


def _evenly(views: list[Camera], frames: int) -> list[Camera]:
    """So many cameras from the first of the views to the last."""
    at = np.linspace(0, len(views) - 1, frames)
    number = np.arange(len(views))
    position = np.array([v.position for v in views])
    place = np.stack([np.interp(at, number, position[:, i]) for i in range(3)], axis=1)
    yaw = np.interp(at, number, np.unwrap([v.yaw for v in views]))
    pitch = np.interp(at, number, [v.pitch for v in views])
    return [
        Camera(p, math.remainder(y, 2 * math.pi), float(t)) for p, y, t in zip(place, yaw, pitch)
    ]
