"""mtml evaluate: its JSON, its table, its errors."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from mtml_ros.cli.main import mtml
from mtml_ros.io.benchmark_files import Prediction, write_ground_truth, write_submission

CHAIR, TABLE = 5, 7


@pytest.fixture
def folders(tmp_path):
    """A scene of two chairs (100 points each), one found; and a table nobody found."""
    labels, instance = np.repeat([CHAIR, CHAIR, TABLE], 100), np.repeat([0, 1, 2], 100)
    write_ground_truth(tmp_path / "gt" / "scene0000_00.txt", labels, instance)
    found = [Prediction(np.arange(100), CHAIR, 0.9)]
    write_submission(tmp_path / "pred", "scene0000_00", found, 300)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(mtml, ["evaluate", *map(str, arguments)])


def test_json_holds_every_class_and_null_where_undefined(folders):
    result = run(folders / "pred", folders / "gt", "--json", folders / "out" / "ap.json")
    assert result.exit_code == 0, result.output
    figures = json.loads((folders / "out" / "ap.json").read_text())
    # one of two chairs, nothing wrong: cut p 1, r 1/2 weighs 1/4, closing point 1/4
    half = {"ap": 0.5, "ap50": 0.5, "ap25": 0.5}
    assert set(figures) == {"mean", "classes"}
    assert len(figures["classes"]) == 18
    assert figures["classes"]["chair"] == half
    assert figures["classes"]["table"] == {"ap": 0.0, "ap50": 0.0, "ap25": 0.0}
    assert figures["classes"]["bed"] == {"ap": None, "ap50": None, "ap25": None}
    assert figures["mean"] == {"ap": 0.25, "ap50": 0.25, "ap25": 0.25}


def test_the_table_shows_what_the_json_holds(folders):
    result = run(folders / "pred", folders / "gt")
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line}
    assert rows["chair"] == ["0.500"] * 3
    assert rows["bed"] == ["-"] * 3
    assert rows["mean"] == ["0.250"] * 3


def test_options_change_what_counts(folders):
    agnostic = run(folders / "pred", folders / "gt", "--class-agnostic")
    # one of three objects: p 1, r 1/3: (1/3 + 1/3) / 2
    assert "object  0.333  0.333  0.333" in agnostic.stdout
    large = run(folders / "pred", folders / "gt", "--min-region", "101")
    assert large.stdout.splitlines()[-1].split() == ["mean", "-", "-", "-"]


def test_scenes_without_a_prediction_file_are_named(folders):
    write_ground_truth(folders / "gt" / "scene0001_00.txt", np.full(100, CHAIR), np.zeros(100))
    result = run(folders / "pred", folders / "gt")
    assert result.exit_code == 0
    assert "1 scenes" in result.stderr
    assert "scene0001_00.txt" in result.stderr


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "gt" / "scene0000_00.txt").unlink(), "have no file in"),
        (lambda f: (f / "gt" / "scene0000_00.txt").write_text("5001\nx\n"), "line 2"),
        (lambda f: (f / "gt" / "scene0000_00.txt").write_text("5001\n" * 299), "300 lines"),
        (lambda f: (f / "pred" / "scene0000_00.txt").write_text("a 1\n"), "line 1"),
        (lambda f: (f / "pred" / "scene0000_00.txt").write_text("a 5 1\n"), "cannot be read"),
        (lambda f: (f / "pred" / "scene0000_00.txt").unlink(), "no SCENE.txt"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(folders, spoil, message):
    spoil(folders)
    result = run(folders / "pred", folders / "gt")
    assert result.exit_code == 2
    error = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(error) == 1
    assert message in error[0]


def test_a_missing_folder_and_an_unknown_taxonomy_are_errors(folders):
    assert "no such folder" in run(folders / "absent", folders / "gt").stderr
    unknown = run(folders / "pred", folders / "gt", "--taxonomy", folders / "absent.yaml")
    assert unknown.exit_code == 2
    assert "error: taxonomy" in unknown.stderr
