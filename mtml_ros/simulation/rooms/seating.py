"""Things to sit and lie on: chairs, office chairs, stools, armchairs, sofas, beds."""

from __future__ import annotations

import math

import numpy as np

from mtml_ros.simulation.rooms.geometry import Body, Model
from mtml_ros.simulation.rooms.labels import BED, CHAIR, OTHER_FURNITURE, SOFA
from mtml_ros.simulation.rooms.library import or_real
from mtml_ros.simulation.rooms.settings import Dice


def chair(d: Dice) -> Model:
    """Any chair without upholstered arms: dining, office, folding, shell, stool."""
    kind = d.pick((_side_chair, office_chair, _shell_chair, stool), (5, 4, 2, 1))
    return kind(d)


def stackable(d: Dice) -> Model:
    """A chair of the kind that is piled up."""
    return _side_chair(d) if d.chance(0.6) else _shell_chair(d)


@or_real("chair")
def _side_chair(d: Dice) -> Model:
    """A chair on four legs or two sled runners, its back solid, of bars or open."""
    b = Body()
    w, depth, seat = d.size(0.40, 0.50), d.size(0.40, 0.50), d.size(0.42, 0.48)
    top = d.size(0.78, 0.98)
    leg, thick = d.size(0.022, 0.05), d.size(0.02, 0.08)
    b.box(0, 0, seat - thick, w, depth, thick)
    x, y = w / 2 - leg / 2, depth / 2 - leg / 2
    splay = d.uniform(0, 0.06)
    back_x, back_y, under = x, -y, seat - thick
    if d.chance(0.2):  # sled base or cantilever
        for side in (-x, x):
            b.beam((side, y, under), (side, y, leg / 2), leg)
            b.beam((side, y, leg / 2), (side, -y, leg / 2), leg)
            if d.chance(0.5):
                b.beam((side, -y, leg / 2), (side, -y, under), leg)
    else:
        for sx in (-1, 1):
            for sy in (-1, 1):
                foot = (sx * (x + splay), sy * (y + splay), 0.0)
                b.beam(foot, (sx * x, sy * y, under), leg)
        if d.chance(0.4):
            for side in (-x, x):
                b.beam((side, -y, seat / 2), (side, y, seat / 2), leg * 0.8)
    lean = d.uniform(0.0, 0.3)
    rise = top - seat
    style = d.pick(("solid", "bars", "slats", "gap"))
    if style == "solid":
        b.box(0, back_y, seat, w, d.size(0.02, 0.06), rise, tilt=lean)
    else:
        end_y = back_y - rise * math.sin(lean)
        height = seat + rise * math.cos(lean)
        for side in (-back_x, back_x):
            b.beam((side, back_y, seat - thick), (side, end_y, height), leg)
        if style == "bars":
            for at in np.linspace(-back_x, back_x, d.count(4, 6))[1:-1]:
                b.beam((at, back_y, seat), (at, end_y, height), leg * 0.7)
            b.beam((-back_x, end_y, height), (back_x, end_y, height), leg)
        elif style == "slats":
            for at in np.linspace(0.3, 0.95, d.count(2, 4)):
                y_at, z_at = back_y + (end_y - back_y) * at, seat + (height - seat) * at
                b.box(0, y_at, z_at - 0.04, w, 0.02, 0.08, tilt=lean)
        else:
            part = d.uniform(0.4, 0.7)
            at = back_y - rise * (1 - part) * math.sin(lean)
            b.box(0, at, seat + rise * (1 - part) * math.cos(lean), w, 0.03, rise * part, tilt=lean)
    if d.chance(0.35):
        _arms(b, d, w, depth, seat, leg)
    _on_seat(b, d, w, depth, seat, 0.15)
    return b.model((w + 2 * splay, depth + 2 * splay, top), CHAIR)


def _arms(b: Body, d: Dice, w: float, depth: float, seat: float, leg: float) -> None:
    rise = d.size(0.18, 0.25)
    y0, y1 = -depth * 0.45, depth * d.uniform(0.1, 0.45)
    for x in (-w / 2, w / 2):
        b.beam((x, y1, seat - 0.03), (x, y1, seat + rise), leg)
        b.box(x, (y0 + y1) / 2, seat + rise, d.size(0.03, 0.08), y1 - y0, 0.03)
        if d.chance(0.4):
            b.beam((x, y0, seat - 0.03), (x, y0, seat + rise), leg)


