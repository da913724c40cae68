"""Measures a segmenter on scenes: scan to voxels, voxels to instances, and back to the points."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtml_ros.core.instances import Instance, Proposal, Segmentation
from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.evaluation.average_precision import (
    MIN_REGION,
    APResult,
    AveragePrecision,
    GroundTruth,
)
from mtml_ros.evaluation.non_overlapping import Counts, LabellingAccuracy
from mtml_ros.io.benchmark_files import Prediction

Segment = Callable[[VoxelGrid], Segmentation]


@dataclass(frozen=True)
class Scores:
    """How well a segmenter did.

    proposals: AP of the overlapping masks, what the benchmark scores.
    non_overlapping: AP of the non-overlapping labelling's instances, what a robot gets.
    agnostic: AP of the non-overlapping labelling's instances, whatever their class.
    counts: matches, false positives and misses of the non-overlapping labelling at IoU .5.
    agnostic_counts: the same whatever the class.
    """

    proposals: APResult
    non_overlapping: APResult
    agnostic: APResult
    counts: Counts
    agnostic_counts: Counts

    def summary(self) -> dict[str, float]:
        """The figures that a log line holds; NaN where undefined."""
        return {
            "ap": self.proposals.mean_ap,
            "ap50": self.proposals.mean_ap50,
            "ap25": self.proposals.mean_ap25,
            "non_overlapping_ap50": self.non_overlapping.mean_ap50,
            "non_overlapping_ap75": self.non_overlapping.mean_at(0.75),
            "agnostic_ap50": self.agnostic.mean_ap50,
            "precision": _number(self.agnostic_counts.precision),
            "recall": _number(self.agnostic_counts.recall),
            "false_positives_per_100": _number(self.counts.false_positives_per_100_objects),
        }

    def to_json(self) -> dict[str, Any]:
        """The three APs and the summary, None where undefined."""
        summary = {k: None if math.isnan(v) else v for k, v in self.summary().items()}
        return {
            "summary": summary,
            "proposals": self.proposals.to_json(),
            "non_overlapping": self.non_overlapping.to_json(),
            "agnostic": self.agnostic.to_json(),
        }


class SceneEvaluation:
    """Collects the scores of scenes, added one by one.

    min_region: objects and predictions under so many points (voxels, for grids) are ignored.
    """

    def __init__(self, taxonomy: Taxonomy, min_region: int = MIN_REGION) -> None:
        classes = {i: n for i, n in enumerate(taxonomy.names) if taxonomy.is_thing[i]}
        self.classes = classes
        self._proposals = AveragePrecision(classes, min_region)
        self._non_overlapping = AveragePrecision(classes, min_region)
        self._agnostic = AveragePrecision(classes, min_region, class_agnostic=True)
        self._counts = LabellingAccuracy(classes, min_region)
        self._agnostic_counts = LabellingAccuracy(classes, min_region, class_agnostic=True)

    def add(
        self,
        found: Segmentation,
        labels: np.ndarray,
        instance: np.ndarray,
        point_to_voxel: np.ndarray | None = None,
    ) -> None:
        """Takes in one scene.

        labels: (N,) true class indices. instance: (N,) true instances, -1 for none.
        point_to_voxel: (N,) voxel of each point; None: labels and instance are those of voxels.
        """
        truth = GroundTruth.from_labels(labels, instance, self.classes)
        back = _PointsOfVoxels(len(found.grid), point_to_voxel)
        instances = back.predictions(found.instances)
        self._proposals.add(back.predictions(found.proposals), truth)
        self._non_overlapping.add(instances, truth)
        self._agnostic.add(instances, truth)
        given = found.instance if point_to_voxel is None else found.instance[point_to_voxel]
        kinds = np.array([i.label for i in found.instances], dtype=np.int64)
        self._counts.add(given, kinds, truth)
        self._agnostic_counts.add(given, kinds, truth)

    def result(self, thresholds: Iterable[float] = ()) -> Scores:
        """The scores of the scenes so far, with AP at the thresholds asked for beside the usual."""
        at = tuple(thresholds)
        return Scores(
            self._proposals.result(at),
            self._non_overlapping.result(at),
            self._agnostic.result(at),
            self._counts.total,
            self._agnostic_counts.total,
        )


def evaluate_segmenter(
    scenes: Iterable[Scene],
    segment: Segment,
    taxonomy: Taxonomy,
    voxel_size: float,
    min_region: int = MIN_REGION,
) -> Scores:
    """Scores on the points of scenes, whose noisy labels are the input where they have them.

    segment: `InstanceSegmenter.segment`, or a baseline with its taxonomy bound.
    """
    collected = SceneEvaluation(taxonomy, min_region)
    for scene in scenes:
        given = scene.labels if scene.noisy_labels is None else scene.noisy_labels
        points = LabeledPoints(scene.xyz, given)
        grid, point_to_voxel = VoxelGrid.from_points(points, voxel_size, scene.features)
        collected.add(segment(grid), scene.labels, scene.instance, point_to_voxel)
    return collected.result()


def predictions_on_points(
    proposals: Sequence[Proposal | Instance],
    num_voxels: int,
    point_to_voxel: np.ndarray | None = None,
) -> list[Prediction]:
    """Masks over voxels as masks over the points in them (MTML, section 3.4).

    point_to_voxel: (N,) voxel of each point; None: the voxels themselves are meant.
    """
    return _PointsOfVoxels(num_voxels, point_to_voxel).predictions(proposals)


class _PointsOfVoxels:
    """The points of each voxel, in one array of runs."""

    def __init__(self, num_voxels: int, point_to_voxel: np.ndarray | None) -> None:
        self._points = None
        if point_to_voxel is not None:
            self._points = np.argsort(point_to_voxel, kind="stable")
            count = np.bincount(point_to_voxel, minlength=num_voxels)
            self._count, self._start = count, np.cumsum(count) - count

    def predictions(self, proposals: Sequence[Proposal | Instance]) -> list[Prediction]:
        return [Prediction(self._of(p.voxels), p.label, p.score) for p in proposals]

    def _of(self, voxels: np.ndarray) -> np.ndarray:
        if self._points is None:
            return voxels
        count, start = self._count[voxels], self._start[voxels]
        before = np.cumsum(count) - count
        position = np.arange(int(count.sum())) + np.repeat(start - before, count)
        return np.sort(self._points[position])


def _number(value: float | None) -> float:
    return math.nan if value is None else value
