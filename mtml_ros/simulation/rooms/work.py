"""How people arrange what they work and meet at: desks, tables, chairs, shelves."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mtml_ros.simulation.rooms import clutter, fixtures, seating, storage, tables
from mtml_ros.simulation.rooms.geometry import Model
from mtml_ros.simulation.rooms.groups import (
    another,
    chairs_around,
    flank,
    joined,
    litter,
    neighbor,
    row_by_wall,
    stand_on,
)
from mtml_ros.simulation.rooms.layout import Plan
from mtml_ros.simulation.rooms.settings import Dice


def meeting(plan: Plan) -> None:
    """A conference table, or several tables pushed together, with chairs all around."""
    d = plan.dice
    if d.chance(0.6):
        item = plan.free_standing(tables.conference_table(d), tries=30, margin=0.5)
        if item is not None:
            chairs_around(plan, item, seating.chair, fill=0.9)
            litter(plan, item, clutter.surface_item, 0.6)
        return
    twin_group(plan)


def twin_tables(plan: Plan, make: Callable[[Dice], Model]) -> None:
    """Two to four equal tables end to end or side by side, each an instance, with chairs."""
    d = plan.dice
    model = tables.twin_table(d)
    first = plan.free_standing(model, tries=30, margin=0.3)
    if first is None:
        return
    base, gap = plan.items[first], d.pick((0.0, 0.0, d.uniform(0.0, 0.08)))
    placed = [first]
    for dx, dy in d.pick((((1, 0),), ((0, 1),), ((1, 0), (2, 0)), ((1, 0), (0, 1), (1, 1)))):
        at = base.world(dx * (model.size[0] + gap), dy * (model.size[1] + gap))
        item = plan.try_add(model, *at, base.yaw)
        if item is not None:
            placed.append(item)
    for item in placed:
        chairs_around(plan, item, make, fill=0.7)
        litter(plan, item, clutter.surface_item, 0.6)


def twin_group(plan: Plan) -> None:
    """Tables pushed together with chairs of any make."""
    twin_tables(plan, seating.chair)


def workplace(plan: Plan, item: int) -> None:
    """A screen, keyboard, papers on a desk, a chair before it, a computer or bin below."""
    d, under = plan.dice, plan.items[item]
    lx, ly, _ = under.model.size
    back = -ly / 2 + 0.2
    screens = d.pick((0, 1, 2, 3), (1.5, 4, 2, 0.4))
    middle = d.uniform(-0.2, 0.2) * lx
    for i in range(screens):
        stand_on(plan, item, clutter.monitor(d), middle + (i - (screens - 1) / 2) * 0.55, back,
                 d.normal(0.15))  # fmt: skip
    if screens:
        stand_on(plan, item, clutter.keyboard(d), middle, min(back + 0.3, ly / 2 - 0.1), 0.0)
    litter(plan, item, clutter.surface_item)
    make = seating.office_chair if d.chance(0.7) else seating.chair
    if d.chance(0.9):
        model = make(d)
        out = ly / 2 + model.size[1] / 2 + (d.uniform(-0.35, 0.0) if d.chance(0.6) else
                                            d.uniform(0.0, 0.7))  # fmt: skip
        at = under.world(middle + d.normal(0.1), out)
        plan.try_add(model, *at, under.yaw + math.pi + d.normal(d.settings.messy * 1.5),
                     ignore=(item,))  # fmt: skip
    if d.chance(0.35):
        below = clutter.computer(d) if d.chance(0.5) else clutter.bin_(d)
        side = d.pick((-1, 1)) * (lx / 2 - 0.2)
        plan.try_add(below, *under.world(side, -0.05), under.yaw, ignore=(item,))


def desk_by_wall(plan: Plan) -> None:
    """A desk with its back to a wall, everything on it; perhaps with its like or something
    else beside it, and a cabinet of its own."""
    d = plan.dice
    model = tables.desk(d)
    item = plan.against_wall(model)
    if item is None:
        return
    desks = [item]
    if d.companion():
        beside = another(plan, item, tables.desk) if d.touching() else flank(plan, item, model)
        desks += [] if beside is None else [beside]
    elif d.companion():
        neighbor(plan, item)
    for item in desks:
        if d.companion():
            pedestal(plan, item)
        workplace(plan, item)


def pedestal(plan: Plan, item: int) -> None:
    """A cabinet of its own under a desk or beside it."""
    d, under = plan.dice, plan.items[item]
    length, width, height = under.model.size
    wide, deep = d.size(0.36, 0.5), d.size(0.45, 0.6)
    if d.chance(0.6):
        model = storage.carcass(d, wide, min(deep, width), d.uniform(0.45, height - 0.06))
        x = d.pick((-1, 1)) * (length - wide) / 2 * d.uniform(0.6, 1.0)
        plan.add(model, *under.world(x, d.uniform(-0.1, 0.1)), under.yaw, solid=False)
    else:
        flank(plan, item, storage.carcass(d, wide, deep, d.uniform(0.5, 1.2)))


def desk_island(plan: Plan) -> None:
    """Two to six desks side by side and back to back, with or without screens between."""
    d = plan.dice
    model = tables.island_desk(d)
    length, width, height = model.size
    start = plan.free_standing(model, tries=30, margin=0.5)
    if start is None:
        return
    base = plan.items[start]
    gap = d.pick((0.0, 0.01, 0.04))
    placed = [start]
    for column in range(d.count(1, 3)):
        for row in (0, 1):
            if column == row == 0:
                continue
            at = base.world(column * (length + gap), -row * (width + gap))
            item = plan.try_add(model, *at, base.yaw + row * math.pi)
            if item is not None:
                placed.append(item)
    if d.chance(0.4):
        screen = fixtures.partition(d, length * 0.95, height + d.size(0.3, 0.6))
        for item in placed:
            it = plan.items[item]
            if abs(it.yaw - base.yaw) < 1:
                plan.add(screen, *it.world(0, -width / 2), it.yaw, solid=False)
    for item in placed:
        workplace(plan, item)


def chair_row(plan: Plan) -> None:
    """Waiting or lecture chairs side by side, touching or nearly."""
    d = plan.dice
    same = int(d.rng.integers(1 << 32))
    model = seating.chair(Dice(np.random.default_rng(same), d.settings))
    i = d.pick(range(len(plan.walls)), [w.length for w in plan.walls])
    wall = plan.walls[i]
    step = model.size[0] + d.pick((0.0, 0.03, d.uniform(0.02, 0.2)))
    along = d.uniform(0.3, max(wall.length * 0.5, 0.31))
    for _ in range(d.count(2, 7)):
        if along + step > wall.length:
            break
        x, y = wall.at(along, model.size[1] / 2 + d.uniform(0.02, 0.08))
        plan.try_add(model, x, y, wall.yaw + d.normal(0.03))
        along += step


def stacked_chairs(plan: Plan) -> None:
    """Chairs of one make piled up, each an instance that touches the next."""
    d = plan.dice
    model = seating.stackable(d)
    item = plan.against_wall(model)
    if item is None:
        return
    first, step = plan.items[item], d.uniform(0.08, 0.2)
    for i in range(1, d.count(2, 5)):
        at = first.world(0.0, 0.02 * i)
        plan.add(model, *at, first.yaw + d.normal(0.03), i * step, solid=False)


def cafe(plan: Plan) -> None:
    """A small table with two to four chairs."""
    d = plan.dice
    model = tables.cafe_table(d)
    item = plan.free_standing(model, margin=0.35)
    if item is not None:
        if d.touching():
            flank(plan, item, model)
        chairs_around(plan, item, seating.chair, fill=0.6)
        litter(plan, item, clutter.surface_item)


def classroom(plan: Plan) -> None:
    """Rows of equal desks with chairs, all facing one way."""
    d = plan.dice
    low, high = plan.outline.min(axis=0), plan.outline.max(axis=0)
    desk = tables.school_desk(d)
    seat_seed = int(d.rng.integers(1 << 32))
    lx, ly, _ = desk.size
    turn = d.count(0, 3) * math.pi / 2
    pitch_x = lx + d.pick((0.0, d.uniform(0.3, 0.8)))
    pitch_y = ly + d.uniform(0.65, 1.0)
    if round(turn / (math.pi / 2)) % 2:
        pitch_x, pitch_y = pitch_y, pitch_x
    xs = np.arange(low[0] + 0.9, high[0] - 0.6, pitch_x)[: d.count(2, 6)]
    ys = np.arange(low[1] + 0.9, high[1] - 0.6, pitch_y)[: d.count(2, 6)]
    full = d.uniform(0.7, 1.0)
    for x in xs:
        for y in ys:
            item = plan.try_add(desk, x + d.normal(0.02), y + d.normal(0.02),
                                turn + d.normal(0.02)) if d.chance(full) else None  # fmt: skip
            if item is None:
                continue
            under = plan.items[item]
            for i in range(1 if lx < 0.9 else 2):
                seat = seating.chair(Dice(np.random.default_rng(seat_seed), d.settings))
                at = under.world((i - (0 if lx < 0.9 else 0.5)) * lx / 2,
                                 ly / 2 + seat.size[1] / 2 + d.uniform(-0.3, 0.2))  # fmt: skip
                if d.chance(0.9):
                    plan.try_add(seat, *at, under.yaw + math.pi + d.normal(d.settings.messy * 0.5),
                                 ignore=(item,))  # fmt: skip
            litter(plan, item, clutter.surface_item, 0.5)


def bookshelves(plan: Plan) -> None:
    """One to five bookshelves side by side against a wall."""
    d = plan.dice
    number = d.count(3, 7) if d.long() else d.pick((1, 2, 3, 5), (5, 2, 1, 0.6))
    length, height = d.size(0.6, 1.2), d.size(0.8, 2.2)
    one = [storage.bookshelf(d, length, height) for _ in range(number)]
    row_by_wall(plan, one, 0.3)


def shelf_rows(plan: Plan) -> None:
    """Free-standing rows of bookshelves, as in a library."""
    d = plan.dice
    length, height = d.size(0.8, 1.2), d.size(1.2, 2.1)
    row = [joined([storage.bookshelf(d, length, height) for _ in range(d.count(1, 3))])
           for _ in range(d.count(1, 4))]  # fmt: skip
    first = plan.free_standing(row[0], margin=0.3)
    if first is None:
        return
    base, pitch = plan.items[first], d.size(1.1, 1.6)
    for i, model in enumerate(row[1:], start=1):
        plan.try_add(model, *base.world(0, i * pitch), base.yaw)