def _on_seat(b: Body, d: Dice, w: float, depth: float, seat: float, chance: float) -> None:
    """A cushion, or a jacket over the back; annotators leave them with the chair."""
    if d.chance(chance):
        b.ellipsoid(0, 0, seat + 0.03, w * 0.45, depth * 0.45, d.uniform(0.03, 0.07), rows=3)
    if d.chance(chance * 0.7):
        rise = d.uniform(0.3, 0.5)
        b.box(0, -depth / 2 - 0.05, seat + 0.4 - rise, w * 1.05, 0.05, rise)


@or_real("office chair")
def office_chair(d: Dice) -> Model:
    """A swivel chair: five-star base with castors, gas lift, seat, back, mostly arms."""
    b = Body()
    w, depth, seat = d.size(0.44, 0.54), d.size(0.42, 0.52), d.size(0.42, 0.54)
    reach, arms_of_star = d.size(0.26, 0.36), d.pick((5, 5, 5, 4))
    turn = d.turn()
    for i in range(arms_of_star):
        t = turn + 2 * math.pi * i / arms_of_star
        end = (reach * math.cos(t), reach * math.sin(t))
        b.beam((0, 0, 0.13), (*end, 0.08), 0.045)
        b.box(*end, 0, 0.05, 0.05, 0.07)
    b.cylinder(0, 0, 0.08, d.size(0.025, 0.04), seat - 0.12, sides=6)
    b.box(0, 0, seat - 0.12, 0.2, 0.2, 0.05)
    thick = d.size(0.05, 0.11)
    b.box(0, 0, seat - thick, w, depth, thick, tilt=d.uniform(-0.05, 0.08))
    back, lean = d.size(0.40, 0.65), d.uniform(0.05, 0.3)
    lift = d.uniform(0.02, 0.18)
    y = -depth / 2 + 0.02
    b.beam((0, y + 0.1, seat - 0.08), (0, y - 0.04, seat + lift + 0.15), 0.06)
    half = w * d.uniform(0.8, 1.0) / 2
    thickness, wrap = d.size(0.03, 0.08), d.uniform(0.0, 0.3)
    for side in (-1, 1):  # two halves, wrapped around the sitter
        x, dy = side * half / 2, half / 2 * math.sin(wrap)
        # turned halves lean apart: they overlap at the spine by as much
        b.box(x, y + dy, seat + lift, half * 1.25, thickness, back, yaw=side * wrap, tilt=lean)
    top = seat + lift + back * math.cos(lean)
    if d.chance(0.2):
        at = y - back * math.sin(lean)
        b.box(0, at, top + 0.03, w * 0.5, 0.06, d.size(0.12, 0.2))
        top += 0.2
    if d.chance(0.75):
        rise = d.size(0.16, 0.26)
        for x in (-w / 2 - 0.04, w / 2 + 0.04):
            b.beam((x, -0.05, seat - 0.08), (x, -0.05, seat + rise), 0.045)
            b.box(x, 0.02, seat + rise, d.size(0.05, 0.09), d.size(0.2, 0.3), 0.03)
    _on_seat(b, d, w, depth, seat, 0.12)
    span = max(w + 0.08, depth, 2 * reach)
    return b.model((span, span, top), CHAIR)


@or_real("chair")
def _shell_chair(d: Dice) -> Model:
    """A plastic or upholstered bucket on thin legs, a pedestal or a bar."""
    b = Body()
    w, depth, seat = d.size(0.42, 0.62), d.size(0.42, 0.58), d.size(0.38, 0.47)
    top = seat + d.size(0.3, 0.5)
    b.box(0, 0, seat - 0.04, w * 0.9, depth * 0.9, 0.04)
    sides, span = 7, d.uniform(2.2, 3.6)  # the bucket's rim runs around the back
    for i in range(sides):
        t = -math.pi / 2 + span * ((i + 0.5) / sides - 0.5)
        fall = 1 - d.uniform(0.4, 0.7) * abs((i + 0.5) / sides - 0.5) * 2
        b.box(w / 2 * math.cos(t), depth / 2 * math.sin(t), seat - 0.03,
              span / sides * w / 2 * 1.15, 0.03, (top - seat) * fall + 0.03,
              yaw=t + math.pi / 2)  # fmt: skip
    if d.chance(0.3):
        b.cylinder(0, 0, 0.02, 0.03, seat - 0.05, sides=6)
        b.cylinder(0, 0, 0, d.size(0.2, 0.27), 0.03, sides=10)
    else:
        leg, r = d.size(0.02, 0.04), d.uniform(0.75, 1.05)
        for sx in (-1, 1):
            for sy in (-1, 1):
                foot = (sx * w / 2 * r, sy * depth / 2 * r, 0.0)
                b.beam(foot, (sx * w * 0.25, sy * depth * 0.25, seat - 0.04), leg)
    return b.model((w, depth, top), CHAIR)


