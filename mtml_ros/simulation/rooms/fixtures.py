"""What hangs on or leads through walls, and bathrooms: doors, windows, curtains, baths."""

from __future__ import annotations

import math

import numpy as np

from mtml_ros.simulation.rooms.geometry import Body, Model
from mtml_ros.simulation.rooms.labels import (
    BATHTUB,
    CURTAIN,
    DOOR,
    OTHER_FURNITURE,
    PICTURE,
    SHOWER_CURTAIN,
    SINK,
    TOILET,
    UNLABELLED,
    WALL,
    WINDOW,
)
from mtml_ros.simulation.rooms.library import or_real
from mtml_ros.simulation.rooms.settings import Dice

# On a wall, a model's y = 0 is the wall's inner surface and +y the room.


def door(d: Dice, width: float, height: float, *, angle: float, hinge: int) -> tuple[Model, ...]:
    """A leaf in its frame; angle 0 is shut, hinge -1 or 1 is the side it turns about.

    An open leaf swings into the room; it and its half of the frame are one model, or the frame
    is one of its own, with a casing on the wall.
    """
    b = Body()
    frame = d.size(0.05, 0.1)
    apart = d.settings.door_frames > 0 and d.chance(d.settings.door_frames)
    casing = d.uniform(0.0, 0.12) if apart else 0.0
    for side in (-1, 1):
        b.box(side * (width / 2 - frame / 2), 0, 0, frame, 0.1, height)
        if casing:
            b.box(side * (width + casing) / 2, 0, 0, casing, 0.04, height)
    b.box(0, 0, height - frame, width, 0.1, frame)
    if casing:
        b.box(0, 0, height, width + 2 * casing, 0.04, casing)
    jamb = b
    if apart:
        b = Body()
    leaf = width - 2 * frame
    x, y = hinge * leaf / 2, 0.0
    c, s = math.cos(angle), math.sin(angle)
    recess = d.uniform(-0.06, 0.02) if angle == 0 else 0.02
    cx, cy = x - hinge * leaf / 2 * c, y + leaf / 2 * s + recess
    b.box(cx, cy, 0.01, leaf, 0.045, height - frame - 0.01, yaw=-hinge * angle)
    end_x, end_y = x - hinge * leaf * 0.9 * c, y + leaf * 0.9 * s + recess
    b.box(end_x, end_y, height * 0.48, 0.05, 0.17, 0.05, yaw=-hinge * angle)
    returns = d.pick((1.0, 1.0, d.uniform(0.3, 0.8)))
    size = (width, 0.15, height)
    leaf_model = b.model(size, DOOR, returns=returns)
    return (jamb.model(size, DOOR), leaf_model) if apart else (leaf_model,)


def window(d: Dice, width: float, height: float, sill: float) -> Model:
    """A window with frame, mullions, panes and sill. Glass returns little."""
    b = Body()
    frame, deep = d.size(0.05, 0.12), d.size(0.05, 0.12)
    back = -d.uniform(0.02, 0.18)
    for side in (-1, 1):
        b.box(side * (width - frame) / 2, back, sill, frame, deep, height)
    for z in (sill, sill + height - frame):
        b.box(0, back, z, width, deep, frame)
    for x in np.linspace(-width / 2, width / 2, max(2, round(width / d.uniform(0.5, 1.4)) + 1))[
        1:-1
    ]:
        b.box(x, back, sill, frame * 0.8, deep, height)
    if d.chance(0.3):
        b.box(0, back, sill + height * d.uniform(0.3, 0.7), width, deep, frame * 0.8)
    if d.chance(0.45):
        b.box(0, 0.02, sill - 0.03, width + 0.06, d.size(0.1, 0.3), 0.03)
    panes = d.uniform(0.0, 1.0)  # how much of the glass comes back at all
    cells = max(2, int(width / 0.3)), max(2, int(height / 0.3))
    for i in range(cells[0]):
        for j in range(cells[1]):
            if d.chance(panes):
                wide, tall = width / cells[0], height / cells[1]
                x, z = -width / 2 + i * wide, sill + j * tall
                b.patch((x + wide, back, z), (-wide, 0, 0), (0, 0, tall))
    return b.model((width, 0.2, sill + height), WINDOW, returns=d.uniform(0.5, 1.0))


