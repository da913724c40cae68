"""Average precision of scored instance masks, as the ScanNet benchmark defines it.

Equal to the benchmark's `BenchmarkScripts/3d_evaluation/evaluate_semantic_instance.py` in every
corner (github.com/ScanNet/ScanNet). What that script does, and this module therefore does too:

- A match needs an IoU *above* the threshold. Every other match of the same object is a false
  positive, the best scored one being the true positive. Below .5 a mask can match two objects:
  the first object (by id) whose first match (by order of prediction) it is, takes it.
- Objects under `min_region` points are ignored, and so are predictions under it. An unmatched
  prediction is dropped, not counted as false, when the share of it that lies on void (points of no
  valid class) or on ignored objects of its class is above the IoU threshold.
- Equal scores are one point of the precision-recall curve. The curve is closed by precision 1 at
  recall 0 and integrated with central differences.
- AP is the mean over IoU .50, .55 ... .90: the script's range ends before .95.
- A class without objects is undefined (NaN here, null in JSON) and left out of the mean; a class
  with objects and no prediction has 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtml_ros.core.errors import ConfigurationError, InputError
from mtml_ros.io.benchmark_files import INSTANCES_PER_CLASS, Prediction

OVERLAPS = tuple(float(t) for t in np.arange(0.5, 0.95, 0.05))
"""The nine IoU thresholds that AP averages."""
MIN_REGION = 100
"""The benchmark's least number of points of an object or a prediction."""


@dataclass(frozen=True)
class GroundTruth:
    """The annotated objects of a scene.

    region: (N,) int32, position of each point's object, or G where it has none (void).
    label: (G,) int64, class id of each object. size: (G,) int64, points of each object.
    """

    region: np.ndarray
    label: np.ndarray
    size: np.ndarray

    @staticmethod
    def from_ids(ids: np.ndarray, classes: Iterable[int]) -> GroundTruth:
        """From the benchmark's encoding: ids (N,) integer, class id * 1000 + instance number.

        classes: valid class ids (>= 1); points of any other are void.
        """
        ids = np.asarray(ids)
        if not ids.size:
            return GroundTruth(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64))
        low, high = int(ids.min()), int(ids.max())
        if high - low < 1 << 22:  # a table of all values is faster than sorting the points
            counts = np.bincount(ids - low)
            values = np.flatnonzero(counts)
            counts, values = counts[values], values + low
        else:
            values, counts = np.unique(ids, return_counts=True)
        label = values // INSTANCES_PER_CLASS
        valid = np.isin(label, np.fromiter(classes, dtype=np.int64))
        number = np.where(valid, np.cumsum(valid) - 1, valid.sum()).astype(np.int32)
        if high - low < 1 << 22:
            table = np.zeros(high - low + 1, dtype=np.int32)
            table[values - low] = number
            region = table[ids - low]
        else:
            region = number[np.searchsorted(values, ids)]
        return GroundTruth(region, label[valid].astype(np.int64), counts[valid].astype(np.int64))

    @staticmethod
    def from_labels(
        labels: np.ndarray, instance: np.ndarray, classes: Iterable[int]
    ) -> GroundTruth:
        """From labels (N,), class ids, and instance (N,), -1 where a point is in no object.

        An instance whose points carry two classes is two objects, as in the benchmark's files.
        """
        ids, instance = np.asarray(labels, dtype=np.int64), np.asarray(instance, dtype=np.int64)
        if ids.shape != instance.shape:
            raise InputError(f"{ids.shape} labels do not fit {instance.shape} instance numbers")
        # numbers may exceed 999, so the pair is ranked, not packed into the benchmark's id
        width = int(instance.max(initial=0)) + 2
        key = np.where(instance >= 0, ids * width + instance + 1, 0)
        values, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
        label = values // width
        valid = np.isin(label, np.fromiter(classes, dtype=np.int64)) & (values % width > 0)
        number = np.where(valid, np.cumsum(valid) - 1, valid.sum()).astype(np.int32)
        return GroundTruth(number[inverse.reshape(-1)], label[valid], counts[valid])


