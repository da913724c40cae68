"""The live scene: colours, what comes and goes, and a page that is served."""

import urllib.request

import numpy as np
import pytest

from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.visualization.colors import instance_colors
from mtml_ros.visualization.live import LiveScene, Voxels
from mtml_ros.visualization.view import Cells

Scene = tuple[Cells, list[ObjectRecord]]


def voxels(cells: Cells) -> Voxels:
    score = np.where(cells.instance >= 0, 0.5, 0).astype(np.float32)
    return Voxels(cells.centers, cells.labels, cells.instance, score, cells.edge)


def test_each_mode_colours_by_what_it_says(scene: Scene, taxonomy: Taxonomy) -> None:
    shown = voxels(scene[0])
    chair = np.flatnonzero(shown.instance == 4)[0]
    by_id = instance_colors(np.array([4]))[0]
    assert shown.colors("instance", taxonomy)[chair].tolist() == by_id.tolist()
    by_class = taxonomy.colors[taxonomy.index("chair")]
    assert shown.colors("class", taxonomy)[chair].tolist() == by_class.tolist()
    none = np.flatnonzero(shown.instance < 0)[0]
    grey = instance_colors(np.array([-1]))[0]
    assert shown.colors("score", taxonomy)[none].tolist() == grey.tolist()


def test_objects_come_and_go_and_the_page_is_served(scene: Scene, taxonomy: Taxonomy) -> None:
    pytest.importorskip("viser")
    cells, objects = scene
    live = LiveScene(taxonomy, port=18080)
    try:
        live.show_voxels(voxels(cells))
        live.show_objects(objects)
        assert set(live._shown) == {"/boxes/4", "/boxes/9", "/names/4", "/names/9"}
        live.show_objects(objects[:1])
        assert set(live._shown) == {"/boxes/4", "/names/4"}
        live._boxes.value = False
        assert set(live._shown) == {"/names/4"}
        with urllib.request.urlopen(f"http://127.0.0.1:{live.port}", timeout=10) as answer:
            assert answer.status == 200
    finally:
        live.close()
