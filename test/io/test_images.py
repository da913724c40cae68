"""sensor_msgs/Image: each allowed encoding, and what contradicts itself."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mtml_ros.io.images import DEPTH, LABELS, ImageError, decode_image


def image(values: np.ndarray, encoding: str, padding: int = 0) -> SimpleNamespace:
    rows = [row.tobytes() + b"\xff" * padding for row in values]
    return SimpleNamespace(
        height=values.shape[0],
        width=values.shape[1],
        encoding=encoding,
        is_bigendian=values.dtype.byteorder == ">",
        step=len(rows[0]),
        data=b"".join(rows),
    )


@pytest.mark.parametrize(
    ("encoding", "type_"),
    [("mono8", "u1"), ("8UC1", "u1"), ("16UC1", "<u2"), ("16UC1", ">u2"), ("16SC1", "<i2"),
     ("32SC1", "<i4"), ("32SC1", ">i4")],
)  # fmt: skip
@pytest.mark.parametrize("padding", [0, 3])
def test_values_come_out_as_written(encoding: str, type_: str, padding: int) -> None:
    values = np.arange(12, dtype=type_).reshape(3, 4)
    found = decode_image(image(values, encoding, padding), LABELS, "label")
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"encoding": "rgb8"}, "bad_encoding"),
        ({"encoding": "16UC1; compressedDepth"}, "bad_encoding"),
        ({"height": 0}, "empty"),
        ({"width": 0}, "empty"),
        ({"step": 7}, "bad_step"),
        ({"step": 2**31}, "short_data"),
        ({"height": 2**31}, "short_data"),
        ({"data": b"123"}, "short_data"),
    ],
)
def test_contradictions_are_refused_with_their_reason(changes: dict[str, Any], reason: str) -> None:
    msg = image(np.zeros((3, 4), "<u2"), "16UC1")
    vars(msg).update(changes)
    with pytest.raises(ImageError) as caught:
        decode_image(msg, DEPTH, "depth")
    assert caught.value.reason == reason
    assert "depth image" in str(caught.value)
