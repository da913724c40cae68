"""What makes a safetensors file believed: its format, version, and a checksum of its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping

import numpy as np

from mtml_ros.core.errors import InputError


def content_checksum(arrays: Mapping[str, np.ndarray], about: Mapping[str, str]) -> str:
    """SHA-256 over the metadata and every array's name, type, shape and bytes, in hexadecimal."""
    digest = hashlib.sha256(json.dumps(sorted(about.items())).encode())
    for name in sorted(arrays):
        a = np.ascontiguousarray(arrays[name])
        digest.update(json.dumps([name, a.dtype.str, a.shape]).encode())
        digest.update(a.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def check_format(metadata: object, kind: str, version: int) -> dict[str, str]:
    """The metadata of a file of this kind and version ("format" and "version" in its header).

    Raises InputError for a file of another program, or of another version.
    """
    if not isinstance(metadata, dict) or metadata.get("format") != kind:
        raise InputError(f"not written by mtml_ros: not a {kind.removeprefix('mtml_ros ')}")
    found = str(metadata.get("version"))
    if found != str(version):
        raise InputError(f"format version {found[:20]}; this program reads version {version}")
    return metadata


def check_content(metadata: Mapping[str, str], checksum: Callable[[dict[str, str]], str]) -> None:
    """Raises InputError where the metadata lacks the checksum of the rest of it and the content.

    checksum: of the content, and metadata without a checksum.
    """
    about = dict(metadata)
    if about.pop("checksum", None) != checksum(about):
        raise InputError("damaged: its checksum does not match its content; copy the file anew")
