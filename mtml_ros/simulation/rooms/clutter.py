"""Small things: bins, lamps, screens, plants, boxes, bags, and what lies on tables."""

from __future__ import annotations

import math

import numpy as np

from mtml_ros.simulation.rooms.geometry import Body, Model
from mtml_ros.simulation.rooms.labels import OTHER_FURNITURE, UNLABELLED
from mtml_ros.simulation.rooms.library import or_real
from mtml_ros.simulation.rooms.settings import Dice


def other(d: Dice) -> int:
    """The label of something that NYU40 lists outside the 20 classes, as `RoomSettings` says."""
    return OTHER_FURNITURE if d.chance(d.settings.other_furniture) else UNLABELLED


def floor_item(d: Dice) -> Model:
    """Something that stands about on a floor."""
    kinds = (bin_, plant, cardboard_box, bag, floor_lamp, fan, heap, suitcase)
    make = d.pick(kinds, (4, 2, 3, 3, 2, 1, 1.5, 1))
    return make(d)


def surface_item(d: Dice) -> Model:
    """Something that stands or lies on a table, counter, shelf or bed; left unlabelled."""
    kinds = (_papers, _cup, _laptop, _stack, _lump, _bowl, desk_lamp, _small_box, _vase)
    make = d.pick(kinds, (3, 3, 2, 2, 3, 1, 0.8, 2, 0.7))
    return make(d)


def _unlabelled(b: Body, size: tuple[float, float, float], returns: float = 1.0) -> Model:
    return b.model(size, UNLABELLED, counted=False, returns=returns)


@or_real("bin")
def bin_(d: Dice) -> Model:
    """A waste bin, open on top; "otherfurniture" in ScanNet."""
    b = Body()
    height, r = d.size(0.25, 0.75), d.size(0.11, 0.24)
    if d.chance(0.5):
        b.cylinder(0, 0, 0, r * d.uniform(0.75, 1.0), height, r, sides=8, caps=False, inside=True)
        b.disc(0, 0, height * d.uniform(0.1, 0.8), r * 0.85, r * 0.85)
    else:
        w, depth = 2 * r, 2 * r * d.uniform(0.6, 1.0)
        for sx in (-1, 1):
            b.box(sx * w / 2, 0, 0, 0.02, depth, height)
            b.box(0, sx * depth / 2, 0, w, 0.02, height)
        b.box(0, 0, 0, w, depth, height * d.uniform(0.1, 0.99))
    return b.model((2 * r + 0.02, 2 * r + 0.02, height), OTHER_FURNITURE)


@or_real("plant", other)
def plant(d: Dice) -> Model:
    """A pot plant: leaves at random about a stem."""
    b = Body()
    height, r = d.size(0.4, 1.7), d.size(0.1, 0.22)
    pot = min(d.size(0.15, 0.4), height * 0.5)
    b.cylinder(0, 0, 0, r * 0.75, pot, r, sides=8)
    spread = d.uniform(0.15, 0.45) * min(height, 1.0)
    b.beam((0, 0, pot), (0, 0, height * 0.9), 0.03)
    for _ in range(d.count(12, 35)):
        t, lift = d.turn(), d.uniform(pot * 0.9, height)
        out = spread * math.sqrt(d.uniform(0, 1))
        b.box(out * math.cos(t), out * math.sin(t), lift, d.uniform(0.05, 0.2),
              d.uniform(0.03, 0.1), 0.005, yaw=t, tilt=d.uniform(-1.0, 1.0))  # fmt: skip
    label = other(d)
    side = max(2 * r, spread * 1.4)
    return b.model((side, side, height), label, counted=label != UNLABELLED, returns=0.8)


