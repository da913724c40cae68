"""The import contract (.importlinter) is kept; an import against any of its rules breaks it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter", reason="import-linter comes from pip, rosdep has no key")

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

PLANTED = {
    "Folders import downwards": ("core/errors.py", "import mtml_ros.io.ply"),
    "without a cycle": ("tracking/tracker.py", "import mtml_ros.mapping.voxel_map"),
    "ROS is imported in": ("io/ply.py", "import rclpy"),
    "From a cloud to objects": ("segmentation/segmenter.py", "import matplotlib"),
    "No running node imports": ("ros/node.py", "import mtml_ros.simulation.rooms"),
}


def lint(folder: Path, root: Path) -> subprocess.CompletedProcess:
    config = ["--config", root / ".importlinter", "--no-cache"]
    return subprocess.run(
        [sys.executable, "-c", LINT, *config], cwd=folder, capture_output=True, text=True
    )


def test_the_contract_is_kept(root):
    done = lint(root, root)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("rule", PLANTED)
def test_an_import_against_a_rule_breaks_it(root, tmp_path, rule):
    ignored = shutil.ignore_patterns("__pycache__", "*.safetensors", "*.npz", "web")
    shutil.copytree(root / "mtml_ros", tmp_path / "mtml_ros", ignore=ignored)
    name, statement = PLANTED[rule]
    with open(tmp_path / "mtml_ros" / name, "a", encoding="utf-8") as file:
        file.write(f"\n{statement}\n")
    done = lint(tmp_path, root)
    assert done.returncode != 0
    assert any(rule in line and "BROKEN" in line for line in done.stdout.splitlines()), done.stdout
