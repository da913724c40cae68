"""mtml generate toy: scenes as files, the same from the same seed, and a look at the first."""

from pathlib import Path

import numpy as np
from click.testing import CliRunner

from mtml_ros.cli.main import mtml
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.scene_files import read_scene
from mtml_ros.datasets.toy import generate_scene


def test_scenes_are_those_of_their_seeds(runner: CliRunner, tmp_path: Path) -> None:
    words = ["generate", "toy", "--count", "2", "--seed", "41", "--out", str(tmp_path / "toy")]
    result = runner.invoke(mtml, words)
    assert result.exit_code == 0, result.output
    files = sorted(p.name for p in (tmp_path / "toy").iterdir())
    assert files == ["toy_00041.html", "toy_00041.npz", "toy_00041.png", "toy_00042.npz"]
    for seed in (41, 42):
        scene = read_scene(tmp_path / "toy" / f"toy_{seed:05d}.npz", Taxonomy.toy())
        expected = generate_scene(seed)
        np.testing.assert_array_equal(scene.xyz, expected.xyz)
        np.testing.assert_array_equal(scene.instance, expected.instance)
        np.testing.assert_array_equal(scene.labels, expected.labels)


def test_hard_scenes_carry_noisy_labels(runner: CliRunner, tmp_path: Path) -> None:
    words = ["generate", "toy", "--count", "1", "--preset", "toy-hard", "--out", str(tmp_path)]
    assert runner.invoke(mtml, words).exit_code == 0
    scene = read_scene(tmp_path / "toy_hard_00000.npz", Taxonomy.toy())
    assert scene.noisy_labels is not None
    assert 0.02 < (scene.noisy_labels != scene.labels).mean() < 0.3


def test_folder_that_cannot_be_made(runner: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    words = ["generate", "toy", "--count", "1", "--out", str(tmp_path / "file" / "x")]
    result = runner.invoke(mtml, words)
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert runner.invoke(mtml, [*words, "--count", "0"]).exit_code == 2