@or_real("box", other)
def cardboard_box(d: Dice) -> Model:
    """A box, or a pile of them, one instance."""
    b = Body()
    z, w, depth = 0.0, d.size(0.25, 0.7), d.size(0.2, 0.5)
    for _ in range(d.pick((1, 2, 3), (6, 2, 1))):
        h = d.size(0.15, 0.5)
        b.box(d.uniform(-0.03, 0.03), d.uniform(-0.03, 0.03), z, w, depth, h,
              yaw=d.normal(0.15))  # fmt: skip
        if d.chance(0.2):
            b.box(0, depth / 2 + 0.05, z + h, w, 0.12, 0.01, tilt=-0.5)
        z += h
    label = other(d)
    return b.model((w, depth, z), label, counted=label != UNLABELLED)


@or_real("bag", other)
def bag(d: Dice) -> Model:
    """A backpack or bag, upright or slumped."""
    b = Body()
    w, depth, h = d.size(0.25, 0.42), d.size(0.14, 0.28), d.size(0.25, 0.52)
    b.ellipsoid(0, 0, h / 2, w / 2, depth / 2, h / 2, rows=5)
    b.box(0, depth * 0.45, h * 0.1, w * 0.7, depth * 0.3, h * 0.4)
    label = other(d)
    return b.model((w, depth * 1.2, h), label, counted=label != UNLABELLED)


@or_real("suitcase", other)
def suitcase(d: Dice) -> Model:
    """A suitcase, standing, perhaps with its handle out."""
    b = Body()
    w, depth, h = d.size(0.35, 0.52), d.size(0.2, 0.3), d.size(0.5, 0.78)
    b.box(0, 0, 0.04, w, depth, h - 0.04)
    if d.chance(0.4):
        b.box(0, -depth / 2 + 0.03, h, w * 0.4, 0.02, 0.3)
    label = other(d)
    return b.model((w, depth, h), label, counted=label != UNLABELLED)


@or_real("floor lamp", other)
def floor_lamp(d: Dice) -> Model:
    """A lamp on a foot."""
    b = Body()
    h, r = d.size(1.3, 1.8), d.size(0.12, 0.25)
    b.cylinder(0, 0, 0, d.size(0.12, 0.18), 0.03)
    b.beam((0, 0, 0), (0, 0, h - 0.2), d.size(0.02, 0.04))
    shade = d.size(0.15, 0.35)
    b.cylinder(0, 0, h - shade, r, shade, r * d.uniform(0.4, 1.0), caps=False, inside=True)
    label = other(d)
    return b.model((2 * r, 2 * r, h), label, counted=label != UNLABELLED, returns=0.8)


def fan(d: Dice) -> Model:
    """A fan or heater on a stand."""
    b = Body()
    h, r = d.size(0.6, 1.3), d.size(0.15, 0.25)
    b.cylinder(0, 0, 0, 0.18, 0.04)
    b.beam((0, 0, 0), (0, 0, h - r), 0.04)
    b.ellipsoid(0, 0, h - r, r, 0.08, r)
    label = other(d)
    return b.model((2 * r, 0.36, h), label, counted=label != UNLABELLED, returns=0.7)


def heap(d: Dice) -> Model:
    """Clothes or things in a heap: left unlabelled."""
    b = Body()
    for _ in range(d.count(2, 5)):
        b.ellipsoid(d.normal(0.12), d.normal(0.12), 0.05, d.uniform(0.1, 0.3),
                    d.uniform(0.1, 0.25), d.uniform(0.05, 0.2), rows=3)  # fmt: skip
    return _unlabelled(b, (0.6, 0.6, 0.25))


def pile(d: Dice) -> Model:
    """Boxes and bags on top of and beside each other, of no one shape: left unlabelled."""
    b = Body()
    side, height = d.size(0.3, 1.2), d.size(0.2, 1.3)
    for _ in range(d.count(3, 9)):
        w, depth, h = d.uniform(0.1, 0.5), d.uniform(0.1, 0.4), d.uniform(0.08, 0.5)
        x, y, z = d.normal(side / 4), d.normal(0.1), d.uniform(0, max(height - h, 0))
        if d.chance(0.6):
            b.box(x, y, z, w, depth, h, yaw=d.turn(), tilt=d.normal(0.2))
        else:
            b.ellipsoid(x, y, z + h / 2, w / 2, depth / 2, h / 2, rows=3)
    return _unlabelled(b, (side, 0.45, height))


