"""Which of the 26 neighbours of a voxel are where, as offsets of coordinates and of keys."""

from __future__ import annotations

from itertools import product

import numpy as np

from mtml_ros.core.voxels import COORDINATE_BITS


def offsets_within(reach: int) -> np.ndarray:
    """(n, 3) int64 offsets to the voxels of the cube of so many around one, itself left out, in
    ascending order of the keys: offset i of n is the opposite of offset n - 1 - i."""
    every = product(range(-reach, reach + 1), repeat=3)
    return np.array([offset for offset in every if any(offset)], dtype=np.int64)


def key_steps(offsets: np.ndarray) -> np.ndarray:
    """(n,) int64: what is added to a key to step by each offset (n, 3).

    At the very ends of a key's range a step leads to another, distant voxel.
    """
    x, y, z = offsets.T
    steps: np.ndarray = (x << 2 * COORDINATE_BITS) + (y << COORDINATE_BITS) + z
    return steps


NEIGHBORS = offsets_within(1)
"""(26, 3): those that share a face, an edge or a corner."""
FORWARD_NEIGHBORS = NEIGHBORS[13:]
"""(13, 3): one of each two opposite ones."""
