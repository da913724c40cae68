"""Solids are closed and face outwards; samples cover patches evenly."""

import math

import numpy as np
import pytest

from mtml_ros.simulation.rooms.geometry import Body, Model, place, sample_patches


def _normals(model: Model) -> np.ndarray:
    return np.cross(model.patches[:, 1], model.patches[:, 2])


def _volume(model: Model) -> float:
    """Divergence theorem: a closed surface's volume is a third of the flux of position."""
    centre = model.patches[:, 0] + (model.patches[:, 1] + model.patches[:, 2]) / 2
    share = np.where(model.kinds == 1, math.pi / 4, 1.0)
    return float((share[:, None] * centre * _normals(model)).sum() / 3)


@pytest.mark.parametrize(("yaw", "tilt"), [(0.0, 0.0), (0.7, 0.0), (0.3, 0.4)])
def test_box_is_closed_and_faces_outwards(yaw: float, tilt: float) -> None:
    body = Body()
    body.box(1.0, 2.0, 3.0, 0.4, 0.5, 0.6, yaw=yaw, tilt=tilt)
    model = body.model((1, 1, 1), 1)
    assert len(model.patches) == 6
    assert np.linalg.norm(_normals(model), axis=1).sum() == pytest.approx(
        2 * (0.4 * 0.5 + 0.4 * 0.6 + 0.5 * 0.6), rel=1e-5
    )
    assert _volume(model) == pytest.approx(0.4 * 0.5 * 0.6, rel=1e-4)


def test_tilted_box_leans_backwards() -> None:
    body = Body()
    body.box(0, 0, 0, 1.0, 0.1, 1.0, tilt=math.radians(30))
    top = body.model((1, 1, 1), 1).patches[1]  # corner and edges of the upper face
    centre = top[0] + (top[1] + top[2]) / 2
    assert centre == pytest.approx([0, -0.5, math.cos(math.radians(30))], abs=1e-6)


@pytest.mark.parametrize("end", [(0.3, 0.0, 1.0), (0.0, 1.0, 0.0), (0.5, 0.5, 0.5)])
def test_beam_is_closed_and_as_long_as_its_ends_are_apart(end: tuple) -> None:
    body = Body()
    body.beam((0, 0, 0), end, 0.05, 0.1)
    volume = 0.05 * 0.1 * float(np.linalg.norm(end))
    assert _volume(body.model((1, 1, 1), 1)) == pytest.approx(volume, rel=1e-3)


def test_cylinder_has_the_volume_of_its_prism() -> None:
    body = Body()
    body.cylinder(0.5, -1, 0.2, 0.3, 2.0, sides=24)
    sides = 24 / 2 * 0.3**2 * math.sin(2 * math.pi / 24) * 2.0
    # the caps are discs, the sides an inscribed prism: within two percent of one another
    assert _volume(body.model((1, 1, 1), 1)) == pytest.approx(sides, rel=0.02)


def test_ellipsoid_has_about_its_volume_and_faces_outwards() -> None:
    body = Body()
    body.ellipsoid(0, 0, 0, 0.3, 0.2, 0.1, rows=12, columns=24)
    model = body.model((1, 1, 1), 1)
    assert _volume(model) == pytest.approx(4 / 3 * math.pi * 0.3 * 0.2 * 0.1, rel=0.03)
    centre = model.patches[:, 0] + (model.patches[:, 1] + model.patches[:, 2]) / 2
    assert ((centre * _normals(model)).sum(axis=1) > 0).all()


def test_place_turns_before_it_moves() -> None:
    patch = np.array([[[1, 0, 0], [1, 0, 0], [0, 1, 0]]], dtype=np.float32)
    moved = place(patch, 10, 20, 30, math.pi / 2)[0]
    np.testing.assert_allclose(moved, [[10, 21, 30], [0, 1, 0], [-1, 0, 0]], atol=1e-6)


def test_samples_are_one_a_square_of_the_spacing() -> None:
    body = Body()
    body.patch((0, 0, 0), (1, 0, 0), (0, 2, 0))
    model = body.model((1, 2, 0), 1)
    xyz, patch = sample_patches(model.patches, model.kinds, 0.05, np.random.default_rng(0))
    assert len(xyz) == 20 * 40  # exactly one in each 5 cm cell
    cells = np.unique(np.floor(xyz[:, :2] / 0.05 + 1e-6), axis=0)
    assert len(cells) >= 0.99 * 800
    assert (patch == 0).all()


def test_strip_thinner_than_the_spacing_gets_its_share_of_samples() -> None:
    body = Body()
    body.patch((0, 0, 0), (20, 0, 0), (0, 0.01, 0))
    model = body.model((1, 2, 0), 1)
    xyz, _ = sample_patches(model.patches, model.kinds, 0.05, np.random.default_rng(0))
    # 400 cells along it, each kept with chance .01 / .05: 80 +- 3 standard deviations of 8
    assert 56 <= len(xyz) <= 104


def test_disc_keeps_what_lies_inside_its_circle() -> None:
    body = Body()
    body.disc(1.0, 1.0, 0.5, 0.4, 0.4)
    model = body.model((1, 1, 1), 1)
    xyz, _ = sample_patches(model.patches, model.kinds, 0.02, np.random.default_rng(0))
    assert np.hypot(xyz[:, 0] - 1, xyz[:, 1] - 1).max() <= 0.4 + 1e-6
    assert len(xyz) == pytest.approx(math.pi / 4 * 1600, rel=0.03)


def test_l_shape_has_two_footprints_around_its_middle() -> None:
    body = Body()
    body.box(0, 0, 0, 2.0, 0.8, 0.4)
    body.box(0.7, 0.7, 0, 0.6, 0.6, 0.4)
    model = body.model((2.0, 0.8, 0.4), 6, ell=(0.7, 0.6, 0.6))
    assert model.size == pytest.approx((2.0, 1.4, 0.4))
    low, high = _bounds(model)
    np.testing.assert_allclose(low, [-1.0, -0.7, 0.0], atol=1e-6)
    np.testing.assert_allclose(high, [1.0, 0.7, 0.4], atol=1e-6)
    assert model.footprint[1] == pytest.approx((0.7, 0.4, 0.6, 0.6))


def _bounds(model: Model) -> tuple[np.ndarray, np.ndarray]:
    p = model.patches
    corners = np.concatenate([p[:, 0], p[:, 0] + p[:, 1], p[:, 0] + p[:, 2], p.sum(axis=1)])
    return corners.min(axis=0), corners.max(axis=0)
