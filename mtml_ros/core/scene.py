"""Scene: a labelled cloud with its true instances, what networks train and are measured on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scene:
    """A scene, point by point.

    xyz: (N, 3) float32, metres, z up, floor near 0.
    labels: (N,) uint8, class index of the true semantic class (0: unknown).
    instance: (N,) int32, the true instance, -1 for none (walls, floor, unlabelled).
    noisy_labels: (N,) uint8, what a segmentation network would say; None: as the true ones.
    features: (N, F) float32, what a semantic network knows of each point; or None.
    """

    xyz: np.ndarray
    labels: np.ndarray
    instance: np.ndarray
    noisy_labels: np.ndarray | None = None
    features: np.ndarray | None = None
