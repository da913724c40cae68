"""Tables and desks: on legs, pedestals, trestles or drawers."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from mtml_ros.simulation.rooms.geometry import Body, Model
from mtml_ros.simulation.rooms.labels import DESK, TABLE
from mtml_ros.simulation.rooms.library import or_real
from mtml_ros.simulation.rooms.settings import Dice


@or_real("dining table")
def dining_table(d: Dice) -> Model:
    """A table to eat at, rectangular or round."""
    if d.long():
        return rectangular_table(d, d.size(2.2, 4.2), d.size(0.75, 1.1), d.size(0.70, 0.78))
    if d.chance(0.3):
        return round_table(d, d.size(0.35, 0.75), d.size(0.70, 0.78))
    return rectangular_table(d, d.size(0.75, 2.2), d.size(0.7, 1.0), d.size(0.70, 0.78))


@or_real("coffee table")
def coffee_table(d: Dice) -> Model:
    """A low table, often with a shelf below."""
    if d.chance(0.3):
        return round_table(d, d.size(0.25, 0.5), d.size(0.32, 0.52))
    return rectangular_table(d, d.size(0.5, 1.3), d.size(0.45, 0.75), d.size(0.32, 0.52))


@or_real("side table")
def side_table(d: Dice) -> Model:
    """A small table beside a sofa or chair."""
    if d.chance(0.5):
        return round_table(d, d.size(0.18, 0.32), d.size(0.42, 0.65))
    return rectangular_table(d, d.size(0.35, 0.6), d.size(0.35, 0.55), d.size(0.42, 0.65))


@or_real("conference table")
def conference_table(d: Dice) -> Model:
    """A long table, its top rectangular, a boat's or rounded, on panels or pedestals."""
    length, width, height = d.size(1.8, 4.8), d.size(0.9, 1.5), d.size(0.71, 0.77)
    if d.long():
        length = d.size(3.0, 6.0)
    b = Body()
    thick = d.size(0.025, 0.06)
    shape = d.pick(("rectangle", "boat", "oval"))
    _top(b, length, width, height - thick, thick, shape)
    if d.chance(0.5):
        for sx in (-1, 1):
            b.box(sx * length * 0.32, 0, 0, d.size(0.05, 0.5), width * 0.55, height - thick)
    else:
        _legs(b, d, length * 0.9, width * 0.8, height - thick)
    tops = ((0.0, 0.0, length * 0.9, width * 0.8, height),)
    return b.model((length, width, height), TABLE, tops=tops)


@or_real("conference table")
def twin_table(d: Dice) -> Model:
    """A table that others of its like are pushed against."""
    length = d.size(1.6, 2.6) if d.long() else d.size(1.1, 1.6)
    return rectangular_table(d, length, d.size(0.6, 0.8), d.size(0.70, 0.78))


@or_real("cafe table")
def cafe_table(d: Dice) -> Model:
    """A table for two to four."""
    if d.chance(0.6):
        return round_table(d, d.size(0.3, 0.5), d.size(0.7, 0.76))
    return rectangular_table(d, d.size(0.6, 0.8), d.size(0.6, 0.8), 0.74)


@or_real("desk")
def island_desk(d: Dice) -> Model:
    """A desk that others of its like stand beside and behind; some call it a table."""
    length, width, height = d.size(1.2, 1.8), d.size(0.65, 0.85), d.size(0.70, 0.78)
    return rectangular_table(d, length, width, height, label=d.pick((DESK, TABLE)))


def _top(b: Body, length: float, width: float, z: float, thick: float, shape: str) -> None:
    if shape == "rectangle":
        b.box(0, 0, z, length, width, thick)
        return
    pieces = 9
    edges = np.linspace(-1, 1, pieces + 1)
    for low, high in pairwise(edges):
        at = abs(low + high) / 2
        share = 1 - 0.25 * at**2 if shape == "boat" else math.sqrt(max(1 - at**2 * 0.9, 0.05))
        b.box((low + high) / 4 * length, 0, z, (high - low) / 2 * length, width * share, thick)


