"""content_checksum: tells whether what a safetensors file holds is what was once written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np


def content_checksum(arrays: Mapping[str, np.ndarray], about: Mapping[str, str]) -> str:
    """SHA-256 over the metadata and every array's name, type, shape and bytes, in hexadecimal."""
    digest = hashlib.sha256(json.dumps(sorted(about.items())).encode())
    for name in sorted(arrays):
        a = np.ascontiguousarray(arrays[name])
        digest.update(json.dumps([name, a.dtype.str, a.shape]).encode())
        digest.update(a.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
