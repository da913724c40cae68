"""Outlines of rooms and what is cut into their walls: doors, windows and their curtains."""

from __future__ import annotations

import math

import numpy as np

from mtml_ros.simulation.rooms import fixtures
from mtml_ros.simulation.rooms.clutter import other
from mtml_ros.simulation.rooms.layout import Plan
from mtml_ros.simulation.rooms.settings import Dice

Part = tuple[int, float, float]
"""Of a wall: which, from where, to where along it, metres."""


def outline(d: Dice, area: float, long: float) -> np.ndarray:
    """(V, 2) corners, counter-clockwise: a rectangle, or one with a corner, a recess or a
    chamfer cut from it. area: m2 of the rectangle; long: its sides' ratio.
    """
    w = math.sqrt(area * long)
    h = area / w
    s = d.settings
    corners = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)]
    draw = d.uniform(0, 1)
    if draw < s.l_shape and min(w, h) > 2.4:
        a, b = w * d.uniform(0.25, 0.6), h * d.uniform(0.25, 0.6)
        corners = [(0.0, 0.0), (w, 0.0), (w, h - b), (w - a, h - b), (w - a, h), (0.0, h)]
    elif draw < s.l_shape + s.chamfer and min(w, h) > 2.0:
        a, b = min(w, h) * d.uniform(0.15, 0.45), min(w, h) * d.uniform(0.15, 0.45)
        corners = [(0.0, 0.0), (w, 0.0), (w, h - b), (w - a, h), (0.0, h)]
    elif draw < s.l_shape + s.chamfer + s.niche and w > 2.5:
        a = d.uniform(0.1, 0.5) * w
        width, deep = min(d.uniform(0.3, 1.8), w - a - 0.3), d.uniform(-0.5, 0.8)
        corners = [(0.0, 0.0), (w, 0.0), (w, h), (a + width, h), (a + width, h + deep),
                   (a, h + deep), (a, h), (0.0, h)]  # fmt: skip
    points = np.array(corners)
    if d.chance(0.5):  # mirrored, its order restored
        points = (points * (-1, 1))[::-1]
    centred: np.ndarray = points - points.mean(axis=0)
    return centred


def doors(plan: Plan, number: int) -> None:
    """Cuts doors: shut, ajar, wide open, of several leaves, or openings with no door."""
    for _ in range(number):
        first = _door(plan)
        if first is not None and plan.dice.touching():
            _door(plan, first)


def _door(plan: Plan, beside: Part | None = None) -> Part | None:
    """Cuts a door anywhere or right beside a part of a wall; the part that it takes, or None."""
    d = plan.dice
    leaves = 2 if d.chance(0.15) else 1
    if leaves == 2 and d.touching():  # a closet's
        leaves = d.count(2, 4)
    leaf = d.size(0.5, 1.4) if leaves > 2 else d.size(0.7, 0.95)
    width = leaves * leaf
    height = min(d.size(1.95, 2.15), plan.height - 0.05)
    spot = _spot(plan, width, 0.0, height, beside)
    if spot is None:
        return None
    i, along = spot
    wall, start, end = plan.walls[i], along - width / 2, along + width / 2
    state = d.pick(("shut", "open", "none"), (5, 3, 0.8))
    plan.keep_clear(*wall.at(along, 0.4), width + 0.1, 0.8, wall.yaw)
    plan.open_wall(i, start, end, 0.0, height)
    if state == "none":
        return i, start, end
    angle = 0.0 if state == "shut" else d.uniform(0.2, 2.6)
    if leaves == 1:
        _hang_leaf(plan, i, along, leaf, height, angle, d.pick((-1, 1)))
    elif d.chance(d.settings.double_door_two):
        for j in range(leaves):
            _hang_leaf(plan, i, start + (j + 0.5) * leaf, leaf, height,
                       angle if d.chance(0.6) else 0.0, 1 if j % 2 else -1)  # fmt: skip
    else:
        _hang_leaf(plan, i, along, width, height, 0.0, 1)
    return i, start, end


def _hang_leaf(plan: Plan, i: int, along: float, width: float, height: float, angle: float,
               hinge: int) -> None:  # fmt: skip
    """A leaf in its opening, its swing kept clear; open outwards where it would hit a wall."""
    d, wall = plan.dice, plan.walls[i]
    side = along + hinge * width / 2
    beyond = wall.length - side if hinge > 0 else side
    if angle > math.pi / 2 and beyond < width:
        angle = math.pi / 2 * d.uniform(0.8, 1.0)
    for model in fixtures.door(d, width, height, angle=angle, hinge=hinge):
        plan.add(model, *wall.at(along, 0.0), wall.yaw, solid=False)
    if angle > 0:
        # the leaf itself and the floor that it sweeps
        local = hinge * (width / 2 - width / 2 * math.cos(angle))
        x, y = wall.at(along + local, width / 2 * math.sin(angle) + 0.05)
        plan.keep_clear(x, y, width, 0.08, wall.yaw - hinge * angle)