def rectangular_table(d: Dice, length: float, width: float, height: float,
                      label: int = TABLE) -> Model:  # fmt: skip
    """A board of these dimensions on legs, panels, trestles or pedestals."""
    b = Body()
    thick = d.size(0.018, 0.06)
    b.box(0, 0, height - thick, length, width, thick)
    _legs(b, d, length, width, height - thick)
    if height < 0.6 and d.chance(0.4):
        b.box(0, 0, height * d.uniform(0.2, 0.45), length * 0.92, width * 0.92, 0.02)
    elif d.chance(0.3):  # an apron under the board
        b.box(0, 0, height - thick - 0.09, length * 0.9, width * 0.88, 0.09)
    tops = ((0.0, 0.0, length * 0.95, width * 0.95, height),)
    return b.model((length, width, height), label, tops=tops)


def _legs(b: Body, d: Dice, length: float, width: float, height: float) -> None:
    style = d.pick(("legs", "panels", "trestle", "pedestal", "frame"), (5, 1.5, 1, 1, 2))
    leg = d.size(0.03, 0.09)
    x, y = length / 2 - leg, width / 2 - leg
    if style == "legs":
        splay = d.pick((0.0, 0.0, 0.05))
        for sx in (-1, 1):
            for sy in (-1, 1):
                foot = (sx * (x + splay), sy * (y + splay), 0.0)
                b.beam(foot, (sx * x, sy * y, height), leg)
    elif style == "panels":
        for sx in (-1, 1):
            b.box(sx * x, 0, 0, 0.03, width * 0.92, height)
        if d.chance(0.5):
            b.box(0, d.uniform(-0.4, 0.0) * width, height * 0.3, 2 * x, 0.02, height * 0.7)
    elif style == "trestle":
        for sx in (-1, 1):
            at = sx * x * 0.75
            b.beam((at, -y, 0), (at, 0, height), leg)
            b.beam((at, y, 0), (at, 0, height), leg)
        b.beam((-x * 0.75, 0, height * 0.5), (x * 0.75, 0, height * 0.5), leg * 0.7)
    elif style == "pedestal":
        feet = 1 if length < 1.3 else 2
        for i in range(feet):
            at = (i - (feet - 1) / 2) * length * 0.55
            b.box(at, 0, 0, leg * 1.5, leg * 1.5, height)
            b.box(at, 0, 0, leg * 1.5, width * 0.7, 0.05)
            if feet == 1:
                b.box(at, 0, 0, length * 0.7, leg * 1.5, 0.05)
    else:
        for sx in (-1, 1):
            b.beam((sx * x, -y, 0), (sx * x, -y, height), leg)
            b.beam((sx * x, y, 0), (sx * x, y, height), leg)
            b.beam((sx * x, -y, leg), (sx * x, y, leg), leg)
        if d.chance(0.5):
            b.beam((-x, 0, leg), (x, 0, leg), leg)


def round_table(d: Dice, radius: float, height: float) -> Model:
    """A round or oval board on a pedestal, a drum or three to four legs."""
    b = Body()
    thick, oval = d.size(0.018, 0.05), d.pick((1.0, 1.0, d.uniform(0.6, 1.0)))
    b.cylinder(0, 0, height - thick, radius, thick, sides=14, ry=oval)
    style = d.pick(("pedestal", "legs", "drum"), (4, 4, 0.6))
    if style == "pedestal":
        b.cylinder(0, 0, 0, d.size(0.03, 0.07), height - thick, sides=6)
        b.cylinder(0, 0, 0, radius * d.uniform(0.45, 0.75), 0.04, sides=10, ry=oval)
    elif style == "legs":
        n, leg, top = d.count(3, 4), d.size(0.025, 0.06), d.uniform(0.4, 0.85)
        for t in np.arange(n) * (2 * math.pi / n) + d.turn():
            c, s = radius * math.cos(t), radius * oval * math.sin(t)
            b.beam((c * 0.85, s * 0.85, 0), (c * top, s * top, height - thick), leg)
    else:
        b.cylinder(0, 0, 0, radius * 0.85, height - thick, sides=12, ry=oval)
    side = radius * 1.3
    tops = ((0.0, 0.0, side, side * oval, height),)
    return b.model((2 * radius, 2 * radius * oval, height), TABLE, tops=tops)


