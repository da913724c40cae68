"""Options from mappings: types, names and missing ones."""

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.options import build, require


@dataclass(frozen=True)
class Inner:
    share: float = 0.5


@dataclass(frozen=True)
class Outer:
    name: str
    count: int = 1
    on: bool = True
    sizes: tuple[float, ...] = (1.0,)
    span: tuple[int, float] = (0, 1.0)
    kind: Literal["a", "b"] = "a"
    more: dict[str, Any] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)


def test_lists_become_tuples_integers_floats_and_mappings_dataclasses():
    values = {"name": "x", "sizes": [1, 2.5], "span": [3, 4], "inner": {"share": 1}}
    built = build(Outer, values, "options")
    assert built == Outer("x", sizes=(1.0, 2.5), span=(3, 4.0), inner=Inner(1.0))
    assert type(built.inner.share) is float


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"names": 1}, "unknown option 'names'; known: name, count"),
        ({"count": 1.0}, "count must be int, not 1.0"),
        ({"count": True}, "count must be int"),
        ({"on": 1}, "on must be bool"),
        ({"sizes": 3}, "sizes must be"),
        ({"sizes": ["wide"]}, r"sizes\[0\] must be float"),
        ({"span": [1]}, "span must be"),
        ({"kind": "c"}, "kind must be"),
        ({"kind": []}, "kind must be"),
        ({"more": []}, "more must be"),
        ({"inner": {"share": float("nan")}}, "inner: share must be float"),
        ({"inner": 3}, "inner: must be a mapping"),
        ({"name": "x" * 1000, "count": "y" * 1000}, "count must be int, not 'y+[.]{3}$"),
    ],
)
def test_wrong_options_are_named(values, message):
    with pytest.raises(ConfigurationError, match=message):
        build(Outer, {"name": "x", **values}, "options")


def test_a_missing_option_is_named():
    with pytest.raises(ConfigurationError, match="options: option 'name' is missing"):
        build(Outer, {}, "options")


@pytest.mark.parametrize("values", [None, 5, ["name"]])
def test_what_is_no_mapping_is_refused(values):
    with pytest.raises(ConfigurationError, match="must be a mapping"):
        build(Outer, values, "options")


def test_the_first_option_out_of_range_is_named():
    with pytest.raises(ConfigurationError, match=r"inner: share = 0.5 is out of range"):
        require("inner", {"share": False}, Inner())
