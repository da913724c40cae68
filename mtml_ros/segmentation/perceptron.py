"""Perceptron: the small networks that score and name masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mtml_ros.core.errors import CheckpointError
from mtml_ros.core.kernels import kernels

LIMIT = 8.0
"""Standardised inputs are cut off here: no feature that training never saw decides alone."""


@dataclass(frozen=True)
class Perceptron:
    """The mean output of M networks of two hidden layers (ReLU) that were started differently.

    mean, scale: (F,), which standardise the inputs. weight1: (M, F, H1), bias1: (M, 1, H1), and so
    on to the outputs of layer 3. All float32.
    """

    mean: np.ndarray
    scale: np.ndarray
    weight1: np.ndarray
    bias1: np.ndarray
    weight2: np.ndarray
    bias2: np.ndarray
    weight3: np.ndarray
    bias3: np.ndarray

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray], name: str) -> Perceptron:
        """From what weights hold under this name; CheckpointError where the arrays do not fit."""
        fields = tuple(Perceptron.__dataclass_fields__)
        if set(arrays) != set(fields):
            raise CheckpointError(f"weights: {name} needs the arrays {', '.join(fields)}")
        model = Perceptron(**{f: arrays[f] for f in fields})
        layers = ((model.weight1, model.bias1), (model.weight2, model.bias2),
                  (model.weight3, model.bias3))  # fmt: skip
        width, fits = len(model.mean), model.mean.shape == model.scale.shape == (len(model.mean),)
        for weight, bias in layers:
            fits = fits and weight.ndim == 3 and weight.shape[:2] == (len(model.bias1), width)
            fits = fits and bias.shape == (len(weight), 1, weight.shape[2])
            width = weight.shape[-1]
        if not fits or not all(np.isfinite(a).all() for a in arrays.values()):
            raise CheckpointError(f"weights: the arrays of {name} are not finite or do not fit")
        return model

    @property
    def num_inputs(self) -> int:
        """F."""
        return len(self.mean)

    @property
    def num_outputs(self) -> int:
        """Width of the last layer."""
        return int(self.bias3.shape[2])

    def logits(self, features: np.ndarray) -> np.ndarray:
        """(n, outputs) float32 of features (n, F)."""
        x = np.clip((features - self.mean) / self.scale, -LIMIT, LIMIT).astype(np.float32)
        weights = [self.weight1, self.weight2, self.weight3]
        shifts = [bias[:, 0] for bias in (self.bias1, self.bias2, self.bias3)]
        return kernels.perceptrons(x, weights, shifts)
