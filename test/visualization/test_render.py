"""The cube renderer: what lies in front is seen, where geometry says."""

import numpy as np

from mtml_ros.visualization.render import Camera, draw_cubes


def test_camera_axes_are_orthonormal_and_upright() -> None:
    axes = Camera(0.7, 0.9, 100, np.zeros(2), (10, 10)).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert axes[1, 2] < 0  # rows grow downwards, z upwards
    assert axes[2, 2] < 0  # the camera looks down


def test_camera_at_the_south_sees_east_on_the_right() -> None:
    camera = Camera.around(np.eye(3), np.radians(-90), 0.5, (100, 200), 0.1)
    west, east = camera.project(np.array([[0, 0, 0], [1, 0, 0]]))[:, 0]
    assert east > west


def test_everything_lies_on_the_image() -> None:
    points = np.random.default_rng(0).uniform(-3, 7, (500, 3))
    camera = Camera.around(points, 2.0, 0.8, (120, 160), 0.2)
    seen = camera.project(points)
    assert (seen[:, :2] >= 0).all()
    assert (seen[:, 0] < 160).all()
    assert (seen[:, 1] < 120).all()


def test_nearer_cube_hides_the_one_behind() -> None:
    centers = np.array([[0.0, 0, 0], [-1.0, 0, 0]])  # the camera stands at +x, on the horizon
    camera = Camera(0.0, 0.0, 50, np.array([50.0, 50.0]), (100, 100))
    for order in ([0, 1], [1, 0]):
        cube, light = draw_cubes(camera, centers[order], 0.4)
        assert order[cube[50, 50]] == 0
        assert set(np.unique(cube)) == {-1, order.index(0)}
        assert light[50, 50] > 0.5
    assert cube[0, 0] == -1


def test_a_cube_covers_its_own_area() -> None:
    camera = Camera(0.0, 0.0, 50, np.array([50.0, 50.0]), (100, 100))
    cube, _ = draw_cubes(camera, np.zeros((1, 3)), 0.4)
    assert (
        20**2 <= (cube == 0).sum() <= 22**2
    )  # 0.4 m at 50 pixels a metre, and half a pixel around


def test_no_gaps_between_neighbouring_cubes() -> None:
    x, y = np.meshgrid(np.arange(20), np.arange(20))
    centers = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3) * 0.1
    camera = Camera.around(centers, 0.6, 0.9, (211, 203), 0.3)
    cube, _ = draw_cubes(camera, centers, 0.1)
    inside = camera.project(centers[((centers > 0.15) & (centers < 1.75))[:, :2].all(axis=1)])
    columns, rows = inside[:, :2].astype(int).T
    for dy in range(-3, 4):
        for dx in range(-3, 4):
            assert (cube[rows + dy, columns + dx] >= 0).all()


def test_nothing_to_draw() -> None:
    camera = Camera.around(np.empty((0, 3)), 0, 1, (10, 10), 0.1)
    cube, light = draw_cubes(camera, np.empty((0, 3)), 0.1)
    assert (cube == -1).all()
    assert light.shape == (10, 10)
