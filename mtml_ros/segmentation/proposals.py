"""Proposals: clusters of the embeddings at several bandwidths, and their connected parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix
from torch import Tensor

from mtml_ros.core.majority import most_frequent
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

    @staticmethod
    def of(parts: Sequence[np.ndarray]) -> Masks:
        """Masks of the given voxels."""
        voxel = np.concatenate(parts) if len(parts) else np.zeros(0, dtype=np.int64)
        return Masks(
            voxel.astype(np.int64), np.repeat(np.arange(len(parts)), [len(p) for p in parts]),
            len(parts),
        )  # fmt: skip

    @staticmethod
    def of_partition(labels: np.ndarray) -> Masks:
        """One mask for each label of a partition (V,), labels 0, 1, ... without gaps, -1: none."""
        inside = np.flatnonzero(labels >= 0)
        order = np.argsort(labels[inside], kind="stable")
        voxel = inside[order]
        return Masks(voxel, labels[voxel].astype(np.int64), int(labels.max(initial=-1)) + 1)

    @staticmethod
    def joined(several: Sequence[Masks]) -> Masks:
        """All masks of several, in order."""
        offsets = np.cumsum([0, *(m.count for m in several)])
        return Masks(
            np.concatenate([m.voxel for m in several]),
            np.concatenate([m.mask + o for m, o in zip(several, offsets)]),
            int(offsets[-1]),
        )


@dataclass(frozen=True)
class Proposals:
    """The masks of several partitions of a grid's voxels, each once however many have it.

    masks: P of them, those of the first partition first. label: (K, V) int64, the mask that holds
    a voxel in each of K partitions, -1 for none. source: (P, K) bool, which partitions have it.
    """

    masks: Masks
    label: np.ndarray
    source: np.ndarray

    @staticmethod
    def of(partitions: Sequence[np.ndarray], min_voxels: int = 1) -> Proposals:
        """Of partitions (V,), labels 0, 1, ... without gaps, -1: none; small masks are left out."""
        # masks are equal when the sums of their voxels' random numbers are
        key = np.random.default_rng(0).integers(1 << 62, size=len(partitions[0]), dtype=np.int64)
        joined = Masks.joined([Masks.of_partition(p) for p in partitions])
        sums = np.zeros(joined.count, dtype=np.int64)
        np.add.at(sums, joined.mask, key[joined.voxel])
        large = np.flatnonzero(joined.sizes >= min_voxels)
        _, first, same = np.unique(sums[large], return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        number = np.full(joined.count + 1, -1, dtype=np.int64)  # the last: of voxels in no mask
        number[large] = rank[same.reshape(-1)]
        masks = joined.select(large[first[order]])
        source = np.zeros((masks.count, len(partitions)), dtype=bool)
        label = np.empty((len(partitions), len(partitions[0])), dtype=np.int64)
        offset = 0
        for k, partition in enumerate(partitions):
            count = int(partition.max(initial=-1)) + 1
            mine = number[offset : offset + count]
            source[mine[mine >= 0], k] = True
            label[k] = number[np.where(partition >= 0, partition + offset, joined.count)]
            offset += count
        return Proposals(masks, label, source)

    @cached_property
    def member(self) -> csr_matrix:
        """(P, V) float32: 1 where a mask holds a voxel."""
        m = self.masks
        start = np.append(0, np.cumsum(m.sizes))
        shape = (m.count, self.label.shape[1])
        return csr_matrix((np.ones(len(m.voxel), np.float32), m.voxel, start), shape=shape)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """(P, d) mean over each mask of its voxels' values (V, d)."""
        result: np.ndarray = (self.member @ values) / self.masks.sizes[:, None]
        return result

    def mean_of(self, values: np.ndarray) -> np.ndarray:
        """(P,) the same of one value a row of `masks` (M,)."""
        m = self.masks
        return np.bincount(m.mask, weights=values, minlength=m.count) / m.sizes

    def main(self, group: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(P,) the group (V,), of 0 to number - 1 or -1, that most of a mask is in, and (P,) how
        many of its voxels are; 0 and 0 where none is in any."""
        mine = group[self.masks.voxel]
        inside = mine >= 0
        owner, best, most = most_frequent(self.masks.mask[inside], mine[inside])
        main, shared = np.zeros((2, self.masks.count), dtype=np.int64)
        main[owner], shared[owner] = best, most
        return main, shared

    def partitions(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Each partition's masks (V,), and which masks (P + 1,), the last for voxels in none, it
        is the first to have: so that no mask is counted twice."""
        seen = np.zeros(self.masks.count, dtype=bool)
        for k, label in enumerate(self.label):
            yield label, np.append(self.source[:, k] & ~seen, False)
            seen |= self.source[:, k]


def propose(
    embedding: Tensor,
    candidates: np.ndarray,
    edges: np.ndarray,
    settings: ProposalSettings,
) -> list[np.ndarray]:
    """Candidate instances (MTML, section 3.3), as partitions of the candidate voxels.

    embedding: (n, E), of the candidate voxels. candidates: (V,) bool with n true.
    edges: (E, 2) pairs of touching voxels of the whole grid.
    Returns for each bandwidth the clusters of mean-shift, then (with `split`) for each
    bandwidth the connected parts of its clusters: identical objects far apart may share an
    embedding, touching ones are told apart by it. Each is (V,) int64, -1 outside the candidates.
    """
    clusters = []
    for found, _ in mean_shift(embedding, settings.bandwidths):
        cluster = np.full(len(candidates), -1, dtype=np.int64)
        cluster[candidates] = number_by_appearance(found.cpu().numpy())
        clusters.append(cluster)
    if not settings.split:
        return clusters
    return clusters + [label_components(edges, c).astype(np.int64) for c in clusters]
