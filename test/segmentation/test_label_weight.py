"""How far labels decide: what the network thinks of them, and how torn they are."""

import numpy as np
import pytest

from mtml_ros.segmentation.label_fusion import LabelFusionSettings, fuse_labels, label_weight

THINGS, CHANNELS = np.array([False, True]), np.array([0, 1])


@pytest.mark.parametrize(
    ("probability", "reliance"), [(0.6, 0.0), (0.7, 0.0), (0.75, 0.5), (0.8, 1.0), (0.9, 1.0)]
)
def test_reliance_rises_from_unreliable_to_reliable_labels(probability, reliance):
    labels = np.ones(10, np.uint8)
    given = np.full((10, 1), probability, np.float32)
    fused = fuse_labels(labels, given, THINGS, CHANNELS, LabelFusionSettings(), True)
    assert fused.reliance == pytest.approx(reliance, abs=1e-5)


def test_without_labels_or_a_semantic_head_nothing_is_relied_on():
    given = np.full((10, 1), 0.9, np.float32)
    settings = LabelFusionSettings()
    none = fuse_labels(np.zeros(10, np.uint8), given, THINGS, CHANNELS, settings, False)
    headless = fuse_labels(np.ones(10, np.uint8), None, THINGS, CHANNELS, settings, True)
    assert (none.reliance, headless.reliance) == (0, 0)


def test_labels_with_specks_decide_less():
    labels = np.ones(400, np.uint8)
    whole = np.zeros(400, np.int64)
    torn = whole.copy()
    torn[:6] = [1, 1, 1, 2, 2, 2]  # 6 of 400 voxels, half of TORN
    assert label_weight(1.0, whole, labels) == 1
    assert label_weight(1.0, torn, labels) == pytest.approx(0.5)
    assert label_weight(0.4, torn, labels) == pytest.approx(0.2)
    torn[6:30] = 3 + np.arange(24) // 4
    assert label_weight(1.0, torn, labels) == 0


def test_components_without_a_label_do_not_count():
    labels, component = np.repeat(np.array([1, 0], np.uint8), 100), np.zeros(200, np.int64)
    component[100:] = 1 + np.arange(100)
    assert label_weight(1.0, component, labels) == 1
    assert label_weight(1.0, component, np.zeros(200, np.uint8)) == 0
    assert label_weight(1.0, np.full(200, -1), labels) == 0
