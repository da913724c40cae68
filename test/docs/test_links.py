"""The pages of the documentation name files, targets of `make` and commands that exist."""

import re
from pathlib import Path

import pytest

from mtml_ros.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [x for x in links if "://" not in x and not (page.parent / x).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_exist(page):
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"(?:^    |`)mtml ([a-z]+)", text, re.MULTILINE)) <= set(COMMANDS)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^    |`)make ([a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize(
    "name", re.findall(r"--only (\w+)", (ROOT / "docs/figures.md").read_text())
)
def test_figures_name_benchmarks_that_exist(name):
    assert (ROOT / "benchmarks" / f"{name}.py").is_file()
