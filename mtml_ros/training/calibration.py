"""Fits the learned score: what IoU a proposal with such features has, on unseen scenes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from mtml_ros.core.scene import Scene
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.datasets.samples import voxelize
from mtml_ros.segmentation.learned_score import QualityModel, mask_features
from mtml_ros.segmentation.proposals import Masks
from mtml_ros.segmentation.segmenter import InstanceSegmenter

HIDDEN = 24
MEMBERS = 4
STEPS = 1500


def calibrate(segmenter: InstanceSegmenter, scenes: Iterable[Scene], seed: int = 0) -> QualityModel:
    """The model fitted to the proposals of a segmenter in these scenes.

    scenes: at least one, that its network was not trained on; their noisy labels are the input.
    """
    features, overlaps = [], []
    for scene in scenes:
        sample = voxelize(scene, segmenter.voxel_size)
        masks, x = _examples(segmenter, sample.grid)
        if masks is not None:
            features.append(x)
            overlaps.append(best_overlap(masks, sample.instance))
    return fit(np.concatenate(features), np.concatenate(overlaps), seed)


def best_overlap(masks: Masks, instance: np.ndarray) -> np.ndarray:
    """(P,) float32: the highest IoU of each mask with a true instance (V,), -1 for none."""
    ids, compact = np.unique(instance, return_inverse=True)
    compact = compact.reshape(-1)
    sizes = np.bincount(compact)
    pair, shared = np.unique(masks.mask * len(ids) + compact[masks.voxel], return_counts=True)
    mask, thing = pair // len(ids), pair % len(ids)
    iou = shared / (masks.sizes[mask] + sizes[thing] - shared)
    iou[ids[thing] < 0] = 0
    best = np.zeros(masks.count, dtype=np.float32)
    np.maximum.at(best, mask, iou.astype(np.float32))
    return best


def fit(features: np.ndarray, overlaps: np.ndarray, seed: int = 0) -> QualityModel:
    """The model with least cross-entropy between its estimate and the true IoU: the mean of several
    that start differently, since one ranks proposals of few objects as it happens to.

    features: (n, F) float32. overlaps: (n,) float32 in 0..1.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    x = torch.from_numpy((features - mean) / scale)
    y = torch.from_numpy(overlaps)[:, None].expand(-1, MEMBERS)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        first = nn.Linear(x.shape[1], MEMBERS * HIDDEN)
        weight = nn.Parameter((2 * torch.rand(MEMBERS, HIDDEN) - 1) / HIDDEN**0.5)
        bias = nn.Parameter(torch.zeros(MEMBERS))
        optimizer = torch.optim.AdamW(
            [*first.parameters(), weight, bias], lr=1e-2, weight_decay=1e-3
        )
        for step in range(STEPS):
            for group in optimizer.param_groups:
                group["lr"] = 1e-2 * (1 - step / STEPS)
            hidden = first(x).relu().unflatten(1, (MEMBERS, HIDDEN))
            logits = (hidden * weight).sum(2) + bias
            # summed over the members, so that each learns as it would alone
            loss = nn.functional.binary_cross_entropy_with_logits(logits, y) * MEMBERS
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    # the mean of their logits is one such model with all their hidden units
    parts = (first.weight.t(), first.bias, weight.flatten() / MEMBERS, bias.mean().reshape(1))
    arrays = (torch.from_numpy(mean), torch.from_numpy(scale), *parts)
    return QualityModel(*(a.detach().numpy().astype(np.float32) for a in arrays))


def _examples(segmenter: InstanceSegmenter, grid: VoxelGrid) -> tuple[Masks | None, np.ndarray]:
    output = segmenter.embed(grid)
    fused = segmenter.fuse(grid, output)
    if not fused.candidates.any():
        return None, np.zeros((0, 0), dtype=np.float32)
    context = segmenter.describe(grid, output, fused)
    masks = segmenter.propose(output, context)
    least = segmenter.settings.labelling.min_voxels
    masks = masks.select(np.flatnonzero(masks.sizes >= least))
    return masks, mask_features(masks, context)