@dataclass(frozen=True)
class APResult:
    """Average precision by class and IoU threshold.

    names: C class names. thresholds: T ascending IoUs. values: (C, T) float64, NaN: undefined.
    """

    names: tuple[str, ...]
    thresholds: tuple[float, ...]
    values: np.ndarray

    def at(self, threshold: float) -> dict[str, float]:
        """Each class's AP at one IoU threshold, which must be among those computed."""
        near = [i for i, t in enumerate(self.thresholds) if math.isclose(t, threshold)]
        if not near:
            raise ConfigurationError(f"AP at IoU {threshold} was not computed")
        return dict(zip(self.names, self.values[:, near[0]].tolist()))

    def mean_at(self, threshold: float) -> float:
        """Mean of the classes' AP at one threshold; NaN when no class has an object."""
        return _mean(self.at(threshold).values())

    @property
    def ap(self) -> dict[str, float]:
        """Each class's AP, averaged over IoU .50 to .90."""
        columns = [list(self.at(t).values()) for t in OVERLAPS]
        return dict(zip(self.names, np.mean(columns, axis=0).tolist()))

    @property
    def ap50(self) -> dict[str, float]:
        """Each class's AP at IoU .5."""
        return self.at(0.5)

    @property
    def ap25(self) -> dict[str, float]:
        """Each class's AP at IoU .25."""
        return self.at(0.25)

    @property
    def mean_ap(self) -> float:
        """Mean AP of the classes that have objects."""
        return _mean(self.ap.values())

    @property
    def mean_ap50(self) -> float:
        """Mean AP50 of the classes that have objects."""
        return self.mean_at(0.5)

    @property
    def mean_ap25(self) -> float:
        """Mean AP25 of the classes that have objects."""
        return self.mean_at(0.25)

    def to_json(self) -> dict[str, Any]:
        """{"mean": {"ap", "ap50", "ap25"}, "classes": {NAME: the same}}, None where undefined."""
        ap, ap50, ap25 = self.ap, self.ap50, self.ap25
        return {
            "mean": _triple(self.mean_ap, self.mean_ap50, self.mean_ap25),
            "classes": {n: _triple(ap[n], ap50[n], ap25[n]) for n in self.names},
        }


