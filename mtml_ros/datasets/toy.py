"""The toy set of the paper (section 4.1): boxes of five classes on a plane, some in contact.

The paper gives five classes of boxes of different edge lengths, randomly oriented and placed on
a plane, some touching others, also of their own class, 900 scenes to train on and 100 to test.
It gives no sizes and no rate of contact. Here sizes are those of furniture, each edge of each
object varies by EDGE_VARIATION, and the rate of contact of each class (ToySettings.contact) was
chosen on 600 training scenes so that connected components on true labels score about as in the
paper's Table 1: where they fail there, two boxes of one class touch, and here for the same reason.

The hard variant is what a robot sees of such a scene: shells in place of solids, holes as an
incomplete scan leaves them, labels that are wrong in specks and at borders, and 60 % of the
objects in contact with one of their own class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mtml_ros.core.scene import Scene

EDGES = np.array(
    [[0.4, 0.4, 0.4], [0.6, 0.6, 0.8], [1.2, 0.6, 0.7], [0.8, 0.5, 1.2], [1.6, 0.7, 0.4]]
)
"""(5, 3) metres: length, width, height of each class."""

EDGE_VARIATION = 0.1
CLEARANCE = 0.3
"""Metres between boxes of one class that are not meant to touch: no voxels of 10 cm join them,
since points of touching voxels are less than 0.2 apart along x and y each, 0.283 in all."""
SPACING = 0.05
"""Metres between the points of a box: two to a voxel's edge."""

TRAINING_SEEDS = range(900)
VALIDATION_SEEDS = range(10_000, 10_050)
TEST_SEEDS = range(20_000, 20_100)
CALIBRATION_SEEDS = range(30_000, 31_000)
"""Scene seeds. The test scenes are looked at by no choice, only by the final tables."""


@dataclass(frozen=True)
class ToySettings:
    """What a scene is made of.

    objects: least and most objects. extent: metres, edge of the square they stand on.
    contact: for each class, the probability that an object is put against one of its own class.
    other_contact: the probability that it is put against one of any other class.
    solid: points fill the boxes; else they cover the surface (not the bottom).
    flipped: share of the points whose label is replaced by another class's, in specks of 10 cm.
    bleed: metres by which an object's label may run over a touching neighbour's border.
    holes: mean number of holes in an object, each of a radius of 10 to 25 cm.
    """

    objects: tuple[int, int] = (18, 26)
    extent: float = 9.0
    contact: tuple[float, ...] = (0.055, 0.113, 0.114, 0.065, 0.166)
    other_contact: float = 0.3
    solid: bool = True
    flipped: float = 0.0
    bleed: float = 0.0
    holes: float = 0.0


PRESETS: dict[str, ToySettings] = {
    "toy": ToySettings(),
    "toy-shell": ToySettings(solid=False),
    "toy-hard": ToySettings(
        contact=(0.565, 0.49, 0.475, 0.49, 0.46), solid=False, flipped=0.05, bleed=0.1, holes=0.7
    ),
}
"""The hard variant's contacts give 60 % of the objects of each class a neighbour of their own:
less than the probability, where there is no host or no room, and more, since hosts count too."""


@dataclass(frozen=True)
class _Box:
    label: int  # 1..5
    center: np.ndarray  # (2,)
    edges: np.ndarray  # (3,)
    yaw: float

    def corners(self) -> np.ndarray:
        """(4, 2) corners of the footprint, counter-clockwise."""
        half = self.edges[:2] / 2
        signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
        return self.center + (signs * half) @ _rotation(self.yaw).T


def generate_scene(
    seed: int, settings: ToySettings | Literal["toy", "toy-shell", "toy-hard"] = "toy"
) -> Scene:
    """The toy scene of this seed; the same seed and settings give the same scene.

    labels: 1..5 (Taxonomy.toy()); instance: from 0; noisy_labels: set where the settings have
    label errors.
    """
    s = PRESETS[settings] if isinstance(settings, str) else settings
    rng = np.random.default_rng((seed, 1_907_0))
    boxes = _place(rng, s)
    clouds = [_sample(rng, b, s) for b in boxes]
    xyz = np.concatenate(clouds).astype(np.float32)
    instance = np.repeat(np.arange(len(boxes), dtype=np.int32), [len(c) for c in clouds])
    labels = np.array([b.label for b in boxes], dtype=np.uint8)[instance]
    noisy = None
    if s.flipped or s.bleed:
        noisy = _noisy_labels(rng, xyz, labels, boxes, s)
    return Scene(xyz, labels, instance, noisy)


