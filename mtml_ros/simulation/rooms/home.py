"""How people arrange where they live: sofas, beds, dining tables, wardrobes, things on walls."""

from __future__ import annotations

import math

from mtml_ros.simulation.rooms import clutter, fixtures, seating, storage, tables
from mtml_ros.simulation.rooms.geometry import Model
from mtml_ros.simulation.rooms.groups import (
    chairs_around,
    flank,
    free_wall,
    hang,
    litter,
    row_by_wall,
    stand_on,
)
from mtml_ros.simulation.rooms.labels import CABINET, OTHER_FURNITURE, UNLABELLED
from mtml_ros.simulation.rooms.layout import Plan


def dining(plan: Plan) -> None:
    """A dining table with chairs, free or with a side to the wall."""
    d = plan.dice
    model = tables.dining_table(d)
    wall = d.chance(0.3)
    item = plan.against_wall(model) if wall else plan.free_standing(model, margin=0.4)
    if item is None:
        return
    if d.touching() and model.size[0] < 2.2:  # lengthened by one of its kind
        flank(plan, item, model)
    sides = ("north", "east", "west") if wall else ("north", "south", "east", "west")
    chairs_around(plan, item, seating.chair, sides=sides)
    litter(plan, item, clutter.surface_item)


def sofa_corner(plan: Plan) -> None:
    """Sofas and armchairs about a coffee table, one sofa perhaps touching another in an L."""
    d = plan.dice
    model = seating.sofa(d)
    item = plan.against_wall(model) if d.chance(0.7) else plan.free_standing(model, margin=0.3)
    if item is None:
        return
    first = plan.items[item]
    lx, ly, _ = model.size
    pillows(plan, item, lx)
    front = ly / 2
    low = tables.coffee_table(d)
    gap = d.uniform(0.2, 0.6)
    if d.chance(0.8):
        turn = d.pick((0.0, 0.0, math.pi / 2)) + d.normal(0.1)
        at = first.world(d.normal(0.15), front + gap + low.size[1] / 2)
        low_item = plan.try_add(low, *at, first.yaw + turn)
        if low_item is not None:
            litter(plan, low_item, clutter.surface_item)
            if d.touching():
                flank(plan, low_item, low if d.chance(0.7) else tables.coffee_table(d))
    for side in (-1, 1):
        kind = d.pick(("sofa", "armchair", "lamp", "table", "none"), (2, 2, 1, 2, 2))
        if kind == "sofa":  # at right angles, touching or nearly so
            other = seating.sofa(d)
            gap = d.pick((0.0, d.uniform(0.0, 0.2)))
            x = side * (lx / 2 + gap + other.size[1] / 2)
            if d.chance(0.4):
                x = side * (lx / 2 - other.size[1] / 2)
                y = ly / 2 + gap + other.size[0] / 2
            else:
                y = -ly / 2 + other.size[0] / 2
            second = plan.try_add(other, *first.world(x, y), first.yaw + side * math.pi / 2)
            if second is not None:
                pillows(plan, second, other.size[0])
        elif kind == "armchair":
            one = seating.armchair(d)
            at = first.world(side * (lx / 2 + d.uniform(0.0, 0.5)), front + d.uniform(0.3, 1.2))
            plan.try_add(one, *at, first.yaw + side * d.uniform(0.6, 2.2))
        elif kind != "none":
            thing = tables.side_table(d) if kind == "table" else clutter.floor_lamp(d)
            x = side * (lx / 2 + thing.size[0] / 2 + d.uniform(0, 0.1))
            placed = plan.try_add(thing, *first.world(x, -ly * 0.2), first.yaw)
            if placed is not None and kind == "table":
                litter(plan, placed, clutter.surface_item)
                if d.chance(0.3):
                    stand_on(plan, placed, clutter.desk_lamp(d), 0, 0, 0)
    if d.chance(0.4):
        at = first.world(d.normal(0.3), front + 2 * gap + low.size[1] + d.uniform(0.4, 0.8))
        plan.try_add(seating.armchair(d), *at, first.yaw + math.pi + d.normal(0.4))


def pillows(plan: Plan, item: int, width: float) -> None:
    """Cushions on a sofa that annotators keep apart from it."""
    d, under = plan.dice, plan.items[item]
    if not d.chance(d.settings.cushions_unlabelled * 0.8):
        return
    for _ in range(d.count(1, 4)):
        at = under.world(d.uniform(-0.35, 0.35) * width, -under.model.size[1] / 2 + 0.35)
        plan.add(clutter.pillow(d), *at, under.yaw + d.normal(0.4), d.uniform(0.4, 0.48),
                 solid=False)  # fmt: skip


