"""The command group: quick help, every command there, errors as one line."""

import importlib
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mtml_ros import __version__
from mtml_ros.cli.main import COMMANDS, LazyGroup, mtml

MTML = [sys.executable, "-c", "from mtml_ros.cli.main import main; main()"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists_and_has_help(runner: CliRunner, name: str) -> None:
    result = runner.invoke(mtml, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output
    module, _ = COMMANDS[name]
    assert isinstance(importlib.import_module(module).command, click.Command)


def test_help_lists_the_table_and_imports_nothing_heavy() -> None:
    check = (
        "import sys; from click.testing import CliRunner; from mtml_ros.cli.main import mtml; "
        "print(CliRunner().invoke(mtml, ['--help']).output); "
        "print(sorted({'torch', 'numpy', 'matplotlib', 'rclpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
    for name, (_, text) in COMMANDS.items():
        assert name in done.stdout
        assert text in done.stdout


def test_help_is_quick() -> None:
    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    before = used()
    subprocess.run([*MTML, "--help"], capture_output=True, check=True)
    assert used() - before < 0.6  # processor time, 0.1 s where nothing else runs


def test_version(runner: CliRunner) -> None:
    assert __version__ in runner.invoke(mtml, ["--version"]).output


def test_unknown_command_is_a_usage_error(runner: CliRunner) -> None:
    result = runner.invoke(mtml, ["segmnt"])
    assert result.exit_code == 2
    assert "segmnt" in result.stderr


def test_error_is_one_line_on_stderr_and_exit_code_2(tmp_path: Path) -> None:
    command = [*MTML, "segment", str(tmp_path / "none.ply"), "--out", str(tmp_path / "o.ply")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "none.ply" in done.stderr.splitlines()[-1]


def test_other_exceptions_are_not_hidden(runner: CliRunner) -> None:
    @click.command(cls=LazyGroup, modules={})
    def group() -> None: ...

    @group.command("broken")
    def broken() -> None:
        raise RuntimeError("a bug")

    group.modules["broken"] = ("", "")  # type: ignore[attr-defined]
    group.get_command = lambda ctx, name: broken  # type: ignore[method-assign]
    assert isinstance(runner.invoke(group, ["broken"]).exception, RuntimeError)
