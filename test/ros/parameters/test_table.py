"""The table of parameters: what it accepts, what it refuses and why, and the files made from it."""

import math
from pathlib import Path

import pytest
import yaml

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.ros.parameters import table
from mtml_ros.ros.parameters.documents import markdown_table, yaml_file
from mtml_ros.ros.parameters.table import Parameters

CONFIG = Path(__file__).parents[3] / "config" / "instance_segmentation.yaml"


def test_every_parameter_has_a_description_and_a_default_that_it_accepts():
    for name in table.names():
        assert table.spec_of(name).description.endswith((".", ")"))
        assert table.checked(name, table.default_of(name)) == getattr(Parameters(), name)


def test_the_yaml_file_holds_every_parameter_with_its_default():
    values = yaml.safe_load(CONFIG.read_text())["/**"]["ros__parameters"]
    assert values == {name: table.default_of(name) for name in table.names()}
    assert CONFIG.read_text() == yaml_file()


def test_the_table_has_a_row_for_each_parameter():
    rows = markdown_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(table.names())


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("segmentation_rate", math.nan, "finite"),
        ("segmentation_rate", math.inf, "finite"),
        ("segmentation_rate", 0.0, "0.01 to 30"),
        ("segmentation_rate", 1, "must be a double"),
        ("queue_size", 0, "1 to 1,000"),
        ("queue_size", True, "must be a integer"),
        ("map_mode", "fuse", "accumulate, replace"),
        ("device", "cuda:", "cuda:N"),
        ("device", "cpu\n", "cuda:N"),
        ("map_frame", "/map", "no leading slash"),
        ("map_frame", "", "no leading slash"),
        ("weights", "a\0b", "path"),
        ("classes", ["chair", 3], "string array"),
        ("label_field", "x" * 65, "field name"),
        ("taxonomy", "x" * 5000, "too long"),
        ("nonsense", 1, "no parameter"),
    ],
)
def test_a_wrong_value_is_refused_with_the_reason(name, value, reason):
    with pytest.raises(ConfigurationError, match=reason):
        table.checked(name, value)


def test_what_needs_a_new_configuration_changes_only_while_unconfigured():
    assert Parameters().changed({"voxel_size": 0.2}, configured=False).voxel_size == 0.2
    with pytest.raises(ConfigurationError, match="unconfigured"):
        Parameters().changed({"voxel_size": 0.2}, configured=True)
    assert Parameters().changed({"voxel_size": 0.1}, configured=True) == Parameters()


def test_the_map_folder_never_changes():
    with pytest.raises(ConfigurationError, match="set at start"):
        Parameters().changed({"map_directory": "/"}, configured=False)


def test_blank_names_do_not_filter():
    assert Parameters().class_filter == frozenset()
    assert Parameters(classes=("", " chair ")).class_filter == {"chair"}