def curtain(d: Dice, width: float, low: float, high: float, label: int = CURTAIN) -> Model:
    """One length of cloth in folds, hanging 5-15 cm in front of its wall."""
    b = Body()
    fold, wave = d.size(0.07, 0.16), d.uniform(0.02, 0.07)
    n = max(2, round(width / fold))
    y0 = d.uniform(0.05, 0.15)
    xs = np.linspace(-width / 2, width / 2, n + 1)
    ys = y0 + wave * np.array([(-1) ** i for i in range(n + 1)]) / 2
    sway = d.normal(0.02)
    for i in range(n):
        edge = (xs[i + 1] - xs[i], ys[i + 1] - ys[i], 0.0)
        rise = (0.0, sway, high - low)
        b.patch((xs[i + 1], ys[i + 1], low), (-edge[0], -edge[1], 0.0), rise)
        b.patch((xs[i], ys[i], low), edge, rise)  # its other side
    return b.model((width, 0.25, high), label, returns=d.uniform(0.6, 1.0))


def blind(d: Dice, width: float, low: float, high: float) -> Model:
    """A roller or venetian blind (NYU40 "blinds": outside the 20 classes)."""
    b = Body()
    b.box(0, 0.05, low, width, 0.03, high - low)
    return b.model((width, 0.1, high), UNLABELLED, counted=False)


def picture(d: Dice) -> Model:
    """A framed picture or poster, its lower edge at z = 0."""
    return _picture(d, d.size(0.25, 1.1), d.size(0.25, 0.9))


def small_picture(d: Dice) -> Model:
    """A picture such as hang in groups, its lower edge at z = 0."""
    return _picture(d, d.size(0.2, 0.45), d.size(0.2, 0.45))


def _picture(d: Dice, width: float, height: float) -> Model:
    b = Body()
    thick = d.pick((0.01, d.uniform(0.01, 0.05)))
    b.box(0, thick / 2, 0, width, thick, height)
    if d.chance(0.3):
        for side in (-1, 1):
            b.box(side * width / 2, thick, 0, 0.04, thick + 0.01, height)
    return b.model((width, 0.06, height), PICTURE, returns=d.uniform(0.5, 1.0))


def board(d: Dice, label: int) -> Model:
    """A whiteboard, blackboard, mirror, screen or notice board, its lower edge at z = 0."""
    b = Body()
    width, height = d.size(0.8, 3.0), d.size(0.6, 1.3)
    b.box(0, 0.015, 0, width, d.size(0.02, 0.05), height)
    if d.chance(0.5):
        b.box(0, 0.05, 0, width * 0.9, 0.08, 0.03)
    return b.model((width, 0.1, height), label, counted=label != UNLABELLED,
                   returns=d.uniform(0.3, 1.0))  # fmt: skip


def radiator(d: Dice, label: int) -> Model:
    """A ribbed radiator under a window."""
    b = Body()
    width, height = d.size(0.6, 1.8), d.size(0.4, 0.7)
    b.box(0, 0.08, 0.12, width, 0.08, height)
    for x in np.arange(-width / 2, width / 2, 0.12):
        b.box(x, 0.13, 0.14, 0.04, 0.03, height - 0.04)
    return b.model((width, 0.2, height + 0.12), label, counted=label != UNLABELLED)


@or_real("toilet")
def toilet(d: Dice) -> Model:
    """A toilet with bowl, seat and mostly a cistern; its back at -y."""
    b = Body()
    w, length, seat = d.size(0.34, 0.42), d.size(0.58, 0.75), d.size(0.38, 0.46)
    tank = d.size(0.14, 0.22)
    bowl = length - tank
    y = -length / 2 + tank + bowl / 2
    b.cylinder(0, y, 0, w * 0.3, seat - 0.12, w * 0.36, sides=8, ry=bowl / w)
    b.cylinder(0, y, seat - 0.12, w * 0.36, 0.12, w * 0.5, sides=10, ry=bowl / w, inside=True,
               caps=False)  # fmt: skip
    b.disc(0, y, seat - 0.1, w * 0.35, bowl * 0.35)
    lid = d.chance(0.4)
    if lid:
        b.box(0, -length / 2 + tank + 0.05, seat, w * 0.95, 0.03, bowl * 0.8, tilt=0.15)
    elif d.chance(0.6):
        b.disc(0, y, seat, w / 2, bowl / 2)
    top = seat
    if d.chance(0.75):
        top = d.size(0.72, 0.85)
        b.box(0, -length / 2 + tank / 2, seat - 0.08, w * 1.05, tank, top - seat + 0.08)
        b.box(0, -length / 2 + tank / 2, top, w * 1.1, tank + 0.02, 0.03)
    else:
        b.box(0, -length / 2 + tank / 2, 0, w * 0.8, tank, seat)
    return b.model((w * 1.1, length, top), TOILET, returns=d.uniform(0.5, 1.0))


