"""ObjectRecord: what is told of one object; message, JSON, page and table are made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtml_ros.core.instances import Instance, OrientedBox
from mtml_ros.core.taxonomy import Taxonomy


@dataclass(frozen=True)
class ObjectRecord:
    """One object. Lengths in metres, in the frame of what holds the record.

    id: what voxels, points and cubes name it by. class_id: the taxonomy's id. score: 0..1.
    centroid: (3,) float64, mean of its voxels' centres.
    num_points: points of the input that belong to it; None where there are voxels alone.
    first_seen, last_seen: stamps in seconds of the first and the latest cloud after which it was
        found; None where nobody watched.
    """

    id: int
    class_id: int
    class_name: str
    score: float
    num_voxels: int
    centroid: np.ndarray
    box: OrientedBox
    num_points: int | None = None
    first_seen: float | None = None
    last_seen: float | None = None

    @staticmethod
    def of(
        instance: Instance,
        id_: int,
        taxonomy: Taxonomy,
        num_points: int | None = None,
        first_seen: float | None = None,
        last_seen: float | None = None,
    ) -> ObjectRecord:
        """The record of an instance under the id that it goes by."""
        return ObjectRecord(
            id_,
            int(taxonomy.ids[instance.label]),
            taxonomy.names[instance.label],
            float(instance.score),
            len(instance.voxels),
            instance.centroid,
            instance.box,
            num_points,
            first_seen,
            last_seen,
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON files hold it; what is not known is left out. yaw: radians, counter-clockwise."""
        known = {
            "num_points": self.num_points,
            "first_seen": self.first_seen,
            "last_seen": self.last_seen,
        }
        return {
            "id": self.id,
            "class_id": self.class_id,
            "class_name": self.class_name,
            "score": short(self.score),
            "num_voxels": self.num_voxels,
            **{name: value for name, value in known.items() if value is not None},
            "centroid": [float(v) for v in self.centroid],
            "box": {
                "center": [float(v) for v in self.box.center],
                "size": [float(v) for v in self.box.size],
                "yaw": float(self.box.yaw),
            },
        }

    @staticmethod
    def from_dict(told: Mapping[str, Any]) -> ObjectRecord:
        """The record that `as_dict` gave, read back."""
        box = told["box"]
        return ObjectRecord(
            told["id"],
            told["class_id"],
            told["class_name"],
            told["score"],
            told["num_voxels"],
            np.array(told["centroid"]),
            OrientedBox(np.array(box["center"]), np.array(box["size"]), box["yaw"]),
            told.get("num_points"),
            told.get("first_seen"),
            told.get("last_seen"),
        )


def table(records: Sequence[Mapping[str, Any]], unit: str = "points") -> str:
    """Objects as text, one line each; sizes and positions in metres.

    records: as `ObjectRecord.as_dict` gives them. unit: what is counted, "points" or "voxels".
    """
    lines = [f"{'id':>4}  {'class':<16}{'score':>6}{unit:>9}  {'size (m)':<20}position (m)"]
    for r in records:
        size = " x ".join(f"{v:.2f}" for v in r["box"]["size"])
        position = ", ".join(f"{v:.2f}" for v in r["centroid"])
        lines.append(
            f"{r['id']:>4}  {r['class_name']:<16}{r['score']:>6.2f}{r[f'num_{unit}']:>9,}  "
            f"{size:<20}{position}"
        )
    return "\n".join(lines)


def short(value: float) -> float:
    """A float32's value without the digits that it does not have."""
    return float(np.format_float_positional(np.float32(value), unique=True))
