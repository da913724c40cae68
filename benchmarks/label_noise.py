"""Objects in procedural rooms of unseen settings, by how far the labels err.

    python benchmarks/label_noise.py [--rooms 200] [--weights W ...] [--jobs 2] [--json F]

The rooms have the generator's VALIDATION settings, which no training room is drawn from, and seeds
that nothing else uses. Levels are those of `label_noise.corrupt_labels`; "none": no labels.
AP50, precision and recall at IoU .5 whatever the class are of one object a voxel, as the node
publishes it; in brackets AP50 of the proposals, which may overlap. All over voxels.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

from mtml_ros.core.instances import Segmentation
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.datasets.samples import voxelize
from mtml_ros.evaluation.baselines import components_as_instances
from mtml_ros.evaluation.scenes import SceneEvaluation
from mtml_ros.evaluation.tables import Cell, format_table
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.simulation.label_noise import with_noise
from mtml_ros.simulation.rooms import VALIDATION, generate_room

LEVELS: dict[str, float | None] = {
    "0": 0.0, ".25": 0.25, ".5": 0.5, ".75": 0.75, "1": 1.0, "none": None,
}  # fmt: skip
SEED = 78_000
SIZE, MIN_VOXELS = 0.1, 10
COLUMNS = {
    "non_overlapping_ap50": "AP50", "precision": "precision", "recall": "recall",
    "ap50": "(proposals)",
}  # fmt: skip


def main() -> None:
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description="Procedural rooms by level of label noise")
    parser.add_argument("--rooms", type=int, default=200)
    parser.add_argument("--weights", nargs="*", default=["rooms"], help="files, or names")
    parser.add_argument("--levels", nargs="+", default=list(LEVELS), choices=list(LEVELS))
    parser.add_argument("--jobs", type=int, default=2, help="levels at a time")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = {
            level: pool.submit(evaluate, LEVELS[level], options.rooms, options.weights)
            for level in options.levels
        }
        results = {level: future.result() for level, future in futures.items()}
    rows: list[tuple[str, list[Cell]]] = [
        (f"{level}: {method}", [scores[key] for key in COLUMNS])
        for level, by_method in results.items()
        for method, scores in by_method.items()
    ]
    print(f"{options.rooms} rooms\n")
    print(format_table(("noise: method", *COLUMNS.values()), rows, digits=3))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def evaluate(level: float | None, rooms: int, weights: list[str]) -> dict[str, dict[str, float]]:
    """Scores by method at one level."""
    torch.set_num_threads(1)
    taxonomy = Taxonomy.scannet()
    methods: dict[str, Callable[[VoxelGrid], Segmentation]] = {
        "components": lambda grid: components_as_instances(grid, taxonomy, MIN_VOXELS)
    }
    for name in weights:
        methods[Path(name).stem] = InstanceSegmenter.load(name, taxonomy).segment
    collected = {name: SceneEvaluation(taxonomy, MIN_VOXELS) for name in methods}
    for room in range(rooms):
        rng = np.random.default_rng((SEED, room))
        sample = voxelize(with_noise(generate_room(rng, VALIDATION), level, rng), SIZE)
        for name, segment in methods.items():
            collected[name].add(segment(sample.grid), sample.labels, sample.instance)
    return {name: c.result().summary() for name, c in collected.items()}


if __name__ == "__main__":
    main()