@or_real("washbasin")
def washbasin(d: Dice) -> Model:
    """A basin on a pedestal, on the wall, or in a vanity of its own; its back at -y."""
    b = Body()
    w, depth, top = d.size(0.42, 0.75), d.size(0.36, 0.52), d.size(0.78, 0.9)
    deep = d.size(0.1, 0.18)
    b.cylinder(0, 0, top - deep, w * 0.3, deep, w / 2, ry=depth / w, sides=10, caps=False,
               inside=True)  # fmt: skip
    b.disc(0, 0, top - deep, w * 0.3, depth * 0.3)
    b.box(0, -depth / 2 + 0.05, top - deep, w, 0.1, deep)
    if d.chance(0.5):
        b.cylinder(0, -depth * 0.15, 0, 0.09, top - deep, sides=8)
    b.beam((0, -depth / 2 + 0.06, top), (0, -depth / 2 + 0.06, top + 0.12), 0.035)
    b.beam((0, -depth / 2 + 0.06, top + 0.12), (0, 0, top + 0.08), 0.03)
    return b.model((w, depth, top), SINK, returns=d.uniform(0.5, 1.0))


@or_real("bathtub")
def bathtub(d: Dice, length: float | None = None) -> Model:
    """A bathtub along a wall: rim, apron and hollow; its long side along x."""
    b = Body()
    length = d.size(1.4, 1.8) if length is None else length
    width, height, rim = d.size(0.68, 0.85), d.size(0.42, 0.62), d.size(0.05, 0.1)
    for side in (-1, 1):
        b.box(0, side * (width - rim) / 2, 0, length, rim, height)
        b.box(side * (length - rim) / 2, 0, 0, rim, width, height)
    bottom = d.uniform(0.08, 0.18)
    b.box(0, 0, 0, length, width, bottom)
    slope = length * 0.15
    b.patch((length / 2 - rim - slope, width / 2, bottom), (0, -width, 0),
            (slope, 0, height - bottom))  # fmt: skip
    return b.model((length, width, height), BATHTUB, returns=d.uniform(0.5, 1.0))


def shower_tray(d: Dice, label: int) -> Model:
    """A shower's tray with a glass side or two; its back at -y."""
    b = Body()
    w, depth, high = d.size(0.75, 1.1), d.size(0.75, 1.0), d.size(1.85, 2.1)
    b.box(0, 0, 0, w, depth, d.size(0.04, 0.18))
    for sx in (-1, 1):
        b.box(sx * w / 2, depth / 2, 0, 0.04, 0.04, high)
    b.box(0, depth / 2, high - 0.04, w, 0.04, 0.04)
    return b.model((w, depth, high), label, counted=label != UNLABELLED)


def shower_curtain(d: Dice, width: float, low: float, high: float) -> Model:
    """The curtain of a bath or shower."""
    return curtain(d, width, low, high, SHOWER_CURTAIN)


def column(d: Dice, height: float) -> Model:
    """A pillar, duct or boxed-in pipe from floor to ceiling: wall, not an object."""
    b = Body()
    w, depth = d.size(0.2, 0.7), d.size(0.2, 0.6)
    if d.chance(0.25):
        b.cylinder(0, 0, 0, w / 2, height, sides=10, caps=False)
        depth = w
    else:
        b.box(0, 0, 0, w, depth, height)
    return b.model((w, depth, height), WALL, counted=False)


def towel(d: Dice) -> Model:
    """A towel on a rail."""
    b = Body()
    w, h = d.size(0.3, 0.7), d.size(0.4, 1.0)
    b.box(0, 0.07, 0, w, 0.04, h)
    return b.model((w, 0.1, h), UNLABELLED, counted=False)


def partition(d: Dice, length: float, height: float, label: int = OTHER_FURNITURE) -> Model:
    """A free-standing screen, as between office desks or toilet stalls."""
    b = Body()
    b.box(0, 0, d.pick((0.0, 0.1)), length, d.size(0.03, 0.08), height)
    return b.model((length, 0.08, height), label, counted=label != UNLABELLED)
