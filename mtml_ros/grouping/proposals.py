"""Proposals: clusters of the embeddings at several bandwidths, and their connected parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mtml_ros.grouping.components import label_components
from mtml_ros.grouping.mean_shift import mean_shift


@dataclass(frozen=True)
class Masks:
    """Sets of voxels, which may overlap: one row of (voxel, mask) for each voxel in each.

    voxel: (M,) int64. mask: (M,) int64, ascending from 0. count: number of masks.
    """

    voxel: np.ndarray
    mask: np.ndarray
    count: int

    @property
    def sizes(self) -> np.ndarray:
        """(count,) int64: voxels of each mask."""
        return np.bincount(self.mask, minlength=self.count)

    def split(self) -> list[np.ndarray]:
        """The voxels of each mask, ascending."""
        return np.split(self.voxel, np.cumsum(self.sizes)[:-1]) if self.count else []

    def select(self, which: np.ndarray) -> Masks:
        """The masks at positions `which`, in that order."""
        parts = self.split()
        return Masks.of([parts[i] for i in which])

    @staticmethod
    def of(parts: Sequence[np.ndarray]) -> Masks:
        """Masks of the given voxels."""
        voxel = np.concatenate(parts) if len(parts) else np.zeros(0, dtype=np.int64)
        return Masks(
            voxel.astype(np.int64), np.repeat(np.arange(len(parts)), [len(p) for p in parts]),
            len(parts),
        )  # fmt: skip

    @staticmethod
    def of_partition(labels: np.ndarray, min_voxels: int = 1) -> Masks:
        """One mask for each label >= 0 of labels (V,) that has at least min_voxels voxels."""
        inside = np.flatnonzero(labels >= 0)
        sizes = np.bincount(labels[inside]) if len(inside) else np.zeros(0, dtype=np.int64)
        inside = inside[sizes[labels[inside]] >= min_voxels]
        order = np.argsort(labels[inside], kind="stable")
        voxel = inside[order]
        return Masks(
            voxel,
            np.cumsum(np.diff(labels[voxel], prepend=labels[voxel[:1]]) != 0),
            int((sizes >= min_voxels).sum()),
        )

    @staticmethod
    def joined(several: Sequence[Masks]) -> Masks:
        """All masks of several, a mask that occurs twice once."""
        unique = {m.tobytes(): m for masks in several for m in masks.split()}
        return Masks.of(list(unique.values()))


def propose(
    embedding: Tensor,
    candidates: np.ndarray,
    edges: np.ndarray,
    bandwidths: Sequence[float],
    min_voxels: int,
    split: bool = True,
) -> Masks:
    """Candidate instances (MTML, section 3.3).

    embedding: (n, E), of the candidate voxels. candidates: (V,) bool with n true.
    edges: (E, 2) pairs of touching voxels of the whole grid.
    Each bandwidth's mean-shift gives its clusters, and the connected parts of each cluster:
    identical objects far apart may share an embedding, touching ones are told apart by it.
    """
    found = []
    for bandwidth in bandwidths:
        cluster = np.full(len(candidates), -1, dtype=np.int64)
        cluster[candidates] = mean_shift(embedding, bandwidth)[0].cpu().numpy()
        found.append(Masks.of_partition(cluster, min_voxels))
        if split:
            parts = label_components(edges, cluster).astype(np.int64)
            found.append(Masks.of_partition(parts, min_voxels))
    return Masks.joined(found)
