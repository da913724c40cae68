"""scene_player: publishes a scan as a robot would, part by part, or a bag as it was recorded."""

from __future__ import annotations

import array
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import rclpy
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.utilities import try_shutdown
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from mtml_ros.core.errors import ConfigurationError, InputError, MtmlError
from mtml_ros.io.point_files import read_points
from mtml_ros.ros.parameters.tools import ToolParameter
from mtml_ros.ros.tools.recording import Recording, is_recording

RANGE = 4.0
"""Metres that the virtual sensor sees."""

FIELD_OF_VIEW = np.radians(110)
"""Horizontal; vertically it sees everything."""

PATH_SIZE = 0.3
"""The robot's round, as a share of the scan's width and depth."""


PARAMETERS = (
    ToolParameter(
        "file",
        "",
        "What to play: a scan (.ply, .pcd or .npz with xyz and label), or a bag (a rosbag2 folder, "
        ".mcap, .db3, or ROS 1's .bag), whose messages keep their topics and stamps.",
    ),
    ToolParameter("rate", 2.0, "Scans: parts a second."),
    ToolParameter("speed", 1.0, "Bags: how many times as fast as they were recorded."),
    ToolParameter("parts", 20, "Scans: how many parts one is shown in; 1: all at once."),
    ToolParameter("loop", False, "Starts again at the end instead of exiting."),
    ToolParameter("frame", "map", "Scans: frame_id of the clouds."),
    ToolParameter("label_field", "label", "Scans: name of the label's field."),
    ToolParameter("subscribers", 1, "How many to wait for before starting."),
)
BOUNDS = {"rate": (0.001, 1000.0), "speed": (0.001, 1000.0), "parts": (1, 100_000)}


def parameter_text() -> str:
    """What --help lists."""
    return "\n".join(map(str, PARAMETERS))


class Played(Protocol):
    """What is played. expected: whether the subscribers to wait for are there."""

    @property
    def expected(self) -> bool: ...

    def steps(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """(seconds after the start, what publishes), in order."""

    def finish(self) -> None:
        """Waits until every subscriber has what was published."""


class ScenePlayer(Node):
    """Plays `played`, a scan or a recording.

    Raises InputError or ConfigurationError for a file or a parameter that is of no use.
    """

    def __init__(self) -> None:
        super().__init__("scene_player")
        given = {p.name: p.declare(self) for p in PARAMETERS}
        file = given["file"]
        if not file:
            raise ConfigurationError("say which scan or bag: --ros-args -p file:=PATH")
        for name, (low, high) in BOUNDS.items():
            if not low <= given[name] <= high:
                raise ConfigurationError(f"{name} must be from {low} to {high}")
        self.loop: bool = given["loop"]
        self.played: Played
        if is_recording(Path(file)):
            self.played = Recording(self, Path(file), given["speed"], given["subscribers"])
        else:
            self.played = Scan(self, given)


class Scan:
    """A scan's parts on `points`: x y z float32 and the label as int32, stamped with the node's
    clock. parts: indices of the points of each. given: the parameters' values."""

    def __init__(self, node: Node, given: dict[str, Any]) -> None:
        self._node = node
        self._rate, self._wanted = given["rate"], given["subscribers"]
        self._frame, self._label_field = given["frame"], given["label_field"]
        scan = read_points(given["file"])
        if scan.label is None:
            raise InputError(f"{given['file']}: has no labels")
        self._xyz, self._labels = scan.xyz, scan.label.astype(np.int32)
        self.parts = split_scan(scan.xyz, given["parts"])
        profile = QoSProfile(
            history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.RELIABLE
        )
        self._publisher = node.create_publisher(PointCloud2, "points", profile)

    @property
    def expected(self) -> bool:
        return bool(self._publisher.get_subscription_count() >= self._wanted)

    def steps(self) -> Iterator[tuple[float, Callable[[], None]]]:
        for i, part in enumerate(self.parts):
            yield i / self._rate, partial(self._publish, part)

    def _publish(self, part: np.ndarray) -> None:
        header = Header(frame_id=self._frame, stamp=self._node.get_clock().now().to_msg())
        self._publisher.publish(
            make_cloud(self._xyz[part], self._labels[part], self._label_field, header)
        )

    def finish(self) -> None:
        self._publisher.wait_for_all_acked(Duration(seconds=10))


def split_scan(xyz: np.ndarray, number: int) -> list[np.ndarray]:
    """Indices of the points that a robot sees from each of `number` places; together all points.

    xyz: (N, 3) metres, z up. The robot walks an ellipse around the middle and looks outwards.
    Walls do not hide what is behind them. A point that no place sees goes to the nearest one.
    """
    finite = np.isfinite(xyz).all(axis=1)
    if number == 1 or not finite.any():
        return [np.arange(len(xyz))] * number
    low, high = xyz[finite].min(axis=0), xyz[finite].max(axis=0)
    middle, radius = (low + high)[:2] / 2, (high - low)[:2] * PATH_SIZE
    parts = []
    seen = np.zeros(len(xyz), dtype=bool)
    nearest, distance = np.zeros(len(xyz), dtype=np.int64), np.full(len(xyz), np.inf)
    for i in range(number):
        angle = 2 * np.pi * i / number
        heading = np.array([np.cos(angle), np.sin(angle)])
        away = xyz[:, :2] - (middle + radius * heading)
        reach = np.linalg.norm(away, axis=1)
        visible = (reach < RANGE) & (away @ heading >= reach * np.cos(FIELD_OF_VIEW / 2))
        parts.append(visible)
        seen |= visible
        closer = reach < distance
        nearest[closer], distance[closer] = i, reach[closer]
    unseen = ~seen
    return [np.flatnonzero(p | (unseen & (nearest == i))) for i, p in enumerate(parts)]


def make_cloud(
    xyz: np.ndarray, labels: np.ndarray, label_field: str, header: Header
) -> PointCloud2:
    """A PointCloud2 of points (N, 3) float32 with labels (N,) int32."""
    fields = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), (label_field, "<i4")]
    points = np.empty(len(xyz), dtype=fields)
    points["x"], points["y"], points["z"] = xyz.T
    points[label_field] = labels
    data = array.array("B")  # rclpy takes an array over; other types cost seconds
    data.frombytes(points.tobytes())
    types = [PointField.FLOAT32] * 3 + [PointField.INT32]
    return PointCloud2(
        header=header,
        height=1,
        width=len(points),
        fields=[
            PointField(name=name, offset=4 * i, datatype=type_, count=1)
            for i, ((name, _), type_) in enumerate(zip(fields, types))
        ],
        point_step=16,
        row_step=16 * len(points),
        data=data,
        is_dense=bool(np.isfinite(xyz).all()),
    )


def _play(player: ScenePlayer) -> None:
    """Waits for the subscribers, publishes everything when it is due, and waits for delivery."""
    player.get_logger().info("waiting for a subscriber")
    while not player.played.expected:
        rclpy.spin_once(player, timeout_sec=0.05)
    while True:
        began = time.monotonic()
        for due, publish in player.played.steps():
            while (wait := began + due - time.monotonic()) > 0:
                rclpy.spin_once(player, timeout_sec=wait)
            publish()
        if not player.loop:
            break
    player.played.finish()
    player.get_logger().info("all published")


def main(args: list[str] | None = None) -> int:
    """Plays the file; exit code 0 at its end or on SIGINT, 2 for a wrong file or parameter."""
    rclpy.init(args=args)
    try:
        player = ScenePlayer()
        try:
            _play(player)
        finally:
            player.destroy_node()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except MtmlError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