def ball(d: Dice) -> Model:
    """A gymnastics ball or beanbag."""
    b = Body()
    r, flat = d.size(0.25, 0.42), d.uniform(0.6, 1.0)
    b.ellipsoid(0, 0, r * flat, r, r, r * flat, rows=6, columns=10)
    label = other(d)
    return b.model((2 * r, 2 * r, 2 * r * flat), label, counted=label != UNLABELLED)


@or_real("television", lambda d, label: label)
def television(d: Dice, label: int) -> Model:
    """A flat screen on a foot, its front towards +y."""
    b = Body()
    w = d.size(0.6, 1.4)
    h, lift = w * d.uniform(0.55, 0.62), d.uniform(0.04, 0.12)
    b.box(0, 0, lift, w, d.size(0.03, 0.09), h)
    b.box(0, 0, 0, w * 0.4, d.size(0.15, 0.25), 0.02)
    b.box(0, 0, 0, 0.08, 0.04, lift + 0.05)
    return b.model((w, 0.22, h + lift), label, counted=label != UNLABELLED,
                   returns=d.uniform(0.2, 0.8))  # fmt: skip


def monitor(d: Dice) -> Model:
    """A computer screen (NYU40 "otherprop": outside the 20 classes)."""
    b = Body()
    w, h, lift = d.size(0.4, 0.72), d.size(0.27, 0.42), d.uniform(0.08, 0.18)
    b.box(0, 0, lift, w, d.size(0.02, 0.07), h, tilt=d.uniform(-0.02, 0.15))
    b.beam((0, -0.03, 0), (0, -0.02, lift + 0.1), 0.05)
    b.box(0, -0.02, 0, 0.22, 0.18, 0.02)
    return _unlabelled(b, (w, 0.2, lift + h), d.uniform(0.3, 1.0))


def computer(d: Dice) -> Model:
    """A tower computer, on or under a desk."""
    b = Body()
    b.box(0, 0, 0, d.size(0.16, 0.22), d.size(0.38, 0.5), d.size(0.36, 0.48))
    return _unlabelled(b, (0.22, 0.5, 0.45))


def keyboard(d: Dice) -> Model:
    """A keyboard and a mouse."""
    b = Body()
    b.box(0, 0, 0, d.size(0.36, 0.48), d.size(0.12, 0.18), 0.025)
    b.box(0.32, 0, 0, 0.07, 0.11, 0.035)
    return _unlabelled(b, (0.5, 0.2, 0.04))


@or_real("desk lamp", lambda d: UNLABELLED)
def desk_lamp(d: Dice) -> Model:
    """A lamp for a desk or nightstand."""
    b = Body()
    h, r = d.size(0.3, 0.6), d.size(0.08, 0.18)
    b.cylinder(0, 0, 0, 0.08, 0.03, sides=6)
    b.beam((0, 0, 0), (0, 0, h - 0.1), 0.03)
    b.cylinder(0, 0, h - 0.2, r, 0.2, r * 0.6, sides=6, caps=False, inside=True)
    return _unlabelled(b, (2 * r, 2 * r, h))


def pillow(d: Dice) -> Model:
    """A cushion, leaning or flat (NYU40 "pillow": outside the 20 classes)."""
    b = Body()
    w, h = d.size(0.35, 0.65), d.size(0.28, 0.45)
    if d.chance(0.5):
        b.ellipsoid(0, 0, 0.08, w / 2, h / 2, 0.08, rows=3)
        return _unlabelled(b, (w, h, 0.16))
    b.box(0, 0, 0, w, 0.13, h, tilt=d.uniform(0.2, 0.7))
    return _unlabelled(b, (w, 0.25, h))


