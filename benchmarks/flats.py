"""Accuracy and time in flats of nine rooms: cut at their walls, beside all of a flat as one.

    python benchmarks/flats.py [--flats 5] [--json F]

Procedural rooms of unseen settings as a sensor saw them, holes and missing walls included, stand
wall to wall with doorways between them, turned as one; with true labels and with labels that err.
`regions` is how many there are a flat, `us_a_voxel` processor time, `ap50`, `agnostic_ap50`,
`precision` and `recall` are of one object a voxel.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.evaluation.scenes import SceneEvaluation
from mtml_ros.segmentation import segmenter as steps
from mtml_ros.segmentation.regions import Region, divide
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.simulation.label_noise import corrupt_labels
from mtml_ros.simulation.rooms import VALIDATION, generate_room

SIDE = 3
WALL = 0.15
"""Metres between the rooms' insides."""
DOOR = np.array([0.35, 0.45, 2.0])
"""Half its depth and half its width, and its height."""
LEVELS = (0.0, 0.5)


def flat(seed: int) -> Scene:
    """SIDE x SIDE rooms with a doorway from each to the next of its row, and between the rows."""
    rng, taxonomy = np.random.default_rng([991, seed]), Taxonomy.scannet()
    wall, floor = taxonomy.index("wall"), taxonomy.index("floor")
    scenes, doors, objects, y = [], [], 0, 0.0
    for row in range(SIDE):
        x, deep = 0.0, []
        for column in range(SIDE):
            room = generate_room(rng, replace(VALIDATION, random_yaw=False))
            shell = room.xyz[room.labels == wall]
            shell = shell if len(shell) > 500 else room.xyz
            low, high = np.quantile(shell, (0.02, 0.98), axis=0)
            low[2] = np.median(room.xyz[room.labels == floor, 2])
            near = np.all(np.abs(room.xyz - (low + high) / 2)[:, :2]
                          < ((high - low) / 2)[:2] + WALL, axis=1)  # fmt: skip
            xyz = (room.xyz[near] - low + [x, y, 0]).astype(np.float32)
            instance = np.where(room.instance >= 0, room.instance + objects, -1)[near]
            objects = max(objects, int(instance.max(initial=-1)) + 1)
            scenes.append(Scene(xyz, room.labels[near], instance))
            wide, depth = (high - low)[:2]
            if column:
                doors.append((x - WALL / 2, y + rng.uniform(0.7, min(depth, deep[-1]) - 0.7), 0))
            elif row:
                doors.append((x + rng.uniform(0.7, wide - 0.7), y - WALL / 2, 1))
            x += wide + WALL
            deep.append(depth)
        y += max(deep) + WALL
    xyz, labels, instance = (
        np.concatenate([getattr(s, name) for s in scenes]) for name in ("xyz", "labels", "instance")
    )
    for *center, turned in doors:
        half = np.roll(DOOR[:2], turned)
        away = np.any(np.abs(xyz[:, :2] - center) > half, axis=1)
        stays = away | (xyz[:, 2] > DOOR[2]) | (instance >= 0)
        axes = [np.arange(-h, h, 0.04) + c for h, c in zip(half, center)]
        sill = np.stack(np.meshgrid(*axes, [0.0]), axis=-1).reshape(-1, 3)
        xyz = np.concatenate([xyz[stays], sill.astype(np.float32)])
        labels = np.append(labels[stays], np.full(len(sill), floor, np.uint8))
        instance = np.append(instance[stays], np.full(len(sill), -1, np.int32))
    yaw = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]], np.float32)
    xyz[:, :2] = xyz[:, :2] @ turn
    return Scene(xyz, labels, instance)


def as_one(coordinates: np.ndarray, *_: Any) -> list[Region]:
    return [Region(np.arange(len(coordinates)))]


def run(flats: int = 5) -> list[dict[str, Any]]:
    """Two rows a level of label noise."""
    segmenter = InstanceSegmenter.load(device="cpu")
    scenes = [flat(seed) for seed in range(flats)]
    rows = []
    for level in LEVELS:
        rng = np.random.default_rng(0)
        noisy = [corrupt_labels(s.xyz, s.labels, s.instance, level, rng) if level else s.labels
                 for s in scenes]  # fmt: skip
        for name, way in (("as one", as_one), ("cut at walls", divide)):
            rows.append({"case": f"{flats} flats, labels that err: {level:g}, {name}"}
                        | _measured(segmenter, scenes, noisy, way))  # fmt: skip
    return rows


def _measured(
    segmenter: InstanceSegmenter, scenes: list[Scene], noisy: list[np.ndarray], way: Any
) -> dict[str, Any]:
    evaluation = SceneEvaluation(segmenter.taxonomy)
    spent, voxels, regions = 0.0, 0, 0
    for scene, labels in zip(scenes, noisy):
        points = LabeledPoints(scene.xyz, labels)
        grid, point_to_voxel = VoxelGrid.from_points(points, segmenter.voxel_size)
        began = time.process_time()
        steps.divide = way  # type: ignore[attr-defined]
        try:
            found = segmenter.segment(grid)
        finally:
            steps.divide = divide  # type: ignore[attr-defined]
        spent += time.process_time() - began
        voxels += len(grid)
        regions += len(way(grid.coordinates, segmenter.settings.labelling.min_voxels))
        evaluation.add(found, scene.labels, scene.instance, point_to_voxel)
    summary = evaluation.result().summary()
    return {
        "ap50": summary["non_overlapping_ap50"],
        **{name: summary[name] for name in ("agnostic_ap50", "precision", "recall")},
        "us_a_voxel": 1e6 * spent / voxels,
        "regions": regions / len(scenes),
        "voxels": voxels // len(scenes),
    }


def main() -> None:
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    from mtml_ros.cli.benchmark import table

    rows = run(options.flats)
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
