"""Each piece of furniture: it stands on the floor, in its box, in plausible dimensions."""

from collections.abc import Callable

import numpy as np
import pytest

from mtml_ros.simulation.rooms import clutter, fixtures, seating, storage, tables
from mtml_ros.simulation.rooms.geometry import Model
from mtml_ros.simulation.rooms.labels import BED, CABINET, CHAIR, DESK, DOOR, SOFA, TABLE, TOILET
from mtml_ros.simulation.rooms.settings import VALIDATION, Dice, RoomSettings

Make = Callable[[Dice], Model]

STANDING: list[Make] = [
    seating.chair, seating.office_chair, seating.stool, seating.armchair, seating.sofa,
    seating.bed, seating.ottoman, tables.dining_table, tables.coffee_table, tables.side_table,
    tables.conference_table, tables.desk, tables.school_desk, storage.cabinet, storage.wardrobe,
    storage.nightstand, storage.bookshelf, storage.refrigerator, fixtures.toilet,
    fixtures.bathtub, clutter.bin_, clutter.plant, clutter.cardboard_box,
    clutter.bag, clutter.suitcase, clutter.floor_lamp, clutter.fan, clutter.ball,
    clutter.monitor, clutter.surface_item, clutter.floor_item,
    clutter.pillow, clutter.kitchen_item,
]  # fmt: skip

# Least and most height of the real thing in metres; the generator may leave them by `stretch`.
# Seats: DIN EN 1335 and furniture catalogues; tables and desks: EN 527 (.62-.85 m adjustable);
# beds with headboard; toilets: EN 33 with cistern.
HEIGHTS: list[tuple[Make, int, float, float]] = [
    (seating.office_chair, CHAIR, 0.75, 1.45),
    (seating.sofa, SOFA, 0.60, 1.15),
    (seating.bed, BED, 0.25, 1.40),
    (tables.dining_table, TABLE, 0.68, 0.80),
    (tables.coffee_table, TABLE, 0.30, 0.55),
    (tables.desk, DESK, 0.68, 0.80),
    (storage.wardrobe, CABINET, 1.70, 2.45),
    (fixtures.toilet, TOILET, 0.36, 0.90),
]


def _bounds(model: Model) -> tuple[np.ndarray, np.ndarray]:
    p = model.patches
    corners = np.concatenate([p[:, 0], p[:, 0] + p[:, 1], p[:, 0] + p[:, 2], p.sum(axis=1)])
    return corners.min(axis=0), corners.max(axis=0)


def _several(make: Make, count: int = 12) -> list[Model]:
    settings = RoomSettings(other_furniture=0.5)
    return [make(Dice(np.random.default_rng(seed), settings)) for seed in range(count)]


@pytest.mark.parametrize("make", STANDING, ids=lambda m: m.__name__)
def test_furniture_stands_in_its_box_on_the_floor(make: Make) -> None:
    for model in _several(make):
        low, high = _bounds(model)
        assert -0.13 <= low[2] <= 0.12, "neither sunk into the floor nor floating over it"
        # what may overhang the footprint: handles, open doors and boards, leaves, a lean back
        overhang = 0.75 if make.__module__ == storage.__name__ else 0.45
        half = np.array(model.size[:2]) / 2
        assert (high[:2] <= half + overhang).all()
        assert (low[:2] >= -half - overhang).all()
        assert np.isfinite(model.patches).all()
        assert 0 < model.returns <= 1
        assert model.counted == (model.label != 0)


@pytest.mark.parametrize("make", STANDING, ids=lambda m: m.__name__)
def test_no_two_pieces_are_alike(make: Make) -> None:
    sizes = {np.round(_bounds(m)[1], 4).tobytes() for m in _several(make)}
    assert len(sizes) >= 10


@pytest.mark.parametrize(("make", "label", "low", "high"), HEIGHTS, ids=lambda v: str(v)[:30])
def test_heights_are_real_ones_widened(make: Make, label: int, low: float, high: float) -> None:
    stretch = RoomSettings().stretch
    heights = []
    for model in _several(make, 60):
        assert model.label == label
        heights.append(model.size[2])
    assert min(heights) >= low * (1 - stretch) - 1e-6
    assert max(heights) <= high * (1 + stretch) + 1e-6
    assert max(heights) > 1.1 * min(heights)