@or_real("stool")
def stool(d: Dice) -> Model:
    """A stool, low or as high as a bar's, sometimes with a short back."""
    b = Body()
    high = d.chance(0.4)
    seat = d.size(0.62, 0.8) if high else d.size(0.42, 0.5)
    r, leg = d.size(0.15, 0.2), d.size(0.022, 0.045)
    if d.chance(0.6):
        b.cylinder(0, 0, seat - 0.05, r, 0.05)
    else:
        b.box(0, 0, seat - 0.05, 2 * r, 1.8 * r, 0.05)
    if d.chance(0.35):
        b.cylinder(0, 0, 0.02, 0.03, seat - 0.06, sides=6)
        b.cylinder(0, 0, 0, r * 1.1, 0.03)
    else:
        splay = d.uniform(0.7, 1.2)
        for sx, sy in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            foot = (sx * r * splay, sy * r * splay, 0.0)
            b.beam(foot, (sx * r * 0.6, sy * r * 0.6, seat - 0.05), leg)
    top = seat
    if d.chance(0.3):
        top = seat + d.size(0.15, 0.3)
        b.box(0, -r, seat, 1.8 * r, 0.03, top - seat, tilt=0.1)
    return b.model((2.2 * r, 2.2 * r, top), CHAIR)


@or_real("armchair")
def armchair(d: Dice) -> Model:
    """An upholstered chair for one; ScanNet's annotators call it a chair, now and then a sofa."""
    return _upholstered(d, d.size(0.65, 0.95), 1, SOFA if d.chance(0.15) else CHAIR)


@or_real("sofa")
def sofa(d: Dice) -> Model:
    """A sofa: straight for two to four, or with a chaise (L-shaped)."""
    seats = d.count(4, 6) if d.long() else d.pick((1, 2, 3, 4), (0.5, 4, 4, 1))
    width = seats * d.size(0.55, 0.75) + d.size(0.25, 0.45)
    return _upholstered(d, width, seats, SOFA)


def _upholstered(d: Dice, width: float, seats: int, label: int) -> Model:
    b = Body()
    depth, seat = d.size(0.75, 1.0), d.size(0.38, 0.47)
    top = d.size(0.65, 0.95)
    arm, arm_top = d.size(0.1, 0.24), d.size(0.5, 0.68)
    back = d.size(0.15, 0.28)
    legs = d.uniform(0.0, 0.16)
    has_arms = d.chance(0.85)
    inner = width - 2 * arm if has_arms else width
    base = d.size(0.16, 0.24)
    base = min(base, seat - legs - 0.08)
    b.box(0, 0, legs, width, depth, base)
    if legs > 0.04:
        for sx in (-1, 1):
            for sy in (-1, 1):
                b.box(sx * (width / 2 - 0.06), sy * (depth / 2 - 0.06), 0, 0.05, 0.05, legs)
    lean = d.uniform(0, 0.25)
    y = -depth / 2 + back / 2
    b.box(0, y, legs + base, inner, back, top - legs - base, tilt=lean * 0.4)
    if has_arms:
        for side in (-1, 1):
            x = side * (width - arm) / 2
            b.box(x, 0, legs, arm, depth, arm_top - legs)
            if d.chance(0.3):  # rolled arms
                b.ellipsoid(x, 0, arm_top, arm * 0.7, depth / 2, 0.07)
    cushions = seats if d.chance(0.8) else 1
    each = inner / cushions
    start = -depth / 2 + back
    for i in range(cushions):
        x = -inner / 2 + (i + 0.5) * each
        length = depth / 2 - start + d.uniform(-0.02, 0.03)
        b.box(x, start + length / 2, legs + base, each - 0.015, length, seat - legs - base)
        if d.chance(0.7):
            rise = min(top - seat + d.uniform(-0.06, 0.08), 0.6)
            b.box(x, start + 0.06, seat, each - 0.02, d.size(0.1, 0.18), rise, tilt=lean)
    if seats >= 2 and d.chance(0.25):  # a chaise makes it L-shaped
        side = d.pick((-1, 1))
        long = d.size(0.9, 2.0) if d.long() else d.size(0.5, 0.9)
        x, wide = side * (inner / 2 - each / 2), max(each, 0.5)
        b.box(x, depth / 2 + long / 2, legs, wide, long, seat - legs)
        if long > 1.2:  # a second sofa, with a back of its own
            edge = side * (inner - back) / 2
            b.box(edge, depth / 2 + long / 2, seat, back, long, top - seat)
        _soft_clutter(b, d, inner, start, seat)
        return b.model((width, depth, top), label, ell=(x, wide, long))
    _soft_clutter(b, d, inner, start, seat)
    return b.model((width, depth, top), label)


