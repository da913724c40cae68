"""Look-up in ascending arrays: where a key stands, and whether it is there at all."""

from __future__ import annotations

import numpy as np


def find(ascending: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each value is one of the ascending ones, and where: bool and int64, shaped as values.

    The position of a value that is not there is a valid one of no meaning (0 in an empty array).
    """
    if not len(ascending):
        return np.zeros(values.shape, dtype=bool), np.zeros(values.shape, dtype=np.int64)
    position = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return ascending[position] == values, position


def is_in(values: np.ndarray, ascending: np.ndarray) -> np.ndarray:
    """Whether each value is one of the ascending ones: bool, shaped as values."""
    return find(ascending, values)[0]
