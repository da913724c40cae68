"""Triangles of a catalogue's piece: read from its OBJ file, scaled, stood on the floor."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.datasets.furniture.catalogue import Entry


def read_obj(content: bytes, where: str) -> np.ndarray:
    """(T, 3, 3) corners of an OBJ file's faces, its polygons as fans of triangles.

    Raises InputError, saying where, for faces of points that there are not.
    """
    points: list[list[bytes]] = []
    triangles: list[tuple[int, int, int]] = []
    try:
        for line in content.splitlines():
            if line.startswith(b"v "):
                points.append(line.split()[1:4])
            elif line.startswith(b"f "):
                corners = [int(part.split(b"/", 1)[0]) for part in line.split()[1:]]
                # counted from 1, or backwards from the last point so far
                first, *rest = (c - 1 if c > 0 else len(points) + c for c in corners)
                triangles += [(first, a, b) for a, b in pairwise(rest)]
        xyz = np.array(points, dtype=np.float64).reshape(-1, 3)
        index = np.array(triangles, dtype=np.int64).reshape(-1, 3)
        if len(index) and (index.min() < 0 or index.max() >= len(xyz)):
            raise ValueError("a face names a point that is not there")
    except ValueError as error:
        raise InputError(f"{where}: not an OBJ file: {error}") from error
    return xyz[index]


def upright(triangles: np.ndarray, entry: Entry) -> np.ndarray:
    """(T, 3, 3) triangles in a Model's frame: metres, z up, on z = 0, front +y, of the
    catalogue's size.

    The file has y up and its front towards +z; z up and front +y leave x pointing the other way.
    """
    turned = triangles @ entry.rotation.T
    turned = turned[..., [0, 2, 1]] * np.array([-1.0, 1.0, 1.0])
    low, high = turned.min(axis=(0, 1)), turned.max(axis=(0, 1))
    extent = np.maximum(high - low, 1e-9)
    centred = (turned - (low + high) / 2) * (np.array(entry.size) / extent)
    centred[..., 2] += entry.size[2] / 2
    return centred
