"""Things that store: cabinets, wardrobes, shelves, kitchen rows, refrigerators."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mtml_ros.simulation.rooms.geometry import Body, Model
from mtml_ros.simulation.rooms.labels import (
    BOOKSHELF,
    CABINET,
    COUNTER,
    OTHER_FURNITURE,
    REFRIGERATOR,
    SINK,
    UNLABELLED,
)
from mtml_ros.simulation.rooms.library import or_real
from mtml_ros.simulation.rooms.settings import Dice


def _fronts(b: Body, d: Dice, length: float, depth: float, low: float, high: float) -> None:
    """Doors or drawers standing out of a carcass's front, with handles, one perhaps open."""
    columns = max(1, round(length / d.uniform(0.4, 0.65)))
    rows = d.pick((1, 1, 2, 3, 4))
    wide, tall = length / columns, (high - low) / rows
    ajar = d.count(0, columns * rows * 6)  # mostly none
    for column in range(columns):
        for row in range(rows):
            x, z = -length / 2 + (column + 0.5) * wide, low + row * tall
            if column * rows + row == ajar and rows <= 2:
                hinge, angle = x - wide / 2, d.uniform(0.4, 1.6)
                c, s = np.cos(angle), np.sin(angle)
                b.box(hinge + wide / 2 * c, depth / 2 + wide / 2 * s, z, wide, 0.02, tall,
                      yaw=angle)  # fmt: skip
                continue
            b.box(x, depth / 2, z + 0.01, wide - 0.012, 0.025, tall - 0.02)
            if d.chance(0.6):
                b.box(x + wide * 0.35, depth / 2 + 0.025, z + tall * 0.5, 0.02, 0.03, 0.1)


@or_real("cabinet")
def cabinet(d: Dice) -> Model:
    """A free-standing cabinet: sideboard, dresser, filing cabinet, low cupboard."""
    if d.long():
        return carcass(d, d.size(2.0, 5.0), d.size(0.35, 0.65), d.size(0.5, 2.2))
    kind = d.pick(("sideboard", "filing", "cupboard", "dresser"))
    if kind == "filing":
        length, depth, height = d.size(0.38, 0.5), d.size(0.45, 0.65), d.size(0.6, 1.4)
    elif kind == "sideboard":
        length, depth, height = d.size(1.0, 2.2), d.size(0.35, 0.55), d.size(0.5, 0.95)
    elif kind == "dresser":
        length, depth, height = d.size(0.8, 1.6), d.size(0.4, 0.55), d.size(0.7, 1.2)
    else:
        length, depth, height = d.size(0.6, 1.2), d.size(0.35, 0.6), d.size(0.75, 1.5)
    return carcass(d, length, depth, height)


@or_real("wardrobe")
def wardrobe(d: Dice) -> Model:
    """A tall cabinet for clothes or files."""
    if d.long():
        return carcass(d, d.size(2.0, 4.5), d.size(0.45, 0.65), d.size(1.75, 2.4))
    return carcass(d, d.size(0.6, 2.0), d.size(0.45, 0.65), d.size(1.75, 2.4))


def carcass(d: Dice, length: float, depth: float, height: float) -> Model:
    """A closed cabinet of these dimensions, on legs, a plinth or the floor."""
    b = Body()
    legs = d.pick((0.0, 0.0, d.uniform(0.05, 0.18))) if height < 1.5 else 0.0
    b.box(0, 0, legs, length, depth, height - legs)
    if legs:
        for sx in (-1, 1):
            for sy in (-1, 1):
                b.box(sx * (length / 2 - 0.05), sy * (depth / 2 - 0.05), 0, 0.04, 0.04, legs)
    if d.chance(0.5):
        b.box(0, 0, height - 0.02, length + 0.04, depth + 0.04, 0.025)
    _fronts(b, d, length, depth, legs + 0.04, height - 0.04)
    tops = ((0.0, 0.0, length * 0.95, depth * 0.9, height + 0.005),)
    return b.model((length + 0.04, depth + 0.06, height), CABINET, tops=tops)


@or_real("wardrobe")
def row_cabinet(d: Dice, length: float, depth: float, height: float) -> Model:
    """One of a row of cabinets of these dimensions."""
    return carcass(d, length, depth, height)


@or_real("low cabinet")
def low_cabinet(d: Dice) -> Model:
    """A low cabinet, such as televisions stand on."""
    return carcass(d, d.size(0.9, 2.0), d.size(0.35, 0.5), d.size(0.35, 0.6))


@or_real("machine", lambda d, label: label)
def other_carcass(d: Dice, label: int) -> Model:
    """A piano, lockers, fireplace, machine: of a cabinet's shape, but none by name."""
    model = carcass(d, d.size(0.4, 1.6), d.size(0.3, 0.8), d.size(0.5, 1.9))
    return model.as_label(label, counted=label != UNLABELLED)


def _nightstand_label(d: Dice) -> int:
    return d.pick((CABINET, UNLABELLED, OTHER_FURNITURE), (2, 2, 1))


