"""Proposals: clusters of the embeddings at several bandwidths, and their connected parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from mtml_ros.core.kernels import kernels
from mtml_ros.core.options import require
from mtml_ros.segmentation.components import label_components, number_by_appearance
from mtml_ros.segmentation.mean_shift import mean_shift


@dataclass(frozen=True)
class ProposalSettings:
    """Where proposals come from.

    bandwidths: mean-shift radii in the embedding's units. split: propose the connected parts of
    the clusters too. label_components: and the connected components of equal labels (not in the
    paper).
    """

    bandwidths: tuple[float, ...] = (0.6, 1.0, 1.6)
    split: bool = True
    label_components: bool = True

    def __post_init__(self) -> None:
        require("proposals", {"bandwidths": all(b > 0 for b in self.bandwidths)}, self)


@dataclass(frozen=True)
class Masks:
    """Sets of voxels, which may overlap: one row of (voxel, mask) for each voxel in each.

    voxel: (M,) int64. mask: (M,) int64, ascending from 0. count: number of masks.
    """

    voxel: np.ndarray
    mask: np.ndarray
    count: int

    @cached_property
    def sizes(self) -> np.ndarray:
        """(count,) int64: voxels of each mask."""
        return np.bincount(self.mask, minlength=self.count)

    @cached_property
    def starts(self) -> np.ndarray:
        """(count + 1,) int64: row at which each mask begins, and the number of rows."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    def split(self) -> list[np.ndarray]:
        """The voxels of each mask, ascending."""
        return np.split(self.voxel, self.starts[1:-1]) if self.count else []

    def select(self, which: np.ndarray) -> Masks:
        """The masks at positions `which`, in that order."""
        sizes = self.sizes[which]
        before = np.cumsum(sizes) - sizes
        rows = np.arange(int(sizes.sum())) + np.repeat(self.starts[which] - before, sizes)
        return Masks(self.voxel[rows], np.repeat(np.arange(len(which)), sizes), len(which))

    def sum(self, values: np.ndarray) -> np.ndarray:
        """(count, d) float64: sum over each mask of its voxels' values (V, d)."""
        rows = np.asarray(values, dtype=np.float32)
        return kernels.sums_of_rows(self.voxel, self.starts, rows)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """(count, d) float64: mean over each mask of its voxels' values (V, d)."""
        result: np.ndarray = self.sum(values) / self.sizes[:, None]
        return result

    @staticmethod
    def of(parts: Sequence[np.ndarray]) -> Masks:
        """Masks of the given voxels."""
        voxel = np.concatenate(parts) if len(parts) else np.zeros(0, dtype=np.int64)
        return Masks(
            voxel.astype(np.int64), np.repeat(np.arange(len(parts)), [len(p) for p in parts]),
            len(parts),
        )  # fmt: skip


@dataclass(frozen=True)
class Proposals:
    """The masks of several partitions of a grid's voxels, each once however many have it.

    masks: P of them, those of the first partition first. source: (P, K) bool, which of K
    partitions have a mask.
    """

    masks: Masks
    source: np.ndarray

    @staticmethod
    def of(partitions: Sequence[np.ndarray], min_voxels: int = 1) -> Proposals:
        """Of partitions (V,), labels 0, 1, ... without gaps, -1: none; small masks are left out."""
        labels = np.stack(partitions).astype(np.int64, copy=False)
        voxel, starts, source = kernels.masks_of_partitions(labels, min_voxels)
        count = len(starts) - 1
        masks = Masks(voxel, np.repeat(np.arange(count), np.diff(starts)), count)
        return Proposals(masks, source.astype(bool))


def propose(
    embedding: Tensor,
    candidates: np.ndarray,
    neighbors: kernels.Neighbors,
    settings: ProposalSettings,
) -> list[np.ndarray]:
    """Candidate instances (MTML, section 3.3), as partitions of the candidate voxels.

    embedding: (n, E), of the candidate voxels. candidates: (V,) bool with n true.
    neighbors: which voxels of the whole grid touch.
    Returns for each bandwidth the clusters of mean-shift, then (with `split`) for each
    bandwidth the connected parts of its clusters: identical objects far apart may share an
    embedding, touching ones are told apart by it. Each is (V,) int64, -1 outside the candidates.
    """
    clusters = []
    for found, _ in mean_shift(embedding, settings.bandwidths):
        cluster = np.full(len(candidates), -1, dtype=np.int64)
        cluster[candidates] = number_by_appearance(found.cpu().numpy())
        clusters.append(cluster)
    if not settings.split or not clusters:
        return clusters
    return clusters + list(label_components(neighbors, np.stack(clusters)))
