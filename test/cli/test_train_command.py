"""mtml train on vectors instead of labels, and mtml segment with what came of it."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from mtml_ros.cli.main import mtml
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.scene_files import write_scene
from mtml_ros.datasets.toy import ToySettings, generate_scene

SETTINGS = ToySettings(objects=(4, 5), extent=3.0, solid=False)


def write_toy(path, seed):
    """A toy scene with, in place of a label, the probability of each of the five classes."""
    scene = generate_scene(seed, SETTINGS)
    logits = np.random.default_rng(seed).normal(size=(len(scene.xyz), 5))
    logits[np.arange(len(scene.xyz)), scene.labels - 1] += 3
    features = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    write_scene(path, replace(scene, features=features.astype(np.float32)), Taxonomy.toy())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("features")
    for part, seeds in {"train": (0, 1), "validation": (2,)}.items():
        (made / part).mkdir()
        for seed in seeds:
            write_toy(made / part / f"{seed}.npz", seed)
    recipe = {
        "name": "features", "taxonomy": "toy",
        "data": {"set": "files", "train": str(made / "train"), "taxonomy": "toy",
                 "validation": str(made / "validation")},
        "network": {"input": "features", "feature_size": 5, "width": 8},
        "settings": {"labelling": {"score_threshold": 0.0}, "score": {"learned": False}},
        "steps": 3, "batch_size": 1, "validation_scenes": 1, "workers": 0,
    }  # fmt: skip
    (made / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return made


def test_features_are_learned_from_and_segmented_by(folder, runner):
    trained = runner.invoke(
        mtml, ["train", str(folder / "recipe.yaml"), "--out", str(folder / "run"), "--threads", "1"]
    )
    assert trained.exit_code == 0, trained.output
    scan, weights = folder / "validation" / "2.npz", folder / "run" / "weights.safetensors"
    words = ["--weights", str(weights), "--taxonomy", "toy", "--out", str(folder / "out.npz")]
    done = runner.invoke(mtml, ["segment", str(scan), *words])
    assert done.exit_code == 0, done.output
    given, out = np.load(scan), np.load(folder / "out.npz")
    assert np.array_equal(given["xyz"], out["xyz"])
    assert len(out["instance"]) == len(given["label"])

    arrays = dict(given)
    np.savez(folder / "narrow.npz", **{**arrays, "features": arrays["features"][:, :4]})
    refused = runner.invoke(mtml, ["segment", str(folder / "narrow.npz"), *words])
    assert refused.exit_code != 0
    assert "5 features" in refused.stderr
    del arrays["features"]
    np.savez(folder / "without.npz", **arrays)
    refused = runner.invoke(mtml, ["segment", str(folder / "without.npz"), *words])
    assert refused.exit_code != 0
    assert "has none" in refused.stderr
