"""What the simulated sensor sees, against scenes simple enough to see by hand."""

import math

import numpy as np
import pytest

from mtml_ros.simulation.rooms.geometry import Body
from mtml_ros.simulation.rooms.settings import ScanSettings
from mtml_ros.simulation.sensor import Camera, Returns, Surfaces, scan

PLAIN = ScanSettings(
    spacing=0.02, min_range=0.3, max_range=(6.0, 6.0), field_of_view=(90.0, 90.0),
    noise=(0.0, 0.0), drift=(0.0, 0.0), edge_loss=0.0, mixed=0.0, grazing=(0.02, 0.02),
    copies=1,
)  # fmt: skip
AHEAD = Camera(np.array([0.0, 0.0, 1.0]), 0.0, 0.0)  # looks along +x


def _look(body: Body, cameras: list[Camera], settings: ScanSettings = PLAIN) -> Returns:
    model = body.model((1, 1, 1), 1)
    surfaces = Surfaces(model.patches, model.kinds, np.ones(len(model.patches)))
    return scan(surfaces, cameras, settings, np.random.default_rng(0))


def test_camera_axes_are_right_down_forward() -> None:
    np.testing.assert_allclose(AHEAD.axes, [[0, -1, 0], [0, 0, -1], [1, 0, 0]], atol=1e-7)
    up = Camera(np.zeros(3), math.pi / 2, math.pi / 4)
    np.testing.assert_allclose(up.axes[2], [0, math.sqrt(0.5), math.sqrt(0.5)], atol=1e-6)
    np.testing.assert_allclose(up.axes @ up.axes.T, np.eye(3), atol=1e-6)


def test_only_the_near_side_of_a_box_is_seen() -> None:
    body = Body()
    body.box(2.0, 0.0, 0.5, 1.0, 1.0, 1.0)  # x from 1.5 to 2.5, around the line of sight
    seen = _look(body, [AHEAD] * 12)
    # the camera is level with the box's middle: of six sides it sees the one at x = 1.5
    assert len(seen.xyz) > 0.95 * 50 * 50
    np.testing.assert_allclose(seen.xyz[:, 0], 1.5, atol=1e-5)


def test_a_box_casts_the_shadow_that_perspective_demands() -> None:
    body = Body()
    body.box(1.0, 0.0, 0.75, 0.02, 0.5, 0.5)  # a board 1 m ahead, half a metre wide
    body.patch((3.0, 2.0, 0.0), (0, -4.0, 0), (0, 0, 2.0))  # a wall 3 m ahead, facing back
    wall = _look(body, [AHEAD] * 12).xyz
    wall = wall[wall[:, 0] > 2]
    # its front is at .99 m: the shadow on the wall is 3 / .99 times as wide: +-.758 m
    half = 0.25 * 3 / 0.99
    pixel = 3 * (3 * 0.02 / 6)  # of the buffer for what is near: 3 cm at 1 m, 9 cm at 3 m
    depth = half - pixel * 3
    inside = (np.abs(wall[:, 1]) < depth) & (np.abs(wall[:, 2] - 1) < depth)
    assert not inside.any()
    beside = np.abs(wall[:, 1]) > half + 0.15
    assert beside.sum() > 0.9 * 2 * (2 - half - 0.15) * 2 / 0.02**2


def test_back_sides_are_never_seen() -> None:
    body = Body()
    body.patch((2.0, -1.0, 0.0), (0, 2.0, 0), (0, 0, 2.0))  # faces +x, away from the camera
    assert len(_look(body, [AHEAD] * 4).xyz) == 0


def test_picture_hides_the_wall_just_behind_it() -> None:
    body = Body()
    body.patch((3.0, 1.0, 0.0), (0, -2.0, 0), (0, 0, 2.0))
    body.patch((2.96, 0.4, 0.6), (0, -0.8, 0), (0, 0, 0.8))  # 4 cm before the wall
    seen = _look(body, [AHEAD] * 12)
    behind = seen.xyz[seen.patch == 0]
    assert not ((np.abs(behind[:, 1]) < 0.35) & (np.abs(behind[:, 2] - 1) < 0.35)).any()
    assert (seen.patch == 1).sum() > 0.9 * 40 * 40


def test_nothing_is_measured_out_of_range() -> None:
    body = Body()
    for x in (0.2, 7.0):
        body.patch((x, 0.1, 0.9), (0, -0.2, 0), (0, 0, 0.2))
    body.patch((4.0, 1.0, 0.0), (0, -2.0, 0), (0, 0, 2.0))
    seen = _look(body, [AHEAD] * 4)
    assert set(np.round(seen.xyz[:, 0], 3).tolist()) == {4.0}


def test_noise_grows_with_the_square_of_the_range() -> None:
    settings = ScanSettings(**{**PLAIN.__dict__, "noise": (0.002, 0.002)})
    spread = []
    for x in (1.5, 3.0):
        body = Body()
        body.patch((x, 0.3, 0.7), (0, -0.6, 0), (0, 0, 0.6))
        spread.append(float(_look(body, [AHEAD] * 8, settings).xyz[:, 0].std()))
    # at 1.5 m .002 * 1.5^2 = 4.5 mm, at 3 m 18 mm
    assert spread[0] == pytest.approx(0.0045, rel=0.15)
    assert spread[1] == pytest.approx(0.018, rel=0.15)


def test_dark_surfaces_return_their_share() -> None:
    body = Body()
    body.patch((2.0, 1.0, 0.5), (0, -1.0, 0), (0, 0, 1.0))
    body.patch((2.0, 0.0, 0.5), (0, -1.0, 0), (0, 0, 1.0))
    model = body.model((1, 1, 1), 1)
    surfaces = Surfaces(model.patches, model.kinds, np.array([1.0, 0.2]))
    seen = scan(surfaces, [AHEAD], PLAIN, np.random.default_rng(0))
    share = (seen.patch == 1).sum() / (seen.patch == 0).sum()
    assert share == pytest.approx(0.2, abs=0.04)


def test_drift_moves_poses_by_about_its_size() -> None:
    settings = ScanSettings(**{**PLAIN.__dict__, "drift": (0.05, 0.05), "copies": 3})
    body = Body()
    body.patch((2.0, 1.0, 0.0), (0, -2.0, 0), (0, 0, 2.0))
    seen = _look(body, [AHEAD] * 30, settings)
    offsets = [seen.xyz[seen.pose == p, 0].mean() - 2.0 for p in np.unique(seen.pose)]
    assert 0.003 < np.std(offsets) < 0.15
    assert np.abs(np.diff(offsets)).max() < 0.05  # smooth


def test_poses_come_in_order_and_no_sample_more_often_than_asked() -> None:
    settings = ScanSettings(**{**PLAIN.__dict__, "copies": 2})
    body = Body()
    body.patch((2.0, 0.5, 0.5), (0, -1.0, 0), (0, 0, 1.0))
    seen = _look(body, [AHEAD] * 20, settings)
    assert (np.diff(seen.pose) >= 0).all()
    assert len(seen.xyz) == 2 * 50 * 50  # twenty looks, two copies of each sample


def test_no_camera_sees_nothing() -> None:
    body = Body()
    body.box(0, 0, 0, 1, 1, 1)
    assert _look(body, []).xyz.shape == (0, 3)
