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
from mtml_ros.core.kernels import kernels
from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.paper_score import direction_coherency
from mtml_ros.segmentation.proposals import Masks

MAX_JUMP = 4.0
"""The farthest that two embeddings are taken to be apart where a proposal ends."""

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
    c, at = context, (masks.voxel, masks.starts)
    embedding = np.ascontiguousarray(c.embedding, dtype=np.float32)
    means = kernels.mask_means(*at, embedding)
    half, one, distance = kernels.mask_spread(*at, embedding, means).T
    covered, pure = kernels.main_group_shares(*at, c.component.astype(np.int64)).T
    leaving, jump = kernels.mask_contacts(*at, c.edges, c.candidates, embedding, MAX_JUMP).T
    ball = kernels.count_within(embedding[c.candidates], means.astype(np.float32), 1.0)
    inside = one * masks.sizes
    columns = [
        direction_coherency(masks, c.direction, c.centers),
        half,
        one,
        distance,
        np.log(masks.sizes),
        covered,
        pure,
        kernels.main_group_shares(*at, c.labels.astype(np.int64))[:, 1],
        leaving,
        jump,
        inside / np.maximum(ball + masks.sizes - inside, 1),
        _best_class(masks, c.probability),
    ]
    if c.given is not None:
        columns += _label_agreement(masks, c.given, c.candidates)
    return np.stack(columns, axis=1).astype(np.float32)


def _best_class(masks: Masks, probability: np.ndarray | None) -> np.ndarray:
    if probability is None:
        return np.ones(masks.count)
    rows = np.ascontiguousarray(probability, dtype=np.float32)
    best: np.ndarray = kernels.mask_means(masks.voxel, masks.starts, rows).max(axis=1)
    return best


def _label_agreement(masks: Masks, given: np.ndarray, candidates: np.ndarray) -> list[np.ndarray]:
    """LABEL_FEATURES of each mask."""
    labelled = given >= 0
    rows = np.stack([labelled, np.maximum(given, 0)], axis=1).astype(np.float32)
    share, total = kernels.mask_means(masks.voxel, masks.starts, rows).T
    here = given[labelled & candidates]
    scene = float(here.mean()) if len(here) else 0.0
    return [total / np.maximum(share, 1e-9), np.full(masks.count, scene), 1 - share]
