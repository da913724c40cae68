"""Rays of pixels: by hand, and against the lens written out again, pixel by pixel."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.io.camera import Camera, rays


def info(model: str = "plumb_bob", d: tuple[float, ...] = (), **changes: Any) -> SimpleNamespace:
    msg = SimpleNamespace(
        width=64,
        height=48,
        k=[50.0, 0.0, 31.5, 0.0, 60.0, 23.5, 0.0, 0.0, 1.0],
        p=[40.0, 0.0, 30.0, 0.0, 0.0, 45.0, 20.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        d=list(d),
        distortion_model=model,
    )
    vars(msg).update(changes)
    return msg


def seen_at(ray: tuple[float, float], model: str, d: tuple[float, ...]) -> tuple[float, float]:
    """The pixel that a ray (x, y at depth 1) falls on; OpenCV's documentation of the models."""
    x, y = ray
    r = math.hypot(x, y)
    if model == "equidistant":
        t = math.atan(r)
        bent = t * (1 + d[0] * t**2 + d[1] * t**4 + d[2] * t**6 + d[3] * t**8)
        x, y = (x * bent / r, y * bent / r) if r else (x, y)
    elif model:
        k1, k2, p1, p2 = d[:4]
        k3 = d[4] if len(d) > 4 else 0.0
        k4, k5, k6 = d[5:8] if len(d) == 8 else (0.0, 0.0, 0.0)
        radial = (1 + k1 * r**2 + k2 * r**4 + k3 * r**6) / (1 + k4 * r**2 + k5 * r**4 + k6 * r**6)
        x, y = (
            x * radial + 2 * p1 * x * y + p2 * (r**2 + 2 * x**2),
            y * radial + p1 * (r**2 + 2 * y**2) + 2 * p2 * x * y,
        )
    return 50.0 * x + 31.5, 60.0 * y + 23.5


LENSES = [
    ("", ()),
    ("plumb_bob", (-0.28, 0.09, 0.001, -0.0005)),
    ("plumb_bob", (0.12, -0.25, 0.0005, 0.0002, 0.08)),
    ("rational_polynomial", (0.5, -2.6, 0.0004, -0.0003, 1.5, 0.38, -2.4, 1.4)),
    ("equidistant", (0.02, -0.01, 0.004, -0.001)),
]


@pytest.mark.parametrize(("model", "d"), LENSES)
def test_each_ray_falls_on_its_own_pixel_again(model: str, d: tuple[float, ...]) -> None:
    table = rays(Camera.from_message(info(model, d)))
    assert table.shape == (48, 64, 2)
    assert np.isfinite(table).all()
    for v in range(0, 48, 5):
        for u in range(0, 64, 7):
            assert seen_at(tuple(table[v, u].tolist()), model, d) == pytest.approx((u, v), abs=0.02)


def test_rays_without_a_lens_are_those_of_a_pinhole() -> None:
    table = rays(Camera.from_message(info()))
    np.testing.assert_allclose(table[0, 0], [-31.5 / 50, -23.5 / 60], rtol=1e-6)
    np.testing.assert_allclose(table[40, 63], [(63 - 31.5) / 50, (40 - 23.5) / 60], rtol=1e-6)


def test_a_stride_takes_the_middle_of_each_square_and_the_table_is_kept() -> None:
    camera = Camera.from_message(info())
    assert rays(camera, 4).shape == (12, 16, 2)
    np.testing.assert_array_equal(rays(camera, 4), rays(camera)[2::4, 2::4])
    assert rays(camera, 4) is rays(Camera.from_message(info()), 4)
    assert not rays(camera, 4).flags.writeable


def test_rectified_images_take_the_projection_matrix_and_no_lens() -> None:
    table = rays(Camera.from_message(info(d=(-0.3, 0.1, 0.0, 0.0)), rectified=True))
    np.testing.assert_allclose(table[20, 30], [0, 0])
    np.testing.assert_allclose(table[0, 0], [-30 / 40, -20 / 45], rtol=1e-6)


def test_trailing_zeros_of_opencvs_longest_model_change_nothing() -> None:
    eight = LENSES[3][1]
    long = Camera.from_message(info("rational_polynomial", (*eight, *(0.0,) * 6)))
    assert long == Camera.from_message(info("rational_polynomial", eight))


def test_where_the_lens_folds_over_no_ray_is_made_up() -> None:
    # r (1 - r^2 / 3 ...) has its largest value at r = 1: no ray is seen further out than 2 / 3
    camera = Camera(201, 3, (100.0, 100.0), (100.0, 1.0), "plumb_bob", (-1 / 3, 0.0, 0.0, 0.0))
    row = rays(camera)[1, :, 0]
    assert np.isfinite(row[40:161]).all()
    assert np.isnan(row[:32]).all()
    assert np.isnan(row[169:]).all()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"distortion_model": "omni", "d": [0.1] * 5}, "'omni' and 5 coefficients"),
        ({"distortion_model": "", "d": [0.1] * 5}, "'unnamed'"),
        ({"distortion_model": "plumb_bob", "d": [0.1] * 3}, "plumb_bob"),
        ({"distortion_model": "rational_polynomial", "d": [0.1] * 14}, "14 coefficients"),
        ({"k": [0.0] * 9}, "focal lengths above 0"),
        ({"k": [math.nan] * 9}, "focal lengths above 0"),
        ({"d": [math.inf] * 5}, "focal lengths above 0"),
    ],
)
def test_unknown_lenses_and_uncalibrated_cameras_are_refused(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        Camera.from_message(info(**changes))


def test_zero_distortion_of_any_name_is_none() -> None:
    assert Camera.from_message(info("omni", (0.0,) * 5)).model == ""
