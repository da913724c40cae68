"""Naming: the class of a mask, from a learned look at all of it or by its voxels' votes."""

from __future__ import annotations

import numpy as np

from mtml_ros.core.kernels import kernels
from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.labelling import label_masks
from mtml_ros.segmentation.perceptron import Perceptron
from mtml_ros.segmentation.proposals import Masks

LABEL_WEIGHT = 4.0
"""What labels that decide add to the logarithm of a class's probability where all of a mask is
labelled so."""


def name_masks(
    masks: Masks,
    features: np.ndarray | None,
    context: VoxelContext,
    model: Perceptron | None,
    is_thing: np.ndarray,
    channels: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(P,) uint8 class index of each mask, and (P,) float64 its probability.

    features: (P, F) of `object_features` and `appearance_features`. model: from them to the
    network's classes; None: the most voted class (section 3.3), taken as certain. is_thing:
    (C + 1,) bool, channels: (C + 1,) the network's class, 0 for none; both by class index.
    The model sees the labels too, but in procedural rooms; that objects of real ones look otherwise
    should not outweigh labels that can be relied on: a class counts more where the mask is labelled
    so, by `context.label_weight`. A class that the network has none for counts by the share of the
    mask that is labelled so, and several that are one to the network by their votes.
    """
    if model is None or features is None:
        labels = label_masks(masks, context.votes)
        return labels, np.ones(len(labels))
    channel = np.where(context.channel > 0, context.channel, -1)
    labelled = kernels.histogram(masks.voxel, masks.starts, channel, model.num_outputs)
    known = LABEL_WEIGHT * context.label_weight * labelled / masks.sizes[:, None]
    probability = softmax(model.logits(features) + known)
    votes = masks.mean(context.votes)
    value = np.where(channels > 0, probability[:, channels], votes)
    for channel in np.unique(channels[is_thing & (channels > 0)]):
        same = np.flatnonzero(is_thing & (channels == channel))
        if len(same) > 1:
            voted = votes[:, same] + 1e-6
            value[:, same] *= voted / voted.sum(axis=1, keepdims=True)
    value[:, ~is_thing] = -1
    best = value.argmax(axis=1)
    return best.astype(np.uint8), value[np.arange(len(best)), best].astype(np.float64)


def softmax(logits: np.ndarray) -> np.ndarray:
    """(n, C) probabilities of logits (n, C)."""
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: np.ndarray = power / power.sum(axis=1, keepdims=True)
    return result
