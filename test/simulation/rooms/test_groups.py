"""What arrangements share: who stands beside whom, what hangs together."""

from itertools import pairwise

import numpy as np
import pytest

from mtml_ros.simulation.rooms.geometry import Body, Model
from mtml_ros.simulation.rooms.groups import another, at_angle, flank, neighbor
from mtml_ros.simulation.rooms.home import gallery
from mtml_ros.simulation.rooms.labels import CABINET, DESK, DOOR, PICTURE, WINDOW
from mtml_ros.simulation.rooms.layout import Plan
from mtml_ros.simulation.rooms.openings import doors, windows
from mtml_ros.simulation.rooms.settings import Dice, RoomSettings

SQUARE = np.array([(0.0, 0.0), (6.0, 0.0), (6.0, 6.0), (0.0, 6.0)])


def _plan(seed: int, touching: float = 0.4) -> Plan:
    settings = RoomSettings(unlabelled=0.0, touching=touching, door_frames=0.0, curtain_pair_two=1)
    return Plan(SQUARE, 2.8, Dice(np.random.default_rng(seed), settings))


def _box(lx: float, ly: float, label: int) -> Model:
    body = Body()
    body.box(0, 0, 0, lx, ly, 0.7)
    return body.model((lx, ly, 0.7), label)


def test_flank_stands_beside_with_the_backs_in_line() -> None:
    gaps = []
    for seed in range(30):
        plan = _plan(seed)
        first = plan.add(_box(1.0, 0.6, DESK), 3.0, 0.3, 0.0)
        second = flank(plan, first, _box(0.5, 0.4, CABINET))
        assert second is not None
        it = plan.items[second]
        assert it.y == pytest.approx(0.2)  # both backs are at y = 0
        gaps.append(abs(it.x - 3.0) - 0.75)
    assert min(gaps) == pytest.approx(0.0)
    assert max(gaps) == pytest.approx(0.2)


def test_flank_leaves_out_what_does_not_fit() -> None:
    plan = _plan(0)
    first = plan.add(_box(5.8, 0.6, DESK), 3.0, 0.3, 0.0)
    assert flank(plan, first, _box(0.5, 0.4, CABINET)) is None


def test_neighbors_are_of_another_class_or_two_of_a_kind_that_counts() -> None:
    seen = set()
    for seed in range(60):
        plan = _plan(seed)
        first = plan.add(_box(1.0, 0.4, CABINET), 3.0, 0.2, 0.0)
        second = neighbor(plan, first)
        if second is not None:
            seen.add(plan.items[second].model.label)
    assert CABINET not in seen
    assert len(seen) >= 4
    twins = 0
    for seed in range(60):
        plan = _plan(seed)
        model = _box(1.0, 0.6, DESK)
        second = neighbor(plan, plan.add(model, 3.0, 0.3, 0.0))
        twins += second is not None and plan.items[second].model is model
    assert 8 <= twins <= 30


def test_at_angle_stands_before_an_end_with_no_overlap() -> None:
    for seed in range(20):
        plan = _plan(seed)
        first = plan.add(_box(1.6, 0.6, DESK), 3.0, 0.3, 0.0)
        second = at_angle(plan, first, _box(1.2, 0.5, DESK))
        assert second is not None
        it = plan.items[second]
        assert abs(it.yaw) == pytest.approx(np.pi / 2)
        assert abs(it.x - 3.0) == pytest.approx(0.8 - 0.25)  # its side in line with the end
        assert 0.6 + 0.6 - 1e-6 <= it.y <= 0.6 + 0.6 + 0.11


def test_another_is_of_the_same_class_and_cabinets_are_of_another_size() -> None:
    twins = {DESK: 0, CABINET: 0}
    for seed in range(30):
        for label in twins:
            plan = _plan(seed)
            model = _box(1.0, 0.5, label)
            second = another(
                plan, plan.add(model, 3.0, 0.25, 0.0), lambda d, label=label: _box(0.7, 0.5, label)
            )
            assert second is not None
            found = plan.items[second].model
            assert found.label == label
            twins[label] += found is model
    assert twins[CABINET] == 0
    assert 5 <= twins[DESK] <= 25


# windows beside another window are seldom two objects
@pytest.mark.parametrize(("make", "label", "rooms"), [(doors, DOOR, 15), (windows, WINDOW, 60)])
def test_openings_touch_as_asked_and_never_overlap(make, label, rooms) -> None:  # type: ignore[no-untyped-def]
    near = {0.0: 0, 1.0: 0}
    for touching in near:
        for seed in range(rooms):
            plan = _plan(seed, touching)
            make(plan, 2)
            for wall in plan.walls:
                spans = sorted(
                    ((np.array([it.x, it.y]) - wall.start) @ [np.cos(it.yaw), np.sin(it.yaw)],
                     it.model.size[0])
                    for it in plan.items if it.model.label == label and it.yaw == wall.yaw
                )  # fmt: skip
                for (a, wide), (b, other) in pairwise(spans):
                    assert b - a >= (wide + other) / 2 - 1e-6
                for x, wide in spans:
                    assert wide / 2 - 1e-6 <= x <= wall.length - wide / 2 + 1e-6
                near[touching] += sum(
                    b - a < (wide + other) / 2 + 0.35
                    for (a, wide), (b, other) in pairwise(spans)
                )  # fmt: skip
    assert near[1.0] > near[0.0] + 5


@pytest.mark.parametrize(("touching", "least"), [(0.0, 0.03), (1.0, 0.0)])
def test_pictures_of_a_gallery_hang_apart_on_their_wall(touching: float, least: float) -> None:
    rows = []
    for seed in range(40):
        plan = _plan(seed, touching)
        gallery(plan)
        assert {it.model.label for it in plan.items} <= {PICTURE}
        boxes = []
        for it in plan.items:
            wall = next(w for w in plan.walls if w.yaw == it.yaw)
            along = (np.array([it.x, it.y]) - wall.start) @ [np.cos(it.yaw), np.sin(it.yaw)]
            width, _, height = it.model.size
            assert 0 <= along - width / 2 < along + width / 2 <= wall.length
            assert it.z > 0.3
            assert it.z + height <= plan.height
            boxes.append((along - width / 2, along + width / 2, it.z, it.z + height))
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                apart = max(a[0] - b[1], b[0] - a[1], a[2] - b[3], b[2] - a[3])
                assert apart >= least - 1e-6
        rows.append(len({it.z for it in plan.items}))
    assert {1, 2} <= set(rows)
