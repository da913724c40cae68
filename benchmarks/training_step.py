"""Training steps a second on procedural rooms; an earlier commit in the same run too.

    python benchmarks/training_step.py [--against COMMIT] [--repeats 3] [--threads N]

The same batches, made beforehand, through network, losses, gradients and optimiser; and
`whole_ms`, a step of `mtml train config/recipes/rooms.yaml` as it is: each way draws its own rooms
for it, in a process beside the one that trains. Each way is measured in a process of its own, all
in turn. Compare ratios of one run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from chain import ROOT, checked_out, measured_aside

RECIPE = ROOT / "config" / "recipes" / "rooms.yaml"
BATCHES, STEPS = 3, 9
WHOLE = (20, 80)
"""Steps of a short and of a long run, whose difference neither starting nor validation is in."""


def run(against: str | None = None, repeats: int = 3, threads: int | None = None) -> list[Any]:
    """One row a way: milliseconds a step, wall and processor time, and its parts."""
    with tempfile.TemporaryDirectory() as folder, checked_out(against) as aside:
        batches = Path(folder) / "batches.pt"
        voxels = _make(batches)
        ways = {"ours": ROOT} | ({"before": aside} if aside is not None else {})
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
        for _ in range(repeats):
            for name, root in ways.items():
                runs[name].append(_measured(root, batches, threads))
    rows = []
    for name, found in runs.items():
        medians = {key: statistics.median(f[key] for f in found) for key in found[0]}
        rows.append({"case": f"{name}, {voxels:,} voxels a step", **medians})
    if len(rows) > 1:
        rows[0]["times_faster"] = rows[1]["step_ms"] / rows[0]["step_ms"]
        rows[0]["times_less_cpu"] = rows[1]["cpu_ms"] / rows[0]["cpu_ms"]
        rows[0]["whole_times_faster"] = rows[1]["whole_ms"] / rows[0]["whole_ms"]
    return rows


def _make(path: Path) -> int:
    """Writes batches to a file; returns the mean number of their voxels."""
    from mtml_ros.training.recipe import Recipe
    from mtml_ros.training.train import Process, TrainingBatches

    recipe = Recipe.load(RECIPE)
    source = TrainingBatches(recipe, recipe.network_config(), Process(0, 1))
    made = [source[recipe.steps // 2 + i] for i in range(BATCHES)]
    torch.save([({**vars(batch)}, {**vars(targets)}) for batch, targets in made], path)
    return int(np.mean([len(batch) for batch, _ in made]))


def _measured(root: Path, batches: Path, threads: int | None) -> dict[str, float]:
    words = ["--worker", str(batches)]
    if threads is not None:
        words += ["--threads", str(threads)]
    return measured_aside(__file__, root, words)


def _work(batches: Path, threads: int | None) -> dict[str, float]:
    """Measures what PYTHONPATH names, in this process; of any commit since e1f76d7."""
    sys.path.insert(0, os.environ["PYTHONPATH"])
    from mtml_ros.network.batch import VoxelBatch
    from mtml_ros.network.checkpoint import build_network
    from mtml_ros.training.losses import Targets, multi_task_loss
    from mtml_ros.training.recipe import Recipe

    recipe = Recipe.load(RECIPE)
    # by its files: what e1f76d7 lacks would be found in this checkout
    if (Path(os.environ["PYTHONPATH"]) / "mtml_ros" / "core" / "kernels.py").exists():
        from mtml_ros.core.kernels import kernels

        kernels.set_threads(threads or kernels.get_threads())
        torch.set_num_threads(1)  # as in train.py
    elif threads:
        torch.set_num_threads(threads)
    torch.manual_seed(0)
    network = build_network(recipe.network_config()).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    made = [(VoxelBatch(**b), Targets(**t)) for b, t in torch.load(batches)]
    spent: list[list[float]] = []
    for i in range(STEPS + 1):
        batch, targets = made[i % len(made)]
        cpu, marks = time.process_time(), [time.perf_counter()]
        loss, _ = multi_task_loss(network(batch), targets, recipe.loss)
        marks.append(time.perf_counter())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        marks.append(time.perf_counter())
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
        marks.append(time.perf_counter())
        spent.append([marks[-1] - marks[0], time.process_time() - cpu, *np.diff(marks)])
    names = ("step_ms", "cpu_ms", "forward_and_losses_ms", "backward_ms", "optimiser_ms")
    times: dict[str, float] = dict(zip(names, (1e3 * np.median(spent[1:], axis=0)).tolist()))
    short, long = (_whole(steps) for steps in WHOLE)
    return times | {"whole_ms": 1e3 * (long - short) / (WHOLE[1] - WHOLE[0])}


def _whole(steps: int) -> float:
    """Seconds of a training of so many steps, by the recipe of the commit that is measured."""
    from mtml_ros.training.recipe import Recipe
    from mtml_ros.training.train import train

    own = Recipe.load(Path(os.environ["PYTHONPATH"]) / "config" / "recipes" / "rooms.yaml")
    recipe = replace(
        own, steps=steps, restarts=(), validate_every=steps, validation_scenes=1,
        calibration_scenes=0,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        train(recipe, folder, "cpu", progress=False)
        return time.perf_counter() - began


def main() -> None:
    """Measures and prints, or works for another process that measures."""
    parser = argparse.ArgumentParser(description="Training steps a second")
    parser.add_argument("--against", metavar="COMMIT", help="measure this commit too")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(_work(options.worker, options.threads)))
        return
    from mtml_ros.cli.benchmark import table

    print(table(run(options.against, options.repeats, options.threads)))


if __name__ == "__main__":
    main()
