"""The learned score is fitted to the IoU that proposals have with the truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.network.checkpoint import Checkpoint, build_network
from mtml_ros.network.config import NetworkConfig
from mtml_ros.segmentation.labelling import LabellingSettings
from mtml_ros.segmentation.learned_score import FEATURES
from mtml_ros.segmentation.paper_score import ScoreSettings
from mtml_ros.segmentation.proposals import Masks
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.segmentation.settings import SegmenterSettings
from mtml_ros.training import calibration
from mtml_ros.training.calibration import best_overlap, calibrate, fit


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch) -> None:
    monkeypatch.setattr(calibration, "STEPS", 300)


def test_best_overlap_by_hand():
    # instance 7 is voxels 0..3, instance 9 voxels 4 and 5, voxel 6 has none
    instance = np.array([7, 7, 7, 7, 9, 9, -1])
    masks = Masks.of([
        np.array([0, 1, 2, 3]),  # the whole of 7: 4/4
        np.array([0, 1]),  # half of it: 2/4
        np.array([2, 3, 4, 5]),  # 2 of 6 with 7, 2 of 4 with 9: 1/2
        np.array([4, 6]),  # 1 of 3 with 9
        np.array([6]),  # nothing
    ])  # fmt: skip
    assert best_overlap(masks, instance) == pytest.approx([1, 0.5, 0.5, 1 / 3, 0])


def test_without_true_instances_nothing_overlaps():
    assert best_overlap(Masks.of([np.array([0, 1])]), np.array([-1, -1])).tolist() == [0.0]


def training_set() -> tuple[np.ndarray, np.ndarray]:
    """Features of which one decides: the IoU rises from 0.1 to 0.9 with the third."""
    rng = np.random.default_rng(0)
    features = rng.normal(3.0, 5.0, (500, len(FEATURES))).astype(np.float32)
    overlaps = (0.1 + 0.8 / (1 + np.exp(3.0 - features[:, 2]))).astype(np.float32)
    return features, overlaps


def test_the_fit_finds_what_decides():
    features, overlaps = training_set()
    predicted = fit(features, overlaps).predict(features)
    assert np.abs(predicted - overlaps).mean() < 0.05
    assert np.abs(overlaps.mean() - overlaps).mean() > 0.2  # what guessing the mean would give


def test_a_feature_that_never_changes_does_no_harm():
    features, overlaps = training_set()
    features[:, 5] = 1.0
    assert np.isfinite(fit(features, overlaps).predict(features)).all()


def test_the_same_seed_gives_the_same_model_and_torchs_random_state_is_left_alone():
    features, overlaps = training_set()
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    one, other = fit(features, overlaps, seed=1), fit(features, overlaps, seed=1)
    assert torch.rand(1) == expected
    assert all(np.array_equal(a, b) for a, b in zip(vars(one).values(), vars(other).values()))
    assert all(a.dtype == np.float32 for a in vars(one).values())


def test_a_segmenter_is_calibrated_on_scenes_and_scores_with_the_model(tiny_scene):
    torch.manual_seed(0)
    config = NetworkConfig(Taxonomy.toy().names[1:], width=4, embedding_size=4)
    checkpoint = Checkpoint(build_network(config), config)
    settings = SegmenterSettings(labelling=LabellingSettings(score_threshold=0.0))
    cpu = torch.device("cpu")
    segmenter = InstanceSegmenter(checkpoint, Taxonomy.toy(), cpu, settings)
    model = calibrate(segmenter, [tiny_scene(seed) for seed in range(3)])

    scored = replace(checkpoint, models={"quality": vars(model)})
    sample = calibration.voxelize(tiny_scene(7), 0.1)

    def scores(settings):
        with_model = InstanceSegmenter(scored, Taxonomy.toy(), cpu, settings)
        return [p.score for p in with_model.segment(sample.grid).proposals]

    by_model = scores(settings)
    by_terms = scores(replace(settings, score=ScoreSettings(learned=False)))
    assert by_terms == [p.score for p in segmenter.segment(sample.grid).proposals]
    assert by_model != by_terms
    assert all(0 <= s <= 1 for s in by_model)
