"""Saved maps: one safetensors file, written whole or not at all, believed only when it checks."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from mtml_ros.core.checksum import content_checksum
from mtml_ros.core.errors import MapFileError
from mtml_ros.core.taxonomy import Taxonomy

FORMAT = "mtml_ros map"
VERSION = 1
MAX_HEADER_BYTES = 1 << 20
MAX_EXTRA_BYTES = 1 << 28


def write_map(
    path: str | Path, arrays: Mapping[str, np.ndarray], voxel_size: float, taxonomy: Taxonomy
) -> None:
    """Write named arrays as a map file, so that a crash at any moment leaves the old file or this.

    The file is written beside its place under another name, synced, renamed, and the folder
    synced. Raises MapFileError when the system refuses.
    """
    path = Path(path)
    data = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
    about = _about(voxel_size, taxonomy)
    blob = safetensors.numpy.save(data, {**about, "checksum": content_checksum(data, about)})
    aside = path.with_name(f".{path.name[:200]}.{secrets.token_hex(8)}.tmp")
    try:
        _sweep(path)
        with open(aside, "xb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except (OSError, ValueError) as error:
        with contextlib.suppress(OSError, ValueError):
            aside.unlink(missing_ok=True)
        raise MapFileError(f"map {path}: cannot be written: {error}") from error


def read_map(
    path: str | Path, voxel_size: float, taxonomy: Taxonomy, max_bytes: int
) -> dict[str, np.ndarray]:
    """The named arrays of a map file of this resolution and taxonomy.

    max_bytes: a larger file is refused before it is read.
    Raises MapFileError, saying what is wrong, for a file that is damaged, foreign, newer, or made
    with another voxel size or other classes.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                raise MapFileError(f"map {path}: {size} bytes, more than this map can hold")
            blob = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        raise MapFileError(f"map {path}: cannot be read: {error}") from error
    try:
        metadata = _metadata(blob)
        _check_about(metadata, voxel_size, taxonomy)
        arrays = safetensors.numpy.load(blob)
    except MapFileError as error:
        raise MapFileError(f"map {path}: {error}") from None
    except (SafetensorError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise MapFileError(f"map {path}: damaged: {error}") from error
    checksum = metadata.pop("checksum", None)
    if checksum != content_checksum(arrays, metadata):
        raise MapFileError(f"map {path}: damaged: its checksum does not match its content")
    return arrays


def inside_folder(folder: str | Path, filename: str) -> Path:
    """The path of `filename` in `folder`, links resolved.

    Raises MapFileError when it would lie outside, or names no file.
    """
    try:
        root = Path(folder).resolve(strict=True)
        path = (root / filename).resolve()
        free = path.is_file() or not path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise MapFileError(f"map file {filename!r}: {error}") from error
    if path == root or root not in path.parents:
        raise MapFileError(f"map file {filename!r}: must lie inside the map folder {root}")
    if not free:
        raise MapFileError(f"map file {filename!r}: is there already and is no file")
    return path


def _sweep(path: Path) -> None:
    """Remove what saves of this file that were killed, an hour ago or more, have left behind."""
    for aside in path.parent.glob(f".{glob.escape(path.name[:200])}.*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - aside.stat().st_mtime > 3600:
                aside.unlink()


def _about(voxel_size: float, taxonomy: Taxonomy) -> dict[str, str]:
    return {
        "format": FORMAT,
        "version": str(VERSION),
        "voxel_size": repr(float(voxel_size)),
        "classes": json.dumps([[c.id, c.name] for c in taxonomy.classes]),
    }


def _metadata(blob: bytes) -> dict[str, str]:
    """The text that a safetensors file carries in its header."""
    length = int.from_bytes(blob[:8], "little")
    if not 0 < length <= min(MAX_HEADER_BYTES, len(blob) - 8):
        raise MapFileError("damaged, or no safetensors file")
    try:
        header: Any = json.loads(blob[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise MapFileError(f"damaged, or no safetensors file: {error}") from None
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise MapFileError("not a map that mtml_ros saved")
    return metadata


def _check_about(metadata: dict[str, str], voxel_size: float, taxonomy: Taxonomy) -> None:
    expected = _about(voxel_size, taxonomy)
    version = str(metadata.get("version"))
    if version != expected["version"]:
        raise MapFileError(f"version {version[:20]}; this program reads version {VERSION}")
    if metadata.get("voxel_size") != expected["voxel_size"]:
        raise MapFileError(
            f"voxel size {str(metadata.get('voxel_size'))[:20]} m, this map's is {voxel_size} m"
        )
    if metadata.get("classes") != expected["classes"]:
        raise MapFileError("saved with other classes (ids or names) than this map's taxonomy")
