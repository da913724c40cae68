"""The paper's toy experiment (Table 1), from nothing: generate, train, evaluate, tabulate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.toy import PRESETS, TEST_SEEDS, generate_scene
from mtml_ros.evaluation.baselines import components_as_instances
from mtml_ros.evaluation.scenes import Scores, Segment, evaluate_segmenter
from mtml_ros.evaluation.tables import format_table, toy_table
from mtml_ros.network.checkpoint import load_checkpoint
from mtml_ros.network.device import choose_device
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.segmentation.settings import SegmenterSettings
from mtml_ros.training.recipe import Recipe

OURS = "ours"
MIN_VOXELS = 10
"""Objects and predictions under it are ignored; the smallest box has about 60."""


def variants(recipe: Recipe) -> dict[str, Recipe]:
    """The networks of Table 1 as in the paper, and the recipe as it is, by row.

    As in the paper: no dimension of the embedding moves with the position, nothing learned scores
    proposals, post-processing without additions. FE only: no direction anywhere, neither in the
    loss nor in the score.
    """
    paper = replace(
        recipe,
        network={**recipe.network, "position_scale": 0.0},
        settings=merged(recipe.settings, {"as_in_the_paper": True}),
        calibration_scenes=0,
    )
    without_direction = replace(
        paper,
        loss=replace(recipe.loss, direction_weight=0.0),
        settings=merged(paper.settings, {"score": {"use_direction": False}}),
    )
    return {
        "FE only, as in the paper": without_direction,
        "multi-task, as in the paper": paper,
        OURS: recipe,
    }


def dense(recipe: Recipe, steps: int) -> Recipe:
    """The recipe for the paper's dense network: scene by scene, and slower, for it normalises no
    batches."""
    return replace(
        recipe,
        network={**recipe.network, "architecture": "dense"},
        batch_size=1,
        learning_rate=recipe.learning_rate / 2,
        steps=steps,
        validate_every=steps,
    )


def run(
    recipe: Recipe,
    seeds: Sequence[int],
    out: Path,
    jobs: int = 2,
    scenes: int = len(TEST_SEEDS),
    dense_steps: int = 0,
) -> str:
    """Trains each variant with each seed, scores the test scenes, returns the tables as text.

    recipe: of the toy set, multi-task. out: a folder for the runs and `toy.json`; what is there
    already is not done again. jobs: runs at a time, each on one thread. scenes: test scenes.
    dense_steps: of the paper's dense network, each row trained with the first seed; 0: without it.
    """
    preset = recipe.data.get("preset", "toy")
    tasks = [
        (name, replace(variant, seed=seed), out / f"{_folder(name)}-{seed}")
        for seed in seeds
        for name, variant in variants(recipe).items()
    ]
    if dense_steps:
        for name, variant in variants(dense(recipe, dense_steps)).items():
            row = f"{name}, dense, {dense_steps} steps"
            tasks.append((row, replace(variant, seed=seeds[0]), out / _folder(row)))
    results: dict[str, list[dict[str, Any]]] = {
        "connected components": [_summary(score_components(preset, scenes))]
    }
    with ProcessPoolExecutor(jobs) as pool:
        futures = [(name, pool.submit(train_and_score, r, f, scenes)) for name, r, f in tasks]
        for name, future in futures:
            results.setdefault(name, []).append(_summary(future.result()))
    out.mkdir(parents=True, exist_ok=True)
    (out / "toy.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    return report(results)


def _folder(row: str) -> str:
    return row.replace(",", "").replace(" ", "-")


def score_components(preset: str, scenes: int = len(TEST_SEEDS)) -> Scores:
    """Connected components on the labels that the network gets too."""
    taxonomy = Taxonomy.toy()
    return _score(
        lambda grid: components_as_instances(grid, taxonomy, MIN_VOXELS), preset, scenes, 0.1
    )


def score_weights(
    weights: Path,
    preset: str,
    scenes: int = len(TEST_SEEDS),
    overrides: Mapping[str, Any] | None = None,
) -> Scores:
    """A trained network on the test scenes, on one thread.

    overrides: settings of the post-processing in place of the weights' own.
    """
    from mtml_ros.network.threads import set_threads

    set_threads(1)
    device = choose_device("auto")
    checkpoint = load_checkpoint(weights, device)
    settings = SegmenterSettings.from_dict(merged(checkpoint.settings, overrides or {}))
    segmenter = InstanceSegmenter(checkpoint, Taxonomy.toy(), device, settings)
    return _score(segmenter.segment, preset, scenes, segmenter.voxel_size)


def merged(options: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested options with these changes in their place, those of a step one by one."""
    result = dict(options)
    for name, value in changes.items():
        inner = result.get(name, {})
        result[name] = merged(inner, value) if isinstance(value, Mapping) else value
    return result


def train_and_score(recipe: Recipe, folder: Path, scenes: int = len(TEST_SEEDS)) -> Scores:
    """Trains as the recipe says, on one thread, and scores the test scenes of its preset."""
    from mtml_ros.network.threads import set_threads
    from mtml_ros.training.train import train

    set_threads(1)
    weights = train(recipe, folder, "auto", progress=False)
    return score_weights(weights, recipe.data.get("preset", "toy"), scenes)


def report(results: dict[str, list[dict[str, Any]]]) -> str:
    """Table 1 with ours, and what AP hides: AP75, false positives and misses."""
    ap50 = {name: [list(r["ap50"].values()) for r in runs] for name, runs in results.items()}
    rows = [
        (name, [sum(r[key] for r in runs) / len(runs) for key in EXTRA])
        for name, runs in results.items()
    ]
    extra = format_table(("mean over classes and seeds", *EXTRA.values()), rows, digits=3)
    return f"{toy_table(ap50)}\n\n{extra}"


EXTRA = {
    "ap50_mean": "AP50",
    "ap75_mean": "AP75",
    "false_positives_per_100": "false positives / 100 objects",
    "misses_per_100": "misses / 100 objects",
}


def _score(segment: Segment, preset: str, scenes: int, voxel_size: float) -> Scores:
    tests = (generate_scene(s, PRESETS[preset]) for s in TEST_SEEDS[:scenes])
    return evaluate_segmenter(tests, segment, Taxonomy.toy(), voxel_size, MIN_VOXELS)


def _summary(scores: Scores) -> dict[str, Any]:
    """Figures of the one non-overlapping labelling, which is what the paper's Table 1 scores."""
    counts = scores.counts
    return {
        "ap50": scores.non_overlapping.ap50,
        "ap50_mean": scores.non_overlapping.mean_ap50,
        "ap75_mean": scores.non_overlapping.mean_at(0.75),
        "false_positives_per_100": 100 * counts.false_positives / counts.objects,
        "misses_per_100": 100 * counts.misses / counts.objects,
    }
