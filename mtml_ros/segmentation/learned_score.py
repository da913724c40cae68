"""The learned score: how probable it is that a proposal is an object, that their IoU is above .5.

The paper's three terms look at a proposal alone. Whether an object was cut in two, or two were
joined, shows in its shape, in how the embedding jumps across its border, in its share of the
labels' connected component, in how torn the scene's labels are, and in the other proposals. A small
network of three layers weighs these (mask_features.py); it is fitted on rooms that the instance
network has not seen (training/calibration.py), and travels in the weights.
"""

from __future__ import annotations

import numpy as np

from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.mask_features import relation_features
from mtml_ros.segmentation.perceptron import Perceptron
from mtml_ros.segmentation.proposals import Proposals


def learned_score(
    proposals: Proposals, features: np.ndarray, context: VoxelContext, model: Perceptron
) -> np.ndarray:
    """(P,) float64 in 0..1 of each mask. features: (P, F) of `object_features`."""
    every = np.concatenate([features, relation_features(proposals, context)], axis=1)
    logits = model.logits(every)[:, 0].astype(np.float64)
    result: np.ndarray = 1 / (1 + np.exp(-logits))
    return result
