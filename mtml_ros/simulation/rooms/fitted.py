"""How kitchens and bathrooms are fitted: rows of cabinets and counters, baths, basins."""

from __future__ import annotations

import math

from mtml_ros.simulation.rooms import clutter, fixtures, seating, storage
from mtml_ros.simulation.rooms.geometry import Model
from mtml_ros.simulation.rooms.groups import hang, litter, stacked
from mtml_ros.simulation.rooms.labels import OTHER_FURNITURE, UNLABELLED
from mtml_ros.simulation.rooms.layout import Plan


def kitchen_run(plan: Plan) -> None:
    """Base cabinets with a counter, sink, stove and refrigerator along a wall; cabinets above.

    ScanNet annotates the row below a counter as one cabinet mostly, the counter as another
    instance, and the row above as a third; `separate_cabinets` says how often each is its own.
    """
    d = plan.dice
    depth, height = d.size(0.55, 0.68), d.size(0.82, 0.92)
    for _ in range(12):
        i = d.pick(range(len(plan.walls)), [w.length for w in plan.walls])
        wall = plan.walls[i]
        longest = d.size(3.5, 6.5) if d.long() else d.size(1.4, 4.0)
        length = min(longest, wall.length - 0.02)
        if length < 1.1:
            continue
        start = d.pick((0.0, wall.length - length, d.uniform(0, wall.length - length)))
        middle = start + length / 2
        x, y = wall.at(middle, depth / 2 + 0.01)
        if not plan.fits([(x, y, length / 2, depth / 2, wall.yaw, 0.0, 1.0)]):
            continue
        _fill_run(plan, i, start, length, depth, height)
        return


def _fill_run(plan: Plan, i: int, start: float, length: float, depth: float,
              height: float) -> None:  # fmt: skip
    d, wall = plan.dice, plan.walls[i]
    separate = d.chance(d.settings.separate_cabinets)
    end = start + length
    if length > 2.0 and d.chance(0.5):  # a refrigerator ends the row
        fridge = storage.refrigerator(d)
        if d.chance(0.5):
            along, start = start + fridge.size[0] / 2, start + fridge.size[0] + 0.02
        else:
            along, end = end - fridge.size[0] / 2, end - fridge.size[0] - 0.02
        item = plan.try_add(fridge, *wall.at(along, fridge.size[1] / 2 + 0.02), wall.yaw)
        if item is not None and d.touching():
            _above(plan, i, along, fridge)
        elif item is not None:
            litter(plan, item, clutter.surface_item, 0.6)
    length, middle = end - start, (start + end) / 2
    sections = [(start, end)]
    stove = storage.appliance(d, d.pick((UNLABELLED, OTHER_FURNITURE)))
    if length > 1.0 + stove.size[0] and d.chance(0.6):
        along = d.uniform(start + 0.5, end - 0.5 - stove.size[0])
        at = wall.at(along + stove.size[0] / 2, stove.size[1] / 2 + 0.005)
        plan.try_add(stove, *at, wall.yaw)
        sections = [(start, along), (along + stove.size[0], end)]
    wet = d.count(0, len(sections) - 1) if d.chance(0.75) else -1
    for k, (low, high) in enumerate(sections):
        if high - low < 0.25:
            continue
        parts = max(1, round((high - low) / d.uniform(0.5, 0.9))) if separate else 1
        for j in range(parts):
            w = (high - low) / parts
            at = wall.at(low + (j + 0.5) * w, depth / 2)
            plan.add(storage.base_cabinets(d, w, depth, height), *at, wall.yaw)
        sink_at = None
        if k == wet and high - low > 0.7:
            reach = (high - low) / 2 - 0.35
            sink_at = d.uniform(-reach, reach)
        top, sink = storage.counter_top(d, high - low, depth + 0.02, height, sink_at)
        at = wall.at((low + high) / 2, depth / 2 + 0.01)
        item = plan.add(top, *at, wall.yaw, solid=False)
        if sink is not None:
            plan.add(sink, *at, wall.yaw, solid=False)
        litter(plan, item, lambda dice: clutter.kitchen_item(dice) if dice.chance(0.4)
               else clutter.surface_item(dice), 1.2)  # fmt: skip
    if d.chance(0.8):
        low_z = d.size(1.35, 1.5)
        high_z = min(low_z + d.size(0.5, 1.0), plan.height)
        if plan.wall_free(i, start, end, low_z, high_z) and high_z - low_z > 0.3:
            parts = max(1, round(length / d.uniform(0.6, 1.4))) if separate else 1
            deep = d.size(0.3, 0.38)
            for j in range(parts):
                if d.chance(0.1):
                    continue
                at = wall.at(start + (j + 0.5) * length / parts, deep / 2)
                row = storage.wall_cabinets(d, length / parts, deep, 0.0, high_z - low_z)
                plan.try_add(row, *at, wall.yaw, low_z)
            plan.reserve(i, start, end, low_z, high_z)
    elif plan.wall_free(i, middle - 0.5, middle + 0.5, 1.2, 1.7):
        plan.mount(fixtures.picture(d), i, middle, 1.3)


