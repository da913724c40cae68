"""The RViz configuration with the map frame and the voxel size that the node runs with."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mtml_ros.ros.parameters import table


def written_view(template: Path, params_file: Path, overrides: Mapping[str, Any]) -> Path:
    """A copy of the configuration in a temporary file. overrides: parameters that come before those
    of the file."""
    settings = {name: table.default_of(name) for name in ("map_frame", "voxel_size")}
    settings |= {k: v for k, v in _parameters(params_file).items() if k in settings}
    settings |= {k: v for k, v in overrides.items() if k in settings}
    text = view(template.read_text(encoding="utf-8"), settings["map_frame"], settings["voxel_size"])
    with tempfile.NamedTemporaryFile("w", suffix=".rviz", delete=False, encoding="utf-8") as file:
        file.write(text)
    return Path(file.name)


def view(template: str, map_frame: str, voxel_size: float) -> str:
    """The configuration's text with this fixed frame and cubes of this edge, metres."""
    frame = str(yaml.safe_dump(map_frame)).splitlines()[0]
    text = re.sub(r"(?m)^(\s*Fixed Frame:).*$", lambda m: f"{m[1]} {frame}", template)
    return re.sub(r"(?m)^(\s*Size \(m\):).*$", lambda m: f"{m[1]} {voxel_size:g}", text)


def _parameters(path: Path) -> dict[str, Any]:
    """All parameters that a ROS parameter file sets, whatever node they are for."""
    found: dict[str, Any] = {}

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            for key, value in part.items():
                if key == "ros__parameters" and isinstance(value, dict):
                    found.update(value)
                else:
                    collect(value)

    collect(yaml.safe_load(path.read_text(encoding="utf-8")))
    return found
