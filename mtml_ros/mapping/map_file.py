"""Saved maps: one safetensors file, written whole or not at all, believed only when it checks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from mtml_ros.core.checksum import check_content, check_format, content_checksum
from mtml_ros.core.errors import InputError, MapFileError
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.mapping.folder_file import FolderFile

FORMAT = "mtml_ros map"
VERSION = 1
MAX_HEADER_BYTES = 1 << 20
MAX_EXTRA_BYTES = 1 << 28


def write_map(
    path: str | Path | FolderFile,
    arrays: Mapping[str, np.ndarray],
    voxel_size: float,
    taxonomy: Taxonomy,
) -> None:
    """Write named arrays as a map file, so that a crash at any moment leaves the old file or this.

    Raises MapFileError when the system refuses, or the folder is full.
    """
    data = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
    about = _about(voxel_size, taxonomy)
    blob = safetensors.numpy.save(data, {**about, "checksum": content_checksum(data, about)})
    try:
        FolderFile.of(path).write(blob)
    except (OSError, ValueError) as error:
        raise MapFileError(f"map {path}: cannot be written: {error}") from error


def read_map(
    path: str | Path | FolderFile, voxel_size: float, taxonomy: Taxonomy, max_bytes: int
) -> dict[str, np.ndarray]:
    """The named arrays of a map file of this resolution and taxonomy.

    max_bytes: a larger file is refused before it is read.
    Raises MapFileError, saying what is wrong, for a file that is damaged, foreign, newer, or made
    with another voxel size or other classes.
    """
    try:
        blob = FolderFile.of(path).read(max_bytes)
    except (OSError, ValueError) as error:
        raise MapFileError(f"map {path}: cannot be read: {error}") from error
    try:
        metadata = _metadata(blob)
        _check_about(metadata, voxel_size, taxonomy)
        arrays = safetensors.numpy.load(blob)
        check_content(metadata, lambda about: content_checksum(arrays, about))
    except InputError as error:
        raise MapFileError(f"map {path}: {error}") from None
    except (SafetensorError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise MapFileError(f"map {path}: damaged: {error}") from error
    return arrays


def inside_folder(folder: str | Path, filename: str, max_files: int | None = None) -> FolderFile:
    """The place of `filename` in `folder`, from which no link and no ".." leads out.

    max_files: with so many in the folder no new one is written; None: no bound.
    Raises MapFileError when it would lie outside, or names no file.
    """
    parts = tuple(filename.split("/"))
    if not all(parts) or {".", ".."} & set(parts) or "\0" in filename:
        raise MapFileError(
            f"map file {filename[:200]!r}: must be a name, or folders and a name, inside the map "
            f"folder {folder}"
        )
    return FolderFile(Path(folder), parts, max_files)


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
        raise InputError("damaged, or no safetensors file")
    try:
        header: Any = json.loads(blob[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise InputError(f"damaged, or no safetensors file: {error}") from None
    return check_format(
        header.get("__metadata__") if isinstance(header, dict) else None, FORMAT, VERSION
    )


def _check_about(metadata: dict[str, str], voxel_size: float, taxonomy: Taxonomy) -> None:
    expected = _about(voxel_size, taxonomy)
    if metadata.get("voxel_size") != expected["voxel_size"]:
        raise InputError(
            f"voxel size {str(metadata.get('voxel_size'))[:20]} m, this map's is {voxel_size} m"
        )
    if metadata.get("classes") != expected["classes"]:
        raise InputError("saved with other classes (ids or names) than this map's taxonomy")
