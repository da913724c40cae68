"""Floats that stand for ids: which of them are none."""

from __future__ import annotations

import numpy as np

LARGEST_EXACT = 2.0**53
"""Above it neighbouring integers share one float64."""


def not_whole(values: np.ndarray, limit: float = LARGEST_EXACT) -> np.ndarray:
    """(N,) bool: floats that are fractions, NaN, infinite, or beyond `limit` to either side."""
    with np.errstate(invalid="ignore"):  # a NaN may be one that signals
        # negated, so that NaN is one of them
        wrong: np.ndarray = ~((values == np.trunc(values)) & (np.abs(values) <= limit))
    return wrong
