"""What arrangements share: things on tops, chairs at tables, rows, what hangs or stands about."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mtml_ros.simulation.rooms import clutter, fixtures, seating, storage, tables
from mtml_ros.simulation.rooms.geometry import Model
from mtml_ros.simulation.rooms.labels import CABINET, DESK, TABLE
from mtml_ros.simulation.rooms.layout import Plan
from mtml_ros.simulation.rooms.settings import Dice

SOUTH = -math.pi / 2
NEIGHBORS: tuple[tuple[Callable[[Dice], Model], float], ...] = (
    (storage.cabinet, 4), (tables.desk, 3), (tables.dining_table, 2), (tables.side_table, 2),
    (storage.wardrobe, 2), (storage.bookshelf, 2), (clutter.floor_item, 2), (seating.chair, 1),
    (seating.armchair, 1), (storage.refrigerator, 1),
)  # fmt: skip
"""What stands beside other furniture, with weights."""


def stand_on(plan: Plan, item: int, model: Model, x: float, y: float, turn: float) -> None:
    """Puts a model on the first top of an item, at (x, y) of the item's frame."""
    under = plan.items[item]
    top = under.model.tops[0]
    at = under.world(x, y)
    plan.add(model, *at, under.yaw + turn, under.z + top[4], solid=False)


def litter(plan: Plan, item: int, make: Callable[[Dice], Model], share: float = 1.0) -> None:
    """Scatters things over the tops of an item; how many is drawn for the room and for it."""
    d, under = plan.dice, plan.items[item]
    for cx, cy, lx, ly, z in under.model.tops:
        mean = lx * ly * d.settings.clutter * share * d.uniform(0.0, 2.0)
        for _ in range(min(int(d.rng.poisson(mean)), 14)):
            model = make(d)
            room_x = max(lx - model.size[0], 0.0) / 2
            room_y = max(ly - model.size[1], 0.0) / 2
            at = under.world(cx + d.uniform(-room_x, room_x), cy + d.uniform(-room_y, room_y))
            plan.add(model, *at, under.yaw + d.turn(), under.z + z, solid=False)


def strew(plan: Plan, number: int) -> None:
    """Leaves so many things lying about that nobody labelled, some in piles by a wall."""
    d = plan.dice
    for _ in range(min(number, 40)):
        model = d.pick((clutter.heap, clutter.pile, clutter.surface_item), (2, 2, 1))(d)
        if d.chance(0.5):
            plan.against_wall(model, tries=3)
        else:
            plan.free_standing(model, tries=3, margin=0.0)


def flank(plan: Plan, item: int, model: Model) -> int | None:
    """Stands a model right beside an item, their backs in line, touching it or nearly."""
    d, beside = plan.dice, plan.items[item]
    (length, width, _), (other, depth, _) = beside.model.size, model.size
    x = d.pick((-1, 1)) * ((length + other) / 2 + d.pick((0.0, 0.02, 0.1, 0.2)))
    return plan.try_add(model, *beside.world(x, (depth - width) / 2), beside.yaw, beside.z)


def at_angle(plan: Plan, item: int, model: Model) -> int | None:
    """Stands a model before an end of an item at right angles to it, the two in an L."""
    d, beside = plan.dice, plan.items[item]
    (length, width, _), (other, depth, _) = beside.model.size, model.size
    side = d.pick((-1, 1))
    at = side * (length - depth) / 2, (width + other) / 2 + d.pick((0.0, 0.02, 0.1))
    return plan.try_add(model, *beside.world(*at), beside.yaw + side * math.pi / 2, beside.z)


def neighbor(plan: Plan, item: int) -> int | None:
    """Stands something of another class beside an item by a wall, or its like where two of them
    are two objects."""
    d, first = plan.dice, plan.items[item].model
    if first.label in (DESK, TABLE) and d.chance(0.3):
        return flank(plan, item, first)
    model = d.pick(*zip(*NEIGHBORS))(d)
    return None if model.label == first.label else flank(plan, item, model)


def another(plan: Plan, item: int, make: Callable[[Dice], Model]) -> int | None:
    """Stands one more of what `make` makes beside an item, equal to it or not.

    Cabinets of one size side by side are one object to annotators: those differ.
    """
    d, first = plan.dice, plan.items[item].model
    model = first if first.label != CABINET and d.chance(0.5) else make(d)
    return at_angle(plan, item, model) if d.chance(0.25) else flank(plan, item, model)


