"""package.xml, CMakeLists.txt, setup.py and the code say the same."""

import ast
import importlib.util
import re
import sys
from collections import Counter

import pytest

import mtml_ros

# What a Python import is called where it is installed from, as far as the names differ.
PIP_NAMES = {"PIL": "pillow", "cc3d": "connected-components-3d", "yaml": "pyyaml"}
# Imported where they are used, by who has them; an error there names the package.
OPTIONAL = {"viser": "live", "trimesh": "mesh", "open3d": "simulation", "tensorboard": "train"}
# The ROS package that a Python module comes in, where that has another name.
ROS_NAMES = {"tf2_ros": "tf2_ros_py"}
ROS_OPTIONAL = {"tf2_ros_py", "vision_msgs"}


def _imports(folder):
    """{top-level module: a file that imports it} of all files under a folder."""
    found = {}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            else:
                continue
            found.update({name.split(".")[0]: path for name in names})
    own = {"mtml_ros", *sys.stdlib_module_names}
    return {name: path for name, path in found.items() if name not in own}


def _names(requirements):
    return {re.match(r"[\w-]+", r).group().lower() for r in requirements}


def test_one_version(manifest, setup_arguments):
    assert manifest.findtext("version") == mtml_ros.__version__ == setup_arguments["version"]


def test_messages_in_the_folders_are_those_that_get_built(root):
    built = set(
        re.findall(r"\b(?:msg|srv)/\w+\.(?:msg|srv)", (root / "CMakeLists.txt").read_text())
    )
    there = {str(p.relative_to(root)) for f in ("msg", "srv") for p in (root / f).iterdir()}
    assert built == there


def test_executables_are_the_same_for_pip_and_for_colcon(root, setup_arguments):
    cmake = (root / "CMakeLists.txt").read_text()
    lines = re.findall(r"^install_executable\((\w+) ([\w.]+) (\w+)\)", cmake, re.M)
    colcon = {name: f"{module}:{function}" for name, module, function in lines}
    scripts = setup_arguments["entry_points"]["console_scripts"]
    pip = dict(script.split(" = ") for script in scripts)
    assert colcon == pip
    assert {"mtml", "instance_segmentation_node", "scene_player", "instance_recorder"} <= set(pip)


@pytest.mark.parametrize(
    "module", ["cli.main", "ros.node", "ros.tools.recorder", "ros.tools.scene_player"]
)
def test_executables_have_a_main(module):
    found = importlib.import_module(f"mtml_ros.{module}")
    assert callable(found.main)


def test_what_the_package_imports_is_required(root, manifest, setup_arguments):
    required = _names(setup_arguments["install_requires"])
    extras = {n: _names(r) for n, r in setup_arguments["extras_require"].items()}
    ros = {d.text for d in manifest.iter() if d.tag in ("depend", "exec_depend")}
    wheels_only_as_part_of_rclpy = {"rclpy"}
    for name, path in _imports(root / "mtml_ros").items():
        package = PIP_NAMES.get(name, name.replace("_", "-"))
        if path.is_relative_to(root / "mtml_ros" / "ros") and ROS_NAMES.get(name, name) in ros:
            continue
        if name in OPTIONAL:
            assert any(name in extra for extra in extras[OPTIONAL[name]]), name
            continue
        assert package in required, f"{path} imports {name}: add it to setup.py's REQUIREMENTS"
    assert wheels_only_as_part_of_rclpy <= ros


def test_every_ros_import_is_in_the_manifest(root, manifest):
    declared = {d.text for d in manifest.iter() if d.tag in ("depend", "exec_depend")}
    python = {"numpy", "torch", "yaml"}
    imported = {ROS_NAMES.get(n, n) for n in _imports(root / "mtml_ros" / "ros")} - python
    assert imported <= declared
    assert imported >= {"rclpy", "sensor_msgs", "visualization_msgs"}
    assert declared >= ROS_OPTIONAL


def test_python_requirements_are_ranges(setup_arguments):
    assert all(re.search(r">=\d", r) and "==" not in r for r in setup_arguments["install_requires"])


def test_no_robot_gets_a_desktop(manifest):
    """rviz2 brings OpenGL and Qt; who wants to look installs it where there is a screen."""
    assert "rviz2" not in {d.text for d in manifest if d.tag.endswith("depend")}


def test_executables_have_the_run_bit(root):
    """CMake's configure_file hands the template's mode on, colcon's links show it as it is."""
    mode = (root / "scripts" / "executable.in").stat().st_mode
    assert mode & 0o111 == 0o111


def test_base_names_of_test_files_are_unique(root):
    """launch_testing's pytest plugin imports test files by their bare names."""
    names = Counter(p.name for p in (root / "test").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_all_subpackages_are_packed(root, setup_arguments):
    folders = {p.parent for p in (root / "mtml_ros").rglob("__init__.py")}
    assert set(setup_arguments["packages"]) == {
        ".".join(f.relative_to(root).parts) for f in folders
    }


def test_licence(root, manifest):
    text = (root / "LICENSE").read_text()
    assert text.split("\n")[1].strip() == "Apache License"
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert manifest.findtext("license") == "Apache-2.0"
