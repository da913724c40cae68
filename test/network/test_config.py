"""A configuration is refused with its reason before anything is built from it."""

import pytest

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.network.config import NetworkConfig


def test_dictionary_and_back():
    config = NetworkConfig(("chair", "table"), embedding_size=4, semantic=True)
    assert NetworkConfig.from_dict(config.to_dict()) == config


def test_input_channels_are_the_classes_and_unknown_or_the_features():
    assert NetworkConfig(("chair", "table")).input_channels == 3
    assert NetworkConfig(("chair",), input="features", feature_size=7).input_channels == 7


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"classes": []}, "classes"),
        ({"classes": "chair"}, "classes"),
        ({"classes": [1, 2]}, "classes"),
        ({"classes": ["c"] * 256}, "classes"),
        ({"architecture": "transformer"}, "architecture"),
        ({"input": "colors"}, "input"),
        ({"input": "features"}, "feature_size"),
        ({"embedding_size": 8.0}, "embedding_size"),
        ({"embedding_size": True}, "embedding_size"),
        ({"embedding_size": 2}, "position_scale"),
        ({"width": 0}, "width"),
        ({"width": 257}, "width"),
        ({"width": "wide"}, "width"),
        ({"voxel_size": float("nan")}, "voxel_size"),
        ({"voxel_size": "10 cm"}, "network"),
        ({"semantic": 1}, "semantic"),
        ({"depth": 5}, "depth"),
        ({3: 5}, "unknown 3"),
    ],
)
def test_useless_values_are_refused_by_name(values, named):
    with pytest.raises(ConfigurationError, match=named):
        NetworkConfig.from_dict({"classes": ["chair"], **values})


@pytest.mark.parametrize("values", [None, 5, ["classes"], {}])
def test_what_is_no_configuration_is_refused(values):
    with pytest.raises(ConfigurationError):
        NetworkConfig.from_dict(values)
