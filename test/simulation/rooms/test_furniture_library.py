"""Rooms furnished from a library: its shapes are in them, at real sizes; without it nothing is."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

from mtml_ros.simulation.rooms import (
    RoomSettings,
    clutter,
    fixtures,
    generate_room,
    seating,
    storage,
    tables,
)
from mtml_ros.simulation.rooms.geometry import Body, Model
from mtml_ros.simulation.rooms.labels import CHAIR, OTHER_FURNITURE, TABLE, UNLABELLED
from mtml_ros.simulation.rooms.layout import Plan
from mtml_ros.simulation.rooms.library import VARIATION, FurnitureLibrary, Piece, varied
from mtml_ros.simulation.rooms.room_types import furnish
from mtml_ros.simulation.rooms.settings import Dice

SMALL = RoomSettings({"living": 1.0}, area=(6.0, 25.0), unlabelled=0.0)


def _box(label: int, size: tuple[float, float, float]) -> Model:
    b = Body()
    b.box(0.05, 0, 0, size[0] - 0.1, *size[1:])  # off the middle: its mirror image differs
    return b.model(size, label, tops=((0.05, 0.0, size[0] - 0.1, size[1], size[2]),))


CHAIRS = Piece("Chair", ("chair", "office chair", "stool"), _box(CHAIR, (0.5, 0.5, 0.9)), "A", "L")
TABLES = Piece("Table", ("dining table",), _box(TABLE, (1.2, 0.8, 0.75)), "B", "L")
PLANT = Piece("Plant", ("plant",), _box(OTHER_FURNITURE, (0.4, 0.4, 1.0)), "C", "L")
LIBRARY = FurnitureLibrary([CHAIRS, TABLES, PLANT])


def _plans(settings: RoomSettings, count: int = 12) -> list[Plan]:
    return [furnish(settings, Dice(np.random.default_rng([5, s]), settings)) for s in range(count)]


def test_without_a_library_no_room_differs():
    for seed in range(4):
        plain, share, empty = (
            generate_room(np.random.default_rng([6, seed]), settings)
            for settings in (SMALL, replace(SMALL, furniture_share=1.0),
                             replace(SMALL, furniture=FurnitureLibrary([])))
        )  # fmt: skip
        for other in (share, empty):
            np.testing.assert_array_equal(plain.xyz, other.xyz)
            np.testing.assert_array_equal(plain.labels, other.labels)
            np.testing.assert_array_equal(plain.instance, other.instance)


def test_the_same_seed_and_library_give_the_same_room():
    settings = replace(SMALL, furniture=LIBRARY, furniture_share=1.0)
    differ = 0
    for seed in range(4):
        first, again = (generate_room(np.random.default_rng([7, seed]), settings) for _ in "ab")
        np.testing.assert_array_equal(first.xyz, again.xyz)
        np.testing.assert_array_equal(first.instance, again.instance)
        plain = generate_room(np.random.default_rng([7, seed]), SMALL)
        differ += plain.xyz.shape != first.xyz.shape
    assert differ >= 2


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 0.3, 0.7), (1.0, 1, 1)])
def test_furniture_is_the_librarys_by_its_share(share: float, least: float, most: float):
    settings = replace(SMALL, furniture=LIBRARY, furniture_share=share)
    d = Dice(np.random.default_rng(8), settings)
    body = len(CHAIRS.model.patches)
    for make in (seating.chair, seating.office_chair, seating.stool):
        real = np.mean([len(make(d).patches) == body for _ in range(60)])
        assert least <= real <= most


def test_rooms_hold_pieces_of_the_library_with_their_labels():
    settings = replace(SMALL, furniture=LIBRARY, furniture_share=1.0)
    items = [item for plan in _plans(settings) for item in plan.items]
    labels = {i.model.label for i in items if len(i.model.patches) == len(CHAIRS.model.patches)}
    assert {CHAIR, TABLE} <= labels
    chairs = [i.model for i in items if i.model.label == CHAIR and len(i.model.patches) == 6]
    assert len(chairs) >= 10
    for model in chairs:
        for size, real in zip(model.size, CHAIRS.model.size):
            assert abs(size / real - 1) <= VARIATION + 1e-6


def test_a_label_that_the_maker_draws_is_still_drawn():
    settings = RoomSettings(furniture=LIBRARY, furniture_share=1.0, other_furniture=0.5)
    d = Dice(np.random.default_rng(9), settings)
    plants = [clutter.plant(d) for _ in range(60)]
    assert {p.label for p in plants} == {OTHER_FURNITURE, UNLABELLED}
    assert all(p.counted == (p.label != UNLABELLED) for p in plants)


def test_a_varied_piece_still_faces_outwards_and_carries_things_on_its_top():
    d = Dice(np.random.default_rng(10), SMALL)
    sides = set()
    for _ in range(30):
        model = varied(TABLES.model, d)
        p = model.patches
        middle = p[:, 0] + (p[:, 1] + p[:, 2]) / 2
        centre = (middle.min(axis=0) + middle.max(axis=0)) / 2
        assert (((middle - centre) * np.cross(p[:, 1], p[:, 2])).sum(axis=1) > 0).all()
        ((x, _, length, _, z),) = model.tops
        assert z == pytest.approx(model.size[2])
        assert x == pytest.approx(centre[0], abs=1e-6)
        assert length == pytest.approx(np.ptp(middle[:, 0]), abs=1e-6)
        sides.add(x > 0)
    assert sides == {True, False}


def test_makers_ask_for_kinds_that_catalogues_are_sorted_into():
    from mtml_ros.datasets.furniture.kinds import KINDS

    asked = {
        make.kind
        for module in (clutter, fixtures, seating, storage, tables)
        for _, make in inspect.getmembers(module, inspect.isfunction)
        if hasattr(make, "kind")
    }
    assert asked == set(KINDS)