def _place(rng: np.random.Generator, s: ToySettings) -> list[_Box]:
    """Boxes that do not overlap; only those meant to touch their own class come near it."""
    boxes: list[_Box] = []
    wanted = int(rng.integers(s.objects[0], s.objects[1] + 1))
    for _ in range(wanted * 20):
        if len(boxes) == wanted:
            break
        label = int(rng.integers(1, 6))
        edges = EDGES[label - 1] * rng.uniform(1 - EDGE_VARIATION, 1 + EDGE_VARIATION, 3)
        center = rng.uniform(-s.extent / 2, s.extent / 2, 2)
        box = _Box(label, center, edges, rng.uniform(0, 2 * np.pi))
        fate = rng.random()
        touch_own = fate < s.contact[label - 1]
        touch_other = not touch_own and fate < s.contact[label - 1] + s.other_contact
        hosts = [b for b in boxes if (b.label == label) == touch_own]
        if (touch_own or touch_other) and hosts:
            host = hosts[int(rng.integers(len(hosts)))]
            box = _against(rng, box, host)
        else:
            host = None
        # the host, already at distance zero, is not asked for more
        if all(
            _gap(box, b) >= (CLEARANCE if b.label == label and b is not host else -1e-6)
            for b in boxes
        ):
            boxes.append(box)
    return boxes


def _against(rng: np.random.Generator, box: _Box, host: _Box) -> _Box:
    """The box moved to touch its host: face to face and aligned, or at any angle."""
    if rng.random() < 0.5:
        box = replace(box, yaw=host.yaw + np.pi / 2 * rng.integers(4))
        side = int(rng.integers(2))
        edges = box.edges[:2]
        if abs(np.sin(box.yaw - host.yaw)) > 0.5:
            edges = edges[::-1]
        reach = (edges + host.edges[:2]) / 2
        offset = reach * rng.uniform(-0.7, 0.7, 2)
        offset[side] = reach[side] * rng.choice((-1.0, 1.0))
        return replace(box, center=host.center + _rotation(host.yaw) @ offset)
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(angle), np.sin(angle)])
    near, far = 0.0, float(np.linalg.norm(box.edges[:2]) + np.linalg.norm(host.edges[:2]))
    for _ in range(30):
        middle = (near + far) / 2
        if _gap(replace(box, center=host.center + middle * direction), host) > 0:
            far = middle
        else:
            near = middle
    return replace(box, center=host.center + far * direction)


def _gap(a: _Box, b: _Box) -> float:
    """Metres between two footprints along the axis that parts them most; negative: they overlap
    (separating axis theorem). Never more than their true distance."""
    axes = np.concatenate([_rotation(a.yaw).T, _rotation(b.yaw).T])
    pa, pb = a.corners() @ axes.T, b.corners() @ axes.T
    apart = np.maximum(pa.min(axis=0) - pb.max(axis=0), pb.min(axis=0) - pa.max(axis=0))
    return float(apart.max())


def _sample(rng: np.random.Generator, box: _Box, s: ToySettings) -> np.ndarray:
    """(n, 3) points of a box, on a lattice of SPACING in the box's own axes."""
    axes = [
        np.linspace(-e / 2, e / 2, max(2, round(e / SPACING)), endpoint=False) + SPACING / 2
        for e in box.edges
    ]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    if not s.solid:
        index = np.stack(
            np.meshgrid(*(np.arange(len(a)) for a in axes), indexing="ij"), axis=-1
        ).reshape(-1, 3)
        last = np.array([len(a) - 1 for a in axes])
        side = (index[:, :2] == 0) | (index[:, :2] == last[:2])
        points = points[side.any(axis=1) | (index[:, 2] == last[2])]
    keep = np.ones(len(points), dtype=bool)
    for _ in range(int(rng.poisson(s.holes))):
        middle = points[rng.integers(len(points))]
        hole = np.linalg.norm(points - middle, axis=1) < rng.uniform(0.10, 0.25)
        if (keep & ~hole).sum() >= len(points) / 3:
            keep &= ~hole
    points = points[keep]
    xy = points[:, :2] @ _rotation(box.yaw).T + box.center
    return np.column_stack([xy, points[:, 2] + box.edges[2] / 2])


def _noisy_labels(
    rng: np.random.Generator,
    xyz: np.ndarray,
    labels: np.ndarray,
    boxes: Sequence[_Box],
    s: ToySettings,
) -> np.ndarray:
    """Labels with borders that run over into touching boxes, and specks of other classes."""
    noisy = labels.copy()
    for box in boxes:
        local = (xyz[:, :2] - box.center) @ _rotation(box.yaw)
        outside = np.maximum(np.abs(local) - box.edges[:2] / 2, 0)
        above = np.maximum(xyz[:, 2] - box.edges[2], 0)
        distance = np.sqrt((outside**2).sum(axis=1) + above**2)
        run_over = (distance > 0) & (distance < rng.uniform(0, 2 * s.bleed))
        noisy[run_over & (labels != box.label)] = box.label
    cell = np.floor(xyz / 0.1).astype(np.int64)
    cell -= cell.min(axis=0)
    cell_id = np.ravel_multi_index(cell.T, tuple(cell.max(axis=0) + 1))
    _, speck = np.unique(cell_id, return_inverse=True)
    shift = np.where(
        rng.random(speck.max() + 1) < s.flipped, rng.integers(1, 5, speck.max() + 1), 0
    )
    result: np.ndarray = ((noisy - 1 + shift[speck.reshape(-1)]) % 5 + 1).astype(np.uint8)
    return result


def _rotation(yaw: float) -> np.ndarray:
    return np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
