"""A learned score: the IoU that a proposal is expected to have with an object.

The paper's three terms look at a proposal alone. Whether an object was cut in two, or two were
joined, shows where the proposal ends: how the embedding jumps there, how much of the labels'
connected component it takes, what else lies near it in the embedding. A small network of
two layers weighs these; it is fitted on rooms that the instance network has not seen
(training/calibration.py), and travels in the weights as a few kilobytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mtml_ros.core.errors import CheckpointError
from mtml_ros.core.majority import most_frequent
from mtml_ros.core.sorted_keys import find
from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.paper_score import direction_coherency
from mtml_ros.segmentation.proposals import Masks

BLOCK = 1 << 23
"""Distances held in memory at a time."""

FEATURES = (
    "direction coherency",
    "share of embeddings within 0.5 of the mean",
    "share of embeddings within 1 of the mean",
    "mean distance to the mean embedding",
    "logarithm of the number of voxels",
    "share of its main component that it covers",
    "share of it that is of its main component",
    "share of it that has its most frequent label",
    "share of its contacts that leave it",
    "mean jump of the embedding across those, at most 4",
    "overlap (IoU) with all that lies within 1 of its mean embedding",
    "mean probability of its most probable class",
)
LABEL_FEATURES = (
    "mean probability of the labels given to it",
    "the same for all labelled candidates of the scene: how reliable its labels are",
    "share of it that has no label of a class",
)
"""Those that are added where the network judges labels itself."""


@dataclass(frozen=True)
class QualityModel:
    """Two layers: features, standardised by mean and scale, to hidden units (ReLU) to an IoU.

    mean, scale: (F,). weight1: (F, H), bias1: (H,). weight2: (H,), bias2: (1,). All float32.
    """

    mean: np.ndarray
    scale: np.ndarray
    weight1: np.ndarray
    bias1: np.ndarray
    weight2: np.ndarray
    bias2: np.ndarray

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray], judges_labels: bool) -> QualityModel:
        """The model in a checkpoint's arrays. judges_labels: its network has a semantic head.

        Raises CheckpointError where an array is missing, or of another shape.
        """
        f = len(FEATURES) + (len(LABEL_FEATURES) if judges_labels else 0)
        h = len(arrays.get("bias1", ()))
        shapes = {"mean": (f,), "scale": (f,), "weight1": (f, h), "bias1": (h,), "weight2": (h,),
                  "bias2": (1,)}  # fmt: skip
        found = {name: array.shape for name, array in arrays.items()}
        if found != shapes:
            raise CheckpointError(
                f"the learned score of the weights has arrays {found}, it needs {shapes}"
            )
        return QualityModel(**arrays)

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(P,) float64 expected IoU in 0..1 of features (P, F)."""
        x = (features - self.mean) / self.scale
        hidden = np.maximum(x @ self.weight1 + self.bias1, 0)
        result: np.ndarray = 1 / (1 + np.exp(-(hidden @ self.weight2 + self.bias2[0])))
        return result.astype(np.float64)


def mask_features(masks: Masks, context: VoxelContext) -> np.ndarray:
    """(P, F) float32: FEATURES of each mask, and LABEL_FEATURES where the network judges
    labels; masks are not empty."""
    c = context
    rows = c.embedding[masks.voxel].astype(np.float64)
    sizes = masks.sizes
    means = np.stack([_mean(masks, column) for column in rows.T], axis=1)
    distance = np.linalg.norm(rows - means[masks.mask], axis=1)
    covered, pure = _main_share(masks, c.component)
    leaving, jump = _cut(masks, c)
    columns = [
        direction_coherency(masks, c.direction, c.centers),
        _mean(masks, distance <= 0.5),
        _mean(masks, distance <= 1.0),
        _mean(masks, distance),
        np.log(sizes),
        covered,
        pure,
        _main_share(masks, c.labels.astype(np.int64))[1],
        leaving,
        jump,
        _overlap_with_ball(masks, means, c),
        _best_class(masks, c.probability),
    ]
    if c.given is not None:
        columns += _label_agreement(masks, c.given, c.candidates)
    return np.stack(columns, axis=1).astype(np.float32)


