"""Reads sensor_msgs/Image: depth in metres, label ids, confidences; whatever else is refused.

Messages are only read through their attributes, so that bags and the node share this.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from mtml_ros.core.errors import InputError

ImageReason = Literal[
    "empty", "bad_encoding", "bad_step", "short_data", "size_mismatch", "bad_camera_info"
]
"""Why an image was refused; `typing.get_args(ImageReason)` lists them for counting apart."""

# sensor_msgs/image_encodings.hpp: the single-channel ones
_TYPES = {
    "mono8": "u1", "8UC1": "u1", "8SC1": "i1", "mono16": "u2", "16UC1": "u2", "16SC1": "i2",
    "32SC1": "i4", "32FC1": "f4", "64FC1": "f8",
}  # fmt: skip
DEPTH = ("16UC1", "mono16", "32FC1")
LABELS = ("mono8", "8UC1", "mono16", "16UC1", "16SC1", "32SC1")
CONFIDENCE = ("mono8", "8UC1", "32FC1")


class ImageError(InputError):
    """An image that cannot be used; `reason` is a short key, so that reasons are counted apart."""

    def __init__(self, reason: ImageReason, message: str) -> None:
        super().__init__(message)
        self.reason: ImageReason = reason


def decode_image(msg: Any, encodings: tuple[str, ...], what: str) -> np.ndarray:
    """(height, width) array of the image, a view of the message's data where it can be.

    encodings: those that are allowed, of sensor_msgs' names. what: "depth", ..., for errors.
    Raises ImageError for another encoding, an empty image, and sizes that contradict each other.
    """
    height, width, step = int(msg.height), int(msg.width), int(msg.step)
    encoding = str(msg.encoding)
    if encoding not in encodings:
        raise ImageError(
            "bad_encoding",
            f"{what} image with encoding {encoding[:40]!r}, must be one of {', '.join(encodings)}",
        )
    if height == 0 or width == 0:
        raise ImageError("empty", f"{what} image of {width} x {height} pixels")
    dtype = np.dtype((">" if msg.is_bigendian else "<") + _TYPES[encoding])
    if step < width * dtype.itemsize:
        raise ImageError(
            "bad_step",
            f"{what} image with a step of {step} bytes, which cannot hold {width} pixels of "
            f"{dtype.itemsize} bytes",
        )
    if len(msg.data) < height * step:
        raise ImageError(
            "short_data",
            f"{what} image with {len(msg.data)} bytes of data where height x step = "
            f"{height * step}",
        )
    view: np.ndarray = np.ndarray(
        (height, width), dtype, buffer=msg.data, strides=(step, dtype.itemsize)
    )
    return view
