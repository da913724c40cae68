"""Perceptron: two hidden layers by hand, the mean of its members, and arrays that do not fit."""

import numpy as np
import pytest

from mtml_ros.core.errors import CheckpointError
from mtml_ros.segmentation.perceptron import Perceptron


def arrays() -> dict[str, np.ndarray]:
    """One member, two features, layers of 2, 1 and 1."""
    values = {
        "mean": [1.0, 2.0], "scale": [2.0, 1.0],
        "weight1": [[[1.0, -1.0], [0.5, 0.0]]], "bias1": [[[1.0, -0.5]]],
        "weight2": [[[3.0], [9.0]]], "bias2": [[[-1.0]]],
        "weight3": [[[2.0]]], "bias3": [[[-4.5]]],
    }  # fmt: skip
    return {name: np.array(value, dtype=np.float32) for name, value in values.items()}


def test_layers_by_hand():
    # standardised: (3 - 1) / 2 = 1 and (0 - 2) / 1 = -2. first: relu(1 * 1 + 0.5 * -2 + 1) = 1,
    # relu(-1 * 1 + 0 - 0.5) = 0. second: relu(3 * 1 + 9 * 0 - 1) = 2. out: 2 * 2 - 4.5 = -0.5
    model = Perceptron.from_arrays(arrays(), "score")
    assert (model.num_inputs, model.num_outputs) == (2, 1)
    assert model.logits(np.array([[3.0, 0.0]])).tolist() == [[-0.5]]


def test_features_that_training_never_saw_are_cut_off():
    model = Perceptron.from_arrays(arrays(), "score")
    far, farther = model.logits(np.array([[17.0, 10.0], [1e9, 1e9]]))  # 8 deviations, and more
    assert far == farther


def test_members_are_averaged():
    one = arrays()
    two = {n: a if a.ndim == 1 else np.concatenate([a, a]) for n, a in one.items()}
    two["bias3"][1] += 3.0
    assert Perceptron.from_arrays(two, "score").logits(np.array([[3.0, 0.0]])).tolist() == [[1.0]]


@pytest.mark.parametrize("name", ["bias1", "weight2", "mean", "scale"])
def test_arrays_that_lack_or_do_not_fit_are_refused(name):
    found = arrays()
    with pytest.raises(CheckpointError, match="naming"):
        Perceptron.from_arrays({**found, name: np.ones((3, 5), dtype=np.float32)}, "naming")
    del found[name]
    with pytest.raises(CheckpointError, match="naming"):
        Perceptron.from_arrays(found, "naming")
