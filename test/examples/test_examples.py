"""The examples that need no ROS run as they stand; test/ros has the one for the node."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from mtml_ros.datasets import SCANS

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def run(capsys):
    def run_example(name):
        runpy.run_path(str(EXAMPLES / name))
        return capsys.readouterr().out.splitlines()

    return run_example


def test_library_lists_the_objects_of_a_scan(run):
    rows = [re.fullmatch(r"(.{16}) score (\d\.\d\d) +([\d,]+) points, (.*) m", r)
            for r in run("library.py")]  # fmt: skip
    assert all(rows)
    assert {"table", "sofa"} <= {r[1].strip() for r in rows}
    points = [int(r[3].replace(",", "")) for r in rows]
    assert 0 < sum(points) <= len(np.load(SCANS / "office_large.npz")["xyz"])


def test_live_mapping_keeps_ids_while_the_map_grows(run):
    updates = [
        re.fullmatch(r"at .* m, ([\d,]+) voxels: (.*)", line) for line in run("live_mapping.py")
    ]
    assert len(updates) >= 2
    assert all(updates)
    voxels = [int(u[1].replace(",", "")) for u in updates]
    assert voxels == sorted(voxels)
    ids = [set(re.findall(r"(\d+)(?:,|$)", u[2])) for u in updates]
    assert ids[0] & ids[-1]
    assert len(ids[-1]) > len(ids[0])


def test_every_example_is_run_by_a_test():
    tests = Path(__file__).resolve().parents[1]
    text = "".join(p.read_text(encoding="utf-8") for p in tests.rglob("test_*example*.py"))
    assert [p.name for p in EXAMPLES.glob("*.py") if p.name not in text] == []
