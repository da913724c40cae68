"""Writes a scene as one HTML file that shows it in 3D, with no network and no other file.

The file holds the viewer (web/: WebGL 2, no library) and the scene as base64 arrays; it may be
mailed, archived, or opened from a robot that has no connection.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.visualization.colors import instance_colors, score_colors
from mtml_ros.visualization.picture import CUT_HEIGHT, best_azimuth
from mtml_ros.visualization.view import Cells, floor_height

_WEB = Path(__file__).parent / "web"
_STEPS_PER_EDGE = 8  # places are whole steps from the first cube, in 16 bits
_MOST = 65535


def write_page(
    path: str | Path,
    cells: Cells,
    objects: Sequence[ObjectRecord],
    taxonomy: Taxonomy,
    title: str = "Objects",
) -> None:
    """Writes the page. Centres on a grid of the cells' edge come out exact.

    Raises InputError for more than 65535 objects, or none or too many cubes for a page.
    """
    scene = json.dumps(_scene(cells, objects, taxonomy), separators=(",", ":"), allow_nan=False)
    parts = {
        "title": html.escape(title),
        "data": scene.replace("<", "\\u003c"),  # no name of a class can end the script element
        **{name: _read(name) for name in ("page.css", "viewer.js", "panel.js")},
    }
    page = re.sub(r"\{\{([a-z.]+)\}\}", lambda match: parts[match.group(1)], _read("page.html"))
    Path(path).write_text(page, encoding="utf-8")


def _scene(cells: Cells, objects: Sequence[ObjectRecord], taxonomy: Taxonomy) -> dict[str, Any]:
    """What the viewer reads; arrays are little-endian, owners are positions in `objects`."""
    if not 1 <= len(cells) <= 2_000_000:
        raise InputError(f"a page shows 1 to 2 million cubes, not {len(cells)}")
    low, high = cells.centers.min(axis=0), cells.centers.max(axis=0)
    step = max(cells.edge / _STEPS_PER_EDGE, float((high - low).max()) / _MOST)
    positions = np.round((cells.centers.astype(np.float64) - low) / step)

    records = {o.id: o for o in objects}
    ids = np.union1d(cells.instance, np.array([-1, *records], dtype=np.int64))
    ids = ids[ids >= 0]
    scene: dict[str, Any] = {
        "count": len(cells),
        "edge": cells.edge,
        "step": step,
        "origin": low.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
        "most": np.percentile(cells.centers, (1, 99), axis=0).tolist(),
        "floor": floor_height(cells),
        "cut": CUT_HEIGHT,
        "azimuth": best_azimuth(cells),
        "positions": _base64(positions, "<u2"),
        "labels": _base64(cells.labels, "u1"),
        "owners": _base64(_owners(cells.instance, ids), "<u2"),
        "classes": [
            {"name": name, "color": color.tolist()}
            for name, color in zip(taxonomy.names, taxonomy.colors, strict=True)
        ],
        "objects": [
            {"index": 0, "color": _color(-1)},
            *(_object(i + 1, int(id_), records.get(int(id_))) for i, id_ in enumerate(ids)),
        ],
        "ramp": score_colors(np.linspace(0, 1, 9)).tolist(),
    }
    if cells.corrected is not None:
        scene["corrected"] = _base64(cells.corrected, "u1")
    scene["colorings"] = [
        {"name": name, "rgb": _base64(rgb, "u1")} for name, rgb in cells.colorings.items()
    ]
    if cells.truth is not None:
        true_ids = np.unique(cells.truth[cells.truth >= 0])
        scene["truth"] = _base64(_owners(cells.truth, true_ids), "<u2")
        scene["truthColors"] = [_color(-1), *instance_colors(true_ids).tolist()]
    return scene


def _object(index: int, id_: int, record: ObjectRecord | None) -> dict[str, Any]:
    """One entry of the list; an id without a record has a colour only."""
    entry: dict[str, Any] = {"index": index, "id": id_, "color": _color(id_)}
    if record is not None:
        told = record.as_dict()
        entry |= {
            "name": told["class_name"],
            "score": told["score"],
            "scoreColor": score_colors(np.array([record.score]))[0].tolist(),
            "voxels": told["num_voxels"],
            "centroid": told["centroid"],
            **told["box"],
        }
    return entry


def _owners(instance: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """(N,): 1 + position in `ids` (ascending) of each cube's id, 0 for none."""
    if len(ids) >= _MOST:
        raise InputError(f"a page shows up to {_MOST - 1} objects, not {len(ids)}")
    owners: np.ndarray = np.where(instance >= 0, np.searchsorted(ids, instance) + 1, 0)
    return owners


def _color(id_: int) -> list[int]:
    color: list[int] = instance_colors(np.array([id_]))[0].tolist()
    return color


def _read(name: str) -> str:
    return (_WEB / name).read_text(encoding="utf-8")


def _base64(values: np.ndarray, dtype: str) -> str:
    return base64.b64encode(values.astype(dtype).tobytes()).decode("ascii")
