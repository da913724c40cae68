"""Registries' dotted names."""

import json

import pytest

from mtml_ros.core.dotted_name import resolve


def test_a_dotted_name_is_what_its_module_calls_so():
    assert resolve("json.dumps") is json.dumps


def test_a_name_that_the_module_lacks_is_an_error():
    with pytest.raises(AttributeError, match="no_such"):
        resolve("json.no_such")
