"""Training: the same from the same seed, unbroken or resumed, on one process or on two."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from mtml_ros.core.errors import CheckpointError, ConfigurationError
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.scene_files import read_scene, write_scene
from mtml_ros.network.checkpoint import load_checkpoint
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.training import train as module
from mtml_ros.training.recipe import Recipe
from mtml_ros.training.train import Process, TrainingBatches, learning_rate, one_cycle, train


def run(recipe: Recipe, out: Path) -> dict[str, torch.Tensor]:
    """Trains; gives the network's tensors in full precision."""
    train(recipe, out, "cpu", progress=False)
    return torch.load(out / "state.pt", weights_only=True)["network"]


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def log_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.fixture
def recipe(tiny_recipe: dict) -> Recipe:
    return Recipe.from_dict(tiny_recipe)


def test_a_run_leaves_weights_state_and_log(recipe, tmp_path):
    path = train(recipe, tmp_path / "run", "cpu", progress=False)
    assert path == tmp_path / "run" / "weights.safetensors"
    loaded = InstanceSegmenter.load(path, Taxonomy.toy(), "cpu")
    assert loaded.config == recipe.network_config()
    lines = log_of(tmp_path / "run")
    (losses,) = [line for line in lines if "loss" in line]
    assert losses["step"] == 4
    assert np.isfinite(losses["loss"])
    assert {"variance", "distance", "regularization", "direction"} <= losses.keys()
    validations = [line for line in lines if "validation" in line]
    assert [line["step"] for line in validations] == [2, 4]
    assert {"ap50", "non_overlapping_ap50"} <= validations[0]["validation"].keys()
    pytest.importorskip("tensorboard")
    assert list((tmp_path / "run").glob("events.out.tfevents.*"))


def test_the_same_seed_gives_the_same_weights_and_another_others(recipe, tmp_path):
    first = run(recipe, tmp_path / "a")
    assert equal(first, run(recipe, tmp_path / "b"))
    assert not equal(first, run(replace(recipe, seed=1), tmp_path / "c"))


def test_scenes_from_a_worker_process_are_the_same(recipe, tmp_path):
    assert equal(run(recipe, tmp_path / "a"), _weights_with_worker(recipe, tmp_path / "b"))


def _weights_with_worker(recipe: Recipe, out: Path) -> dict[str, torch.Tensor]:
    return run(replace(recipe, workers=1), out)


def test_a_broken_run_goes_on_as_if_it_had_not_been_broken(recipe, tmp_path, monkeypatch):
    unbroken = run(recipe, tmp_path / "unbroken")
    make = TrainingBatches.__getitem__

    def break_at_3(self, step):
        if step == 3:
            raise KeyboardInterrupt
        return make(self, step)

    monkeypatch.setattr(TrainingBatches, "__getitem__", break_at_3)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "broken", "cpu", progress=False)
    monkeypatch.setattr(TrainingBatches, "__getitem__", make)
    seen = []
    monkeypatch.setattr(
        TrainingBatches, "__getitem__", lambda self, step: seen.append(step) or make(self, step)
    )
    assert equal(unbroken, run(recipe, tmp_path / "broken"))
    assert seen == [2, 3]  # from the last saved state, not from the start


def test_a_finished_run_is_not_done_again(recipe, tmp_path, monkeypatch):
    first = run(recipe, tmp_path / "run")
    monkeypatch.setattr(TrainingBatches, "__getitem__", lambda self, step: pytest.fail("trained"))
    assert equal(first, run(recipe, tmp_path / "run"))


def test_a_finished_run_is_extended_by_more_steps(recipe, tmp_path):
    out = tmp_path / "run"
    run(recipe, out)
    longer = replace(recipe, steps=recipe.steps + 2)
    run(longer, out)
    state = torch.load(out / "state.pt", weights_only=True)
    assert state["step"] == recipe.steps + 2
    with pytest.raises(ConfigurationError, match=f"{recipe.steps + 2} steps, more than"):
        train(recipe, out, "cpu", progress=False)


