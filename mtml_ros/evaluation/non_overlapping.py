"""False positives and misses of the non-overlapping labelling, each point in at most one instance.

AP hides false positives of low rank; a robot sees every one of them. Objects and predictions
count by the rules of `average_precision`: those under `min_region` do not, nor does an unmatched
prediction that lies by more than the threshold on void.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mtml_ros.core.errors import ConfigurationError, InputError
from mtml_ros.evaluation.average_precision import MIN_REGION, GroundTruth


@dataclass(frozen=True)
class Counts:
    """What a labelling got right and wrong, of one class or of all together.

    objects: annotated. predicted: instances found. matched: pairs of both. iou: sum over the pairs.
    """

    objects: int = 0
    predicted: int = 0
    matched: int = 0
    iou: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.objects + other.objects,
            self.predicted + other.predicted,
            self.matched + other.matched,
            self.iou + other.iou,
        )

    @property
    def false_positives(self) -> int:
        """Instances that match no object."""
        return self.predicted - self.matched

    @property
    def misses(self) -> int:
        """Objects that no instance matches."""
        return self.objects - self.matched

    @property
    def precision(self) -> float | None:
        """Share of the instances that match an object; None without instances."""
        return self.matched / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """Share of the objects that are matched; None without objects."""
        return self.matched / self.objects if self.objects else None

    @property
    def false_positives_per_100_objects(self) -> float | None:
        """None without objects."""
        return 100 * self.false_positives / self.objects if self.objects else None

    @property
    def panoptic_quality(self) -> float | None:
        """Sum of IoU / (matches + half of false positives and misses) (Kirillov et al. 2019)."""
        total = (self.predicted + self.objects) / 2
        return self.iou / total if total else None


class LabellingAccuracy:
    """Counts over scenes, added one by one.

    classes: class id (>= 1) to name. class_agnostic: any instance may match any object.
    threshold: a match needs an IoU above it; at least .5, so that matches are unique.
    """

    def __init__(
        self,
        classes: Mapping[int, str],
        min_region: int = MIN_REGION,
        class_agnostic: bool = False,
        threshold: float = 0.5,
    ) -> None:
        if not 0.5 <= threshold < 1:
            raise ConfigurationError(f"matches are unique at IoU .5 to 1, not at {threshold}")
        self._classes = dict(classes)
        self._min_region = min_region
        self._class_agnostic = class_agnostic
        self._threshold = threshold
        self._counts: dict[int, Counts] = {}

    def add(self, instance: np.ndarray, labels: np.ndarray, truth: GroundTruth) -> None:
        """Takes in one scene.

        instance: (N,) integer, -1 for none. labels: (P,) class id of instance 0..P-1.
        """
        instance, labels = np.asarray(instance), np.asarray(labels, dtype=np.int64)
        if instance.shape != truth.region.shape:
            raise InputError(f"{len(instance)} points, but the truth has {len(truth.region)}")
        if len(instance) and not -1 <= instance.min() <= instance.max() < len(labels):
            raise InputError(f"an instance number is outside -1..{len(labels) - 1}")
        width = len(truth.label) + 1
        pairs = (instance.astype(np.int64) + 1) * width + truth.region
        meets = np.bincount(pairs, minlength=(len(labels) + 1) * width).reshape(-1, width)[1:]
        size, void, meets = meets.sum(axis=1), meets[:, -1], meets[:, :-1]
        same = np.ones(meets.shape, dtype=bool)
        if not self._class_agnostic:
            same = labels[:, None] == truth.label
        iou = meets * same / np.maximum(size[:, None] + truth.size - meets, 1)
        small = truth.size < self._min_region
        ignored = void + (meets * (same & small)).sum(axis=1)
        matches = iou > self._threshold
        large = size >= max(self._min_region, 1)
        if not self._class_agnostic:
            large &= np.isin(labels, list(self._classes))
        matches[~large] = False
        false = large & ~matches.any(axis=1) & (ignored <= self._threshold * size)
        for of, count in (
            (truth.label[~small], Counts(objects=1)),
            (labels[false], Counts(predicted=1)),
        ):
            for label, times in zip(*np.unique(of, return_counts=True)):
                self._count(
                    int(label), Counts(count.objects * int(times), count.predicted * int(times))
                )
        for p, g in np.argwhere(matches & ~small):
            self._count(int(truth.label[g]), Counts(0, 1, 1, float(iou[p, g])))

    def _count(self, label: int, counts: Counts) -> None:
        self._counts[label] = self._counts.get(label, Counts()) + counts

    @property
    def total(self) -> Counts:
        """All classes together."""
        return sum(self._counts.values(), Counts())

    @property
    def by_class(self) -> dict[str, Counts]:
        """Each class's counts; where class-agnostic, the predicted ones by their own label."""
        return {n: self._counts.get(c, Counts()) for c, n in self._classes.items()}