def _above(plan: Plan, i: int, along: float, fridge: Model) -> None:
    """A cabinet of its own over a refrigerator, beside the row on the wall."""
    d, (width, depth, low) = plan.dice, fridge.size
    low += d.uniform(0.02, 0.1)
    high = min(low + d.size(0.3, 0.7), plan.height)
    if high - low > 0.2 and plan.wall_free(i, along - width / 2, along + width / 2, low, high):
        deep = depth * d.uniform(0.5, 1.0)
        row = storage.wall_cabinets(d, width, deep, 0.0, high - low)
        plan.try_add(row, *plan.walls[i].at(along, deep / 2), plan.walls[i].yaw, low)


def kitchen_island(plan: Plan) -> None:
    """A free cabinet with a counter on it and stools along one side."""
    d = plan.dice
    length, depth, height = d.size(1.2, 2.4), d.size(0.6, 1.0), d.size(0.85, 1.05)
    if d.long():
        length = d.size(2.4, 4.8)
    item = plan.free_standing(storage.base_cabinets(d, length, depth, height), margin=0.5)
    if item is None:
        return
    base = plan.items[item]
    top, sink = storage.counter_top(d, length + 0.1, depth + 0.2, height,
                                    d.pick((None, 0.0)))  # fmt: skip
    slab = plan.add(top, base.x, base.y, base.yaw, solid=False)
    if sink is not None:
        plan.add(sink, base.x, base.y, base.yaw, solid=False)
    litter(plan, slab, clutter.surface_item, 1.0)
    for i in range(d.count(0, 4)):
        at = base.world(-length / 2 + 0.25 + i * 0.5, -depth / 2 - d.uniform(0.25, 0.4))
        plan.try_add(seating.stool(d), *at, base.yaw + d.normal(0.4))


def bar(plan: Plan) -> None:
    """A counter on a closed front, free or by a wall, as cafes and receptions have, with stools."""
    d = plan.dice
    length, depth, height = d.size(1.4, 5.0), d.size(0.4, 0.8), d.size(0.9, 1.15)
    front = storage.base_cabinets(d, length, depth * 0.7, height)
    top, _ = storage.counter_top(d, length, depth, height)
    if d.chance(0.5):  # front and top are one object
        model = stacked(front, top)
        item = plan.against_wall(model) if d.chance(0.3) else plan.free_standing(model, margin=0.3)
    else:
        item = plan.free_standing(front, margin=0.3)
        if item is not None:
            base = plan.items[item]
            item = plan.add(top, base.x, base.y, base.yaw, solid=False)
    if item is None:
        return
    base = plan.items[item]
    litter(plan, item, clutter.surface_item, 1.0)
    for i in range(d.count(0, int(length / 0.6))):
        at = base.world(-length / 2 + 0.3 + i * 0.6, depth / 2 + d.uniform(0.2, 0.4))
        plan.try_add(seating.stool(d), *at, base.yaw + d.normal(0.4))


def bathroom(plan: Plan) -> None:
    """A toilet, a basin alone or in a vanity, a bathtub or shower with its curtain."""
    d = plan.dice
    if d.chance(0.65):
        tub = fixtures.bathtub(d)
        item = plan.against_wall(tub, gap=0.0, tries=60)
        if item is not None and d.chance(0.65):
            at = plan.items[item]
            _bath_curtain(plan, at.world(0, tub.size[1] / 2 - 0.06), at.yaw, tub.size[0])
    elif d.chance(0.7):
        tray = fixtures.shower_tray(d, clutter.other(d))
        item = plan.against_wall(tray, gap=0.0, tries=25)
        if item is not None and d.chance(0.5):
            at = plan.items[item]
            _bath_curtain(plan, at.world(0, tray.size[1] / 2 - 0.04), at.yaw, tray.size[0])
    for _ in range(d.pick((1, 2), (8, 1))):
        plan.against_wall(fixtures.toilet(d), gap=0.01, tries=50)
    vanity(plan) if d.chance(0.5) else plan.against_wall(fixtures.washbasin(d), gap=0.0)
    for _ in range(d.count(0, 2)):
        hang(plan, fixtures.towel(d), 0.9)
    hang(plan, fixtures.board(d, clutter.other(d)), d.uniform(1.0, 1.2))


def _bath_curtain(plan: Plan, at: tuple[float, float], yaw: float, length: float) -> None:
    d = plan.dice
    width = length * d.pick((0.3, 0.5, 0.7, 0.95))
    shift = d.pick((-1, 1)) * (length - width) / 2
    c, s = math.cos(yaw), math.sin(yaw)
    cloth = fixtures.shower_curtain(d, width, d.uniform(0.1, 0.5), d.size(1.8, 2.1))
    plan.add(cloth, at[0] + c * shift, at[1] + s * shift, yaw, solid=False)


def vanity(plan: Plan) -> None:
    """A sink let into a counter on a cabinet."""
    d = plan.dice
    length, depth, height = d.size(0.6, 1.6), d.size(0.45, 0.58), d.size(0.74, 0.85)
    item = plan.against_wall(storage.base_cabinets(d, length, depth, height), gap=0.01, tries=20)
    if item is not None:
        base = plan.items[item]
        top, sink = storage.counter_top(d, length + 0.02, depth + 0.02, height, 0.0)
        slab = plan.add(top, base.x, base.y, base.yaw, solid=False)
        if sink is not None:
            plan.add(sink, base.x, base.y, base.yaw, solid=False)
        litter(plan, slab, clutter.surface_item, 1.5)
