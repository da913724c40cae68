"""The RViz configuration follows the node's parameters."""

from pathlib import Path

import yaml

from mtml_ros.ros.tools.rviz_view import view, written_view

TEMPLATE = Path(__file__).parents[3] / "rviz" / "instance_segmentation.rviz"
SHIPPED = Path(__file__).parents[3] / "config" / "instance_segmentation.yaml"


def shown(text):
    manager = yaml.safe_load(text)["Visualization Manager"]
    sizes = [d["Size (m)"] for d in manager["Displays"] if "Size (m)" in d]
    return manager["Global Options"]["Fixed Frame"], sizes


def test_with_the_files_that_ship_nothing_changes():
    text = TEMPLATE.read_text()
    assert view(text, "map", 0.1) == text


def test_frame_and_size_come_from_the_parameter_file_and_then_from_the_overrides(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("robot:\n  node:\n    ros__parameters: {map_frame: odom, voxel_size: 0.05}\n")
    made = written_view(TEMPLATE, file, {"device": "cpu"})
    assert shown(made.read_text()) == ("odom", [0.05])
    made.unlink()
    made = written_view(TEMPLATE, file, {"map_frame": "world: 'odd'"})
    assert shown(made.read_text()) == ("world: 'odd'", [0.05])
    made.unlink()
