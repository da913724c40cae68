"""What each part of the method is worth in procedural rooms: short trainings that differ in one.

    python benchmarks/room_ablations.py OUT [--steps 800] [--rooms 30] [--seeds 1]
        [--only NAME ...] [--jobs 1]

Every variant trains from nothing on the same rooms (two a step) by config/recipes/rooms.yaml with
one thing changed, has its learned score fitted, and is measured as benchmarks/label_noise.py
measures: AP50 of the proposals, mean and deviation over seeds. A run that OUT already holds is not
done again. The trainings are far too short to be good: they tell variants apart, no more.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from label_noise import LEVELS, evaluate

from mtml_ros.evaluation.tables import Cell, Spread, format_table
from mtml_ros.training.recipe import Recipe
from mtml_ros.training.train import train

RECIPE = Path(__file__).parent.parent / "config/recipes/rooms.yaml"
CALIBRATION_SCENES = 30

VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "FE only": {"loss": {"direction_weight": 0.0}},
    "position not in the embedding": {"network": {"position_scale": 0.0}},
    "no semantic head": {"network": {"semantic": False}},
    "true labels in training": {"data": {"noise": [0.0, 0.0], "unlabelled": 0.0, "clean": 1.0}},
    "no labels in training": {"data": {"unlabelled": 1.0, "clean": 0.0}},
    "no augmentation but yaw": {
        "augmentation": {"flip": False, "scale": 0.0, "tilt": 0.0, "shift": 0.0,
                         "drop_points": 0.0, "drop_regions": 0.0, "jitter": 0.0},
    },
    "no scale": {"augmentation": {"scale": 0.0}},
    "no tilt": {"augmentation": {"tilt": 0.0}},
    "no points dropped": {"augmentation": {"drop_points": 0.0, "drop_regions": 0.0}},
    "no jitter": {"augmentation": {"jitter": 0.0}},
}  # fmt: skip


def main() -> None:
    """Trains and measures what OUT does not hold yet; prints the table of what was asked for."""
    parser = argparse.ArgumentParser(description="Ablations on procedural rooms")
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--rooms", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = {
            name: [
                pool.submit(score, name, seed, options.out, options.steps, options.rooms)
                for seed in range(options.seeds)
            ]
            for name in options.only
        }
        results = {name: [f.result() for f in of_seeds] for name, of_seeds in futures.items()}
    rows: list[tuple[str, list[Cell]]] = [
        (name, [Spread.of([found[level] for found in of_seeds]) for level in LEVELS])
        for name, of_seeds in results.items()
    ]
    print(
        f"AP50 by level of label noise: {options.steps} steps, {options.rooms} rooms, "
        f"{options.seeds} seeds\n"
    )
    print(format_table(("", *LEVELS), rows))


def score(name: str, seed: int, out: Path, steps: int, rooms: int) -> dict[str, float]:
    """AP50 by level of one variant and seed, kept in a file beside its run."""
    torch.set_num_threads(1)
    folder = out / f"{name.replace(' ', '-')}_{seed}"
    kept = folder / f"ap50_{rooms}_rooms.json"
    if not kept.exists():
        weights = train(variant(name, seed, steps), folder, "cpu", progress=False)
        found = {
            level: evaluate(noise, rooms, [str(weights)])[weights.stem]["ap50"]
            for level, noise in LEVELS.items()
        }
        kept.write_text(json.dumps(found), encoding="utf-8")
    result: dict[str, float] = json.loads(kept.read_text(encoding="utf-8"))
    return result


def variant(name: str, seed: int, steps: int) -> Recipe:
    """The recipe of the weights that ship, shortened and with this variant's change."""
    recipe, change = Recipe.load(RECIPE), VARIANTS[name]
    return replace(
        recipe,
        data={**recipe.data, **change.get("data", {})},
        network={**recipe.network, **change.get("network", {})},
        loss=replace(recipe.loss, **change.get("loss", {})),
        augmentation=replace(recipe.augmentation, **change.get("augmentation", {})),
        seed=seed,
        steps=steps,
        restarts=(),
        validate_every=steps,
        validation_scenes=1,
        calibration_scenes=CALIBRATION_SCENES,
    )


if __name__ == "__main__":
    main()
