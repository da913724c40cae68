"""map_radius: an endless run keeps what lies about the sensor, and nothing else."""

import numpy as np
import pytest

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.mapping.voxel_map import WINDOW_STEP, IntegrationReport, VoxelMap

SIZE = 0.1
RADIUS = 3.0


def cross(x: float) -> LabeledPoints:
    """Points 8 m along x and y about a place on the x axis, one a voxel."""
    line = np.arange(-40, 40) * SIZE + SIZE / 2
    xyz = np.zeros((160, 3), np.float32)
    xyz[:80, 0], xyz[80:, 0] = x + line, x + SIZE / 2
    xyz[80:, 1] = line
    return LabeledPoints(xyz, np.ones(160, np.uint8))


def distances(m: VoxelMap, origin: np.ndarray) -> np.ndarray:
    return np.linalg.norm(m.snapshot().centers - origin, axis=1)


def test_nothing_beyond_the_radius_is_taken_in() -> None:
    m = VoxelMap(SIZE, 2, 10_000, map_radius=RADIUS)
    report = m.integrate(cross(0.0), 0.0, np.zeros(3))
    assert distances(m, np.zeros(3)).max() <= RADIUS
    assert report == IntegrationReport(len(m), len(m), 0, 0, 0)
    assert len(m) == 119  # 60 and 60 voxels of 8 m are nearer than 3 m, one of them twice


def test_forgetting_and_clearing_are_apart() -> None:
    """Of a wall behind what a sensor has looked through only what lies beyond the radius goes."""
    near, wall = (
        LabeledPoints(np.array([[x, 0.05, 0.05]], np.float32), np.ones(1, np.uint8))
        for x in (1.05, 2.55)
    )
    origin = np.full(3, 0.05)
    for clear in (True, False):
        m = VoxelMap(SIZE, 2, 10_000, map_radius=RADIUS)
        m.integrate(near, 0.0, origin, clear)
        for second in range(1, 20):
            m.integrate(wall, float(second), origin, clear)
        assert len(m) == (1 if clear else 2)
        m.integrate(wall, 20.0, np.array([5.0, 0, 0]), clear)
        assert len(m) == 1


def test_what_the_sensor_leaves_behind_is_forgotten() -> None:
    m = VoxelMap(SIZE, 2, 10_000, map_radius=RADIUS)
    sizes = []
    for step in range(200):
        origin = np.array([step * 0.1, 0.0, 0.0])
        before = len(m)
        report = m.integrate(cross(origin[0]), float(step), origin)
        assert len(m) == before + report.new - report.evicted - report.cleared
        assert distances(m, origin).max() <= (1 + WINDOW_STEP) * RADIUS
        sizes.append(len(m))
    assert max(sizes[50:]) < 3 * sizes[0] * 60  # bounded by the window, however long the run
    assert max(sizes[150:]) <= max(sizes[50:150])
    assert m.snapshot().coordinates[:, 0].min() > 160


def test_without_radius_or_origin_all_is_kept() -> None:
    for m, origin in (
        (VoxelMap(SIZE, 2, 10_000), np.zeros(3)),
        (VoxelMap(SIZE, 2, 10_000, map_radius=RADIUS), None),
    ):
        m.integrate(cross(0.0), 0.0, origin)
        m.integrate(cross(50.0), 1.0, None if origin is None else np.array([50.0, 0, 0]))
        assert len(m) == 318


def test_after_a_reset_the_window_begins_anew() -> None:
    m = VoxelMap(SIZE, 2, 10_000, map_radius=RADIUS)
    m.integrate(cross(0.0), 0.0, np.zeros(3))
    m.replace(cross(9.0), 1.0)
    assert len(m) == 159
    m.integrate(cross(0.0), 2.0, np.zeros(3))  # the sensor has not moved, but the map has changed
    assert distances(m, np.zeros(3)).max() <= RADIUS


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan])
def test_a_radius_of_no_use_is_refused(radius: float) -> None:
    with pytest.raises(ConfigurationError, match="map_radius"):
        VoxelMap(SIZE, 2, 10, map_radius=radius)
