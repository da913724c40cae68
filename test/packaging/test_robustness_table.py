"""docs/robustness.md names a test for each thing that went wrong: each is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_table_names_exists():
    rows = re.findall(
        r"^\| (?!what|fault|--).+$", (ROOT / "docs/robustness.md").read_text(), re.MULTILINE
    )
    assert len(rows) > 50
    for row in rows:
        ((file, name),) = re.findall(r"`(test/\S+\.py)` `(test_\w+)`", row)
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^ *def {name}\(", text, re.MULTILINE), (file, name)
