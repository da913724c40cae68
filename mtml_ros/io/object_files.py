"""Objects in a JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtml_ros.core.errors import InputError
from mtml_ros.core.object_record import ObjectRecord


def write_objects(path: Path, records: Sequence[ObjectRecord], **about: Any) -> None:
    """Writes {about..., "objects": records} as JSON; InputError where that fails."""
    content = {**about, "objects": [record.as_dict() for record in records]}
    try:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
