"""A training batch: the network's input, and targets numbered through the batch."""

import numpy as np
import pytest
import torch

from mtml_ros.core.errors import InputError
from mtml_ros.core.scene import Scene
from mtml_ros.datasets.samples import voxelize
from mtml_ros.network.batch import make_input
from mtml_ros.network.config import NetworkConfig
from mtml_ros.training.batches import make_targets, make_training_batch

CHANNELS = np.arange(4)
CONFIG = NetworkConfig(("a", "b", "c"))


def scene(rows, features=None) -> Scene:
    """Rows of (voxel along x, label, instance), points at centres of voxels of 10 cm."""
    x, labels, instance = (np.array(column) for column in zip(*rows))
    xyz = np.column_stack([(x + 0.5) * 0.1, np.full(len(x), 0.05), np.full(len(x), 0.05)])
    return Scene(
        xyz.astype(np.float32),
        labels.astype(np.uint8),
        instance.astype(np.int32),
        features=None if features is None else np.array(features, dtype=np.float32),
    )


def test_features_are_fed_as_they_are():
    config = NetworkConfig(("a",), input="features", feature_size=2)
    sample = voxelize(scene([(0, 1, 0), (0, 1, 0)], features=[[0, 1], [2, 5]]), 0.1)
    assert make_input(sample.grid, config, CHANNELS).tolist() == [[1, 3]]


@pytest.mark.parametrize("features", [None, [[1.0], [2.0]]])
def test_features_that_the_network_does_not_take_are_refused(features):
    config = NetworkConfig(("a",), input="features", feature_size=2)
    sample = voxelize(scene([(0, 1, 0), (1, 1, 0)], features=features), 0.1)
    with pytest.raises(InputError, match="need 2 features"):
        make_input(sample.grid, config, CHANNELS)


def test_labels_are_one_hot_in_the_networks_channels():
    sample = voxelize(scene([(0, 0, -1), (1, 1, 0), (2, 2, 0)]), 0.1)
    # this taxonomy's class 2 is the network's class 1, as is its class 1
    inputs = make_input(sample.grid, NetworkConfig(("a",)), np.array([0, 1, 1]))
    assert inputs.tolist() == [[0, 0], [0, 1], [0, 1]]


def test_targets_number_instances_through_the_batch():
    first = voxelize(scene([(0, 1, 10), (1, 1, 10), (2, 2, 30), (5, 0, -1)]), 0.1)
    second = voxelize(scene([(0, 3, 10)]), 0.1)
    t = make_targets([first, second], CHANNELS)
    assert t.instance.tolist() == [0, 0, 1, -1, 2]
    assert t.scene_of_instance.tolist() == [0, 0, 1]
    # centres of the voxels 0 and 1: 0.05 and 0.15
    torch.testing.assert_close(t.centers[:, 0], torch.tensor([0.10, 0.25, 0.05]))
    torch.testing.assert_close(t.positions[:4, 0], torch.tensor([0.05, 0.15, 0.25, 0.55]))
    assert t.labels.tolist() == [1, 1, 2, 0, 3]
    assert t.labels.dtype == torch.int64


def test_scenes_without_instances_take_no_number():
    nothing = voxelize(scene([(0, 1, -1)]), 0.1)
    something = voxelize(scene([(0, 1, 3)]), 0.1)
    t = make_targets([nothing, something, nothing], CHANNELS)
    assert t.instance.tolist() == [-1, 0, -1]
    assert t.scene_of_instance.tolist() == [1]
    empty = make_targets([nothing], CHANNELS)
    assert (len(empty.centers), empty.instance.tolist()) == (0, [-1])


def test_a_training_batch_has_a_row_of_everything_for_each_voxel():
    samples = [voxelize(scene([(0, 1, 0), (4, 2, 1)]), 0.1) for _ in range(3)]
    batch, t = make_training_batch(samples, CONFIG, CHANNELS)
    assert batch.scene.tolist() == [0, 0, 1, 1, 2, 2]
    assert len(batch.inputs) == len(t.instance) == len(t.positions) == len(t.labels) == 6
