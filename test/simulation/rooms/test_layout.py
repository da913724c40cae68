"""Where things may stand: footprints against walls and each other."""

import math

import numpy as np
import pytest

from mtml_ros.simulation.rooms.geometry import Body, Model
from mtml_ros.simulation.rooms.layout import Plan
from mtml_ros.simulation.rooms.settings import Dice, RoomSettings

SQUARE = np.array([(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)])
ELL = np.array([(0.0, 0.0), (4.0, 0.0), (4.0, 2.0), (2.0, 2.0), (2.0, 4.0), (0.0, 4.0)])


def _plan(outline: np.ndarray = SQUARE, seed: int = 0) -> Plan:
    settings = RoomSettings(unlabelled=0.0)
    return Plan(outline, 2.5, Dice(np.random.default_rng(seed), settings))


def _box(lx: float, ly: float, lz: float) -> Model:
    body = Body()
    body.box(0, 0, 0, lx, ly, lz)
    return body.model((lx, ly, lz), 3)


def test_area_is_the_polygons() -> None:
    assert _plan(SQUARE).area == pytest.approx(16.0)
    assert _plan(ELL).area == pytest.approx(12.0)


def test_contains_knows_the_cut_corner_of_an_l() -> None:
    inside = _plan(ELL).contains(np.array([(1, 1), (3, 1), (1, 3), (3, 3), (-0.1, 1)]))
    assert inside.tolist() == [True, True, True, False, False]


def test_things_may_touch_but_not_overlap() -> None:
    plan = _plan()
    assert plan.try_add(_box(1, 1, 1), 1.5, 1.5, 0.0) is not None
    assert plan.try_add(_box(1, 1, 1), 2.5, 1.5, 0.0) is not None  # side by side
    assert plan.try_add(_box(1, 1, 1), 1.5, 2.45, 0.0) is None  # 5 cm into the first
    assert plan.try_add(_box(1, 1, 1), 1.5, 2.45, 0.0, ignore=(0, 1)) is not None


def test_turned_things_collide_by_their_true_outline() -> None:
    # a square turned by 45 degrees reaches .707 along the axes, .5 towards its sides
    plan = _plan()
    plan.add(_box(1, 1, 1), 2.0, 2.0, math.pi / 4)
    assert plan.try_add(_box(0.5, 0.5, 1), 3.0, 2.0, 0.0) is not None  # .707 + .25 < 1
    # towards its corner: sides meet at (.5 + .354) along the diagonal
    step = (0.5 + 0.25 * math.sqrt(2)) / math.sqrt(2)
    assert plan.try_add(_box(0.5, 0.5, 1), 2 - step - 0.02, 2 - step - 0.02, 0.0) is not None
    assert plan.try_add(_box(0.5, 0.5, 1), 2 + step - 0.05, 2 + step - 0.05, 0.0) is None


def test_things_above_each_other_do_not_collide() -> None:
    plan = _plan()
    plan.add(_box(1, 1, 1), 1.5, 1.5, 0.0)
    assert plan.try_add(_box(1, 1, 0.5), 1.5, 1.5, 0.0, z=1.0) is not None
    assert plan.try_add(_box(1, 1, 0.5), 1.5, 1.5, 0.0, z=0.7) is None


def test_nothing_sticks_through_walls_or_over_a_corner() -> None:
    plan = _plan(ELL)
    assert plan.try_add(_box(1, 1, 1), 0.4, 1.0, 0.0) is None  # 10 cm through a wall
    assert plan.try_add(_box(3, 1, 1), 2.2, 1.8, 0.0) is None  # over the inner corner
    assert plan.try_add(_box(1, 1, 1), 0.5, 0.5, 0.0) is not None  # into the outer corner


def test_against_wall_stands_with_the_back_to_it() -> None:
    for seed in range(10):
        plan = _plan(seed=seed)
        item = plan.against_wall(_box(1.0, 0.4, 0.5), gap=0.02)
        assert item is not None
        it = plan.items[item]
        behind = it.world(0.0, -0.2)
        edge = min(behind[0], behind[1], 4 - behind[0], 4 - behind[1])
        assert edge == pytest.approx(0.02, abs=1e-6)
        front = it.world(0.0, 0.3)
        assert min(front[0], front[1], 4 - front[0], 4 - front[1]) > 0.3


def test_tall_furniture_does_not_stand_before_a_window() -> None:
    plan = _plan()
    for wall in range(4):
        plan.open_wall(wall, 0.0, 4.0, 1.0, 2.0)
    assert plan.against_wall(_box(1.0, 0.4, 2.0), tries=30) is None
    assert plan.against_wall(_box(1.0, 0.4, 0.8), tries=30) is not None


def test_shell_has_the_area_of_walls_less_openings_and_faces_the_room() -> None:
    plan = _plan()
    plan.open_wall(0, 1.0, 2.0, 0.0, 2.0)
    plan.open_wall(1, 1.0, 3.0, 1.0, 2.0)
    plan.open_wall(1, 1.0, 2.0, 0.2, 0.5)  # below the other, narrower
    walls = plan.shell()[2][0]
    normal = np.cross(walls[:, 1], walls[:, 2])
    area = np.linalg.norm(normal, axis=1).sum()
    assert area == pytest.approx(4 * 4 * 2.5 - 2.0 - 2.0 - 0.3, rel=1e-5)
    centre = walls[:, 0] + (walls[:, 1] + walls[:, 2]) / 2
    toward = np.array([2.0, 2.0, 1.25]) - centre
    assert ((normal * toward).sum(axis=1) > 0).all()


def test_instances_are_numbered_and_some_left_unlabelled() -> None:
    plan = _plan()
    plan.add(_box(1, 1, 1), 1, 1, 0)
    plan.add(_box(1, 1, 1).as_label(0, counted=False), 2, 1, 0)
    plan.add(_box(1, 1, 1), 3, 1, 0)
    assert [i.instance for i in plan.items] == [0, -1, 1]
    forgetful = Plan(SQUARE, 2.5, Dice(np.random.default_rng(0), RoomSettings(unlabelled=1.0)))
    forgetful.add(_box(1, 1, 1), 1, 1, 0)
    assert forgetful.items[0].instance == -1
    assert forgetful.items[0].model.label == 0
