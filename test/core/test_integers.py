"""Which floats are no ids."""

import numpy as np
import pytest

from mtml_ros.core.integers import LARGEST_EXACT, not_whole


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fractions_nan_and_infinity_are_no_ids(dtype):
    values = np.array([0.0, -0.0, 7, -7, 0.5, np.nan, np.inf, -np.inf], dtype)
    assert not_whole(values).tolist() == [False] * 4 + [True] * 4


def test_limits_count_to_either_side():
    values = np.array([LARGEST_EXACT, -LARGEST_EXACT, LARGEST_EXACT + 2, -LARGEST_EXACT - 2])
    assert not_whole(values).tolist() == [False, False, True, True]
    assert not_whole(np.array([10.0, -10, 11, -11]), 10.0).tolist() == [False, False, True, True]


@pytest.mark.filterwarnings("error")
def test_a_nan_that_signals_raises_no_warning():
    signals = np.array([0x7FA00000], np.uint32).view(np.float32)
    assert not_whole(signals).all()
