"""Where the files beside the code lie: in a source tree, a colcon workspace, or a pip prefix."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mtml_ros.core.errors import ConfigurationError


def config_file(name: str) -> Path:
    """The file of this name in the package's config folder; ConfigurationError if missing."""
    shares = [Path(p) / "share" / "mtml_ros"
              for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]  # fmt: skip
    roots = [Path(__file__).parents[2], *shares, Path(sys.prefix) / "share" / "mtml_ros"]
    for root in roots:
        path = root / "config" / name
        if path.is_file():
            return path
    raise ConfigurationError(f"config/{name} is missing from this installation of mtml_ros")
