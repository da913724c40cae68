"""A folder of predictions against a folder of ground truth, as the ScanNet benchmark has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from mtml_ros.evaluation.average_precision import (
    MIN_REGION,
    APResult,
    AveragePrecision,
    GroundTruth,
)
from mtml_ros.io.benchmark_files import list_scenes, read_integers, read_predictions


def evaluate_folders(
    predictions: str | Path,
    ground_truth: str | Path,
    classes: Mapping[int, str],
    min_region: int = MIN_REGION,
    class_agnostic: bool = False,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> APResult:
    """AP of a submission folder; the scenes are those that have a prediction file, as officially.

    classes: class id to name. progress: wraps the scene names, as tqdm does.
    Raises InputError, naming file and line, for anything missing or malformed.
    """
    collected = AveragePrecision(classes, min_region, class_agnostic)
    for scene in progress(list_scenes(predictions, ground_truth)):
        ids = read_integers(Path(ground_truth) / f"{scene}.txt")
        wanted = None if class_agnostic else classes
        found = read_predictions(Path(predictions) / f"{scene}.txt", len(ids), wanted)
        collected.add(found, GroundTruth.from_ids(ids, classes))
    return collected.result()
