"""Where training scenes come from: a source gives scene after scene; SOURCES names them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.options import build
from mtml_ros.training.sources.files import FileSource
from mtml_ros.training.sources.rooms import RoomSource
from mtml_ros.training.sources.scannet import ScanNetSource
from mtml_ros.training.sources.source import SceneSource
from mtml_ros.training.sources.toy import ToySource

SOURCES: dict[str, type[SceneSource]] = {
    "files": FileSource,
    "rooms": RoomSource,
    "scannet": ScanNetSource,
    "toy": ToySource,
}
"""A data set by the name that recipes have for it: a dataclass of its options. A new one is a file
beside these and a line here."""


def make_source(options: Mapping[str, Any]) -> SceneSource:
    """The source of a recipe's `data` options: `set` names it, the rest are its own.

    Raises ConfigurationError for a set or option that there is not.
    """
    own = dict(options)
    name = own.pop("set", None)
    if not isinstance(name, str) or name not in SOURCES:
        raise ConfigurationError(f"data: set must be one of {', '.join(SOURCES)}, not {name!r}")
    return build(SOURCES[name], own, "data")


__all__ = ["SOURCES", "SceneSource", "make_source"]
