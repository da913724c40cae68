"""Recipes from YAML; whatever is wrong with one is said before anything is trained."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.scene_files import write_scene
from mtml_ros.training.augmentation import AugmentationSettings
from mtml_ros.training.losses import LossSettings
from mtml_ros.training.recipe import Recipe
from mtml_ros.training.train import train

LEAST = {"name": "x", "taxonomy": "toy", "data": {"set": "toy"}}
SHIPPED = sorted((Path(__file__).parents[2] / "config" / "recipes").glob("*.yaml"))


def test_recipes_ship():
    assert {p.stem for p in SHIPPED} >= {"toy", "rooms", "real_furniture", "files", "scannet"}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_recipes_load_and_come_back_from_their_own_dictionary(path):
    recipe = Recipe.load(path)
    assert recipe.network_config().classes == recipe.load_taxonomy().names[1:]
    assert Recipe.from_dict(recipe.to_dict()) == recipe


def test_the_recipe_of_own_files_trains_as_it_is_from_the_weights_that_ship(
    tmp_path, tiny_scene, monkeypatch
):
    (tmp_path / "scenes").mkdir()
    for seed in range(3):
        scene = tiny_scene(seed)
        write_scene(tmp_path / "scenes" / f"{seed}.npz", scene, Taxonomy.scannet())
    monkeypatch.chdir(tmp_path)
    recipe = Recipe.load(next(p for p in SHIPPED if p.stem == "files"))
    still = AugmentationSettings(drop_points=0.0)  # the scenes have few points to drop
    short = replace(recipe, steps=1, workers=0, augmentation=still)
    assert train(short, tmp_path / "run", "cpu", progress=False).is_file()


def test_options_left_out_have_their_defaults_and_nested_ones_their_own():
    recipe = Recipe.from_dict({**LEAST, "loss": {"direction_weight": 0}})
    assert recipe.steps == 4000
    assert recipe.loss == LossSettings(direction_weight=0)
    assert recipe.augmentation.rotate


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stepz": 1}, "unknown option 'stepz'"),
        ({3: 1}, "unknown option 3"),
        ({"steps": 0}, "steps"),
        ({"steps": 1.5}, "steps must be int"),
        ({"steps": True}, "steps must be int"),
        ({"steps": "many"}, "steps must be int"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"restarts": [100]}, "restarts"),
        ({"restarts": [[100, 0.1, 0.2]]}, "restarts"),
        ({"restarts": [[200, 0.1], [100, 0.1]]}, "restarts"),
        ({"restarts": [[100, 2.0]]}, "restarts"),
        ({"restarts": {100: 0.1}}, "restarts"),
        ({"pretrain": 1.1}, "pretrain"),
        ({"seed": -1}, "seed"),
        ({"validation_scenes": -1}, "validation_scenes"),
        ({"workers": 1000}, "workers"),
        ({"name": 3}, "name must be str"),
        ({"data": "toy"}, "data must be"),
        ({"network": [1]}, "network must be"),
        ({"settings": 3}, "settings must be"),
        ({"loss": 1.0}, "loss: must be a mapping"),
        ({"loss": {"margin": 1}}, "loss: unknown option 'margin'"),
        ({"augmentation": {"rotate": 1}}, "rotate must be bool"),
        ({"augmentation": {"scale": "big"}}, "scale must be float"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ConfigurationError, match=message):
        Recipe.from_dict({**LEAST, **options})


@pytest.mark.parametrize("name", ["name", "taxonomy", "data"])
def test_missing_options_are_named(name):
    with pytest.raises(ConfigurationError, match=name):
        Recipe.from_dict({k: v for k, v in LEAST.items() if k != name})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a",
        "7",
        "{",
        "a: [",
        "name: 2024-99-99",
        "\x00",
        "[" * 3000,
        "!!python/object:os.x {}",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_files_that_are_no_recipe_are_refused(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="recipe"):
        Recipe.load(path)


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Recipe.load(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Recipe.load(tmp_path / "binary.yaml")


def test_an_error_in_a_file_names_the_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**LEAST, "steps": 0}), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"mine\.yaml.*steps"):
        Recipe.load(path)


def test_a_network_option_that_there_is_not_is_refused():
    with pytest.raises(ConfigurationError, match="depth"):
        Recipe.from_dict({**LEAST, "network": {"depth": 3}}).network_config()
