"""Rooms to train and measure on: furnish, scan, label, all from one random generator."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mtml_ros.core.scene import Scene
from mtml_ros.simulation.rooms.labels import UNLABELLED, WALL
from mtml_ros.simulation.rooms.layout import Plan
from mtml_ros.simulation.rooms.path import walk
from mtml_ros.simulation.rooms.room_types import furnish
from mtml_ros.simulation.rooms.settings import Dice, RoomSettings
from mtml_ros.simulation.sensor import Surfaces, scan

MIN_POINTS = 12
"""Instances of fewer points are not annotated: nobody sees what they are."""


@dataclass(frozen=True)
class Scan:
    """A scanned room and when each point was seen.

    pose: (N,) int32, index of the depth image, ascending. poses: how many images there were.
    """

    scene: Scene
    pose: np.ndarray
    poses: int


def generate_room(rng: np.random.Generator, settings: RoomSettings | None = None) -> Scene:
    """A furnished room as a depth sensor saw it: true labels and instances.

    The same generator state and settings give the same room. Object labels are clean; see
    `label_noise.with_noise` for labels as networks give them.
    """
    return scan_room(rng, settings).scene


def scan_room(rng: np.random.Generator, settings: RoomSettings | None = None) -> Scan:
    """As `generate_room`, with the order in which points were seen."""
    settings = RoomSettings() if settings is None else settings
    dice = Dice(rng, settings)
    plan = furnish(settings, dice)
    surfaces, label, instance = compose(plan, dice)
    cameras = walk(plan, dice)
    if settings.scan.partial and dice.chance(settings.scan.partial):
        cameras = cameras[: max(4, int(len(cameras) * dice.uniform(0.3, 0.9)))]
    returns = scan(surfaces, cameras, settings.scan, rng)
    xyz, patch, pose = returns.xyz, returns.patch, returns.pose
    if dice.chance(settings.scan.low_cut):
        low = xyz[:, 2] < dice.uniform(1.4, 2.2)
        xyz, patch, pose = xyz[low], patch[low], pose[low]
    xyz = _turned(xyz, dice.turn() if settings.random_yaw else 0.0)
    scene = Scene(xyz, label[patch], _renumbered(instance[patch]))
    return Scan(scene, pose, len(cameras))


def complete_room(rng: np.random.Generator, settings: RoomSettings | None = None) -> Scene:
    """The room that `generate_room` scans from the same rng state, every surface of it."""
    from mtml_ros.simulation.rooms.geometry import sample_patches

    settings = RoomSettings() if settings is None else settings
    dice = Dice(rng, settings)
    plan = furnish(settings, dice)
    surfaces, label, instance = compose(plan, dice)
    xyz, patch = sample_patches(surfaces.patches, surfaces.kinds, settings.scan.spacing, rng)
    return Scene(xyz.astype(np.float32), label[patch], instance[patch])


def partial_scans(scan: Scan, parts: int) -> list[Scene]:
    """The same scan as it grew: `parts` scenes, each holding the one before, the last all of it.

    Instance numbers, and labels that err where the scan's do, are the same in all parts.
    """
    ends = np.searchsorted(scan.pose, np.linspace(0, scan.poses, parts + 1)[1:])
    whole = scan.scene
    noisy = whole.noisy_labels
    return [
        Scene(whole.xyz[:e], whole.labels[:e], whole.instance[:e],
              None if noisy is None else noisy[:e])
        for e in ends
    ]  # fmt: skip


def compose(plan: Plan, dice: Dice) -> tuple[Surfaces, np.ndarray, np.ndarray]:
    """All surfaces of a furnished room, with label (K,) uint8 and instance (K,) int32 a patch."""
    scan_settings, settings = dice.settings.scan, dice.settings
    patches, kinds, returns, labels, instances = [], [], [], [], []
    shell = plan.shell()
    unannotated = dice.uniform(0, settings.unannotated) if settings.unannotated else 0.0
    for surface, label in shell:
        if label == UNLABELLED and not dice.chance(settings.ceiling):  # which nobody labels
            continue
        patches.append(surface)
        kinds.append(np.zeros(len(surface), np.uint8))
        share = np.full(len(surface), dice.uniform(0.7, 1.0))
        if label == WALL and dice.chance(scan_settings.missing_walls):
            share[dice.rng.random(len(surface)) < dice.uniform(0.0, 0.5)] = 0.0
        returns.append(share)
        given = np.full(len(surface), label, np.uint8)
        if unannotated:
            given[dice.rng.random(len(surface)) < unannotated] = UNLABELLED
        labels.append(given)
        instances.append(np.full(len(surface), -1, np.int32))
    for item in plan.items:
        model, number = item.model, len(item.model.patches)
        share = np.full(number, model.returns * dice.uniform(0.75, 1.0))
        if dice.chance(0.08):  # dark or glossy
            share *= dice.uniform(0.15, 0.6)
        if dice.chance(scan_settings.thin_loss):
            share[_thin(model.patches)] *= dice.uniform(0.0, 0.5)
        patches.append(item.patches)
        kinds.append(model.kinds)
        returns.append(share)
        labels.append(np.full(number, model.label, np.uint8))
        instances.append(np.full(number, item.instance, np.int32))
    surfaces = Surfaces(np.concatenate(patches).astype(np.float32), np.concatenate(kinds),
                        np.concatenate(returns).astype(np.float32))  # fmt: skip
    return surfaces, np.concatenate(labels), np.concatenate(instances)


def _thin(patches: np.ndarray) -> np.ndarray:
    """(K,) bool: patches that belong to bars: under 4 cm wide, over 10 cm long."""
    sides = np.sort(np.linalg.norm(patches[:, 1:], axis=2), axis=1)
    thin: np.ndarray = (sides[:, 0] < 0.04) & (sides[:, 1] > 0.1)
    return thin


def _turned(xyz: np.ndarray, yaw: float) -> np.ndarray:
    c, s = math.cos(yaw), math.sin(yaw)
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], dtype=np.float32)
    return np.ascontiguousarray(xyz @ turn, dtype=np.float32)


def _renumbered(instance: np.ndarray) -> np.ndarray:
    """(N,) int32: 0..n-1 in order of first number, those of fewer than MIN_POINTS points -1."""
    counts = np.bincount(instance + 1)
    number = np.full(len(counts), -1, dtype=np.int32)
    seen = np.flatnonzero(counts[1:] >= MIN_POINTS) + 1
    number[seen] = np.arange(len(seen))
    renumbered: np.ndarray = number[instance + 1]
    return renumbered
