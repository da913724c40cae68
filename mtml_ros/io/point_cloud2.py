"""Reads PointCloud2 messages: whatever arrives, either right points or a CloudError.

Messages are only read through their attributes and only numpy works on them, so that all of this
runs and is tested without ROS. The layout rules are those of sensor_msgs/PointCloud2 and
sensor_msgs/PointField; where a message contradicts itself it is refused, not guessed at.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.core.integers import not_whole

Reason = Literal[
    "empty",
    "too_many_points",
    "bad_step",
    "short_data",
    "long_data",
    "missing_field",
    "duplicate_field",
    "bad_datatype",
    "bad_count",
    "field_outside_point",
    "overlapping_fields",
    "no_finite_points",
    "coordinates_too_large",
    "bad_label",
    "bad_confidence",
    "size_mismatch",
]
"""Why a cloud was refused; `typing.get_args(Reason)` lists them for counting apart."""

MAX_POINTS = 50_000_000
FARTHEST = 10_000.0
"""Metres. A float32 is good to 1 mm up to here, and voxels of 1 cm still have keys (voxels.py)."""

# PointField.datatype: INT8 = 1 .. FLOAT64 = 8
_DATATYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}
_FLOATS = (7, 8)
_ANY = tuple(_DATATYPES)


class CloudError(InputError):
    """A cloud that cannot be used; `reason` is a short key, so that reasons are counted apart."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


@dataclass(frozen=True)
class DecodedCloud:
    """The usable points of a cloud, in the message's frame and order; nothing aliases the message.

    xyz: (N, 3) float32, metres, finite and within `max_coordinate`; N >= 1.
    label: (N,) int64, as sent; or None.
    confidence: (N,) float32 in 0..1; or None where the cloud has no such field.
    num_invalid: how many points were dropped: NaN, infinite, or beyond `max_coordinate`.
    kept: (N + num_invalid,) bool, which of the message's points are the N.
    """

    xyz: np.ndarray
    label: np.ndarray | None
    confidence: np.ndarray | None
    num_invalid: int
    kept: np.ndarray

    def __len__(self) -> int:
        return len(self.xyz)


def decode_cloud(
    msg: Any,
    label_field: str = "label",
    require_label: bool = True,
    max_points: int = MAX_POINTS,
    max_coordinate: float = FARTHEST,
) -> DecodedCloud:
    """The points of a sensor_msgs/PointCloud2, with labels and confidences where it has them.

    x, y, z: float32 or float64. `label_field`: any integer type, or floats that are all whole
    numbers (see `_whole_numbers`). `confidence`: float32 or float64 in 0..1. Fields may be in any
    order, others are ignored, so is is_dense: each point is checked.

    Raises CloudError, with the reason, for everything else.
    """
    layout = _Layout.of(msg, max_points)
    optional = [n for n in (label_field, "confidence") if _has_field(msg, n)]
    if require_label and label_field not in optional:
        raise _missing(msg, label_field)
    fields = _find_fields(msg, ["x", "y", "z", *optional])
    for axis in "xyz":
        _check_datatype(fields[axis], _FLOATS, "float32 or float64")

    xyz = layout.read_xyz([fields[axis] for axis in "xyz"])
    kept, num_invalid = _valid_points(xyz, max_coordinate)
    chosen = np.flatnonzero(kept) if num_invalid else slice(None)  # a slice copies nothing
    label = confidence = None
    if label_field in fields:
        label = _whole_numbers(layout.read(fields[label_field])[chosen], label_field)
    if "confidence" in fields and label_field != "confidence":
        _check_datatype(fields["confidence"], _FLOATS, "float32 or float64")
        confidence = _confidences(layout.read(fields["confidence"])[chosen])
    xyz = xyz[chosen]
    return DecodedCloud(xyz, label, confidence, num_invalid, kept)


def decode_labels(
    msg: Any, kept: np.ndarray, label_field: str = "label", max_points: int = MAX_POINTS
) -> np.ndarray:
    """(N,) int64 labels that a second message gives to the points of a DecodedCloud.

    msg: PointCloud2 with `label_field`; it needs no x, y, z. kept: `DecodedCloud.kept`.
    Raises CloudError when it is malformed, or has another number of points.
    """
    layout = _Layout.of(msg, max_points)
    field = _find_fields(msg, [label_field])[label_field]
    if layout.num_points != len(kept):
        raise CloudError(
            "size_mismatch",
            f"{layout.num_points} labels for {len(kept)} points; publish one label a point, with "
            "the cloud's stamp",
        )
    return _whole_numbers(layout.read(field)[kept], label_field)


