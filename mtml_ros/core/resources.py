"""Where the files beside the code lie: in a source tree, a colcon workspace, or a pip prefix."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mtml_ros.core.errors import ConfigurationError


def config_file(name: str) -> Path:
    """The file of this name in the package's config folder; ConfigurationError if missing."""
    for folder in _folders("config"):
        if (folder / name).is_file():
            return folder / name
    raise ConfigurationError(f"config/{name} is missing from this installation of mtml_ros")


def message_definition(name: str) -> str:
    """The text of this package's message NAME.msg; ConfigurationError if missing."""
    for folder in _folders("msg"):
        if (folder / f"{name}.msg").is_file():
            return (folder / f"{name}.msg").read_text(encoding="utf-8")
    raise ConfigurationError(f"msg/{name}.msg is missing from this installation of mtml_ros")


def config_files(folder: str, suffix: str) -> list[Path]:
    """The files with this suffix in a folder of the package's config folder, sorted."""
    found = next((f / folder for f in _folders("config") if (f / folder).is_dir()), None)
    return sorted(found.glob(f"*{suffix}")) if found else []


def _folders(kind: str) -> list[Path]:
    shares = [Path(p) / "share" / "mtml_ros"
              for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]  # fmt: skip
    roots = [Path(__file__).parents[2], *shares, Path(sys.prefix) / "share" / "mtml_ros"]
    return [root / kind for root in roots]
