"""The toy experiment from nothing, on networks and sets too small to be good."""

import json
from dataclasses import replace

import pytest

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.experiments import reproduce_toy, toy_ablations
from mtml_ros.network.checkpoint import load_checkpoint
from mtml_ros.segmentation.segmenter import InstanceSegmenter
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


def test_without_the_direction_loss_and_with_it(recipe):
    variants = reproduce_toy.variants(recipe)
    assert list(variants) == ["FE only", "multi-task"]
    assert variants["FE only"].loss.direction_weight == 0
    assert variants["FE only"].settings["score"] == {"use_direction": False}
    assert variants["multi-task"] == recipe


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
        "FE-only-0", "FE-only-1", "multi-task-0", "multi-task-1", "dense",
    ]  # fmt: skip
    assert [r.seed for r, _ in made] == [0, 1, 0, 1, 0]
    dense = made[-1][0]
    assert (dense.network["architecture"], dense.steps) == ("dense", 7)
    assert dense.network_config().embedding_size == 4
    results = json.loads((tmp_path / "toy.json").read_text())
    assert {n: len(r) for n, r in results.items()} == {
        "connected components": 1, "FE only": 2, "multi-task": 2, "multi-task, dense, 7 steps": 1,
    }  # fmt: skip
    mean = f" {100 * components.coherent.mean_ap50:.1f}"
    rows = [line.split("  ")[0] for line in table.splitlines() if mean in line]
    assert rows == list(results)
    assert "multi-task (paper)" in table
    assert "multi-task, dense, 7 steps" in table


def test_components_fail_where_objects_touch():
    scores = reproduce_toy.score_components("toy-hard", 3)
    assert 0.1 < scores.coherent.mean_ap50 < 0.5
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
