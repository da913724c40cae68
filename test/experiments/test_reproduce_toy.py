"""The toy experiment from nothing, on networks and sets too small to be good."""

import json
from dataclasses import replace

import pytest

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.experiments import reproduce_toy, toy_ablations
from mtml_ros.network.checkpoint import load_checkpoint
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.segmentation.settings import SegmenterSettings
from mtml_ros.training.recipe import Recipe
from mtml_ros.training.train import train


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return Recipe(
        name="tiny", taxonomy="toy", data={"set": "toy", "preset": "toy-hard"},
        network={"width": 4, "embedding_size": 4}, steps=2, validate_every=2,
        validation_scenes=1, calibration_scenes=1, workers=0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def weights(recipe, tmp_path_factory):
    return train(recipe, tmp_path_factory.mktemp("run"), "cpu", progress=False)


def test_the_rows_as_in_the_paper_have_nothing_of_ours_and_fe_only_no_direction(recipe):
    variants = reproduce_toy.variants(recipe)
    fe_only, multi_task, ours = variants.values()
    assert list(variants) == ["FE only, as in the paper", "multi-task, as in the paper", "ours"]
    for of_paper in (fe_only, multi_task):
        assert of_paper.network_config().position_scale == 0
        assert of_paper.calibration_scenes == 0
        settings = SegmenterSettings.from_dict(of_paper.settings)
        assert not settings.score.learned
        assert not settings.suppression.soft
    assert fe_only.loss.direction_weight == 0
    assert not SegmenterSettings.from_dict(fe_only.settings).score.use_direction
    assert multi_task.loss.direction_weight == 1
    assert SegmenterSettings.from_dict(multi_task.settings).score.use_direction
    assert ours == recipe


def test_rows_of_each_network_and_seed(recipe, tmp_path, monkeypatch):
    made = []

    def made_up(recipe, folder, scenes):
        made.append((recipe, folder.name))
        return components

    components = reproduce_toy.score_components("toy-hard", 1)
    monkeypatch.setattr(reproduce_toy, "train_and_score", made_up)
    monkeypatch.setattr(reproduce_toy, "ProcessPoolExecutor", InThisProcess)
    table = reproduce_toy.run(recipe, [0, 1], tmp_path, scenes=1, dense_steps=7)
    assert [name for _, name in made] == [
        "FE-only-as-in-the-paper-0", "multi-task-as-in-the-paper-0", "ours-0",
        "FE-only-as-in-the-paper-1", "multi-task-as-in-the-paper-1", "ours-1",
        "FE-only-as-in-the-paper-dense-7-steps", "multi-task-as-in-the-paper-dense-7-steps",
        "ours-dense-7-steps",
    ]  # fmt: skip
    assert [r.seed for r, _ in made] == [0, 0, 0, 1, 1, 1, 0, 0, 0]
    dense = made[-1][0]
    assert (dense.network["architecture"], dense.steps) == ("dense", 7)
    assert dense.network_config().embedding_size == 4
    results = json.loads((tmp_path / "toy.json").read_text())
    assert {n: len(r) for n, r in results.items()} == {
        "connected components": 1,
        "FE only, as in the paper": 2, "multi-task, as in the paper": 2, "ours": 2,
        "FE only, as in the paper, dense, 7 steps": 1,
        "multi-task, as in the paper, dense, 7 steps": 1, "ours, dense, 7 steps": 1,
    }  # fmt: skip
    mean = f" {100 * components.non_overlapping.mean_ap50:.1f}"
    rows = [line.split("  ")[0] for line in table.splitlines() if mean in line]
    assert sorted(rows) == sorted(results)
    assert "multi-task (paper)" in table


def test_components_fail_where_objects_touch():
    scores = reproduce_toy.score_components("toy-hard", 3)
    assert 0.1 < scores.non_overlapping.mean_ap50 < 0.5
    assert scores.counts.misses > 0


def test_every_ablation_changes_something_that_is_scored(recipe, weights, tmp_path, monkeypatch):
    monkeypatch.setattr(toy_ablations, "ProcessPoolExecutor", InThisProcess)
    trained = {}

    def remember(recipe, folder, scenes):
        trained[folder.name] = recipe
        return reproduce_toy.score_weights(weights, "toy-hard", 1)

    monkeypatch.setattr(toy_ablations, "train_and_score", remember)
    table = toy_ablations.run(recipe, weights, tmp_path, scenes=1)
    rows = json.loads((tmp_path / "ablations.json").read_text())
    assert list(rows) == [*toy_ablations.POST_PROCESSING, *toy_ablations.NETWORKS]
    assert all(name in table for name in rows)
    assert trained["embedding-of-16-dimensions"].network_config().embedding_size == 16
    assert trained["no-dimension-moves-with-position"].network_config().position_scale == 0
    away = trained["directions-away-from-the-centre"]
    assert (away.loss.direction_sign, away.settings["score"]["direction_sign"]) == (-1.0, -1.0)
    for name, changed in trained.items():
        assert changed.network["width"] == 4, name
    base = InstanceSegmenter.load(weights, Taxonomy.toy(), "cpu").settings
    assert base.score.learned


def test_an_ablation_keeps_the_weights_own_settings(recipe, weights, tmp_path, monkeypatch):
    from mtml_ros.network.checkpoint import save_checkpoint

    other = tmp_path / "other.safetensors"
    checkpoint = replace(
        load_checkpoint(weights, "cpu"), settings={"labelling": {"min_voxels": 99}}
    )
    save_checkpoint(other, checkpoint)
    seen = []
    monkeypatch.setattr(
        reproduce_toy, "evaluate_segmenter",
        lambda scenes, segment, *_: seen.append(segment.__self__.settings),
    )  # fmt: skip
    reproduce_toy.score_weights(
        other, "toy-hard", 1, toy_ablations.POST_PROCESSING["paper's score"]
    )
    assert (seen[0].labelling.min_voxels, seen[0].score.learned) == (99, False)


class InThisProcess:
    """In place of a pool of processes, which would not see what the tests replace."""

    def __init__(self, jobs):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, function, *arguments):
        return Done(function(*arguments))


class Done:
    def __init__(self, value):
        self.value = value

    def result(self):
        return self.value
