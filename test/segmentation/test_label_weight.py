"""How far labels decide: what the network thinks of them, and how torn they are."""

import numpy as np
import pytest

from mtml_ros.segmentation.components import touching
from mtml_ros.segmentation.label_fusion import LabelFusionSettings, fuse_labels, wholeness

THINGS, CHANNELS = np.array([False, True]), np.array([0, 1])


@pytest.mark.parametrize(
    ("probability", "reliance"), [(0.6, 0.0), (0.7, 0.0), (0.75, 0.5), (0.8, 1.0), (0.9, 1.0)]
)
def test_reliance_rises_from_unreliable_to_reliable_labels(probability, reliance):
    labels = np.ones(10, np.uint8)
    given = np.full((10, 1), probability, np.float32)
    fused = fuse_labels(labels, given, THINGS, CHANNELS, LabelFusionSettings(), True)
    assert fused.label_weight == pytest.approx(reliance, abs=1e-5)


def test_without_labels_or_a_semantic_head_nothing_is_relied_on():
    given = np.full((10, 1), 0.9, np.float32)
    settings = LabelFusionSettings()
    none = fuse_labels(np.zeros(10, np.uint8), given, THINGS, CHANNELS, settings, False)
    headless = fuse_labels(np.ones(10, np.uint8), None, THINGS, CHANNELS, settings, True)
    assert (none.label_weight, headless.label_weight) == (0, 0)


@pytest.mark.parametrize(
    ("whole", "kept", "added"), [(1.0, 0.0, 1.01), (0.5, 0.025, 0.99), (0.0, 0.05, 0.97)]
)
def test_labels_that_decide_leave_the_network_unlabelled_voxels_alone(whole, kept, added):
    settings = LabelFusionSettings(unreliable=0.0, reliable=0.01)
    things = np.array([False, True, False])
    labels = np.array([1, 1, 2, 2, 0, 0, 1], np.uint8)
    share = [max(kept - 0.001, 0.0), kept + 0.001, added - 0.001, added + 0.001, 0.969, 0.971, 0.5]
    of_things = np.array(share, np.float32)
    probability = np.stack([of_things, np.zeros_like(of_things)], axis=1)
    fused = fuse_labels(labels, probability, things, np.arange(3), settings, True, whole)
    assert fused.label_weight == whole
    never_left_out = kept == 0
    assert fused.candidates.tolist() == [never_left_out, True, False, True, False, True, True]


def torn(sizes, stuff=()):
    """The wholeness of labels in rows of so many voxels, those at `stuff` of a wall."""
    rows = [
        np.stack([np.arange(n), np.full(n, 3 * i), np.zeros(n)], 1) for i, n in enumerate(sizes)
    ]
    coordinates = np.concatenate(rows).astype(np.int32)
    labels = np.repeat([2 if i in stuff else 1 for i in range(len(sizes))], sizes).astype(np.uint8)
    order = np.lexsort(coordinates.T[::-1])
    neighbors = touching(np.ascontiguousarray(coordinates[order]))
    return wholeness(neighbors, labels[order], np.array([False, True, False]))


def test_labels_in_specks_are_torn():
    assert torn([400]) == 1
    assert torn([394, 3, 3]) == pytest.approx(0.5)  # 6 of 400 voxels, half of TORN
    assert torn([370, *[4] * 6, 3, 3]) == 0
    assert torn([394, 6]) == 1


def test_stuff_is_not_torn_and_without_things_nothing_is_whole():
    assert torn([400, *[2] * 40], stuff=range(1, 41)) == 1
    assert torn([100], stuff=[0]) == 0
    assert torn([1] * 100) == 0