def _mean(masks: Masks, values: np.ndarray) -> np.ndarray:
    return np.bincount(masks.mask, weights=values, minlength=masks.count) / masks.sizes


def _main_share(masks: Masks, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each mask's most frequent group (labels >= 0): the share of that group in the mask, and
    the share of the mask in that group. 0 where no voxel has a group."""
    total = np.bincount(group[group >= 0], minlength=1)
    mine = group[masks.voxel]
    inside = mine >= 0
    owner, best, most = most_frequent(masks.mask[inside], mine[inside])
    covered, pure = np.zeros(masks.count), np.zeros(masks.count)
    covered[owner] = most / total[best]
    pure[owner] = most / masks.sizes[owner]
    return covered, pure


def _cut(masks: Masks, c: VoxelContext) -> tuple[np.ndarray, np.ndarray]:
    """Share of the contacts of each mask's voxels with candidates that leave the mask, and the
    mean distance in the embedding across those (4, the greatest counted, where there are none)."""
    v = len(c.candidates)
    a, b = c.edges[c.candidates[c.edges].all(axis=1)].T
    a, b = np.concatenate([a, b]), np.concatenate([b, a])
    jump = np.minimum(np.linalg.norm(c.embedding[a] - c.embedding[b], axis=1), 4.0)
    order = np.argsort(a, kind="stable")
    b, jump = b[order], jump[order]
    degree = np.bincount(a, minlength=v)
    start = np.cumsum(degree) - degree
    count = degree[masks.voxel]
    before = np.cumsum(count) - count
    contact = np.arange(int(count.sum())) + np.repeat(start[masks.voxel] - before, count)
    owner = np.repeat(masks.mask, count)
    # a contact is inside when its other end is in the same mask
    members = masks.mask * v + masks.voxel
    other = owner * v + b[contact]
    outside = ~find(members, other)[0]
    contacts = np.bincount(owner, minlength=masks.count)
    left = np.bincount(owner[outside], minlength=masks.count)
    jumps = np.bincount(owner[outside], weights=jump[contact[outside]], minlength=masks.count)
    return left / np.maximum(contacts, 1), np.where(left > 0, jumps / np.maximum(left, 1), 4.0)


def _overlap_with_ball(masks: Masks, means: np.ndarray, c: VoxelContext) -> np.ndarray:
    points = c.embedding[c.candidates].astype(np.float32)
    squares = (points**2).sum(axis=1)
    centers = means.astype(np.float32)
    ball = np.zeros(masks.count, dtype=np.int64)
    block = max(1, BLOCK // max(1, len(points)))
    for start in range(0, masks.count, block):
        part = centers[start : start + block]
        squared = squares - 2 * part @ points.T + (part**2).sum(axis=1)[:, None]
        ball[start : start + block] = (squared <= 1.0).sum(axis=1)
    rows = c.embedding[masks.voxel]
    near = np.linalg.norm(rows - means[masks.mask], axis=1) <= 1.0
    shared = np.bincount(masks.mask[near], minlength=masks.count)
    return shared / np.maximum(ball + masks.sizes - shared, 1)


def _best_class(masks: Masks, probability: np.ndarray | None) -> np.ndarray:
    if probability is None:
        return np.ones(masks.count)
    rows = probability[masks.voxel]
    return np.stack([_mean(masks, column) for column in rows.T], axis=1).max(axis=1)


def _label_agreement(masks: Masks, given: np.ndarray, candidates: np.ndarray) -> list[np.ndarray]:
    """LABEL_FEATURES of each mask."""
    labelled = given >= 0
    share = _mean(masks, labelled[masks.voxel])
    mean = _mean(masks, np.maximum(given, 0)[masks.voxel]) / np.maximum(share, 1e-9)
    here = given[labelled & candidates]
    scene = float(here.mean()) if len(here) else 0.0
    return [mean, np.full(masks.count, scene), 1 - share]
