"""The kinds of rooms: how large each is, and what is put into it in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mtml_ros.simulation.rooms import (
    clutter,
    fitted,
    fixtures,
    groups,
    home,
    openings,
    seating,
    storage,
    tables,
    work,
)
from mtml_ros.simulation.rooms.geometry import Model
from mtml_ros.simulation.rooms.layout import Plan
from mtml_ros.simulation.rooms.settings import Dice, RoomSettings

Group = Callable[[Plan], None]


@dataclass(frozen=True)
class Recipe:
    """One kind of room.

    area: m2; long: ratio of the sides. first: what makes it that kind, in order, each with its
    chance. more: what else may come, with weights, drawn until `density` groups a m2 are there.
    """

    area: tuple[float, float]
    first: Sequence[tuple[Group, float]]
    more: Sequence[tuple[Group, float]]
    density: float = 0.9
    long: tuple[float, float] = (1.0, 1.8)


def _wall(make: Callable[[Dice], Model], share: float = 0.7) -> Group:
    def put(plan: Plan) -> None:
        item = plan.against_wall(make(plan.dice))
        if item is not None:
            groups.litter(plan, item, clutter.surface_item, share)
            if plan.dice.touching():
                groups.another(plan, item, make)
            elif plan.dice.companion():
                groups.neighbor(plan, item)

    return put


def _free(make: Callable[[Dice], Model]) -> Group:
    def put(plan: Plan) -> None:
        plan.free_standing(make(plan.dice), margin=0.05)

    return put


def _hung(make: Callable[[Dice], Model], low: float, high: float) -> Group:
    def put(plan: Plan) -> None:
        groups.hang(plan, make(plan.dice), plan.dice.uniform(low, high))

    return put


def _board(d: Dice) -> Model:
    return fixtures.board(d, clutter.other(d))


def _rack(d: Dice) -> Model:
    return storage.shelf_rack(d, clutter.other(d))


def _screen(d: Dice) -> Model:
    return clutter.television(d, clutter.other(d))


def _appliance(d: Dice) -> Model:
    return storage.appliance(d, clutter.other(d))


def _machine(d: Dice) -> Model:
    return storage.other_carcass(d, clutter.other(d))


cabinet, wardrobe = _wall(storage.cabinet), _wall(storage.wardrobe)
chair, armchair = _free(seating.chair), _free(seating.armchair)
small_table, coffee = _wall(tables.side_table, 1.5), _wall(tables.coffee_table)
table_by_wall = _wall(tables.dining_table)
whiteboard, screen = _hung(_board, 0.8, 1.1), _hung(_screen, 1.0, 1.4)
rack, appliance, machine = _wall(_rack), _wall(_appliance), _wall(_machine)
pouf, ball = _free(seating.ottoman), _free(clutter.ball)
refrigerator = _wall(storage.refrigerator)

_ANY: tuple[tuple[Group, float], ...] = (
    (groups.on_floor, 4), (home.pictures, 1.2), (chair, 1.5), (cabinet, 1.5),
    (home.shelf, 0.8), (small_table, 0.7), (groups.column, 0.25), (machine, 0.7),
    (work.bookshelves, 0.8), (screen, 0.3),
)  # fmt: skip

RECIPES: dict[str, Recipe] = {
    "living": Recipe(
        (12, 60),
        ((home.sofa_corner, 1.0), (home.television_set, 0.7), (home.dining, 0.45)),
        (*_ANY, (home.sofa_corner, 0.4), (armchair, 1), (work.cafe, 0.3), (pouf, 0.6),
         (work.desk_by_wall, 0.4), (coffee, 0.4)),
    ),
    "bedroom": Recipe(
        (8, 30),
        ((home.bed_set, 1.0), (home.wardrobes, 0.7), (work.desk_by_wall, 0.5),
         (home.bed_set, 0.12)),
        (*_ANY, (home.wardrobes, 0.7), (armchair, 0.5), (home.television_set, 0.4),
         (work.desk_by_wall, 0.5), (pouf, 0.3), (ball, 0.2)),
        density=1.2,
    ),
    "office": Recipe(
        (8, 80),
        ((work.desk_by_wall, 0.9), (work.desk_island, 0.35), (work.desk_by_wall, 0.6)),
        (*_ANY, (work.desk_by_wall, 2.5), (work.desk_island, 0.6), (whiteboard, 1),
         (home.wardrobes, 0.6), (work.cafe, 0.3), (home.sofa_corner, 0.2)),
    ),
    "meeting": Recipe(
        (10, 60),
        ((work.meeting, 1.0), (whiteboard, 0.8), (screen, 0.5)),
        (*_ANY, (work.chair_row, 0.6), (whiteboard, 0.6), (table_by_wall, 0.5),
         (work.stacked_chairs, 0.3)),
        density=0.6,
    ),
    "kitchen": Recipe(
        (6, 30),
        ((fitted.kitchen_run, 1.0), (fitted.kitchen_run, 0.6), (fitted.kitchen_island, 0.2),
         (home.dining, 0.6), (refrigerator, 0.35)),
        (*_ANY, (work.cafe, 0.6), (appliance, 0.6), (fitted.kitchen_run, 0.3),
         (refrigerator, 0.3)),
        density=1,
    ),
    "bathroom": Recipe(
        (4.5, 14),
        ((fitted.bathroom, 1.0),),
        ((groups.on_floor, 2), (_hung(fixtures.towel, 0.6, 1.1), 1.5), (cabinet, 0.8),
         (home.pictures, 0.5), (fitted.vanity, 0.3), (appliance, 0.5), (home.shelf, 0.7)),
        density=1.4,
    ),
    "classroom": Recipe(
        (30, 120),
        ((work.classroom, 1.0), (whiteboard, 0.9), (work.desk_by_wall, 0.6)),
        (*_ANY, (whiteboard, 1), (work.chair_row, 0.4), (work.twin_group, 0.6),
         (work.stacked_chairs, 0.5)),
        density=0.36,
        long=(1.0, 1.6),
    ),
    "corridor": Recipe(
        (8, 40),
        ((work.chair_row, 0.5),),
        (*_ANY, (home.wardrobes, 1), (work.chair_row, 0.5), (whiteboard, 0.4)),
        density=0.7,
        long=(2.5, 7.0),
    ),
    "lounge": Recipe(
        (25, 200),
        ((home.sofa_corner, 1.0), (home.sofa_corner, 0.8), (work.cafe, 0.8)),
        (*_ANY, (home.sofa_corner, 1.5), (work.cafe, 2.5), (armchair, 2),
         (work.twin_group, 0.8), (work.chair_row, 0.4), (pouf, 0.5)),
        density=0.5,
    ),
    "library": Recipe(
        (12, 90),
        ((work.bookshelves, 1.0), (work.bookshelves, 1.0), (work.shelf_rows, 0.5),
         (work.twin_group, 0.6)),
        (*_ANY, (work.bookshelves, 3), (work.cafe, 0.8), (work.desk_by_wall, 0.8),
         (armchair, 0.6)),
        density=0.7,
    ),
    "storage": Recipe(
        (6, 25),
        ((rack, 0.8), (cabinet, 0.8), (rack, 0.6)),
        ((groups.on_floor, 5), (rack, 1.5), (cabinet, 1.5), (home.wardrobes, 1), (chair, 0.6),
         (table_by_wall, 0.8), (appliance, 1), (refrigerator, 0.3)),
        density=1.8,
    ),
    "studio": Recipe(
        (18, 60),
        ((home.bed_set, 0.9), (fitted.kitchen_run, 0.9), (home.sofa_corner, 0.8),
         (home.dining, 0.6), (work.desk_by_wall, 0.6), (home.wardrobes, 0.5)),
        (*_ANY, (groups.on_floor, 2), (home.television_set, 0.5), (armchair, 0.5),
         (refrigerator, 0.4), (work.desk_by_wall, 0.5)),
        density=1,
    ),
}  # fmt: skip

BARS = ("office", "lounge", "kitchen", "classroom", "library", "living")
"""Rooms that may have a long counter."""


def furnish(settings: RoomSettings, dice: Dice) -> Plan:
    """A room of a drawn kind: outline, openings, furniture, clutter."""
    names = list(settings.room_types)
    kind = dice.pick(names, [settings.room_types[n] for n in names])
    recipe = RECIPES[kind]
    low, high = settings.area
    smallest, largest = max(recipe.area[0], low), min(recipe.area[1], high)
    # small rooms are the common ones: uniform in the square of a draw
    area = smallest + (max(largest, smallest) - smallest) * dice.uniform(0, 1) ** 2
    plan = Plan(openings.outline(dice, area, dice.uniform(*recipe.long)),
                dice.uniform(*settings.wall_height), dice)  # fmt: skip
    openings.doors(plan, dice.pick((1, 2, 3), (4, 3, 1)) + int(area > 40))
    openings.windows(plan, dice.pick((0, 1, 2, 3), (2, 4, 3, 1)))
    if dice.chance(settings.open_wall):
        openings.open_side(plan)
    for group, chance in recipe.first:
        if dice.chance(chance):
            group(plan)
    if kind in BARS and dice.long():
        fitted.bar(plan)
    number = min(int(plan.area * recipe.density * dice.uniform(0.4, settings.crowding)), 60)
    options, weights = zip(*recipe.more)
    for _ in range(number):
        dice.pick(options, weights)(plan)
    if settings.strewn:
        groups.strew(plan, int(plan.area * settings.strewn * dice.uniform(0, 1) ** 2))
    return plan
