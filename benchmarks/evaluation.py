"""How long evaluating takes beside reading the files, and beside evaluating them in plain Python.

    python benchmarks/evaluation.py [--scenes 300] [--points 150000] [--json F]

Writes a few synthetic scenes in the benchmark's formats to a temporary folder and goes through
them until `--scenes` are done. `plain_evaluate` is the obvious implementation, without numpy: it is
timed on `--plain-scenes` of the same files, its figures must be the same, and the tests use it as
an independent reading of the official evaluator's rules.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.evaluation.average_precision import AveragePrecision, GroundTruth
from mtml_ros.io.benchmark_files import (
    Prediction,
    list_scenes,
    read_integers,
    read_predictions,
    write_ground_truth,
    write_submission,
)

OBJECTS, PREDICTIONS = 40, 60  # a ScanNet room has 20 to 70 objects
CHAIR, CHAIRS = 5, 0.2  # so that an object has 4 of its class, as in scene0000 to 0004 (3.7)


def plain_evaluate(
    predictions: Path,
    ground_truth: Path,
    scenes: Sequence[str],
    classes: dict[int, str],
    min_region: int = 100,
) -> dict[float, dict[str, float]]:
    """AP by IoU threshold and class name, in plain Python as one would first write it."""
    loaded = [_plain_load(predictions, ground_truth, s, classes, min_region) for s in scenes]
    result = {}
    for threshold in [0.25, *np.arange(0.5, 0.95, 0.05).tolist()]:
        result[threshold] = {
            name: _plain_ap(loaded, label, threshold, min_region) for label, name in classes.items()
        }
    return result


def _plain_load(predictions, ground_truth, scene, classes, min_region):  # type: ignore[no-untyped-def]
    """(predictions, size of each object by id) of a scene; files are opened line by line."""
    ids = [int(line) for line in open(ground_truth / f"{scene}.txt")]  # noqa: SIM115
    objects = {i: ids.count(i) for i in sorted(set(ids)) if i // 1000 in classes}
    listed = {}
    for line in open(predictions / f"{scene}.txt"):  # noqa: SIM115
        path, label, score = line.split()
        listed[path] = int(float(label)), float(score)
    found = []
    for path, (label, score) in listed.items():
        if label not in classes:
            continue
        mask = [int(line) != 0 for line in open(predictions / path)]  # noqa: SIM115
        size = sum(mask)
        if size < max(min_region, 1):
            continue
        void = sum(1 for inside, i in zip(mask, ids) if inside and i // 1000 not in classes)
        meets = {}
        for o in objects:
            if o // 1000 == label:
                count = sum(1 for inside, i in zip(mask, ids) if inside and i == o)
                if count:
                    meets[o] = count
        found.append({"label": label, "score": score, "size": size, "void": void, "meets": meets})
    return found, objects


def _plain_ap(loaded, label, threshold, min_region):  # type: ignore[no-untyped-def]
    scored, misses, num_objects, num_predictions = [], 0, 0, 0
    for found, objects in loaded:
        mine = [p for p in found if p["label"] == label]
        num_predictions += len(mine)

        def iou(p, o, objects=objects):  # type: ignore[no-untyped-def]
            return p["meets"][o] / (objects[o] + p["size"] - p["meets"][o])

        used = set()
        for o in [o for o in objects if o // 1000 == label and objects[o] >= min_region]:
            num_objects += 1
            best = None
            for i, p in enumerate(mine):
                if i in used or o not in p["meets"] or iou(p, o) <= threshold:
                    continue
                if best is None:
                    best = p["score"]
                    used.add(i)
                else:
                    scored.append((min(best, p["score"]), False))
                    best = max(best, p["score"])
            if best is None:
                misses += 1
            else:
                scored.append((best, True))
        for p in mine:
            if any(iou(p, o) > threshold for o in p["meets"]):
                continue
            small = sum(n for o, n in p["meets"].items() if objects[o] < min_region)
            if (p["void"] + small) / p["size"] <= threshold:
                scored.append((p["score"], False))
    if not num_objects:
        return math.nan
    if not num_predictions or not scored:
        return 0.0
    curve = []
    for cut in sorted({s for s, _ in scored}):
        hits = sum(1 for s, true in scored if true and s >= cut)
        wrong = sum(1 for s, true in scored if not true and s >= cut)
        curve.append((hits / (hits + wrong), hits / num_objects))
    curve.append((1.0, 0.0))
    recall = [curve[0][1], *(r for _, r in curve), 0.0]
    return sum(p * (recall[i] - recall[i + 2]) / 2 for i, (p, _) in enumerate(curve))


def write_scenes(folder: Path, count: int, points: int, seed: int = 0) -> dict[int, str]:
    """Writes `predictions` and `truth` of synthetic scenes into folder; gives the classes."""
    taxonomy = Taxonomy.scannet()
    classes = {c.id: c.name for c in taxonomy.classes if c.kind == "thing"}
    rng = np.random.default_rng(seed)
    for s in range(count):
        # runs of points: half of the scene objects, half walls and floor, as in a room
        cuts = np.sort(rng.choice(points, 2 * OBJECTS - 1, replace=False))
        run = np.searchsorted(cuts, np.arange(points), side="right")
        kind = rng.choice(list(classes), 2 * OBJECTS)
        kind[rng.random(2 * OBJECTS) < CHAIRS] = CHAIR
        instance = np.where(run % 2 == 1, run // 2, -1)
        write_ground_truth(folder / "truth" / f"scene{s}.txt", kind[run], instance)
        found = []
        for _ in range(PREDICTIONS):
            of = int(rng.integers(OBJECTS))
            inside = (instance == of) & (rng.random(points) < rng.uniform(0.3, 1))
            inside |= (run == 2 * of) & (rng.random(points) < rng.uniform(0, 0.5))
            found.append(Prediction(np.flatnonzero(inside), int(kind[2 * of + 1]), rng.random()))
        write_submission(folder / "predictions", f"scene{s}", found, points)
    return classes


def measure(scenes: int, points: int, distinct: int, plain_scenes: int) -> dict[str, float]:
    """Seconds of each step, a scene of each way, and the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        classes = write_scenes(folder, distinct, points)
        names = list_scenes(folder / "predictions", folder / "truth")
        reading = evaluating = 0.0
        collected = AveragePrecision(classes)
        for i in range(scenes):
            scene = names[i % len(names)]
            start = time.perf_counter()
            ids = read_integers(folder / "truth" / f"{scene}.txt")
            found = read_predictions(folder / "predictions" / f"{scene}.txt", len(ids), classes)
            middle = time.perf_counter()
            collected.add(found, GroundTruth.from_ids(ids, classes))
            reading += middle - start
            evaluating += time.perf_counter() - middle
        start = time.perf_counter()
        collected.result()
        evaluating += time.perf_counter() - start

        start = time.perf_counter()
        plain = plain_evaluate(
            folder / "predictions", folder / "truth", names[:plain_scenes], classes
        )
        plain_seconds = time.perf_counter() - start
        same = AveragePrecision(classes)
        start = time.perf_counter()
        for scene in names[:plain_scenes]:
            ids = read_integers(folder / "truth" / f"{scene}.txt")
            found = read_predictions(folder / "predictions" / f"{scene}.txt", len(ids), classes)
            same.add(found, GroundTruth.from_ids(ids, classes))
        result = same.result()
        own_seconds = time.perf_counter() - start
        difference = max(
            np.nanmax(np.abs(np.array(list(result.at(t).values())) - list(plain[t].values())))
            for t in plain
        )
    return {
        "scenes": scenes,
        "points": points,
        "reading_s": reading,
        "evaluating_s": evaluating,
        "evaluating_over_reading": evaluating / reading,
        "plain_python_s_per_scene": plain_seconds / plain_scenes,
        "mtml_s_per_scene": own_seconds / plain_scenes,
        "times_faster_than_plain_python": plain_seconds / own_seconds,
        "largest_difference": float(difference),
    }


def run() -> list[dict[str, object]]:
    """A small run for `mtml benchmark`: ten scenes, one of them in plain Python too."""
    points = 150_000
    figures = measure(scenes=10, points=points, distinct=2, plain_scenes=1)
    return [
        {
            "case": f"a scene of {points:,} points",
            "reading_s": figures["reading_s"] / figures["scenes"],
            "evaluating_s": figures["evaluating_s"] / figures["scenes"],
            "ours_s": figures["mtml_s_per_scene"],
            "alternative": "plain Python",
            "alternative_s": figures["plain_python_s_per_scene"],
            "times": figures["times_faster_than_plain_python"],
            "agreement": f"differs by {figures['largest_difference']:.1g}",
        }
    ]


def main() -> None:
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description="Speed of mtml evaluate")
    parser.add_argument("--scenes", type=int, default=300)
    parser.add_argument("--points", type=int, default=150_000)
    parser.add_argument("--distinct", type=int, default=10, help="scenes written to disk")
    parser.add_argument("--plain-scenes", type=int, default=4, help="scenes for plain Python")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures = measure(options.scenes, options.points, options.distinct, options.plain_scenes)
    for name, value in figures.items():
        print(f"{name:32} {value:.4g}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