@or_real("desk")
def desk(d: Dice) -> Model:
    """A desk: a board on legs or panels, with drawers, a modesty panel, perhaps a hutch; or one
    for several people, with shelves, or a reception's."""
    b = Body()
    length, width, height = d.size(1.0, 1.8), d.size(0.55, 0.85), d.size(0.70, 0.78)
    odd = d.settings.odd_desks > 0 and d.chance(d.settings.odd_desks)
    form = d.pick(("long", "hutch", "reception")) if odd else "plain"
    if form == "long":
        length = d.size(1.8, 4.0)
    thick = d.size(0.018, 0.045)
    b.box(0, 0, height - thick, length, width, thick)
    under = height - thick
    drawers = d.pick((0, 1, 2), (4, 4, 1))
    if drawers == 0:
        _legs(b, d, length, width, under)
    else:
        box = d.size(0.35, 0.48)
        lift = d.pick((0.0, 0.0, 0.08))
        for side in (-1, 1)[:drawers]:
            b.box(side * (length - box) / 2, 0, lift, box, width * 0.92, under - lift)
        if drawers == 1:
            b.box(length / 2 - 0.02, 0, 0, 0.03, width * 0.9, under)
    if form == "long":  # what holds it up between its ends
        parts = round(length / d.uniform(0.9, 1.6))
        for x in np.linspace(-length / 2, length / 2, parts + 1)[1:-1]:
            b.box(x, 0, 0, d.pick((0.03, 0.4)), width * d.uniform(0.5, 0.9), under)
    elif form == "reception":  # a front to the floor, higher than the top, with a ledge
        front, rise = -width / 2 + 0.02, d.size(0.15, 0.45)
        b.box(0, front, 0, length, 0.04, height + rise)
        b.box(0, front, height + rise, length, d.size(0.15, 0.35), 0.03)
        for side in (-1, 1):
            b.box(side * length / 2, 0, 0, 0.03, width, height + d.pick((0.0, rise)))
    if d.chance(0.5):
        b.box(0, -width * 0.35, height * d.uniform(0.2, 0.6), length * 0.95, 0.02, height * 0.35)
    if form != "hutch" and d.chance(0.2):  # a return makes it L-shaped
        side, long, deep = d.pick((-1, 1)), d.size(0.6, 1.0), d.size(0.4, 0.6)
        x = side * (length - deep) / 2
        b.box(x, (width + long) / 2, height - thick, deep, long, thick)
        b.box(x, width / 2 + long - 0.03, 0, deep * 0.9, 0.03, under)
        tops = ((0.0, 0.0, length * 0.9, width * 0.9, height),)
        return b.model((length, width, height), DESK, tops=tops, ell=(x, deep, long))
    if form == "hutch" or d.chance(0.12):  # shelves on its rear edge
        rise, y = d.size(0.4, 1.1 if form == "hutch" else 0.8), -width / 2 + 0.14
        b.box(0, -width / 2 + 0.01, height, length, 0.02, rise)
        for x in np.linspace(-length / 2, length / 2, d.count(3, 5)):
            b.box(x, y, height, 0.02, 0.26, rise)
        b.box(0, y, height + rise, length, 0.28, 0.02)
    tops = ((0.0, width * 0.05, length * 0.95, width * 0.85, height),)
    return b.model((length, width, height), DESK, tops=tops)


def school_desk(d: Dice) -> Model:
    """A one or two seat desk of a classroom; annotated as desk or as table."""
    length = d.size(0.6, 0.75) if d.chance(0.5) else d.size(1.1, 1.5)
    label = DESK if d.chance(0.5) else TABLE
    return rectangular_table(d, length, d.size(0.45, 0.65), d.size(0.68, 0.78), label)
