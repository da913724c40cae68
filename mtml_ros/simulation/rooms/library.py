"""Real furniture in procedural rooms: pieces of a library in place of what the makers make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from mtml_ros.simulation.rooms.geometry import Model
from mtml_ros.simulation.rooms.labels import UNLABELLED

if TYPE_CHECKING:
    from mtml_ros.simulation.rooms.settings import Dice

VARIATION = 0.15
"""A piece's length, depth and height each vary by up to this share."""

Make = Callable[..., Model]


@dataclass(frozen=True, eq=False)
class Piece:
    """One shape of a library, and whom to credit for it.

    kinds: what it may stand for, in the names that makers ask for ("chair", "desk").
    """

    name: str
    kinds: tuple[str, ...]
    model: Model
    author: str
    licence: str


class FurnitureLibrary:
    """Shapes to furnish rooms with."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces = tuple(pieces)
        self._by_kind: dict[str, list[Piece]] = {}
        for piece in self.pieces:
            for kind in piece.kinds:
                self._by_kind.setdefault(kind, []).append(piece)

    def of_kind(self, kind: str) -> list[Piece]:
        """The pieces that may stand for this kind; none for a kind that it does not know."""
        return self._by_kind.get(kind, [])


def or_real(kind: str, label: Callable[..., int] | None = None) -> Callable[[Make], Make]:
    """Has a maker of furniture give, by `furniture_share`, a piece of the settings' library.

    kind: what the maker makes. label: draws the label where it is not the piece's own; it is given
    what the maker is given. Where there is no library nothing is drawn, so that the rooms of a
    seed stay as they are.
    """

    def decorate(make: Make) -> Make:
        @wraps(make)
        def made(d: Dice, *args: Any, **options: Any) -> Model:
            library = d.settings.furniture
            pieces = library.of_kind(kind) if library is not None else []
            if not pieces or not d.chance(d.settings.furniture_share):
                return make(d, *args, **options)
            model = varied(d.pick(pieces).model, d)
            if label is None:
                return model
            given = label(d, *args, **options)
            return model.as_label(given, counted=given != UNLABELLED)

        made.kind = kind  # type: ignore[attr-defined]
        return made

    return decorate


def varied(model: Model, d: Dice) -> Model:
    """A model of other proportions, half of the time its mirror image."""
    x, y, z = (d.uniform(1 - VARIATION, 1 + VARIATION) for _ in range(3))
    side = -1.0 if d.chance(0.5) else 1.0
    patches = model.patches * np.array([side * x, y, z], dtype=np.float32)
    if side < 0:  # a mirror image is inside out
        patches = patches[:, [0, 2, 1]]
    length, depth, height = model.size
    rectangles = ((side * a * x, b * y, c * x, e * y) for a, b, c, e in model.footprint)
    tops = ((side * a * x, b * y, c * x, e * y, top * z) for a, b, c, e, top in model.tops)
    return replace(
        model,
        patches=patches,
        size=(length * x, depth * y, height * z),
        footprint=tuple(rectangles),
        tops=tuple(tops),
        returns=d.uniform(0.6, 1.0),
    )