class AveragePrecision:
    """Collects scenes one by one; keeps a few numbers a prediction, never a mask.

    classes: class id (>= 1) to name. min_region: in points. class_agnostic: one class "object"
    of all objects, and predictions of whatever label.
    """

    def __init__(
        self,
        classes: Mapping[int, str],
        min_region: int = MIN_REGION,
        class_agnostic: bool = False,
    ) -> None:
        if not classes or min(classes) < 1:
            raise ConfigurationError("evaluation needs classes, each with an id of 1 or more")
        self.classes = dict(classes)
        self.min_region = min_region
        self.class_agnostic = class_agnostic
        self._num_predictions = 0
        self._num_objects = 0
        # per scene: (class, score, ignored share) a prediction, (class) an object that counts,
        # (prediction, object or -1, IoU) a pair of the same class that meets
        self._predictions: list[np.ndarray] = []
        self._object_class: list[np.ndarray] = []
        self._pairs: list[np.ndarray] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The classes that results speak of."""
        return ("object",) if self.class_agnostic else tuple(self.classes.values())

    def add(self, predictions: Sequence[Prediction], truth: GroundTruth) -> None:
        """Takes in one scene. Raises InputError when a mask does not fit the scene."""
        usable, masks = self._usable(predictions, len(truth.region))
        num_regions = len(truth.label)
        size = np.array([len(m) for m in masks], dtype=np.int64)
        points = np.concatenate(masks) if masks else np.zeros(0, dtype=np.int64)
        row = np.repeat(np.arange(len(masks)) * (num_regions + 1), size)
        # every intersection of the scene, in one pass over the masks' points
        meets = np.bincount(row + truth.region[points], minlength=len(masks) * (num_regions + 1))
        meets = meets.reshape(len(masks), num_regions + 1)
        void, meets = meets[:, -1], meets[:, :-1]

        label = np.array([p.label for p in usable], dtype=np.int64)
        ordinal = {c: i for i, c in enumerate(self.classes)}
        if self.class_agnostic:
            ordinal, same = dict.fromkeys(self.classes, 0), meets > 0
            prediction_class = np.zeros(len(usable))
        else:
            same = (meets > 0) & (label[:, None] == truth.label)
            prediction_class = np.array([ordinal[int(c)] for c in label])
        small = truth.size < self.min_region
        ignored = void + np.where(same & small, meets, 0).sum(axis=1)
        score = np.array([p.score for p in usable], dtype=np.float64)
        self._predictions.append(
            np.stack([prediction_class, score, ignored / np.maximum(size, 1)], axis=1)
        )
        which, region = np.nonzero(same)
        inner = meets[which, region]
        iou = inner / (truth.size[region] + size[which] - inner)
        counted = np.where(small, -1, self._num_objects + np.cumsum(~small) - 1)
        pairs = np.stack([which + self._num_predictions, counted[region], iou], axis=1)
        self._pairs.append(pairs)
        self._object_class.append(
            np.array([ordinal[int(c)] for c in truth.label[~small]], dtype=np.int64)
        )
        self._num_predictions += len(usable)
        self._num_objects += int((~small).sum())

    def _usable(
        self, predictions: Sequence[Prediction], num_points: int
    ) -> tuple[list[Prediction], list[np.ndarray]]:
        """The predictions that count, and their masks as ascending indices."""
        usable, masks = [], []
        for p in predictions:
            if not self.class_agnostic and p.label not in self.classes:
                continue
            if math.isnan(p.score):
                raise InputError("a prediction's score is not a number")
            mask = _as_indices(p.mask, num_points)
            if len(mask) >= max(self.min_region, 1):
                usable.append(p)
                masks.append(mask)
        return usable, masks

    def result(self, thresholds: Iterable[float] = ()) -> APResult:
        """AP of the scenes so far, at IoU .25, .50 .. .90 and the thresholds asked for."""
        wanted = sorted({0.25, *OVERLAPS})
        for t in thresholds:
            if not any(math.isclose(t, w) for w in wanted):
                wanted.append(t)
        predictions = _stack(self._predictions, 3)
        pairs = _stack(self._pairs, 3)
        object_class = np.concatenate([np.zeros(0, np.int64), *self._object_class])
        values = [self._at(t, predictions, pairs, object_class) for t in sorted(wanted)]
        return APResult(self.names, tuple(sorted(wanted)), np.stack(values, axis=1))

    def _at(
        self, threshold: float, predictions: np.ndarray, pairs: np.ndarray, objects: np.ndarray
    ) -> np.ndarray:
        """(C,) AP of each class at one IoU threshold."""
        kind, score, ignored = (
            predictions[:, 0].astype(np.int64),
            predictions[:, 1],
            predictions[:, 2],
        )
        matching = pairs[pairs[:, 2] > threshold]
        prediction, target = matching[:, 0].astype(np.int64), matching[:, 1].astype(np.int64)
        found = np.zeros(len(predictions), dtype=bool)
        found[prediction] = True
        counted = target >= 0
        prediction, target = prediction[counted], target[counted]
        # by object, then by score: the last match of an object is its true positive
        if threshold < 0.5:
            prediction, target = _first_come(prediction, target)
        order = np.lexsort((score[prediction], target))
        prediction, target = prediction[order], target[order]
        best = np.append(target[1:] != target[:-1], np.ones(min(len(target), 1), dtype=bool))
        false = np.flatnonzero(~found & (ignored <= threshold))
        of = np.concatenate([prediction, false])
        true = np.concatenate([best, np.zeros(len(false), dtype=bool)])
        num_objects = np.bincount(objects, minlength=len(self.names))
        return _areas(kind[of], score[of], true, num_objects)


def evaluate_scenes(
    scenes: Iterable[tuple[Sequence[Prediction], np.ndarray, np.ndarray]],
    classes: Mapping[int, str],
    min_region: int = MIN_REGION,
    class_agnostic: bool = False,
    thresholds: Iterable[float] = (),
) -> APResult:
    """AP of scenes, each given as (predictions, labels (N,), instance (N,), -1 for none).

    classes: class id to name; ids are those of the predictions and of the labels.
    """
    collected = AveragePrecision(classes, min_region, class_agnostic)
    for predictions, labels, instance in scenes:
        collected.add(predictions, GroundTruth.from_labels(labels, instance, classes))
    return collected.result(thresholds)


def _as_indices(mask: np.ndarray, num_points: int) -> np.ndarray:
    """(n,) ascending int64 indices of a mask given as indices or (N,) bool."""
    mask = np.asarray(mask)
    if mask.dtype == bool:
        if mask.shape != (num_points,):
            raise InputError(f"a mask of {len(mask)} points for a scene of {num_points}")
        return np.flatnonzero(mask)
    if mask.ndim != 1 or (mask.size and mask.dtype.kind not in "iu"):
        raise InputError(f"a mask is (n,) integers or (N,) bool, not {mask.shape} {mask.dtype}")
    mask = mask.astype(np.int64, copy=False)
    if not (np.diff(mask) > 0).all():
        mask = np.unique(mask)
    if len(mask) and not (mask[0] >= 0 and mask[-1] < num_points):
        raise InputError(f"a mask's index is outside the scene's 0..{num_points - 1}")
    return mask


def _first_come(prediction: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The matches left when an object's first match takes that prediction from later objects."""
    order = np.lexsort((prediction, target))
    taken: set[int] = set()
    matched: set[int] = set()
    kept = []
    for i in order.tolist():
        p, t = int(prediction[i]), int(target[i])
        if p in taken:
            continue
        kept.append(i)
        if t not in matched:
            matched.add(t)
            taken.add(p)
    return prediction[kept], target[kept]


