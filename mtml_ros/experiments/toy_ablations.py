"""What each part of the method is worth, on the toy experiment's test scenes."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtml_ros.evaluation.tables import Cell, format_table
from mtml_ros.experiments.reproduce_toy import score_weights, train_and_score
from mtml_ros.training.recipe import Recipe

PAPER_SCORE = {"learned": False}

POST_PROCESSING: dict[str, dict[str, Any]] = {
    "as it is": {},
    "bandwidth 0.3 alone": {"proposals": {"bandwidths": [0.3]}},
    "bandwidth 0.6 alone": {"proposals": {"bandwidths": [0.6]}},
    "bandwidth 1.0 alone": {"proposals": {"bandwidths": [1.0]}},
    "bandwidth 1.6 alone": {"proposals": {"bandwidths": [1.6]}},
    "no splits into components": {"proposals": {"split": False}},
    "no components of the labels": {"proposals": {"label_components": False}},
    "hard suppression": {"suppression": {"soft": False}},
    "leftover voxels not assigned": {"labelling": {"assign_radius": 0}},
    "paper's score": {"score": PAPER_SCORE},
    "- without feature coherency": {"score": {**PAPER_SCORE, "use_feature": False}},
    "- without direction coherency": {"score": {**PAPER_SCORE, "use_direction": False}},
    "- without the size term": {"score": {**PAPER_SCORE, "use_size": False}},
    "- directions read with the wrong sign": {"score": {**PAPER_SCORE, "direction_sign": -1.0}},
    "as in the paper": {"as_in_the_paper": True},
}
"""Other settings of the post-processing, for the same weights."""

NETWORKS: dict[str, dict[str, Any]] = {
    "embedding of 3 dimensions": {"network": {"embedding_size": 3}},
    "embedding of 16 dimensions": {"network": {"embedding_size": 16}},
    "no dimension moves with position": {"network": {"position_scale": 0.0}},
    "directions away from the centre": {
        "loss": {"direction_sign": -1.0},
        "settings": {"score": {"direction_sign": -1.0}},
    },
}
"""Other networks: options of the recipe in place of its own."""


def run(recipe: Recipe, weights: Path, out: Path, jobs: int = 2, scenes: int = 100) -> str:
    """Scores `weights` read in different ways, and other networks trained as the recipe says.

    recipe, weights: multi-task, and what it gave. out: a folder for the runs and
    `ablations.json`; runs there already are not done again. scenes: test scenes.
    """
    preset = recipe.data.get("preset", "toy")
    with ProcessPoolExecutor(jobs) as pool:
        futures = {
            name: pool.submit(score_weights, weights, preset, scenes, overrides)
            for name, overrides in POST_PROCESSING.items()
        }
        futures |= {
            name: pool.submit(
                train_and_score, _changed(recipe, changes), out / name.replace(" ", "-"), scenes
            )
            for name, changes in NETWORKS.items()
        }
        results = {name: future.result().summary() for name, future in futures.items()}
    (out / "ablations.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    return report(results)


def report(results: dict[str, dict[str, float]]) -> str:
    """The table of both kinds of ablation."""
    rows: list[tuple[str, list[Cell]]] = []
    for name, found in results.items():
        if name == next(iter(NETWORKS)):
            rows.append(("", []))
        rows.append((name, [found[key] for key in COLUMNS]))
    return format_table(("", *COLUMNS.values()), rows, digits=3)


COLUMNS = {
    "non_overlapping_ap50": "AP50",
    "non_overlapping_ap75": "AP75",
    "false_positives_per_100": "false positives / 100 objects",
    "ap": "AP of the proposals",
}


def _changed(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    return replace(
        recipe,
        network={**recipe.network, **changes.get("network", {})},
        settings={**recipe.settings, **changes.get("settings", {})},
        loss=replace(recipe.loss, **changes.get("loss", {})),
    )