def bed_set(plan: Plan) -> None:
    """A bed against a wall, nightstands, pillows, a lamp, something at its foot."""
    d = plan.dice
    model = seating.bed(d)
    item = plan.against_wall(model, tries=25)
    if item is None:
        return
    first = plan.items[item]
    lx, ly, _ = model.size
    if d.chance(d.settings.cushions_unlabelled):
        for _ in range(d.count(1, 4)):
            at = first.world(d.uniform(-0.35, 0.35) * lx, -ly / 2 + d.uniform(0.2, 0.45))
            plan.add(clutter.pillow(d), *at, first.yaw + d.normal(0.2), model.tops[0][4],
                     solid=False)  # fmt: skip
    litter(plan, item, lambda dice: clutter.heap(dice) if dice.chance(0.4)
           else clutter.surface_item(dice), 0.15)  # fmt: skip
    for side in (-1, 1):
        if d.chance(0.6):
            stand = storage.nightstand(d)
            x = side * (lx / 2 + stand.size[0] / 2 + d.uniform(0, 0.1))
            y = -ly / 2 + stand.size[1] / 2 + d.uniform(0.05, 0.15)
            placed = plan.try_add(stand, *first.world(x, y), first.yaw)
            if placed is not None:
                if d.chance(0.6):
                    stand_on(plan, placed, clutter.desk_lamp(d), d.normal(0.05), 0, d.turn())
                litter(plan, placed, clutter.surface_item)
    if d.chance(0.2):
        foot = seating.ottoman(d)
        plan.try_add(foot, *first.world(0, ly / 2 + foot.size[1] / 2 + 0.05), first.yaw)


def wardrobes(plan: Plan) -> None:
    """One to four tall cabinets side by side, one instance or each its own."""
    d = plan.dice
    number = d.count(3, 7) if d.long() else d.pick((1, 2, 3, 4), (4, 3, 1.5, 0.7))
    length, depth, height = d.size(0.6, 1.2), d.size(0.45, 0.65), d.size(1.75, 2.3)
    row = [
        storage.row_cabinet(d, length, depth, height if d.chance(0.8) else height * 0.6)
        for _ in range(number)
    ]
    row_by_wall(plan, row, d.settings.separate_wardrobes)


def television_set(plan: Plan) -> None:
    """A low cabinet with a television on it."""
    d = plan.dice
    low = storage.low_cabinet(d)
    item = plan.against_wall(low)
    if item is not None:
        stand_on(plan, item, clutter.television(d, clutter.other(d)), d.normal(0.1), 0, 0)
        litter(plan, item, clutter.surface_item, 0.5)


def pictures(plan: Plan) -> None:
    """One picture, a few about the room, or a gallery."""
    d = plan.dice
    if d.companion():
        gallery(plan)
        return
    for _ in range(d.pick((1, 2, 4), (5, 2, 1))):
        model = fixtures.picture(d)
        hang(plan, model, min(d.uniform(1.0, 1.6), plan.height - model.size[2] - 0.1))


def gallery(plan: Plan) -> None:
    """Pictures side by side and above each other, each its own object."""
    d = plan.dice
    make = fixtures.small_picture if d.chance(0.5) else fixtures.picture
    same = make(d) if d.chance(0.5) else None
    number = d.count(2, 5)
    rows = [[same or make(d) for _ in range(number)] for _ in range(d.pick((1, 2, 3), (4, 2, 1)))]
    close = d.touching() and d.chance(0.5)
    gap = d.uniform(0.0, 0.12) if close else d.uniform(0.03, 0.35)
    spread = d.uniform(0.0, 0.15)
    steps = [max(m.size[2] for m in row) + gap for row in rows]
    width = max(sum(m.size[0] + gap + spread for m in row) for row in rows)
    high = sum(steps)
    z = min(d.uniform(0.8, 1.5), plan.height - high - 0.1)
    spot = free_wall(plan, width, z, z + high) if z > 0.3 else None
    if spot is None:
        return
    for row, step in zip(rows, steps):
        along = spot[1] - width / 2
        for model in row:
            along += d.uniform(0.0, spread)
            plan.mount(model, spot[0], along + model.size[0] / 2, z)
            along += model.size[0] + gap
        z += step


def shelf(plan: Plan) -> None:
    """A shelf board on a wall with things on it; annotators vary in what they call it."""
    d = plan.dice
    board_model = storage.wall_cabinets(d, d.size(0.5, 1.4), d.size(0.18, 0.32), 0.0, 0.03)
    label = d.pick((CABINET, UNLABELLED, OTHER_FURNITURE), (1, 3, 1))
    lx, ly, lz = board_model.size
    model = Model(board_model.patches, board_model.kinds, (lx, ly, lz), board_model.footprint,
                  label, label != UNLABELLED, 1.0, ((0.0, 0.0, lx, ly, lz),))  # fmt: skip
    item = hang(plan, model, d.uniform(1.2, 1.8), away=ly / 2)
    if item is not None:
        litter(plan, item, clutter.surface_item, 2.0)
