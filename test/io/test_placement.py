"""Units, axes and origins of files: by hand."""

import numpy as np
import pytest

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.io.placement import UPS, Placement


@pytest.mark.parametrize(
    ("up", "expected"),
    [
        ("z", [1, 2, 3]), ("-z", [1, -2, -3]), ("y", [1, -3, 2]), ("-y", [1, 3, -2]),
        ("x", [2, 3, 1]), ("-x", [2, -3, -1]),
    ],
)  # fmt: skip
def test_the_axis_that_points_up_becomes_z_and_nothing_is_mirrored(
    up: str, expected: list[float]
) -> None:
    xyz, origin = Placement(up=up).apply(np.array([[1.0, 2, 3]]))
    assert xyz.tolist() == [expected]
    assert origin.tolist() == [0, 0, 0]
    axes, _ = Placement(up=up).apply(np.eye(3))
    assert np.linalg.det(axes) == pytest.approx(1)


def test_a_far_origin_is_taken_off_before_anything_is_rounded() -> None:
    given = np.array([[5e8 + 12.5, 0, 0], [5e8 + 13.5, 0, 0], [5e8 + 14.5, np.nan, 0]])
    xyz, origin = Placement(scale=0.001, recenter=True).apply(given)
    assert origin.tolist() == [500_000, 0, 0]
    np.testing.assert_allclose(xyz[:2, 0], [0.0125, 0.0135], rtol=1e-4)
    assert np.isnan(xyz[2, 1])


@pytest.mark.parametrize("change", [{"scale": 0}, {"scale": -1}, {"scale": np.nan}, {"up": "w"}])
def test_what_makes_no_placement_is_refused(change) -> None:
    with pytest.raises(ConfigurationError):
        Placement(**change)


def test_all_six_are_there() -> None:
    assert len(UPS) == 6
