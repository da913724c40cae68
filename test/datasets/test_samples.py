"""Voxels, labels and instances by majority."""

import numpy as np

from mtml_ros.core.scene import Scene
from mtml_ros.datasets.samples import voxelize


def scene(rows, noisy=None, features=None) -> Scene:
    """Rows of (voxel along x, label, instance), points at centres of voxels of 10 cm."""
    x, labels, instance = (np.array(column) for column in zip(*rows))
    xyz = np.column_stack([(x + 0.5) * 0.1, np.full(len(x), 0.05), np.full(len(x), 0.05)])
    return Scene(
        xyz.astype(np.float32),
        labels.astype(np.uint8),
        instance.astype(np.int32),
        None if noisy is None else np.array(noisy, dtype=np.uint8),
        None if features is None else np.array(features, dtype=np.float32),
    )


def test_a_voxel_has_the_label_and_instance_of_most_of_its_points():
    sample = voxelize(scene([(0, 1, 4), (0, 2, 5), (0, 2, 5), (3, 3, -1)]), 0.1)
    assert sample.grid.coordinates[:, 0].tolist() == [0, 3]
    assert sample.labels.tolist() == [2, 3]
    assert sample.instance.tolist() == [5, -1]
    assert sample.point_to_voxel.tolist() == [0, 0, 0, 1]


def test_label_and_instance_are_chosen_together():
    # label 1 has 3 of 5 points, instance 7 too; but no point of label 2 and instance 6 exists
    rows = [(0, 1, 6), (0, 1, 6), (0, 1, 7), (0, 2, 7), (0, 2, 7)]
    sample = voxelize(scene(rows), 0.1)
    assert (sample.labels[0], sample.instance[0]) in {(1, 6), (2, 7)}


def test_the_grid_carries_what_the_network_sees_and_the_truth_stays_beside_it():
    sample = voxelize(scene([(0, 1, 0), (1, 2, 1)], noisy=[2, 2]), 0.1)
    assert sample.grid.labels.tolist() == [2, 2]
    assert sample.labels.tolist() == [1, 2]


def test_features_are_averaged_in_a_voxel():
    sample = voxelize(scene([(0, 1, 0), (0, 1, 0)], features=[[0, 1], [2, 5]]), 0.1)
    assert sample.grid.features.tolist() == [[1, 3]]
