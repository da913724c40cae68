"""The most frequent value of each group."""

from __future__ import annotations

import numpy as np


def most_frequent(group: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, ...]:
    """The majority of each group: groups (G,) ascending, the value that most of its members have
    (ties: the least), and how many have it.

    group, value: (n,) non-negative integers.
    """
    width = int(value.max(initial=0)) + 1
    pair, count = np.unique(group.astype(np.int64) * width + value, return_counts=True)
    owner = pair // width
    order = np.lexsort((pair, -count, owner))
    groups, first = np.unique(owner[order], return_index=True)
    best = order[first]
    return groups, pair[best] % width, count[best]