def test_some_desks_are_for_several_or_rise_above_their_tops_as_asked() -> None:
    long, high = {}, {}
    for odd in (0.0, 1.0):
        settings = RoomSettings(odd_desks=odd)
        desks = [tables.desk(Dice(np.random.default_rng(s), settings)) for s in range(60)]
        long[odd] = sum(desk.size[0] > 1.8 * 1.2 for desk in desks)
        high[odd] = sum(_bounds(desk)[1][2] > desk.size[2] + 0.1 for desk in desks)
    assert long[0.0] == 0
    assert long[1.0] >= 10
    assert high[1.0] > high[0.0] + 20


LONG: list[tuple[Make, float]] = [
    (tables.dining_table, 2.2), (tables.conference_table, 4.8), (storage.cabinet, 2.2),
    (storage.wardrobe, 2.0), (seating.sofa, 3.9),
]  # fmt: skip
"""Up to which length in metres it is when it is not to be long, before `stretch`."""


@pytest.mark.parametrize(("make", "usual"), LONG, ids=lambda v: str(v)[:30])
def test_furniture_is_long_as_asked(make: Make, usual: float) -> None:
    for long in (0.0, 1.0):
        settings = RoomSettings(long=long)
        found = [make(Dice(np.random.default_rng(s), settings)).size[0] for s in range(40)]
        assert (max(found) > usual * (1 + settings.stretch) + 0.1) == (long == 1)


def test_validation_dimensions_stay_closer_to_the_real_ones() -> None:
    def spread(settings: RoomSettings) -> float:
        heights = [tables.desk(Dice(np.random.default_rng(s), settings)).size[2] for s in range(99)]
        return max(heights) - min(heights)

    assert spread(VALIDATION) < 0.75 * spread(RoomSettings())


def test_tops_of_tables_are_where_their_boards_are() -> None:
    for make in (tables.dining_table, tables.desk, tables.conference_table, storage.cabinet):
        for model in _several(make):
            z = model.tops[0][4]
            p = model.patches
            flat = np.abs(np.cross(p[:, 1], p[:, 2])[:, :2]).max(axis=1) < 1e-4
            level = p[flat, 0, 2]
            assert np.abs(level - z).min() < 0.03


def test_sink_lies_in_the_hole_of_its_counter() -> None:
    for seed in range(8):
        d = Dice(np.random.default_rng(seed), RoomSettings())
        counter, sink = storage.counter_top(d, 2.0, 0.6, 0.86, 0.3)
        assert sink is not None
        tops = [p for p in counter.patches if np.cross(p[1], p[2])[2] > 1e-6]
        low, high = _bounds(sink)
        middle = (low + high) / 2
        for corner, u, v in tops:  # no board over the sink's middle
            inside_x = corner[0] < middle[0] < corner[0] + u[0] + v[0]
            inside_y = corner[1] < 0.0 < corner[1] + u[1] + v[1]
            assert not (inside_x and inside_y)
        assert low[2] < 0.86 < high[2]


def test_open_door_swings_into_the_room_about_its_hinge() -> None:
    d = Dice(np.random.default_rng(0), RoomSettings(door_frames=0.0))
    for hinge in (-1, 1):
        (shut,) = fixtures.door(d, 0.9, 2.0, angle=0.0, hinge=hinge)
        (wide,) = fixtures.door(d, 0.9, 2.0, angle=np.pi / 2, hinge=hinge)
        assert _bounds(shut)[1][1] < 0.2
        high = _bounds(wide)[1]
        assert 0.6 < high[1] < 1.1  # one leaf's width into the room
        far = wide.patches[wide.patches[:, 0, 1] > 0.5][:, 0, 0]
        assert (np.sign(far) == hinge).all()  # and it stands on the hinge's side


def test_a_frame_of_its_own_surrounds_its_leaf_in_the_plane_of_the_wall() -> None:
    d = Dice(np.random.default_rng(1), RoomSettings(door_frames=1.0))
    for _ in range(20):
        frame, leaf = fixtures.door(d, 0.9, 2.0, angle=0.0, hinge=1)
        assert {frame.label, leaf.label} == {DOOR}
        (low, high), (inner_low, inner_high) = _bounds(frame), _bounds(leaf)
        assert low[0] <= -0.45 < inner_low[0] < inner_high[0] < 0.45 <= high[0]
        assert high[2] >= 2.0 > inner_high[2]
        assert high[0] - low[0] < 1.2
        assert high[1] < 0.06


def test_refrigerators_are_not_cabinets_and_bookshelves_hold_books() -> None:
    for shelf in _several(storage.bookshelf):
        assert len(shelf.patches) > 40
    assert {m.label for m in _several(storage.refrigerator)} != {CABINET}