def test_training_starts_from_given_weights(recipe, tmp_path, monkeypatch):
    weights = train(recipe, tmp_path / "first", "cpu", progress=False)
    given = load_checkpoint(weights).network.state_dict()
    tuned = replace(recipe, init=str(weights), seed=recipe.seed + 1)
    started = module._Run(tuned, tmp_path / "tuned", torch.device("cpu"), Process(0, 1), False)
    assert all(torch.equal(v, given[k]) for k, v in started.network.state_dict().items())


def test_weights_of_another_network_to_start_from_are_refused(recipe, tmp_path):
    with pytest.raises(ConfigurationError, match="another configuration"):
        train(replace(recipe, init="rooms"), tmp_path / "run", "cpu", progress=False)


def test_a_finished_run_is_not_calibrated_again(recipe, tmp_path, monkeypatch):
    calibrated = replace(recipe, data={"set": "toy"}, steps=1, calibration_scenes=2)
    weights = train(calibrated, tmp_path / "run", "cpu", progress=False)
    assert "score" in load_checkpoint(weights).models
    monkeypatch.setattr(module, "calibrated", lambda *_: pytest.fail("calibrated"))
    assert train(calibrated, tmp_path / "run", "cpu", progress=False) == weights


@pytest.mark.parametrize("scenes", [{"validation_scenes": 51}, {"calibration_scenes": 1001}])
def test_scenes_that_the_data_lacks_show_before_the_first_step(recipe, tmp_path, scenes):
    with pytest.raises(ConfigurationError, match="scenes for"):
        train(replace(recipe, data={"set": "toy"}, **scenes), tmp_path / "run", "cpu", False)
    assert not (tmp_path / "run" / "log.jsonl").exists()


def test_a_folder_of_another_recipe_is_left_alone(recipe, tmp_path):
    run(recipe, tmp_path / "run")
    before = (tmp_path / "run" / "state.pt").read_bytes()
    with pytest.raises(ConfigurationError, match="another recipe"):
        train(replace(recipe, seed=5), tmp_path / "run", "cpu", progress=False)
    assert (tmp_path / "run" / "state.pt").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"garbage" * 9, None])