@dataclass(frozen=True)
class _Layout:
    """Where points lie in the data; made only after the sizes were found to agree."""

    height: int
    width: int
    point_step: int
    row_step: int
    byte_order: str
    data: Any

    @property
    def num_points(self) -> int:
        return self.height * self.width

    @staticmethod
    def of(msg: Any, max_points: int) -> _Layout:
        # Python's integers: no product overflows, and nothing is allocated before it was compared
        # with the length of the data that did arrive.
        height, width = int(msg.height), int(msg.width)
        point_step, row_step, length = int(msg.point_step), int(msg.row_step), len(msg.data)
        if height == 0 or width == 0:
            raise CloudError("empty", f"cloud of {width} x {height} points")
        if height * width > max_points:
            raise CloudError(
                "too_many_points",
                f"cloud of {width} x {height} points; the limit is {max_points}, thin it out",
            )
        if row_step == 0 and height == 1:
            row_step = width * point_step  # many hand-written publishers leave it out
        if point_step == 0 or row_step < width * point_step:
            raise CloudError(
                "bad_step",
                f"row_step {row_step} cannot hold {width} points of point_step {point_step}",
            )
        if length != height * row_step:
            short = length < height * row_step
            raise CloudError(
                "short_data" if short else "long_data",
                f"{length} bytes of data where height x row_step = {height * row_step}",
            )
        order = ">" if msg.is_bigendian else "<"
        return _Layout(height, width, point_step, row_step, order, msg.data)

    def read(self, field: Any) -> np.ndarray:
        """(height * width,) values of a field, in the machine's byte order; a view if it can be."""
        values = self._view(field).reshape(-1)
        native: np.ndarray = values.astype(values.dtype.newbyteorder("="), copy=False)
        return native

    def read_xyz(self, axes: list[Any]) -> np.ndarray:
        """(height * width, 3) float32, copied out."""
        xyz = np.empty((self.height, self.width, 3), dtype=np.float32)
        # a float64 beyond float32 becomes infinite and is dropped as such
        with np.errstate(over="ignore", invalid="ignore"):
            for i, field in enumerate(axes):
                xyz[..., i] = self._view(field)
        return xyz.reshape(-1, 3)

    def _view(self, field: Any) -> np.ndarray:
        """(height, width) view of the data; numpy refuses any that leaves the buffer."""
        view: np.ndarray = np.ndarray(
            (self.height, self.width),
            np.dtype(self.byte_order + _DATATYPES[field.datatype]),
            buffer=self.data,
            offset=int(field.offset),
            strides=(self.row_step, self.point_step),
        )
        return view


def _has_field(msg: Any, name: str) -> bool:
    return any(f.name == name for f in msg.fields)


def _missing(msg: Any, name: str) -> CloudError:
    present = ", ".join(str(f.name)[:40] for f in msg.fields[:20]) or "none"
    return CloudError("missing_field", f"cloud has no field {name!r}; its fields: {present}")


def _find_fields(msg: Any, names: list[str]) -> dict[str, Any]:
    """The PointFields with these names, each found once, inside a point, and beside the others."""
    fields: dict[str, Any] = {}
    step, order = int(msg.point_step), []
    for name in dict.fromkeys(names):
        found = [f for f in msg.fields if f.name == name]
        if not found:
            raise _missing(msg, name)
        if len(found) > 1:
            raise CloudError("duplicate_field", f"cloud has {len(found)} fields {name!r}")
        field = fields[name] = found[0]
        _check_datatype(field, _ANY, "one of PointField's types, 1 to 8")
        if field.count != 1:
            raise CloudError("bad_count", f"field {name!r} has count {field.count}, must be 1")
        start = int(field.offset)
        end = start + np.dtype(_DATATYPES[field.datatype]).itemsize
        if end > step:
            raise CloudError(
                "field_outside_point",
                f"field {name!r} ends at byte {end} of a point of {step} bytes (point_step)",
            )
        order.append((start, end, name))
    order.sort()
    for (_, end, a), (start, _, b) in pairwise(order):
        if start < end:
            raise CloudError("overlapping_fields", f"fields {a!r} and {b!r} share bytes")
    return fields


def _check_datatype(field: Any, allowed: tuple[int, ...], wanted: str) -> None:
    if field.datatype not in allowed:
        raise CloudError(
            "bad_datatype", f"field {field.name!r} has datatype {field.datatype}, must be {wanted}"
        )


def _valid_points(xyz: np.ndarray, max_coordinate: float) -> tuple[np.ndarray, int]:
    """(N,) bool and the number of points that are not finite or too far; CloudError if all."""
    kept = np.abs(xyz[:, 0]) <= max_coordinate  # false for NaN
    for axis in (1, 2):
        kept &= np.abs(xyz[:, axis]) <= max_coordinate
    num_invalid = len(kept) - int(np.count_nonzero(kept))
    if num_invalid == len(kept):
        if np.isfinite(xyz).all(axis=1).any():
            raise CloudError(
                "coordinates_too_large",
                f"all points are beyond {max_coordinate:g} m from the origin of their frame; "
                "check the unit, or give them in a local frame",
            )
        raise CloudError("no_finite_points", f"all {len(kept)} points are NaN or infinite")
    return kept, num_invalid


def _whole_numbers(values: np.ndarray, name: str) -> np.ndarray:
    """(N,) int64 of labels of any type.

    Floats are accepted where each is an integer: tools that write all fields as one float32
    matrix (numpy, Open3D, PCL's XYZI types) send ids so. A fraction or NaN is no id but something
    else, a score or a colour, so the cloud is refused rather than rounded.
    """
    if values.dtype.kind == "f":
        bad = not_whole(values)
        if bad.any():
            raise CloudError(
                "bad_label",
                f"field {name!r} holds {values[bad][0]!s}, which is no label id; send whole "
                "numbers, best as an integer type, or set label_field to the right field",
            )
    return values.astype(np.int64)


def _confidences(values: np.ndarray) -> np.ndarray:
    bad = ~((values >= 0.0) & (values <= 1.0))  # negated, so that NaN is refused too
    if bad.any():
        raise CloudError(
            "bad_confidence",
            f"field 'confidence' holds {values[bad][0]!s}; send values from 0 to 1 or no field",
        )
    confidences: np.ndarray = values.astype(np.float32)
    return confidences