def _soft_clutter(b: Body, d: Dice, inner: float, start: float, seat: float) -> None:
    """A throw or loose cushions annotated with the sofa (others: `clutter.pillow`)."""
    for _ in range(d.pick((0, 1, 2), (6, 2, 1))):
        x = d.uniform(-inner / 2 + 0.15, max(inner / 2 - 0.15, -inner / 2 + 0.16))
        b.box(x, start + 0.2, seat, d.size(0.3, 0.5), 0.12, d.size(0.25, 0.42), tilt=0.4)


@or_real("bed")
def bed(d: Dice) -> Model:
    """A bed with mattress, mostly a headboard, duvet; its head towards -y."""
    b = Body()
    width = d.pick((0.9, 1.2, 1.4, 1.6, 1.8, 2.0)) * d.uniform(0.92, 1.08)
    length, top = d.size(1.9, 2.1), d.size(0.42, 0.65)
    frame = d.uniform(0.1, 0.28)
    mattress = top - frame
    if d.chance(0.5):
        b.box(0, 0, 0, width + 0.06, length + 0.04, frame)
    else:
        b.box(0, 0, frame * 0.5, width + 0.04, length + 0.04, frame * 0.5)
        for sx in (-1, 1):
            for sy in (-1, 1):
                b.box(sx * width * 0.47, sy * length * 0.47, 0, 0.07, 0.07, frame)
    b.box(0, 0, frame, width, length, mattress)
    high = top + 0.05
    if d.chance(0.7):
        high = max(d.size(0.75, 1.25), high)
        extra = d.uniform(0, 0.2)
        b.box(0, -length / 2 - 0.04, 0, width + 0.06 + extra, d.size(0.04, 0.12), high)
    if d.chance(0.25):
        b.box(0, length / 2 + 0.04, 0, width + 0.06, 0.06, d.size(0.5, 0.8))
    if d.chance(0.75):  # a duvet hangs over the sides, crumpled
        cover = length * d.uniform(0.5, 0.9)
        hang = d.uniform(0.05, top * 0.8)
        b.box(0, length / 2 - cover / 2, top - hang, width + 0.1, cover + 0.04, hang + 0.05)
        for _ in range(d.count(0, 4)):
            x, y = d.uniform(-0.4, 0.4) * width, d.uniform(0.0, 0.4) * length
            rx, ry, rz = d.uniform(0.12, 0.4), d.uniform(0.12, 0.4), d.uniform(0.04, 0.14)
            b.ellipsoid(x, y, top + 0.05, rx, ry, rz)
    pillows = 1 if width < 1.15 else 2
    if d.chance(1 - d.settings.cushions_unlabelled):
        for i in range(pillows):
            x = (i - (pillows - 1) / 2) * width / pillows
            b.ellipsoid(x, -length / 2 + 0.25, top + 0.05, width / pillows * 0.42, 0.2, 0.1)
    tops = ((0.0, 0.0, width * 0.9, length * 0.85, top + 0.05),)
    return b.model((width + 0.1, length + 0.16, high), BED, tops=tops)


@or_real("ottoman")
def ottoman(d: Dice) -> Model:
    """A pouf or an upholstered bench: "otherfurniture" in ScanNet."""
    b = Body()
    height = d.size(0.35, 0.46)
    if d.chance(0.4):
        r = d.size(0.22, 0.4)
        b.cylinder(0, 0, 0, r, height, sides=10)
        return b.model((2 * r, 2 * r, height), OTHER_FURNITURE)
    w, depth = d.size(0.4, 1.3), d.size(0.35, 0.6)
    legs = d.uniform(0, 0.15)
    b.box(0, 0, legs, w, depth, height - legs)
    for sx in (-1, 1):
        for sy in (-1, 1):
            b.box(sx * (w / 2 - 0.04), sy * (depth / 2 - 0.04), 0, 0.04, 0.04, legs + 0.01)
    return b.model((w, depth, height), OTHER_FURNITURE)
