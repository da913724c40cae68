"""Where a sensor lies in the map at a stamp: by tf2_ros where it is installed, else without."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from rclpy.qos import DurabilityPolicy, QoSProfile

from mtml_ros.core.errors import InputError
from mtml_ros.core.stamps import NANOSECONDS, nanoseconds
from mtml_ros.core.transforms import Transform, TransformBuffer, TransformError

FrameReason = Literal["empty_frame", "no_tf2", "zero_stamp", "bad_transform", "no_transform"]

DEPTH = 100  # of the subscriptions to /tf and /tf_static; tf2's own


class FrameError(InputError):
    """A sensor whose place in the map is not known.

    reason: a short key for counting. waiting_helps: whether a transform that comes later may tell.
    late: seconds by which the newest transform is older than what was asked for; else 0.
    """

    def __init__(
        self, reason: FrameReason, message: str, waiting_helps: bool = False, late: float = 0.0
    ) -> None:
        super().__init__(message)
        self.reason: FrameReason = reason
        self.waiting_helps = waiting_helps
        self.late = late


@dataclass(frozen=True)
class Place:
    """Where points lie. transform: from their frame to the map.

    origin: (3,) metres, where the sensor is in the map; None for points that are given in the map's
        frame, of which nobody knows where they were seen from.
    """

    transform: Transform
    origin: np.ndarray | None


class Frames:
    """Looks up transforms into the map frame; never a guess.

    node: an rclpy node, on which /tf and /tf_static are subscribed to.
    source: who listens, "tf2_ros", "mtml_ros" or "nobody" (the message type is missing).
    num_bad: entries of /tf that were no transforms, and were left out.
    """

    def __init__(self, node: Any, map_frame: str) -> None:
        self._map_frame = map_frame
        self._listener: _Listener | None = None
        self.source = "nobody"
        for source, make in (("tf2_ros", _Tf2Listener), ("mtml_ros", _OwnListener)):
            try:
                self._listener = make(node)
            except ImportError:
                continue
            self.source = source
            return

    @property
    def num_bad(self) -> int:
        return self._listener.num_bad if self._listener is not None else 0

    def lookup(self, frame_id: str, stamp: Any) -> Place:
        """Where points of this frame lie at a stamp (builtin_interfaces/Time).

        Raises FrameError, saying in tf's words what is missing.
        """
        frame = frame_id.removeprefix("/")  # ROS 1 wrote /map, tf2 knows map
        if not frame:
            raise FrameError(
                "empty_frame", "message without frame_id; its publisher must say where it is"
            )
        if frame == self._map_frame:
            return Place(Transform.identity(), None)
        if self._listener is None:
            raise FrameError(
                "no_tf2",
                f"sensor in frame {frame[:80]!r}, map in {self._map_frame!r}, and neither tf2_ros "
                f"nor tf2_msgs is installed; install ros-DISTRO-tf2-ros-py, or publish clouds in "
                f"{self._map_frame!r}",
            )
        if stamp.sec == 0 and stamp.nanosec == 0:
            raise FrameError(
                "zero_stamp",
                f"message in frame {frame[:80]!r} without a stamp: the sensor's place at that time "
                "cannot be known",
            )
        try:
            transform = self._listener.lookup(self._map_frame, frame, stamp)
        except TransformError as error:
            if error.reason == "bad_transform":
                raise FrameError("bad_transform", str(error)) from None
            late = error.seconds if error.reason == "too_late" else 0.0
            raise FrameError(
                "no_transform",
                f"from {frame[:80]!r} to {self._map_frame!r}: {error}",
                error.reason != "too_early",
                late,
            ) from None
        return Place(transform, transform.translation)

    def clear(self) -> None:
        """Forgets transforms that change over time, after time has jumped back."""
        if self._listener is not None:
            self._listener.clear()

    def close(self) -> None:
        """Ends the subscriptions to /tf and /tf_static."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()


class _Listener(Protocol):
    """What brings transforms. `lookup` raises TransformError. num_bad: messages that were none."""

    num_bad: int

    def lookup(self, target: str, source: str, stamp: Any) -> Transform: ...

    def clear(self) -> None: ...

    def close(self) -> None: ...


class _Tf2Listener:
    """tf2's own buffer and listener; ImportError where tf2_ros is not installed."""

    num_bad = 0

    def __init__(self, node: Any) -> None:
        self._tf2 = importlib.import_module("tf2_ros")
        self._buffer = self._tf2.Buffer()
        self._listener = self._tf2.TransformListener(self._buffer, node, spin_thread=False)

    def lookup(self, target: str, source: str, stamp: Any) -> Transform:
        from rclpy.time import Time

        time = Time.from_msg(stamp)
        try:
            found = self._buffer.lookup_transform(target, source, time)
        except self._tf2.TransformException as error:
            raise self._explained(error, target, source, time) from None
        return _transform(found.transform)

    def _explained(self, error: Exception, target: str, source: str, time: Any) -> TransformError:
        """tf2's words, and which of its reasons they are."""
        words = f"{type(error).__name__.removesuffix('Exception')}: {error}"
        if "into the past" in words:
            return TransformError("too_early", words)
        if "into the future" in words:
            return TransformError("too_late", words, self._late(target, source, time))
        if "Connectivity" in words:
            return TransformError("not_connected", words)
        return TransformError("unknown_frame", words)

    def _late(self, target: str, source: str, time: Any) -> float:
        """Seconds from the newest transform to `time`; 0 where there is none either."""
        from rclpy.time import Time

        try:
            newest = self._buffer.lookup_transform(target, source, Time())
        except self._tf2.TransformException:
            return 0.0
        stamp = Time.from_msg(newest.header.stamp)
        return max(0.0, (time.nanoseconds - stamp.nanoseconds) / NANOSECONDS)

    def clear(self) -> None:
        self._buffer.clear()

    def close(self) -> None:
        self._listener.unregister()


class _OwnListener:
    """TransformBuffer over /tf and /tf_static; ImportError where tf2_msgs is missing."""

    num_bad = 0

    def __init__(self, node: Any) -> None:
        message = importlib.import_module("tf2_msgs.msg").TFMessage
        self._node = node
        self._buffer = TransformBuffer()
        latched = QoSProfile(depth=DEPTH, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._subscriptions = [
            node.create_subscription(message, "/tf", self._on_moving, QoSProfile(depth=DEPTH)),
            node.create_subscription(message, "/tf_static", self._on_static, latched),
        ]

    def _on_moving(self, msg: Any) -> None:
        self._add(msg, static=False)

    def _on_static(self, msg: Any) -> None:
        self._add(msg, static=True)

    def _add(self, msg: Any, static: bool) -> None:
        for entry in msg.transforms:
            try:
                self._buffer.add(
                    entry.header.frame_id,
                    entry.child_frame_id,
                    nanoseconds(entry.header.stamp),
                    *_numbers(entry.transform),
                    static=static,
                )
            except TransformError:
                self.num_bad += 1

    def lookup(self, target: str, source: str, stamp: Any) -> Transform:
        return self._buffer.lookup(target, source, nanoseconds(stamp))

    def clear(self) -> None:
        self._buffer.clear()

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)


def _numbers(msg: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """x y z and x y z w of a geometry_msgs/Transform."""
    t, q = msg.translation, msg.rotation
    return (t.x, t.y, t.z), (q.x, q.y, q.z, q.w)


def _transform(msg: Any) -> Transform:
    return Transform.from_quaternion(*_numbers(msg))