@or_real("nightstand", _nightstand_label)
def nightstand(d: Dice) -> Model:
    """A small cabinet or table beside a bed. NYU40 has a class of its own for it."""
    b = Body()
    w, depth, height = d.size(0.35, 0.55), d.size(0.32, 0.48), d.size(0.42, 0.68)
    if d.chance(0.6):
        b.box(0, 0, 0.05, w, depth, height - 0.05)
        _fronts(b, d, w, depth, 0.08, height - 0.03)
    else:
        b.box(0, 0, height - 0.03, w, depth, 0.03)
        b.box(0, 0, height * 0.3, w, depth, 0.02)
    for sx in (-1, 1):
        for sy in (-1, 1):
            b.box(sx * (w / 2 - 0.03), sy * (depth / 2 - 0.03), 0, 0.03, 0.03, height - 0.02)
    label = _nightstand_label(d)
    tops = ((0.0, 0.0, w * 0.9, depth * 0.9, height),)
    return b.model((w, depth + 0.04, height), label, counted=label != UNLABELLED, tops=tops)


@or_real("bookshelf")
def bookshelf(d: Dice, length: float | None = None, height: float | None = None) -> Model:
    """Open shelves with books and boxes on them, all one instance."""
    b = Body()
    length = d.size(0.5, 1.8) if length is None else length
    height = d.size(0.8, 2.2) if height is None else height
    depth = d.size(0.22, 0.42)
    board = d.size(0.015, 0.035)
    open_back = d.chance(0.3)
    if not open_back:
        b.box(0, -depth / 2 + 0.01, 0, length, 0.02, height)
    columns = max(1, round(length / d.uniform(0.6, 1.1)))
    for x in np.linspace(-length / 2 + board / 2, length / 2 - board / 2, columns + 1):
        b.box(x, 0, 0, board, depth, height)
    rows = max(2, round(height / d.uniform(0.28, 0.45)))
    levels = np.linspace(d.uniform(0.03, 0.1), height - board, rows + 1)
    full = d.uniform(0.2, 1.0)
    for low, high in pairwise(levels):
        b.box(0, 0, low, length, depth, board)
        for column in range(columns):
            if d.chance(full):
                wide = length / columns
                _books(b, d, -length / 2 + column * wide, wide, depth, low + board, high - 0.03)
    b.box(0, 0, levels[-1], length, depth, board)
    tops = ((0.0, 0.0, length * 0.95, depth * 0.85, height),)
    return b.model((length, depth, height), BOOKSHELF, tops=tops)


def _books(b: Body, d: Dice, start: float, wide: float, depth: float, low: float,
           high: float) -> None:  # fmt: skip
    """Blocks of books (and now and then a box) between two shelves."""
    x, end = start + 0.02, start + wide - 0.02
    while x < end - 0.05:
        block = min(d.uniform(0.06, 0.35), end - x)
        if d.chance(0.75):
            tall = (high - low) * d.uniform(0.45, 0.98)
            deep = depth * d.uniform(0.5, 0.95)
            b.box(x + block / 2, -(depth - deep) / 2, low, block * 0.97, deep, max(tall, 0.03))
        x += block


def base_cabinets(d: Dice, length: float, depth: float, height: float) -> Model:
    """The row of closed cabinets under a counter (the counter itself: `counter_top`)."""
    b = Body()
    b.box(0, -0.03, 0, length, depth - 0.1, 0.1)
    b.box(0, 0, 0.1, length, depth - 0.04, height - 0.1)
    _fronts(b, d, length, depth - 0.04, 0.12, height - 0.02)
    return b.model((length, depth, height), CABINET)


def counter_top(d: Dice, length: float, depth: float, z: float,
                sink_at: float | None = None) -> tuple[Model, Model | None]:  # fmt: skip
    """A worktop whose slab begins at height z, with its sink where one is asked for.

    Returns the counter and the sink, in the same frame.
    """
    b = Body()
    thick = d.size(0.03, 0.06)
    top = z + thick
    splash = d.chance(0.35)
    if splash:
        b.box(0, -depth / 2 + 0.015, top, length, 0.03, d.size(0.05, 0.25))
    spots: tuple[tuple[float, float, float, float, float], ...]
    if sink_at is None:
        b.box(0, 0, z, length, depth, thick)
        spots = ((0.0, 0.03, length * 0.95, depth * 0.8, top),)
        return b.model((length, depth, top), COUNTER, tops=spots), None
    w, deep = min(d.size(0.4, 0.85), length * 0.8), min(d.size(0.36, 0.48), depth - 0.12)
    left, right = sink_at - w / 2, sink_at + w / 2
    for low, high in ((-length / 2, left), (right, length / 2)):
        if high - low > 0.01:
            b.box((low + high) / 2, 0, z, high - low, depth, thick)
    rim = (depth - deep) / 2
    for side in (-1, 1):
        b.box(sink_at, side * (depth - rim) / 2, z, w, rim, thick)
    spots = tuple(((low + high) / 2, 0.03, high - low - 0.05, depth * 0.8, top)
                  for low, high in ((-length / 2, left), (right, length / 2))
                  if high - low > 0.2)  # fmt: skip
    counter = b.model((length, depth, top), COUNTER, tops=spots)
    return counter, basin(d, sink_at, 0.0, top, w, deep)


