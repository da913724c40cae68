"""mtml view: the page of a result."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mtml_ros.cli.main import mtml
from mtml_ros.io.point_files import read_points


def test_a_result_becomes_a_page(
    runner: CliRunner, weights: Path, room: Path, tmp_path: Path
) -> None:
    names = {"out": tmp_path / "o.npz", "objects": tmp_path / "o.json"}
    words = ["--out", names["out"], "--objects", names["objects"], "--weights", weights]
    assert runner.invoke(mtml, ["segment", str(room), *map(str, words)]).exit_code == 0
    for extra in ([], ["--objects", str(names["objects"])]):
        page = tmp_path / f"{len(extra)}.html"
        result = runner.invoke(mtml, ["view", str(names["out"]), *extra, "--html", str(page)])
        assert result.exit_code == 0, result.output
        assert result.output.strip() == str(page)
        assert '"num_points"' not in page.read_text()
        assert '"chair"' in page.read_text()


@pytest.mark.parametrize("suffix", [".npz", ".ply"])
def test_features_are_shown_in_the_page_of_segment_and_of_view(
    runner: CliRunner, weights: Path, room: Path, tmp_path: Path, suffix: str
) -> None:
    out, page = tmp_path / f"o{suffix}", tmp_path / "segment.html"
    words = ["--out", out, "--html", page, "--weights", weights, "--features"]
    result = runner.invoke(mtml, ["segment", str(room), *map(str, words)])
    assert result.exit_code == 0, result.output
    assert runner.invoke(mtml, ["view", str(out), "--html", str(tmp_path / "view.html")])
    for name in ("segment", "view"):
        text = (tmp_path / f"{name}.html").read_text()
        assert '"name":"embedding"' in text
        assert '"name":"direction"' in text
    cloud = read_points(out)
    assert cloud.embedding is not None
    assert cloud.direction is not None
    np.testing.assert_allclose(np.linalg.norm(cloud.direction, axis=1), 1, atol=1e-3)


@pytest.mark.parametrize("words", [[], ["a.npz", "--live"]])
def test_a_file_or_a_node_is_shown_not_both(runner: CliRunner, words: list[str]) -> None:
    assert runner.invoke(mtml, ["view", *words]).exit_code == 2


def test_a_scan_without_instances_is_refused(runner: CliRunner, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", xyz=np.zeros((5, 3), np.float32))
    result = runner.invoke(mtml, ["view", str(tmp_path / "a.npz")])
    assert result.exit_code == 2
    assert "has no instances" in result.stderr
