"""Scores of proposals: feature coherency, direction coherency, regular size (section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtml_ros.core.options import require
from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.proposals import Masks


@dataclass(frozen=True)
class ScoreSettings:
    """How proposals are scored.

    learned: by the learned score where the weights have one; else, and without, by these terms.
    direction_sign: 1, or -1 for weights whose directions point away from the centre (equation 5).
    radius: feature coherency counts the embeddings within this of the mask's mean embedding.
    small, large: voxels; the size term falls below the one and above the other.
    use_*: an ablation switches a term off by giving 1 for it.
    """

    learned: bool = True
    direction_sign: float = 1.0
    radius: float = 1.0
    small: int = 30
    large: int = 6000
    use_feature: bool = True
    use_direction: bool = True
    use_size: bool = True

    def __post_init__(self) -> None:
        checks = {
            "direction_sign": abs(self.direction_sign) == 1,
            "radius": self.radius > 0,
            "small": self.small >= 1,
            "large": self.large >= self.small,
        }
        require("score", checks, self)


@dataclass(frozen=True)
class ScoreTerms:
    """Each term of each mask, (P,) float64 in 0..1."""

    feature: np.ndarray
    direction: np.ndarray
    size: np.ndarray

    @property
    def score(self) -> np.ndarray:
        """(P,) the product of the terms: a proposal must be good in all of them."""
        result: np.ndarray = self.feature * self.direction * self.size
        return result


def score_masks(masks: Masks, context: VoxelContext, settings: ScoreSettings) -> ScoreTerms:
    """The terms of each mask; of the context, embedding, direction and centers are read."""
    c, size = context, masks.sizes
    ones = np.ones(masks.count)
    return ScoreTerms(
        feature_coherency(masks, c.embedding, settings.radius) if settings.use_feature else ones,
        direction_coherency(masks, c.direction, c.centers) if settings.use_direction else ones,
        size_regularity(size, settings.small, settings.large) if settings.use_size else ones,
    )


def feature_coherency(masks: Masks, embedding: np.ndarray, radius: float) -> np.ndarray:
    """(P,) share of each mask's embeddings within `radius` of their mean."""
    rows = embedding[masks.voxel]
    distance = np.linalg.norm(rows - _means(masks, rows)[masks.mask], axis=1)
    return _mean(masks, (distance <= radius).astype(np.float64))


def direction_coherency(masks: Masks, direction: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """(P,) mean cosine between the directions and those to the mask's centre, at least 0: minus
    L_dir (equation 5) over the mask. A voxel at the centre counts as agreeing with it."""
    xyz = centers[masks.voxel].astype(np.float64)
    towards = _means(masks, xyz)[masks.mask] - xyz
    length = np.linalg.norm(towards, axis=1)
    cosine = (towards * direction[masks.voxel]).sum(axis=1) / np.maximum(length, 1e-9)
    return np.maximum(_mean(masks, np.where(length > 1e-3, cosine, 1.0)), 0.0)


def size_regularity(sizes: np.ndarray, small: int, large: int) -> np.ndarray:
    """(P,) 1 for sizes from small to large voxels, falling on both sides (as a fourth root).

    The paper favours regular sizes without saying how; nothing here is learned per class.
    """
    ratio = np.minimum(np.minimum(sizes / small, large / np.maximum(sizes, 1)), 1.0)
    result: np.ndarray = ratio**0.25
    return result


def _means(masks: Masks, rows: np.ndarray) -> np.ndarray:
    """(P, d) mean of rows (M, d) over each mask."""
    return np.stack([_mean(masks, rows[:, d]) for d in range(rows.shape[1])], axis=1)


def _mean(masks: Masks, values: np.ndarray) -> np.ndarray:
    sums = np.bincount(masks.mask, weights=values, minlength=masks.count)
    return sums / np.maximum(masks.sizes, 1)
