"""mtml benchmark: finds the modules, runs them, prints and writes their rows."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mtml_ros.cli import benchmark
from mtml_ros.cli.main import mtml


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    module = tmp_path / "adding.py"
    module.write_text(
        '"""Adding: ours beside another."""\n\n'
        "def run():\n"
        "    two = {'case': 'two', 'ours': 0.001234, 'sum()': 1}\n"
        "    return [two, {'case': 'ten', 'note': 'x'}]\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(benchmark, "find_benchmarks", lambda: {"adding": module})
    return tmp_path


def test_rows_are_printed_and_written(runner: CliRunner, fake: Path) -> None:
    result = runner.invoke(mtml, ["benchmark", "--json", str(fake / "f.json")])
    assert result.exit_code == 0, result.output
    assert "Adding: ours beside another." in result.output
    table = [line.split() for line in result.output.splitlines()[-3:]]
    assert table == [["case", "ours", "sum()", "note"], ["two", "0.00123", "1"], ["ten", "x"]]
    content = json.loads((fake / "f.json").read_text(encoding="utf-8"))
    assert content["adding"][0]["ours"] == 0.001234
    assert content["machine"]["cores"] >= 1


def test_only_some(runner: CliRunner, fake: Path) -> None:
    assert runner.invoke(mtml, ["benchmark", "--only", "adding"]).exit_code == 0
    result = runner.invoke(mtml, ["benchmark", "--only", "dancing"])
    assert result.exit_code == 2
    assert "no benchmark dancing; there are: adding" in result.stderr


def test_a_commit_is_handed_to_benchmarks_that_can_compare(
    runner: CliRunner, fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparing = fake / "comparing.py"
    text = """'''Comparing.'''

def run(against=None):
    return [{"commit": against}]
"""
    comparing.write_text(text, encoding="utf-8")
    both = {"adding": fake / "adding.py", "comparing": comparing}
    monkeypatch.setattr(benchmark, "find_benchmarks", lambda: both)
    result = runner.invoke(mtml, ["benchmark", "--against", "e1f76d7"])
    assert result.exit_code == 0, result.output
    assert result.output.split()[-2:] == ["commit", "e1f76d7"]


def test_benchmarks_of_the_project_are_found() -> None:
    names = benchmark.find_benchmarks(Path(__file__).resolve().parents[2] / "benchmarks")
    for path in names.values():
        text = path.read_text(encoding="utf-8")
        assert "\ndef run(" in text
        assert text.startswith('"""')
        compile(text, str(path), "exec")
