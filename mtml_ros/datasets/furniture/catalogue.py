"""Furniture catalogues of Sweet Home 3D: what lies in a folder of `.sh3f` files."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtml_ros.core.errors import ConfigurationError, InputError

PROPERTIES = "PluginFurnitureCatalog.properties"
_LINE = re.compile(r"^(\w+)(?:#(\d+))?=(.*)$", re.MULTILINE)
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True)
class Entry:
    """One piece of a catalogue.

    size: width, depth, height of the piece, metres. raised: metres that it hangs above the floor.
    top: height at which things stand on it, metres; None where the catalogue does not say.
    rotation: (3, 3), turns the OBJ file's vertices upright, its front towards +z, y up.
    """

    file: Path
    member: str
    name: str
    category: str
    size: tuple[float, float, float]
    raised: float
    top: float | None
    rotation: np.ndarray
    author: str
    licence: str


def catalogues(folder: Path) -> list[Path]:
    """The `.sh3f` files of a folder, in order of name.

    Raises ConfigurationError where there is no such folder, or none of them in it.
    """
    remedy = "install the Debian package sweethome3d-furniture, or name the folder of its files"
    if not folder.is_dir():
        raise ConfigurationError(f"furniture: no folder {folder}; {remedy}")
    found = sorted(folder.glob("*.sh3f"))
    if not found:
        raise ConfigurationError(f"furniture: no .sh3f files in {folder}; {remedy}")
    return found


def entries(file: Path) -> Iterator[Entry]:
    """The pieces that a `.sh3f` file lists. Raises InputError where it is damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            text = archive.read(PROPERTIES).decode("latin-1")
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{file}: no furniture catalogue: {error}") from error
    common: dict[str, str] = {}
    rows: dict[int, dict[str, str]] = {}
    for key, number, value in _LINE.findall(text):
        value = _ESCAPE.sub(lambda m: chr(int(m[1], 16)), value).strip()
        (rows.setdefault(int(number), {}) if number else common)[key] = value
    for number, row in rows.items():
        try:
            yield _entry(file, row, common)
        except (KeyError, ValueError) as error:
            raise InputError(f"{file}: piece {number} of its catalogue: {error!r}") from error


def _entry(file: Path, row: dict[str, str], common: dict[str, str]) -> Entry:
    rotation = np.array(row.get("modelRotation", "1 0 0 0 1 0 0 0 1").split(), dtype=float)
    top = float(row["dropOnTopElevation"]) / 100 if "dropOnTopElevation" in row else None
    return Entry(
        file=file,
        member=row["model"].lstrip("/"),
        name=row["name"],
        category=row["category"],
        size=(float(row["width"]) / 100, float(row["depth"]) / 100, float(row["height"]) / 100),
        raised=float(row.get("elevation", 0)) / 100,
        top=top,
        rotation=rotation.reshape(3, 3),
        author=row.get("creator", "") or common.get("provider", ""),
        licence=row.get("license", "") or common.get("license", ""),
    )