def kitchen_item(d: Dice) -> Model:
    """A microwave, kettle, coffee machine, dish rack."""
    b = Body()
    kind = d.pick(("microwave", "kettle", "machine", "rack"))
    if kind == "microwave":
        b.box(0, 0, 0, d.size(0.42, 0.55), d.size(0.32, 0.42), d.size(0.25, 0.33))
        return _unlabelled(b, (0.5, 0.4, 0.3))
    if kind == "kettle":
        b.cylinder(0, 0, 0, 0.09, d.size(0.18, 0.28), 0.06, sides=7)
        return _unlabelled(b, (0.2, 0.2, 0.25))
    if kind == "machine":
        b.box(0, 0, 0, d.size(0.18, 0.32), d.size(0.25, 0.4), d.size(0.28, 0.42))
        return _unlabelled(b, (0.3, 0.4, 0.4))
    for x in np.linspace(-0.18, 0.18, 6):
        b.box(x, 0, 0, 0.01, 0.28, d.uniform(0.08, 0.25))
    return _unlabelled(b, (0.4, 0.3, 0.2))


def _papers(d: Dice) -> Model:
    b = Body()
    for _ in range(d.count(1, 3)):
        b.box(d.normal(0.06), d.normal(0.06), 0, d.size(0.2, 0.3), d.size(0.15, 0.3),
              d.uniform(0.005, 0.04), yaw=d.turn())  # fmt: skip
    return _unlabelled(b, (0.3, 0.3, 0.03))


def _cup(d: Dice) -> Model:
    b = Body()
    for _ in range(d.count(1, 3)):
        b.cylinder(
            d.normal(0.07), d.normal(0.07), 0, d.size(0.03, 0.05), d.size(0.08, 0.28), sides=6
        )
    return _unlabelled(b, (0.2, 0.2, 0.2), 0.8)


def _laptop(d: Dice) -> Model:
    b = Body()
    w, h = d.size(0.28, 0.38), d.size(0.2, 0.26)
    b.box(0, h / 2, 0, w, h, 0.02)
    b.box(0, 0, 0.02, w, 0.012, h, tilt=d.uniform(0.0, 0.7))
    return _unlabelled(b, (w, 2 * h, h))


def _stack(d: Dice) -> Model:
    b = Body()
    z = 0.0
    for _ in range(d.count(1, 6)):
        h = d.uniform(0.015, 0.06)
        b.box(0, 0, z, d.size(0.15, 0.3), d.size(0.12, 0.25), h, yaw=d.normal(0.3))
        z += h
    return _unlabelled(b, (0.3, 0.25, z))


def _lump(d: Dice) -> Model:
    b = Body()
    for _ in range(d.count(1, 3)):
        b.ellipsoid(d.normal(0.08), d.normal(0.08), 0.04, d.uniform(0.04, 0.2),
                    d.uniform(0.04, 0.15), d.uniform(0.03, 0.15), rows=3, columns=6)  # fmt: skip
    return _unlabelled(b, (0.3, 0.3, 0.2))


def _bowl(d: Dice) -> Model:
    b = Body()
    r = d.size(0.08, 0.18)
    b.cylinder(0, 0, 0, r * 0.5, r * 0.6, r, sides=8, caps=False, inside=True)
    return _unlabelled(b, (2 * r, 2 * r, r))


def _small_box(d: Dice) -> Model:
    b = Body()
    w, depth, h = d.size(0.08, 0.4), d.size(0.08, 0.3), d.size(0.06, 0.35)
    b.box(0, 0, 0, w, depth, h)
    return _unlabelled(b, (w, depth, h))


def _vase(d: Dice) -> Model:
    b = Body()
    h = d.size(0.15, 0.35)
    b.cylinder(0, 0, 0, 0.05, h, 0.08, sides=6)
    for _ in range(d.count(4, 10)):
        t = d.turn()
        b.box(0.1 * math.cos(t), 0.1 * math.sin(t), h + d.uniform(0, 0.25), 0.08, 0.05, 0.005,
              yaw=t, tilt=d.uniform(-1, 1))  # fmt: skip
    return _unlabelled(b, (0.25, 0.25, h + 0.2))