def test_a_damaged_state_is_refused(recipe, tmp_path, content):
    out = tmp_path / "run"
    out.mkdir()
    if content is None:  # the beginning of a good file
        torch.save({"recipe": "", "network": torch.zeros(1000)}, out / "state.pt")
        content = (out / "state.pt").read_bytes()[:700]
    (out / "state.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"state\.pt"):
        train(recipe, out, "cpu", progress=False)


def test_settings_that_there_are_not_are_refused_before_training(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(TrainingBatches, "__getitem__", lambda self, step: pytest.fail("trained"))
    with pytest.raises(ConfigurationError, match="min_voxel"):
        train(replace(recipe, settings={"min_voxel": 3}), tmp_path / "run", "cpu", progress=False)


def test_a_batch_that_does_not_divide_over_the_processes_is_refused(recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigurationError, match="does not divide over 2"):
        train(replace(recipe, batch_size=3), tmp_path / "run", "cpu", progress=False)


def test_scenes_too_small_for_the_network_end_in_an_error_not_in_a_loop(recipe, monkeypatch):
    monkeypatch.setattr(module, "MIN_VOXELS", 10_000)
    batches = TrainingBatches(recipe, recipe.network_config(), Process(0, 1))
    with pytest.raises(ConfigurationError, match="fewer than 10000 voxels"):
        batches[0]


def test_processes_share_a_batch_between_them(recipe):
    recipe = replace(recipe, batch_size=4)
    config = recipe.network_config()
    whole, _ = TrainingBatches(recipe, config, Process(0, 1))[7]
    parts = [TrainingBatches(recipe, config, Process(rank, 2))[7][0] for rank in range(2)]
    for scene in range(4):
        part = parts[scene % 2]
        mine = part.coordinates[part.scene == scene // 2]
        assert torch.equal(mine, whole.coordinates[whole.scene == scene])


def test_batches_differ_from_step_to_step(recipe):
    batches = TrainingBatches(recipe, recipe.network_config(), Process(0, 1))
    assert not torch.equal(batches[0][0].coordinates[:50], batches[1][0].coordinates[:50])


def test_pre_training_shows_true_labels_then_the_noisy_ones(recipe, scene_folder):
    for path in (scene_folder / "train").glob("*.npz"):
        scene = read_scene(path, Taxonomy.toy())
        noisy = np.full_like(scene.labels, 5)  # a class that no object truly has
        write_scene(path, replace(scene, noisy_labels=noisy), Taxonomy.toy())
    recipe = replace(recipe, pretrain=0.5)
    batches = TrainingBatches(recipe, recipe.network_config(), Process(0, 1))
    for step, noisy in ((0, False), (1, False), (2, True), (3, True)):
        inputs = batches[step][0].inputs
        assert bool(inputs[:, 5].any()) is noisy
        assert bool(inputs[:, 1:3].any()) is not noisy


def test_after_a_restart_the_rate_rises_again_to_its_own_peak():
    restarts = ((100, 0.05), (500, 0.01))
    recipe = Recipe("r", "toy", {"set": "toy"}, learning_rate=0.1, steps=300, restarts=restarts)
    assert learning_rate(recipe, 10) == pytest.approx(0.1)
    assert learning_rate(recipe, 99) < 0.001
    assert learning_rate(recipe, 120) == pytest.approx(0.05)
    assert learning_rate(recipe, 210) == pytest.approx(0.025)
    assert learning_rate(recipe, 299) < 0.001
    plain = replace(recipe, restarts=())
    assert learning_rate(plain, 30) == pytest.approx(0.1)


def test_one_cycle_rises_over_a_tenth_and_falls_to_nothing():
    assert one_cycle(0.0) == pytest.approx(0.04)
    assert one_cycle(0.05) == pytest.approx(0.52)
    assert one_cycle(0.1) == pytest.approx(1.0)
    assert one_cycle(0.55) == pytest.approx(0.5)  # half-way down the cosine
    assert one_cycle(1.0) == pytest.approx(0.0)


def test_the_loss_falls(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOG_EVERY", 5)
    recipe = replace(recipe, steps=30, validate_every=30, learning_rate=0.02)
    run(recipe, tmp_path / "run")
    losses = [line["loss"] for line in log_of(tmp_path / "run") if "loss" in line]
    assert len(losses) == 6
    assert losses[-1] < losses[0] - 1


def test_two_processes_under_torchrun_train_as_one_with_the_same_batch(recipe, tmp_path):
    """With the dense network, since batch normalisation (the sparse one's) sees each process's own
    scenes. Its grid's edges show, so all scenes have one box, whatever quarter turn."""
    plain = {"rotate": False, "flip": False, "shift": 0.0}
    recipe = Recipe.from_dict(
        {**recipe.to_dict(), "augmentation": plain, "loss": {}, "steps": 2, "validation_scenes": 0,
         "learning_rate": 1e-3, "network": {"architecture": "dense"}}
    )  # fmt: skip
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe.to_dict()), encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, torch\n"
        "from mtml_ros.training.recipe import Recipe\n"
        "from mtml_ros.training.train import train\n"
        "torch.set_num_threads(1)\n"
        "train(Recipe.load(sys.argv[1]), sys.argv[2], 'cpu', progress=False)\n",
        encoding="utf-8",
    )
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         str(script), str(tmp_path / "recipe.yaml"), str(tmp_path / "two")],
        check=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    two = torch.load(tmp_path / "two" / "state.pt", weights_only=True)["network"]
    torch.manual_seed(recipe.seed)
    start = module.build_network(recipe.network_config()).state_dict()
    one = run(recipe, tmp_path / "one")
    moved = torch.cat([(one[n] - start[n]).abs().flatten() for n in one])
    apart = torch.cat([(one[n] - two[n]).abs().flatten() for n in one])
    assert moved.mean() > 1e-4  # both have learned,
    assert apart.mean() < 0.01 * moved.mean()  # and the same, up to rounding
    assert len([line for line in log_of(tmp_path / "two") if "loss" in line]) == 1  # one writer