def chairs_around(plan: Plan, table: int, make: Callable[[Dice], Model], *,
                  sides: tuple[str, ...] = ("north", "south", "east", "west"),
                  fill: float = 0.85) -> None:  # fmt: skip
    """Chairs at the sides of a table, tucked under it or pulled out, near each other."""
    d, under = plan.dice, plan.items[table]
    lx, ly, _ = under.model.size
    same = d.rng.integers(1 << 32)  # one table's chairs are of one make, mostly
    alike = d.chance(0.8)
    close = d.touching() or d.touching()
    spread = d.uniform(0.4, 0.6) if close else d.uniform(0.55, 0.85)
    for side in sides:
        along, away = (lx, ly) if side in ("north", "south") else (ly, lx)
        turn = {"north": math.pi, "south": 0.0, "east": math.pi / 2, "west": SOUTH}[side]
        seats = max(1, int(along / spread)) if along > 0.5 else 0
        for i in range(seats):
            if not d.chance(fill):
                continue
            model = make(Dice(np.random.default_rng(same), d.settings)) if alike else make(d)
            t = (i - (seats - 1) / 2) * along / seats + d.normal(0.04)
            # how far the chair's middle is from the table's edge: tucked in when negative
            tucked = d.uniform(-0.18, 0.1) if d.chance(0.6) else d.uniform(0.1, 0.5)
            if model.size[1] > 0.7:
                tucked = abs(tucked) + 0.25
            out = away / 2 + model.size[1] / 2 * 0.6 + tucked
            x, y = {"north": (t, out), "south": (t, -out), "east": (out, t),
                    "west": (-out, t)}[side]  # fmt: skip
            heading = under.yaw + turn + d.normal(d.settings.messy * (0.3 if tucked < 0.1 else 1))
            plan.try_add(model, *under.world(x, y), heading, ignore=(table,))


def row_by_wall(plan: Plan, row: list[Model], separate: float) -> None:
    """Models side by side against a wall, joined into one unless drawn to be separate."""
    d = plan.dice
    models = row if d.chance(separate) else [joined(row)]
    width = sum(m.size[0] for m in models)
    if len(models) == 1:
        item = plan.against_wall(models[0])
        if item is not None:
            litter(plan, item, clutter.surface_item, 0.4)
        return
    for _ in range(8):
        i = d.pick(range(len(plan.walls)), [w.length for w in plan.walls])
        wall = plan.walls[i]
        if wall.length < width:
            continue
        along = d.uniform(0, wall.length - width)
        if not plan.wall_free(i, along, along + width, 0.9, max(m.size[2] for m in models)):
            continue
        spots = []
        for model in models:
            spots.append((model, *wall.at(along + model.size[0] / 2, model.size[1] / 2 + 0.01)))
            along += model.size[0]
        if all(plan.fits([(x, y, m.size[0] / 2, m.size[1] / 2, wall.yaw, 0.0, m.size[2])])
               for m, x, y in spots):  # fmt: skip
            for m, x, y in spots:
                litter(plan, plan.add(m, x, y, wall.yaw), clutter.surface_item, 0.4)
            return


def joined(row: list[Model]) -> Model:
    """Models side by side along x as one."""
    total = sum(m.size[0] for m in row)
    x, parts, tops = -total / 2, [], []
    for m in row:
        moved = m.patches.copy()
        moved[:, 0, 0] += x + m.size[0] / 2
        tops += [(cx + x + m.size[0] / 2, cy, lx, ly, z) for cx, cy, lx, ly, z in m.tops]
        parts.append(moved)
        x += m.size[0]
    depth, height = max(m.size[1] for m in row), max(m.size[2] for m in row)
    return Model(np.concatenate(parts), np.concatenate([m.kinds for m in row]),
                 (total, depth, height), ((0.0, 0.0, total, depth),), row[0].label,
                 row[0].counted, row[0].returns, tuple(tops))  # fmt: skip


def stacked(below: Model, above: Model) -> Model:
    """Two models of one frame as one, with the label, size and tops of the second."""
    return replace(above, patches=np.concatenate([below.patches, above.patches]),
                   kinds=np.concatenate([below.kinds, above.kinds]))  # fmt: skip


def hang(plan: Plan, model: Model, z: float, tries: int = 6, away: float = 0.0) -> int | None:
    """Hangs a model on a free part of a wall with its lower edge at z."""
    spot = free_wall(plan, model.size[0], z, z + model.size[2], tries)
    return None if spot is None else plan.mount(model, *spot, z, away)


def free_wall(
    plan: Plan, width: float, low: float, high: float, tries: int = 6
) -> tuple[int, float] | None:
    """A wall and the middle of a part of it, so wide, where nothing hangs or stands before it."""
    d, half = plan.dice, width / 2
    for _ in range(tries):
        i = d.pick(range(len(plan.walls)), [w.length for w in plan.walls])
        length = plan.walls[i].length
        if length < width + 0.1:
            continue
        along = d.uniform(half, length - half)
        free = plan.wall_free(i, along - half, along + half, low, high)
        if free and plan.furniture_free(i, along - half, along + half, low, high):
            return i, along
    return None


def column(plan: Plan) -> None:
    """A pillar in the room or, mostly, at a wall."""
    model = fixtures.column(plan.dice, plan.height)
    if plan.dice.chance(0.7):
        plan.against_wall(model, gap=0.0)
    else:
        plan.free_standing(model, margin=0.3)


def on_floor(plan: Plan) -> None:
    """Something that stands about: along walls mostly, or beside furniture."""
    d = plan.dice
    model = clutter.floor_item(d)
    wall = d.chance(0.65)
    item = plan.against_wall(model) if wall else plan.free_standing(model, margin=0.0)
    if item is not None and d.touching():
        another(plan, item, clutter.bin_)
