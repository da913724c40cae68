"""Look-up in ascending arrays: where a key stands, and whether it is there at all."""

from __future__ import annotations

import numpy as np

from mtml_ros.core.kernels import kernels


def find(ascending: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each value is one of the ascending ones, and where: bool and int64, shaped as values.

    Of integers. The position of a value that is not there is a valid one of no meaning (0 in an
    empty array). Fastest where the values ascend too.
    """
    known, position = kernels.find(
        np.ascontiguousarray(ascending, dtype=np.int64),
        np.ascontiguousarray(values, dtype=np.int64).reshape(-1),
    )
    return known.reshape(values.shape), position.reshape(values.shape)


def is_in(values: np.ndarray, ascending: np.ndarray) -> np.ndarray:
    """Whether each value is one of the ascending ones: bool, shaped as values."""
    return find(ascending, values)[0]
