"""How fast procedural rooms are made, and what is in them: python benchmarks/rooms.py [COUNT]."""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.simulation.label_noise import corrupt_labels
from mtml_ros.simulation.rooms import VALIDATION, RoomSettings, generate_room


def measure(settings: RoomSettings, count: int, level: float = 0.5) -> dict[str, object]:
    """Seconds of one core a room (and for its label noise), voxels, instances, classes, contacts.

    touching: share of instances that share or border a 10 cm voxel with another instance;
    touching_same_class: with another of their own class.
    """
    taxonomy = Taxonomy.scannet()
    seconds, noise, voxels, instances = [], [], [], []
    classes = np.zeros(len(taxonomy) + 1, dtype=int)
    touching, touching_same = 0, 0
    for seed in range(count):
        rng = np.random.default_rng([2026, seed])
        start = time.process_time()
        scene = generate_room(rng, settings)
        seconds.append(time.process_time() - start)
        start = time.process_time()
        corrupt_labels(scene.xyz, scene.labels, scene.instance, level, rng)
        noise.append(time.process_time() - start)
        grid, voxel = VoxelGrid.from_points(LabeledPoints(scene.xyz, scene.labels), 0.1)
        voxels.append(len(grid))
        owned = scene.instance >= 0
        number, first = np.unique(scene.instance[owned], return_index=True)
        label = scene.labels[owned][first]
        instances.append(len(number))
        classes += np.bincount(label, minlength=len(classes))
        pairs = _contacts(grid.coordinates[voxel[owned]], scene.instance[owned])
        touching += len(np.unique(pairs))
        touching_same += len(np.unique(pairs[:, label[pairs[0]] == label[pairs[1]]]))
    total = max(int(np.sum(instances)), 1)
    return {
        "rooms": count,
        "seconds": _spread(seconds),
        "noise_seconds": _spread(noise),
        "voxels": _spread(voxels),
        "instances": _spread(instances),
        "touching": round(touching / total, 3),
        "touching_same_class": round(touching_same / total, 3),
        "classes": {n: int(c) for n, c in zip(taxonomy.names, classes) if c},
    }


def _contacts(cells: np.ndarray, instance: np.ndarray) -> np.ndarray:
    """(2, P) pairs of instances that have points in one voxel or in two that share a face."""
    points = np.unique(np.column_stack([cells, instance]), axis=0)
    cells, instance = points[:, :3], points[:, 3]
    pairs = [np.zeros((2, 0), dtype=int)]
    for step in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)):
        moved = np.concatenate([cells, cells + np.array(step)])
        owner = np.concatenate([instance, instance])
        _, group = np.unique(moved, axis=0, return_inverse=True)
        order = np.argsort(group.reshape(-1), kind="stable")
        near, who = group.reshape(-1)[order], owner[order]
        for gap in (1, 2, 3):
            same = (near[gap:] == near[:-gap]) & (who[gap:] != who[:-gap])
            pairs.append(np.stack([who[:-gap][same], who[gap:][same]]))
    joined: np.ndarray = np.concatenate(pairs, axis=1).astype(int)
    return joined


def _spread(values: list[float] | list[int]) -> dict[str, float]:
    p = np.percentile(values, [10, 50, 90])
    return {"mean": round(float(np.mean(values)), 3), "p10": round(float(p[0]), 3),
            "median": round(float(p[1]), 3), "p90": round(float(p[2]), 3)}  # fmt: skip


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    result = {
        "training": measure(RoomSettings(), number),
        "validation": measure(VALIDATION, number),
    }
    print(json.dumps(result, indent=1))
