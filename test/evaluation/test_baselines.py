"""The two baselines on grids whose components are plain to see."""

import numpy as np

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid, pack_keys
from mtml_ros.evaluation.baselines import components_as_instances, labels_as_instances

TAXONOMY = Taxonomy.scannet()
CHAIR, TABLE, FLOOR = (TAXONOMY.index(n) for n in ("chair", "table", "floor"))


def grid(*voxels):
    """A grid of ((x, y, z), label) voxels."""
    coordinates = np.array([c for c, _ in voxels], dtype=np.int32).reshape(-1, 3)
    labels = np.array([label for _, label in voxels], dtype=np.uint8)
    order = np.argsort(pack_keys(coordinates))
    return VoxelGrid(coordinates[order], labels[order], 0.1)


ROOM = grid(
    ((0, 0, 0), CHAIR),
    ((1, 1, 1), CHAIR),  # touches the one before by a corner
    ((2, 2, 2), TABLE),  # touches too, but is a table
    ((4, 1, 1), CHAIR),  # two voxels away
    ((5, 1, 1), FLOOR),
    ((6, 1, 1), 0),
)


def test_labels_as_instances_gives_one_a_class():
    found = labels_as_instances(ROOM, TAXONOMY)
    assert [(i.label, i.voxels.tolist()) for i in found.instances] == [
        (CHAIR, [0, 1, 3]),
        (TABLE, [2]),
    ]
    assert found.instance.tolist() == [0, 0, 1, 0, -1, -1]


def test_components_join_by_corners_and_not_across_classes():
    found = components_as_instances(ROOM, TAXONOMY)
    assert [(p.label, p.voxels.tolist()) for p in found.proposals] == [
        (CHAIR, [0, 1]),
        (TABLE, [2]),
        (CHAIR, [3]),
    ]
    assert found.instance.tolist() == [0, 0, 1, 2, -1, -1]
    scores = [p.score for p in found.proposals]
    assert scores[0] > scores[1] == scores[2]


def test_small_components_are_left_out():
    found = components_as_instances(ROOM, TAXONOMY, min_voxels=2)
    assert [i.voxels.tolist() for i in found.instances] == [[0, 1]]
    assert found.instance.tolist() == [0, 0, -1, -1, -1, -1]


def test_an_empty_grid_has_no_instances():
    for baseline in (labels_as_instances, components_as_instances):
        found = baseline(grid(), TAXONOMY)
        assert found.instances == []
        assert found.instance.shape == (0,)
