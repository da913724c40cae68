"""The learned score is fitted to which proposals match the truth, the naming to its classes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.network.checkpoint import (
    Checkpoint,
    build_network,
    find_weights,
    load_checkpoint,
)
from mtml_ros.network.config import NetworkConfig
from mtml_ros.segmentation.labelling import LabellingSettings
from mtml_ros.segmentation.paper_score import ScoreSettings
from mtml_ros.segmentation.proposals import Masks
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.segmentation.settings import SegmenterSettings
from mtml_ros.training import calibration
from mtml_ros.training.calibration import (
    Examples,
    best_overlap,
    calibrate,
    calibrate_weights,
    fit_naming,
    fit_score,
)
from mtml_ros.training.recipe import Recipe


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch) -> None:
    monkeypatch.setattr(calibration, "MIN_STEPS", 400)


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
    overlap, best = best_overlap(masks, instance)
    assert overlap == pytest.approx([1, 0.5, 0.5, 1 / 3, 0])
    assert np.unique(instance)[best[[0, 1, 3]]].tolist() == [7, 7, 9]


def test_without_true_instances_nothing_overlaps():
    assert best_overlap(Masks.of([np.array([0, 1])]), np.array([-1, -1]))[0].tolist() == [0.0]


def training_set(n: int = 600) -> Examples:
    """Masks whose third feature decides: they match where it is above 3; the class is 1 where the
    second of appearance is below its mean, else 2."""
    rng = np.random.default_rng(0)
    objects = rng.normal(3.0, 5.0, (n, 6)).astype(np.float32)
    relations = rng.normal(size=(n, 2)).astype(np.float32)
    appearance = rng.normal(3.0, 5.0, (n, 4)).astype(np.float32)
    overlap = np.where(objects[:, 2] > 3, 0.9, 0.1).astype(np.float32)
    channel = np.where(appearance[:, 1] < 3, 1, 2)
    return Examples(objects, relations, appearance, overlap, channel)


def test_the_score_finds_what_decides():
    found = training_set()
    every = np.concatenate([found.objects, found.relations], axis=1)
    positive = fit_score(found).logits(every)[:, 0] > 0
    assert (positive == (found.overlap > 0.5)).mean() > 0.95


def test_the_naming_finds_the_class_of_what_is_an_object():
    found = training_set()
    every = np.concatenate([found.objects, found.appearance], axis=1)
    named = fit_naming(found, channels=3).logits(every).argmax(axis=1)
    assert (named == found.channel)[found.overlap > 0.5].mean() > 0.95


def test_a_feature_that_never_changes_does_no_harm():
    found = training_set()
    found.objects[:, 5] = 1.0
    every = np.concatenate([found.objects, found.appearance], axis=1)
    assert np.isfinite(fit_naming(found, 3).logits(every)).all()


def test_the_same_seed_gives_the_same_model_and_torchs_random_state_is_left_alone():
    found = training_set()
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    one, other = fit_score(found, seed=1), fit_score(found, seed=1)
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
    models = calibrate(segmenter, [tiny_scene(seed) for seed in range(3)])
    assert set(models) == {"score"}  # a network without a semantic head names nothing

    scored = replace(checkpoint, models={"score": vars(models["score"])})
    sample = calibration.voxelize(tiny_scene(7), 0.1)

    def scores(settings):
        with_model = InstanceSegmenter(scored, Taxonomy.toy(), cpu, settings)
        return [p.score for p in with_model.segment(sample.grid).proposals]

    by_model = scores(settings)
    by_terms = scores(replace(settings, score=ScoreSettings(learned=False)))
    assert by_terms == [p.score for p in segmenter.segment(sample.grid).proposals]
    assert by_model != by_terms
    assert all(0 <= s <= 1 for s in by_model)


def test_the_two_models_alone_are_fitted_to_the_network_of_given_weights(tmp_path):
    recipe = Recipe("toy", "toy", {"set": "toy"}, calibration_scenes=2)
    path = calibrate_weights(recipe, "toy", tmp_path / "run", "cpu", progress=False)
    shipped, found = load_checkpoint(find_weights("toy")), load_checkpoint(path)
    assert set(found.models) == {"score"}
    assert not np.array_equal(found.models["score"]["weight1"], shipped.models["score"]["weight1"])
    for name, value in shipped.network.state_dict().items():
        assert torch.equal(found.network.state_dict()[name], value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"calibration_scenes": 0}, "nothing to fit on"), ({"network": {"width": 8}}, "another")],
)
def test_recipes_that_do_not_fit_the_weights_are_refused(changed, said, tmp_path):
    recipe = replace(Recipe("toy", "toy", {"set": "toy"}, calibration_scenes=2), **changed)
    with pytest.raises(ConfigurationError, match=said):
        calibrate_weights(recipe, "toy", tmp_path / "run", "cpu", progress=False)
    assert not (tmp_path / "run").exists()
