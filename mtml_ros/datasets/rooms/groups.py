"""Furniture as people arrange it: what stands together, and how it touches."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mtml_ros.datasets.rooms import clutter, fixtures, seating, storage, tables
from mtml_ros.datasets.rooms.geometry import Model
from mtml_ros.datasets.rooms.labels import CABINET, DESK, OTHER_FURNITURE, TABLE, UNLABELLED
from mtml_ros.datasets.rooms.layout import Plan
from mtml_ros.datasets.rooms.settings import Dice

SOUTH = -math.pi / 2


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


def chairs_around(plan: Plan, table: int, make: Callable[[Dice], Model], *,
                  sides: tuple[str, ...] = ("north", "south", "east", "west"),
                  fill: float = 0.85) -> None:  # fmt: skip
    """Chairs at the sides of a table, tucked under it or pulled out, near each other."""
    d, under = plan.dice, plan.items[table]
    lx, ly, _ = under.model.size
    same = d.rng.integers(1 << 32)  # one table's chairs are of one make, mostly
    alike = d.chance(0.8)
    spread = d.uniform(0.55, 0.85)
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


def dining(plan: Plan) -> None:
    """A dining table with chairs, free or with a side to the wall."""
    d = plan.dice
    model = tables.dining_table(d)
    wall = d.chance(0.3)
    item = plan.against_wall(model) if wall else plan.free_standing(model, margin=0.4)
    if item is None:
        return
    sides = ("north", "east", "west") if wall else ("north", "south", "east", "west")
    chairs_around(plan, item, seating.chair, sides=sides)
    litter(plan, item, clutter.surface_item)


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
    model = tables.rectangular_table(d, d.size(1.1, 1.6), d.size(0.6, 0.8), d.size(0.70, 0.78))
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
    """One desk with its back to a wall, everything on it."""
    item = plan.against_wall(tables.desk(plan.dice))
    if item is not None:
        workplace(plan, item)


def desk_island(plan: Plan) -> None:
    """Two to six desks side by side and back to back, with or without screens between."""
    d = plan.dice
    length, width, height = d.size(1.2, 1.8), d.size(0.65, 0.85), d.size(0.70, 0.78)
    model = tables.rectangular_table(d, length, width, height, label=d.pick((DESK, TABLE)))
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
    number = d.pick((1, 2, 3, 4), (4, 3, 1.5, 0.7))
    length, depth, height = d.size(0.6, 1.2), d.size(0.45, 0.65), d.size(1.75, 2.3)
    _row(plan, [storage.carcass(d, length, depth, height if d.chance(0.8) else height * 0.6)
                for _ in range(number)], d.settings.separate_wardrobes)  # fmt: skip


def bookshelves(plan: Plan) -> None:
    """One to five bookshelves side by side against a wall."""
    d = plan.dice
    number = d.pick((1, 2, 3, 5), (5, 2, 1, 0.6))
    length, height = d.size(0.6, 1.2), d.size(0.8, 2.2)
    one = [storage.bookshelf(d, length, height) for _ in range(number)]
    _row(plan, one, 0.3)


def shelf_rows(plan: Plan) -> None:
    """Free-standing rows of bookshelves, as in a library."""
    d = plan.dice
    length, height = d.size(0.8, 1.2), d.size(1.2, 2.1)
    row = [_joined([storage.bookshelf(d, length, height) for _ in range(d.count(1, 3))])
           for _ in range(d.count(1, 4))]  # fmt: skip
    first = plan.free_standing(row[0], margin=0.3)
    if first is None:
        return
    base, pitch = plan.items[first], d.size(1.1, 1.6)
    for i, model in enumerate(row[1:], start=1):
        plan.try_add(model, *base.world(0, i * pitch), base.yaw)


def _row(plan: Plan, row: list[Model], separate: float) -> None:
    """Models side by side against a wall, joined into one unless drawn to be separate."""
    d = plan.dice
    models = row if d.chance(separate) else [_joined(row)]
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


def _joined(row: list[Model]) -> Model:
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
        length = min(d.size(1.4, 4.0), wall.length - 0.02)
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
        if item is not None:
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


def kitchen_island(plan: Plan) -> None:
    """A free cabinet with a counter on it and stools along one side."""
    d = plan.dice
    length, depth, height = d.size(1.2, 2.4), d.size(0.6, 1.0), d.size(0.85, 1.05)
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


def television_set(plan: Plan) -> None:
    """A low cabinet with a television on it."""
    d = plan.dice
    low = storage.carcass(d, d.size(0.9, 2.0), d.size(0.35, 0.5), d.size(0.35, 0.6))
    item = plan.against_wall(low)
    if item is not None:
        stand_on(plan, item, clutter.television(d, clutter.other(d)), d.normal(0.1), 0, 0)
        litter(plan, item, clutter.surface_item, 0.5)


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


def cafe(plan: Plan) -> None:
    """A small table with two to four chairs."""
    d = plan.dice
    model = (tables.round_table(d, d.size(0.3, 0.5), d.size(0.7, 0.76)) if d.chance(0.6) else
             tables.rectangular_table(d, d.size(0.6, 0.8), d.size(0.6, 0.8), 0.74))  # fmt: skip
    item = plan.free_standing(model, margin=0.35)
    if item is not None:
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


def bathroom(plan: Plan) -> None:
    """A toilet, a basin alone or in a vanity, a bathtub or shower with its curtain."""
    d = plan.dice
    if d.chance(0.65):
        tub = fixtures.bathtub(d)
        item = plan.against_wall(tub, gap=0.0, tries=25)
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
        plan.against_wall(fixtures.toilet(d), gap=0.01, tries=25)
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


def hang(plan: Plan, model: Model, z: float, tries: int = 6, away: float = 0.0) -> int | None:
    """Hangs a model on a free part of a wall with its lower edge at z."""
    d = plan.dice
    half = model.size[0] / 2
    for _ in range(tries):
        i = d.pick(range(len(plan.walls)), [w.length for w in plan.walls])
        length = plan.walls[i].length
        if length < model.size[0] + 0.1:
            continue
        along = d.uniform(half, length - half)
        free = plan.wall_free(i, along - half, along + half, z, z + model.size[2])
        if free and plan.furniture_free(i, along - half, along + half, z, z + model.size[2]):
            return plan.mount(model, i, along, z, away)
    return None


def pictures(plan: Plan) -> None:
    """One picture, or a few in a row."""
    d = plan.dice
    for _ in range(d.pick((1, 2, 4), (5, 2, 1))):
        model = fixtures.picture(d)
        hang(plan, model, min(d.uniform(1.0, 1.6), plan.height - model.size[2] - 0.1))


def on_floor(plan: Plan) -> None:
    """Something that stands about: along walls mostly, or beside furniture."""
    d = plan.dice
    model = clutter.floor_item(d)
    if d.chance(0.65):
        plan.against_wall(model)
    else:
        plan.free_standing(model, margin=0.0)


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
