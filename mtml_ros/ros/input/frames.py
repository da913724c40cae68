"""Where a cloud's frame lies in the map at the cloud's stamp: tf2 where it is installed."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mtml_ros.core.errors import InputError

FrameReason = Literal["empty_frame", "no_tf2", "zero_stamp", "bad_transform", "no_transform"]

UNIT_TOLERANCE = 0.01
"""How far from 1 a quaternion's norm may be: rounding, not a mistake."""


class FrameError(InputError):
    """A cloud whose place in the map cannot be known; `reason` is a short key for counting."""

    def __init__(self, reason: FrameReason, message: str) -> None:
        super().__init__(message)
        self.reason: FrameReason = reason


@dataclass(frozen=True)
class Transform:
    """From a sensor's frame to the map: x_map = rotation @ x + translation.

    rotation: (3, 3) float64. translation: (3,) float64, metres: the sensor's origin in the map.
    """

    rotation: np.ndarray
    translation: np.ndarray

    def apply(self, xyz: np.ndarray) -> np.ndarray:
        """(N, 3) float32 of points (N, 3) float32; the sum is taken in float64."""
        moved: np.ndarray = (xyz @ self.rotation.T + self.translation).astype(np.float32)
        return moved

    @staticmethod
    def from_message(msg: Any) -> Transform:
        """Of a geometry_msgs/Transform; FrameError if it is not finite or not a rotation."""
        q = np.array([msg.rotation.w, msg.rotation.x, msg.rotation.y, msg.rotation.z])
        t = np.array([msg.translation.x, msg.translation.y, msg.translation.z])
        norm = math.sqrt(float(q @ q)) if np.isfinite(q).all() else math.nan
        if not abs(norm - 1) <= UNIT_TOLERANCE or not np.isfinite(t).all():
            raise FrameError(
                "bad_transform",
                f"transform with quaternion {q.tolist()} (w x y z) of norm {norm:.4g} and "
                f"translation {t.tolist()}: a rotation has norm 1; mend its publisher",
            )
        w, x, y, z = (q / norm).tolist()
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        return Transform(rotation, t)


class Frames:
    """Looks up transforms into the map frame; without tf2 it knows the map frame alone.

    node: an rclpy node, on which tf2's listener subscribes to /tf and /tf_static.
    """

    def __init__(self, node: Any, map_frame: str) -> None:
        self._map_frame = map_frame
        self._tf2: Any = None
        self._buffer: Any = None
        self._listener: Any = None
        try:
            self._tf2 = importlib.import_module("tf2_ros")
        except ImportError:
            return
        self._buffer = self._tf2.Buffer()
        self._listener = self._tf2.TransformListener(self._buffer, node, spin_thread=False)

    @property
    def has_tf2(self) -> bool:
        return self._buffer is not None

    def lookup(self, frame_id: str, stamp: Any) -> Transform | Literal["map"] | None:
        """How to bring a cloud of this frame and stamp (builtin_interfaces/Time) into the map.

        "map": it is there already. None: not known yet, ask again. Never a guess.
        Raises FrameError where waiting would not help.
        """
        frame = frame_id.removeprefix("/")  # ROS 1 wrote /map, tf2 knows map
        if not frame:
            raise FrameError(
                "empty_frame", "cloud without frame_id; its publisher must say where it is"
            )
        if frame == self._map_frame:
            return "map"
        if self._buffer is None:
            raise FrameError(
                "no_tf2",
                f"cloud in frame {frame[:80]!r}, map in {self._map_frame!r}, and tf2_ros is not "
                f"installed; install it, or publish clouds in {self._map_frame!r}",
            )
        if stamp.sec == 0 and stamp.nanosec == 0:
            raise FrameError(
                "zero_stamp",
                f"cloud in frame {frame[:80]!r} without a stamp: the sensor's place at that time "
                "cannot be known",
            )
        try:
            found = self._buffer.lookup_transform(self._map_frame, frame, _time(stamp))
        except self._tf2.TransformException:
            return None
        return Transform.from_message(found.transform)

    def clear(self) -> None:
        """Forgets transforms that change over time, after time has jumped back."""
        if self._buffer is not None:
            self._buffer.clear()

    def close(self) -> None:
        """Ends the subscriptions to /tf and /tf_static."""
        if self._listener is not None:
            self._listener.unregister()
            self._listener = self._buffer = None


def _time(stamp: Any) -> Any:
    from rclpy.time import Time

    return Time.from_msg(stamp)
