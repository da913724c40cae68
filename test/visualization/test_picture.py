"""Pictures show the objects in their colours at their places."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.visualization import picture
from mtml_ros.visualization.colors import SURROUNDINGS, instance_colors
from mtml_ros.visualization.view import Cells

Scene = tuple[Cells, list[ObjectRecord]]


def hue_is(pixels: np.ndarray, color: np.ndarray) -> np.ndarray:
    """(n,) bool: whether pixels (n, 3) are the colour, lighter or darker, within a few degrees."""
    pixels, color = pixels.astype(float), np.asarray(color, float)
    cosine = pixels @ color / (np.linalg.norm(pixels, axis=1) * np.linalg.norm(color) + 1e-9)
    return cosine > np.cos(np.radians(4))


def panel(path: Path, index: int, count: int) -> np.ndarray:
    """(h, w, 3) one panel of the picture, without title and legend."""
    image = (matplotlib.image.imread(path)[..., :3] * 255).astype(int)
    top = image.shape[0] - picture.PANEL[0] - 56
    width = image.shape[1] // count
    return image[top : top + picture.PANEL[0], index * width : (index + 1) * width]


@pytest.mark.parametrize("azimuth", [-1.2, 0.4])
def test_objects_appear_where_they_project_to(
    scene: Scene, taxonomy: Taxonomy, tmp_path: Path, azimuth: float
) -> None:
    cells, objects = scene
    path = tmp_path / "scene.png"
    picture.draw_segmentation(path, cells, objects, taxonomy, title="t", azimuth=azimuth)
    shown = cells[picture.visible(cells, cells.instance >= 0, azimuth)]
    camera = picture._camera(shown, azimuth)
    for index, colors in (
        (0, {"chair": taxonomy.colors[5], "table": taxonomy.colors[7]}),
        (1, {"chair": instance_colors([4])[0], "table": instance_colors([9])[0]}),
    ):
        pixels = panel(path, index, 2)
        for o in objects:
            top = o.box.center + np.array([0, 0, o.box.size[2] / 2])
            corners = [top + np.array([dx, dy, 0]) for dx in (-0.2, 0.2) for dy in (-0.2, 0.2)]
            places = (camera.project(np.array(corners))[:, :2] / 2).astype(int)
            found = hue_is(pixels[places[:, 1], places[:, 0]], colors[o.class_name])
            assert found.mean() >= 0.75, (o.class_name, found)  # a name may cover one


def test_third_panel_shows_the_truth(scene: Scene, taxonomy: Taxonomy, tmp_path: Path) -> None:
    cells, objects = scene
    truth = np.where(cells.instance == 4, 77, -1)  # the truth knows the chair only
    with_truth = Cells(cells.centers, cells.edge, cells.labels, cells.instance, truth)
    picture.draw_segmentation(tmp_path / "a.png", with_truth, objects, taxonomy)
    pixels = panel(tmp_path / "a.png", 2, 3).reshape(-1, 3)
    assert hue_is(pixels, instance_colors([77])[0]).sum() > 2000
    assert hue_is(pixels, instance_colors([9])[0]).sum() < 200
    assert hue_is(pixels, SURROUNDINGS).sum() > 20_000


def test_walls_near_the_camera_and_ceilings_are_cut_away(scene: Scene) -> None:
    cells, _ = scene
    owned = cells.instance >= 0
    wall = cells.labels == 1
    from_south = picture.visible(cells, owned, np.radians(-90))
    from_north = picture.visible(cells, owned, np.radians(90))
    assert from_south[wall].all()  # 1.5 m high and at the far side
    assert cells.centers[wall & from_north][:, 2].max() < 0.35
    assert from_south[owned].all()
    assert from_north[owned].all()
    ceiling = Cells(cells.centers + np.array([0, 0, 2.5]), cells.edge, cells.labels, cells.instance)
    both = Cells(
        np.vstack([cells.centers, ceiling.centers]),
        cells.edge,
        np.tile(cells.labels, 2),
        np.full(2 * len(cells), -1),
    )
    kept = picture.visible(both, both.instance >= 0, 0.0)
    assert both.centers[kept][:, 2].max() < 2.1


def test_best_view_has_the_wall_behind(scene: Scene) -> None:
    tall = scene[0]
    assert np.sin(picture.best_azimuth(tall)) < 0.5  # not from behind the wall at +y


def test_names_are_moved_apart() -> None:
    anchors = np.array([[100.0, 100], [104, 101], [300, 300]])
    half = np.array([[30.0, 8]] * 3)
    places = picture.spread(anchors, half, (400, 400))
    apart = np.abs(places[0] - places[1])
    assert (apart >= [60, 16]).any() or np.isclose(apart, [60, 16], atol=0.1).any()
    np.testing.assert_allclose(places[2], anchors[2], atol=0.1)


def test_points_in_their_colors(tmp_path: Path) -> None:
    xyz = np.random.default_rng(0).uniform(0, 1, (3000, 3)).astype(np.float32)
    colors = np.where(xyz[:, :1] < 0.5, [[250, 20, 20]], [[20, 20, 250]]).astype(np.uint8)
    picture.draw_points(tmp_path / "p.png", xyz, colors, title="red and blue", azimuth=-np.pi / 2)
    pixels = panel(tmp_path / "p.png", 0, 1)
    half = pixels.shape[1] // 2
    left, right = pixels[:, : half - 20].reshape(-1, 3), pixels[:, half + 20 :].reshape(-1, 3)
    red, blue = np.array([250, 20, 20]), np.array([20, 20, 250])
    assert hue_is(left, red).sum() > 50 * max(1, hue_is(left, blue).sum())
    assert hue_is(right, blue).sum() > 50 * max(1, hue_is(right, red).sum())


def test_pictures_are_small_and_repeat(scene: Scene, taxonomy: Taxonomy, tmp_path: Path) -> None:
    cells, objects = scene
    for name in ("a", "b"):
        picture.draw_segmentation(tmp_path / f"{name}.png", cells, objects, taxonomy)
    first = (tmp_path / "a.png").read_bytes()
    assert first == (tmp_path / "b.png").read_bytes()
    assert len(first) < 300_000


def test_scene_without_objects(taxonomy: Taxonomy, tmp_path: Path) -> None:
    cells = Cells(np.zeros((1, 3), np.float32), 0.1, np.zeros(1, np.uint8), np.full(1, -1))
    picture.draw_segmentation(tmp_path / "a.png", cells, [], taxonomy)
    assert (tmp_path / "a.png").stat().st_size > 1000
