"""From a catalogue's piece to a model that rooms can be furnished with."""

from __future__ import annotations

import zipfile

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.datasets.furniture.catalogue import Entry
from mtml_ros.datasets.furniture.kinds import KINDS, RAISED, kinds_of
from mtml_ros.datasets.furniture.mesh import read_obj, upright
from mtml_ros.datasets.furniture.surfels import surface_patches
from mtml_ros.simulation.rooms.geometry import RECTANGLE, Model
from mtml_ros.simulation.rooms.labels import DESK, TABLE
from mtml_ros.simulation.rooms.library import Piece

Top = tuple[float, float, float, float, float]

LEVEL = 0.03
"""Metres that a top's patches may lie above or below it."""


def read_piece(archive: zipfile.ZipFile, entry: Entry) -> Piece | None:
    """The piece of an entry; None for one that is of no kind that rooms ask for.

    Raises InputError where its file is missing or damaged.
    """
    kinds = kinds_of(entry)
    if not kinds:
        return None
    where = f"{entry.file}: {entry.member}"
    try:
        content = archive.read(entry.member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{where}: {error}") from error
    triangles = read_obj(content, where)
    if not len(triangles):
        raise InputError(f"{where}: no faces")
    patches = surface_patches(upright(triangles, entry))
    top = _top(patches, entry.size[2] if entry.top is None else entry.top)
    kinds = [kind for kind in kinds if top is not None or not KINDS[kind].top]
    if not kinds:
        return None
    label = KINDS[kinds[0]].label
    width, depth, height = entry.size
    raised = entry.raised if kinds[0] in RAISED else 0.0
    patches[:, 0, 2] += raised
    if label in (DESK, TABLE) and top is not None:
        height = top[4]  # as makers have it: shelves on a desk are above its height
    model = Model(
        patches,
        np.full(len(patches), RECTANGLE, dtype=np.uint8),
        (width, depth, height + raised),
        ((0.0, 0.0, width, depth),),
        label,
        tops=() if top is None or raised else (top,),
    )
    return Piece(entry.name, tuple(kinds), model, entry.author, entry.licence)


def _top(patches: np.ndarray, height: float) -> Top | None:
    """The rectangle at a height that things can stand on; None where nothing level is there.

    A top that does not fill its box (a round one) is as much smaller as what it lacks of it.
    """
    corner, u, v = patches[:, 0], patches[:, 1], patches[:, 2]
    normal = np.cross(u, v)
    area = np.linalg.norm(normal, axis=1)
    middle = corner + (u + v) / 2
    level = (normal[:, 2] > 0.95 * area) & (np.abs(middle[:, 2] - height) < LEVEL)
    total = float(area[level].sum())
    if total < 0.03:
        return None
    half = (np.abs(u[level]) + np.abs(v[level]))[:, :2] / 2
    low = (middle[level, :2] - half).min(axis=0)
    high = (middle[level, :2] + half).max(axis=0)
    length, depth = (float(side) for side in high - low)
    if total < 0.35 * length * depth:
        return None
    share = min(total / (length * depth), 1.0) ** 0.5 * 0.95
    x, y = (float(c) for c in (low + high) / 2)
    z = float((middle[level, 2] * area[level]).sum() / total)
    return x, y, length * share, depth * share, z