def basin(d: Dice, x: float, y: float, top: float, w: float, deep: float) -> Model:
    """A sink let into a surface at height `top`, with its tap."""
    b = Body()
    down = d.size(0.12, 0.22)
    floor = top - down
    b.patch((x - w / 2, y - deep / 2, floor), (w, 0, 0), (0, deep, 0))
    for side in (-1, 1):  # the four walls, seen from within
        b.patch((x + side * w / 2, y - side * -deep / 2, floor), (0, side * -deep, 0), (0, 0, down))
        b.patch((x - side * -w / 2, y + side * -deep / 2, floor),
                (side * -w, 0, 0), (0, 0, down))  # fmt: skip
    b.box(x, y, top, w + 0.03, 0.0, 0.0)
    for side in (-1, 1):
        b.box(x, y + side * deep / 2, top - 0.005, w + 0.04, 0.03, 0.015)
        b.box(x + side * w / 2, y, top - 0.005, 0.03, deep, 0.015)
    rise = d.size(0.12, 0.3)
    b.beam((x, y - deep / 2 - 0.02, top), (x, y - deep / 2 - 0.02, top + rise), 0.035)
    b.beam((x, y - deep / 2 - 0.02, top + rise), (x, y - deep * 0.05, top + rise - 0.03), 0.03)
    return b.model((w, deep, top), SINK, returns=d.uniform(0.4, 1.0))


def wall_cabinets(d: Dice, length: float, depth: float, low: float, high: float) -> Model:
    """A row of cabinets hung on a wall between two heights."""
    b = Body()
    b.box(0, 0, low, length, depth - 0.03, high - low)
    _fronts(b, d, length, depth - 0.03, low + 0.01, high - 0.01)
    return b.model((length, depth, high), CABINET)


@or_real("refrigerator")
def refrigerator(d: Dice) -> Model:
    """A refrigerator, mostly with two doors; sometimes low enough for a counter's."""
    b = Body()
    low = d.chance(0.2)
    w, depth = d.size(0.5, 0.9), d.size(0.55, 0.75)
    height = d.size(0.8, 1.0) if low else d.size(1.45, 1.95)
    split = height * d.uniform(0.3, 0.7)
    b.box(0, -0.03, 0, w, depth - 0.06, height)
    for low_z, high_z in ((0.06, split - 0.01), (split, height)):
        b.box(0, depth / 2 - 0.03, low_z, w, 0.06, high_z - low_z)
        b.box(w * 0.42, depth / 2 + 0.04, (low_z + high_z) / 2 - 0.15, 0.03, 0.04, 0.3)
    tops = ((0.0, 0.0, w * 0.9, depth * 0.8, height),)
    return b.model((w, depth + 0.08, height), REFRIGERATOR, returns=d.uniform(0.5, 1.0), tops=tops)


@or_real("appliance", lambda d, label: label)
def appliance(d: Dice, label: int) -> Model:
    """A stove, dishwasher or washing machine."""
    b = Body()
    w, depth, height = d.size(0.5, 0.65), d.size(0.55, 0.65), d.size(0.82, 0.92)
    b.box(0, 0, 0, w, depth, height)
    b.box(0, depth / 2, height * 0.15, w * 0.9, 0.02, height * 0.55)
    b.box(0, depth / 2 + 0.02, height * 0.75, w * 0.8, 0.03, 0.03)
    if d.chance(0.4):
        b.box(0, -depth / 2 + 0.03, height, w, 0.06, d.size(0.1, 0.2))
    return b.model((w, depth + 0.05, height), label, counted=label != UNLABELLED)


def shelf_rack(d: Dice, label: int) -> Model:
    """An open rack of a store room, with boxes on it."""
    b = Body()
    length, depth, height = d.size(0.7, 1.8), d.size(0.35, 0.6), d.size(1.4, 2.2)
    for sx in (-1, 1):
        for sy in (-1, 1):
            b.box(sx * length * 0.49, sy * depth * 0.48, 0, 0.04, 0.04, height)
    for z in np.linspace(0.15, height - 0.05, d.count(3, 5)):
        b.box(0, 0, z, length, depth, 0.03)
        x = -length / 2 + 0.05
        while x < length / 2 - 0.3:
            w = min(d.uniform(0.2, 0.6), length / 2 - x)
            if d.chance(0.6) and z < height - 0.3:
                b.box(x + w / 2, 0, z + 0.03, w * 0.9, depth * d.uniform(0.5, 0.95),
                      d.uniform(0.1, 0.33))  # fmt: skip
            x += w
    return b.model((length, depth, height), label, counted=label != UNLABELLED)
