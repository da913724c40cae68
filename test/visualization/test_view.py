"""Points as cubes, and the objects of a segmentation."""

import numpy as np

from mtml_ros.core.instances import Segmentation, make_instance
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.visualization.view import (
    cells_of_points,
    cells_of_segmentation,
    network_colorings,
    objects_of,
)


def test_points_of_one_cube_become_one() -> None:
    xyz = np.array([[0.01, 0, 0], [0.02, 0.01, 0.01], [0.09, 0, 0]], np.float32)
    cells = cells_of_points(xyz, np.array([3, 5, 7]), np.array([1, 2, -1]), edge=0.04)
    np.testing.assert_allclose(cells.centers, [[0.02, 0.02, 0.02], [0.10, 0.02, 0.02]], atol=1e-6)
    assert cells.labels.tolist() == [3, 7]
    assert cells.instance.tolist() == [1, -1]
    assert cells.truth is None


def test_large_scenes_are_thinned_below_the_limit() -> None:
    xyz = np.random.default_rng(1).uniform(0, 10, (20_000, 3)).astype(np.float32)
    xyz[:, 2] = 0
    zeros = np.zeros(len(xyz), int)
    cells = cells_of_points(xyz, zeros, zeros, edge=0.01, truth=zeros, limit=3000)
    assert 1000 < len(cells) <= 3000
    assert cells.edge > 0.1
    assert cells.truth is not None
    assert len(cells.truth) == len(cells)


def test_objects_of_a_segmentation_are_numbered_as_its_voxels() -> None:
    taxonomy = Taxonomy.scannet()
    coordinates = np.array([[0, 0, 0], [1, 0, 0], [5, 0, 0]], np.int32)
    grid = VoxelGrid(coordinates, np.full(3, taxonomy.index("chair"), np.uint8), 0.1)
    instances = [make_instance(grid, np.array([0, 1]), taxonomy.index("chair"), 0.75)]
    segmentation = Segmentation(grid, np.array([0, 0, -1], np.int32), instances, [], grid.labels)
    (shown,) = objects_of(segmentation, taxonomy)
    assert (shown.id, shown.class_name, shown.score, shown.num_voxels) == (0, "chair", 0.75, 2)
    cells = cells_of_segmentation(segmentation)
    assert cells.instance.tolist() == [0, 0, -1]
    np.testing.assert_allclose(cells.centers[2], [0.55, 0.05, 0.05], atol=1e-6)


def test_what_the_network_gave_becomes_colours() -> None:
    """Two clusters of embeddings get two colours; along x is red, against z without blue."""
    embedding = np.repeat(np.array([[5.0, 1, 0, 0], [-5, 1, 0, 0]], np.float32), 10, axis=0)
    direction = np.tile(np.array([[1, 0, 0], [0, 0, -1]], np.float32), (10, 1))
    colors = network_colorings(embedding, direction)
    assert len(np.unique(colors["embedding"], axis=0)) == 2
    assert abs(int(colors["embedding"][0, 0]) - int(colors["embedding"][-1, 0])) == 255
    assert colors["direction"][:2].tolist() == [[255, 128, 128], [128, 128, 0]]
    assert network_colorings(None, None) == {}
