"""mtml taxonomy: the list, a set, a file of one's own."""

from pathlib import Path

from click.testing import CliRunner

from mtml_ros.cli.main import mtml


def test_without_a_name_it_lists_what_ships(runner: CliRunner) -> None:
    result = runner.invoke(mtml, ["taxonomy"])
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line for line in result.output.splitlines()}
    assert set(lines) == {
        *("ade20k", "cityscapes", "coco", "nyu40", "scannet", "scannet200", "semantickitti"),
        "toy",
    }
    assert lines["ade20k"].endswith(" 150 classes, ids 1 to 150")


def test_a_set_is_shown_with_what_it_is_to_the_network(runner: CliRunner) -> None:
    result = runner.invoke(mtml, ["taxonomy", "coco_from_0"])
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.splitlines()]
    assert ["57", "couch", "thing", "sofa"] in rows
    assert ["0", "person", "thing", "unknown"] in rows
    assert "133 classes" in result.output.splitlines()[-1]
    assert "known to rooms" in result.output.splitlines()[-1]


def test_a_file_that_maps_to_no_class_of_the_weights_is_refused(
    runner: CliRunner, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("classes:\n  - {id: 1, name: armchair, as: seat}\n")
    result = runner.invoke(mtml, ["taxonomy", str(path)])
    assert result.exit_code == 2
    assert "do not know: seat" in result.stderr
    path.write_text("classes:\n  - {id: 1, name: armchair, as: chair}\n")
    assert runner.invoke(mtml, ["taxonomy", str(path)]).exit_code == 0