def _areas(
    kind: np.ndarray, score: np.ndarray, true: np.ndarray, num_objects: np.ndarray
) -> np.ndarray:
    """(C,) area under each class's precision-recall curve; NaN where there is nothing to find.

    kind, score, true: (n,) class, score and whether right of each prediction.
    """
    order = np.lexsort((score, kind))
    kind, score, right = kind[order], score[order], np.append(0, np.cumsum(true[order]))
    end = np.searchsorted(kind, np.arange(len(num_objects)), side="right")
    # a cut before each distinct score of a class: what is at or above it counts as predicted
    new = np.ones(len(kind), dtype=bool)
    new[1:] = (kind[1:] != kind[:-1]) | (score[1:] != score[:-1])
    cut = np.flatnonzero(new)
    of = kind[cut]
    hits = right[end[of]] - right[cut]
    precision = hits / (end[of] - cut)
    recall = hits / np.maximum(num_objects[of], 1)
    # each cut is weighed by half the recall between its neighbours; the first has itself for a
    # neighbour, and after the last comes the closing point, precision 1 at recall 0
    first = np.append(True, of[1:] != of[:-1])[: len(of)]
    last = np.append(of[1:] != of[:-1], True)[: len(of)]
    before = np.where(first, recall, np.roll(recall, 1))
    after = np.where(last, 0.0, np.roll(recall, -1))
    weighed = precision * (before - after) / 2 + np.where(last, recall / 2, 0.0)
    area = np.bincount(of, weights=weighed, minlength=len(num_objects))
    return np.where(num_objects > 0, area, np.nan)


def _stack(parts: list[np.ndarray], width: int) -> np.ndarray:
    return np.concatenate([np.zeros((0, width)), *parts])


def _mean(values: Iterable[float]) -> float:
    defined = [v for v in values if not math.isnan(v)]
    return float(np.mean(defined)) if defined else math.nan


def _triple(ap: float, ap50: float, ap25: float) -> dict[str, float | None]:
    named = {"ap": ap, "ap50": ap50, "ap25": ap25}
    return {k: None if math.isnan(v) else v for k, v in named.items()}
