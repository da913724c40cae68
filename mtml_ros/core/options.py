"""Options from mappings (YAML, JSON) into dataclasses, each value's type checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from mtml_ros.core.errors import ConfigurationError

T = TypeVar("T")


def build(kind: type[T], values: Any, where: str) -> T:
    """A dataclass `kind` of these options; those left out have the dataclass's defaults.

    Fields may be int, float, bool, str, Literal, a mapping, tuples of those, or dataclasses in
    turn. where: what the options are of, for messages.
    Raises ConfigurationError for options that are unknown, missing or of a wrong type.
    """
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"{where}: must be a mapping of options, not {_short(values)}")
    types = get_type_hints(kind)
    known = fields(kind)  # type: ignore[arg-type]
    for name in values:
        if name not in {f.name for f in known}:
            raise ConfigurationError(
                f"{where}: unknown option {name!r}; known: {', '.join(f.name for f in known)}"
            )
    for f in known:
        if f.name not in values and f.default is MISSING and f.default_factory is MISSING:
            raise ConfigurationError(f"{where}: option {f.name!r} is missing")
    return kind(**{n: _checked(types[n], v, f"{where}: {n}") for n, v in values.items()})


def require(where: str, checks: Mapping[str, bool], options: object) -> None:
    """ConfigurationError for the first option of a dataclass whose check is false."""
    for name, good in checks.items():
        if not good:
            value = _short(getattr(options, name))
            raise ConfigurationError(f"{where}: {name} = {value} is out of range")


def _checked(kind: Any, value: Any, where: str) -> Any:
    """The value as the field's type: lists become tuples, integers floats."""
    if is_dataclass(kind):
        return value if isinstance(value, kind) else build(kind, value, where)  # type: ignore[arg-type]
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple and isinstance(value, (list, tuple)):
        each = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        if len(each) == len(value):
            return tuple(
                _checked(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(each, value))
            )
    elif origin is Literal and isinstance(value, str) and value in inner:
        return value
    elif origin is dict and isinstance(value, Mapping):
        return dict(value)
    elif kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    elif kind in (int, bool, str) and type(value) is kind:
        return value
    name = kind.__name__ if isinstance(kind, type) and origin is None else str(kind)
    raise ConfigurationError(f"{where} must be {name}, not {_short(value)}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
