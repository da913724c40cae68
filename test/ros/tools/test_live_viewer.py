"""What `mtml view --live` shows of a running node: its voxels and objects, as they change."""

import numpy as np
import pytest

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.ros.tools.live_viewer import LiveViewer

CHAIR, TABLE = 5, 7
TAXONOMY = Taxonomy.scannet()


class Shown:
    """Stands in for the page."""

    voxels = None
    objects = ()

    def show_voxels(self, voxels):
        self.voxels = voxels

    def show_objects(self, objects):
        self.objects = objects


def scored(shown):
    return (shown.voxels.score[shown.voxels.instance >= 0] > 0).all()


@pytest.fixture
def shown(start_node, robot):
    node = start_node(segmentation_rate=10.0)
    robot.wait_active()
    shown = Shown()
    viewer = LiveViewer("/instance_segmentation", shown, TAXONOMY, robot.context)
    robot.executor.add_node(viewer)
    yield shown
    robot.executor.remove_node(viewer)
    viewer.destroy_node()
    assert node.alive, node.text


def test_the_page_shows_what_the_node_found_and_what_became_of_it(shown, robot, box_points):
    robot.send(box_points((1, 0, 0)), CHAIR)
    robot.until(lambda: len(shown.objects) == 1 and shown.voxels is not None, what="the chair")
    robot.send(box_points((3, 0, 0)), TABLE)
    robot.until(
        lambda: len(shown.objects) == 2 and len(shown.voxels.centers) == 250 and scored(shown),
        what="both",
    )
    chair, table = sorted(shown.objects, key=lambda o: o.box.center[0])
    assert [chair.class_name, table.class_name] == ["chair", "table"]
    np.testing.assert_allclose(table.box.center, [3.25, 0.25, 0.25], atol=1e-3)
    np.testing.assert_allclose(table.box.size, 0.5, atol=1e-3)
    voxels = shown.voxels
    assert voxels.edge == pytest.approx(0.1)
    of_table = voxels.centers[:, 0] > 2
    assert set(voxels.instance[of_table]) == {table.id}
    assert set(voxels.score) == {np.float32(chair.score), np.float32(table.score)}
    assert set(voxels.labels[~of_table]) == {TAXONOMY.index("chair")}

    assert robot.trigger("reset_map").success
    robot.until(lambda: not (shown.objects or len(shown.voxels.centers)), what="an empty map")
