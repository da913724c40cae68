"""README.md tells the truth: its commands, tables, topics, files and code are the project's."""

import importlib
import re
import shlex
import textwrap
from pathlib import Path

import click
import numpy as np
import pytest
import yaml

from mtml_ros.cli.main import COMMANDS, LazyGroup, mtml
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.ros.parameters.documents import markdown_table

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def code_lines(start: str) -> list[str]:
    """Lines of the indented blocks that begin with this word."""
    lines = [line[4:] for line in README.splitlines() if line.startswith("    ")]
    return [line.split("  #")[0].strip() for line in lines if line.startswith(start)]


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that these words call, and what is left of them."""
    command: click.Command = mtml
    words = list(words)
    while isinstance(command, LazyGroup):
        command = importlib.import_module(command.modules[words.pop(0)][0]).command
    return command, words


def commands() -> list[str]:
    inline = re.findall(r"`(mtml [a-z][^`]*)`", README)
    torchrun = [line.split("-m mtml_ros.cli.main")[1] for line in code_lines("torchrun")]
    return [*code_lines("mtml "), *inline, *(f"mtml{words}" for words in torchrun)]


def test_readme_shows_every_command() -> None:
    shown = {shlex.split(c)[1] for c in commands()}
    assert shown == set(COMMANDS)


@pytest.mark.parametrize("line", commands())
def test_commands_exist_with_these_options(line: str) -> None:
    for choice in line.split("\\|")[0:1]:
        words = shlex.split(choice)[1:]
        command, rest = resolve(words)
        known = {o for p in command.params for o in p.opts}
        used = {w for w in rest if w.startswith("--")}
        assert used <= known, line
    for name in re.findall(r"\\\|(\w+)", line):  # toy\|rooms: each of them exists
        group = importlib.import_module(COMMANDS[shlex.split(line)[1]][0]).command
        assert name in group.modules


def test_options_named_in_the_command_table_exist() -> None:
    for row in re.findall(r"^\| `(mtml .*?)` \| (.*) \|$", README, re.MULTILINE):
        words = shlex.split(row[0].split("\\|")[0])[1:]
        command, _ = resolve(words)
        known = {o for p in command.params for o in p.opts}
        assert set(re.findall(r"`(--[a-z-]+)`", row[1])) <= known


def test_parameter_table_is_the_nodes() -> None:
    assert markdown_table() in README


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(~/\w+)`", README))))
def test_topics_and_services_are_the_nodes(name: str) -> None:
    sources = "".join(f.read_text("utf-8") for f in (ROOT / "mtml_ros" / "ros").rglob("*.py"))
    assert f'"{name}"' in sources or f'"{name.removeprefix("~/")}"' in sources


def test_every_topic_and_service_of_the_node_is_shown() -> None:
    sources = "".join(f.read_text("utf-8") for f in (ROOT / "mtml_ros" / "ros").rglob("*.py"))
    assert set(re.findall(r'"(~/\w+)"', sources)) <= set(re.findall(r"`(~/\w+)`", README))


def test_files_named_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    paths = [p for p in links if "://" not in p]
    folders = "config|mtml_ros|images|benchmarks|launch"
    paths += re.findall(rf"(?:^|[\s`])((?:{folders})/[a-z][\w/.]*)", README)
    assert len(paths) > 10
    missing = [p for p in paths if not (ROOT / p).exists()]
    assert missing == []


def test_pictures_are_light() -> None:
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).stat().st_size < 300_000


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^    |`)make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_launch_arguments_exist() -> None:
    launch = (ROOT / "launch" / "instance_segmentation.launch.py").read_text(encoding="utf-8")
    for line in code_lines("ros2 launch"):
        assert "instance_segmentation.launch.py" in line
        for argument in re.findall(r"(\w+):=", line):
            assert f'("{argument}"' in launch


def test_taxonomy_example_loads(tmp_path: Path) -> None:
    block = re.search(r"^    classes:\n(?:      .*\n)+", README, re.MULTILINE)
    assert block is not None
    path = tmp_path / "own.yaml"
    path.write_text(textwrap.dedent(block.group()), encoding="utf-8")
    own = Taxonomy.load(path)
    assert len(own) == len(yaml.safe_load(path.read_text("utf-8"))["classes"])
    own.network_channels(Taxonomy.scannet().names[1:])  # maps onto classes the weights know


def test_library_example_runs() -> None:
    block = re.search(r"^    from mtml_ros(?:.*\n)(?:(?:    .*)?\n)+", README, re.MULTILINE)
    assert block is not None
    rng = np.random.default_rng(0)
    chair = rng.uniform((0, 0, 0.2), (0.6, 0.6, 1.0), (3000, 3)).astype(np.float32)
    names = {"xyz": chair, "nyu40_ids": np.full(3000, 5)}
    exec(textwrap.dedent(block.group()), names)
    assert names["instance_of_point"].shape == (3000,)