def _spot(
    plan: Plan, width: float, low: float, high: float, beside: Part | None = None
) -> tuple[int, float] | None:
    """A wall and the middle of a free part of it, so wide: anywhere, or beside another part on
    the same wall or about a corner."""
    d = plan.dice
    if beside is not None:
        i, start, end = beside
        gap, corner = d.pick((0.0, d.uniform(0.0, 0.3))), d.uniform(0.0, 0.2)
        before, after = (i - 1) % len(plan.walls), (i + 1) % len(plan.walls)
        parts = [(i, end + gap), (i, start - gap - width)]
        if start < 0.5:
            parts.append((before, plan.walls[before].length - corner - width))
        if plan.walls[i].length - end < 0.5:
            parts.append((after, corner))
        for k in d.rng.permutation(len(parts)):
            i, left = parts[k]
            fits = left >= 0 and left + width <= plan.walls[i].length
            if fits and plan.wall_free(i, left, left + width, low, high):
                return i, left + width / 2
        return None
    for _ in range(12):
        i = d.pick(range(len(plan.walls)), [w.length for w in plan.walls])
        length = plan.walls[i].length
        if length < width + 0.1:
            continue
        along = d.uniform(width / 2 + 0.05, length - width / 2 - 0.05)
        if plan.wall_free(i, along - width / 2, along + width / 2, low, high):
            return i, along
    return None


def windows(plan: Plan, number: int) -> None:
    """Cuts windows, with blinds or curtains before some; wide ones are one instance mostly."""
    for _ in range(number):
        first = _window(plan)
        if first is not None and plan.dice.touching() and plan.dice.chance(0.3):
            _window(plan, first)


def _window(plan: Plan, beside: Part | None = None) -> Part | None:
    """Cuts a window anywhere or right beside a part of a wall; the part that it takes, or None."""
    d = plan.dice
    longest = max(w.length for w in plan.walls)
    wide = d.chance(0.25)
    width = d.size(2.2, 6.0) if wide else d.size(0.6, 1.9)
    if d.long():  # a front of glass
        wide, width = True, d.size(3.0, 10.0)
    width = min(width, longest - 0.3)
    sill = d.pick((d.uniform(0.05, 0.3), d.uniform(0.7, 1.1), d.uniform(0.7, 1.1)))
    height = min(d.size(0.8, 1.6) if sill > 0.5 else d.size(1.6, 2.2), plan.height - sill - 0.1)
    if width < 0.4 or height < 0.4:
        return None
    spot = _spot(plan, width, sill, sill + height, beside)
    if spot is None:
        return None
    i, along = spot
    start, end = along - width / 2, along + width / 2
    plan.open_wall(i, start, end, sill, sill + height)
    parts = max(2, round(width / 1.2)) if d.chance(d.settings.pane_windows) and wide else 1
    for j in range(parts):
        at = along + ((j + 0.5) / parts - 0.5) * width
        pane = fixtures.window(d, width / parts, height, sill)
        plan.add(pane, *plan.walls[i].at(at, 0.0), plan.walls[i].yaw, solid=False)
    _dress(plan, i, along, width, sill, sill + height)
    if sill > 0.6 and d.chance(0.3):
        model = fixtures.radiator(d, other(d))
        plan.try_add(model, *plan.walls[i].at(along, 0.1), plan.walls[i].yaw)
    return i, start, end


def _dress(plan: Plan, i: int, along: float, width: float, sill: float, top: float) -> None:
    """Curtains (a pair at the sides, or drawn) or a blind before a window."""
    d, wall = plan.dice, plan.walls[i]
    high = min(top + d.uniform(0.05, 0.3), plan.height - 0.02)
    kind = d.pick(("bare", "pair", "drawn", "blind"), (4, 3, 1.5, 1.5))
    if kind == "blind":
        low = top - (top - sill) * d.uniform(0.15, 1.0)
        plan.add(fixtures.blind(d, width, low, top), *wall.at(along, 0.0), wall.yaw, solid=False)
    if kind not in ("pair", "drawn"):
        return
    low = max(sill - d.uniform(0.0, 0.3), 0.03) if d.chance(0.35) else d.uniform(0.02, 0.12)
    whole = d.long()  # one cloth before all of it
    together = kind == "drawn" or (d.touching() and d.chance(0.3))
    share = 0.5 if together else d.uniform(0.12, 0.42)
    left, right = along - width / 2 - 0.1, along + width / 2 + 0.1
    left, right = max(left, 0.0), min(right, wall.length)
    cloth = (right - left) * share
    spots = [left + cloth / 2, right - cloth / 2]
    if whole or (kind == "drawn" and not d.chance(d.settings.curtain_pair_two)):
        spots, cloth = [(left + right) / 2], right - left
    elif d.chance(0.15):
        spots = [d.pick(spots)]
    for at in spots:
        if cloth > 0.1:
            plan.add(fixtures.curtain(d, cloth, low, high), *wall.at(at, 0.0), wall.yaw,
                     solid=False)  # fmt: skip


def open_side(plan: Plan) -> None:
    """Leaves most of one wall out, as between a kitchen and its living room, or unscanned."""
    d = plan.dice
    i = d.pick(range(len(plan.walls)), [w.length for w in plan.walls])
    length = plan.walls[i].length
    start = d.uniform(0.0, 0.3) * length
    end = length - d.uniform(0.0, 0.3) * length
    if plan.wall_free(i, start, end, 0.0, plan.height):
        plan.open_wall(i, start, end, 0.0, plan.height)
