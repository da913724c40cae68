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
        total = np.zeros((len(x), self.num_outputs), np.float32)
        for i in range(len(self.bias1)):
            y = product(x, self.weight1[i], self.bias1[i, 0], relu=True)
            y = product(y, self.weight2[i], self.bias2[i, 0], relu=True)
            total += product(y, self.weight3[i], self.bias3[i, 0])
        return total / len(self.bias1)


def product(
    x: np.ndarray, weight: np.ndarray, shift: np.ndarray | None = None, relu: bool = False
) -> np.ndarray:
    """x (n, C) @ weight (C, D) + shift, float32, on the kernels' threads: numpy's wait spinning,
    which was seen to treble the time of a room."""
    out = np.empty((len(x), weight.shape[1]), np.float32)
    weights = np.ascontiguousarray(weight[None], dtype=np.float32)
    added = None if shift is None else np.ascontiguousarray(shift, dtype=np.float32)
    kernels.convolve(x, weights, None, out, None, added, None, relu)
    return out
