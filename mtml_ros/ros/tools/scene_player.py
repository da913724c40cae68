"""scene_player: publishes a scan file as a robot would, part by part, so that the map grows."""

from __future__ import annotations

import array
import sys
import time

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

RANGE = 4.0
"""Metres that the virtual sensor sees."""

FIELD_OF_VIEW = np.radians(110)
"""Horizontal; vertically it sees everything."""

PATH_SIZE = 0.3
"""The robot's round, as a share of the scan's width and depth."""


PARAMETERS = (
    ToolParameter("file", "", "The scan: .ply, .pcd or .npz with xyz and label."),
    ToolParameter("rate", 2.0, "Parts a second."),
    ToolParameter("parts", 20, "How many parts the scan is shown in; 1: all at once."),
    ToolParameter("loop", False, "Starts again at the end instead of exiting."),
    ToolParameter("frame", "map", "frame_id of the clouds."),
    ToolParameter("label_field", "label", "Name of the label's field."),
    ToolParameter("subscribers", 1, "How many to wait for before starting."),
)


def parameter_text() -> str:
    """What --help lists."""
    return "\n".join(map(str, PARAMETERS))


class ScenePlayer(Node):
    """Publishes on `points`: x y z float32 and the label as int32, stamped with the node's clock.

    Raises InputError or ConfigurationError for a file or a parameter that is of no use.
    """

    def __init__(self) -> None:
        super().__init__("scene_player")
        given = {p.name: p.declare(self) for p in PARAMETERS}
        file, number = given["file"], given["parts"]
        self.rate, self.loop = given["rate"], given["loop"]
        self._frame, self._label_field = given["frame"], given["label_field"]
        self._wanted = given["subscribers"]
        if not file:
            raise ConfigurationError("say which scan: --ros-args -p file:=PATH")
        if not (0.001 <= self.rate <= 1000 and 1 <= number <= 100_000):
            raise ConfigurationError("rate must be from 0.001 to 1000, parts from 1 to 100000")
        scan = read_points(file)
        if scan.label is None:
            raise InputError(f"{file}: has no labels")
        self._xyz, self._labels = scan.xyz, scan.label.astype(np.int32)
        self.parts = split_scan(scan.xyz, number)
        profile = QoSProfile(
            history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.RELIABLE
        )
        self._publisher = self.create_publisher(PointCloud2, "points", profile)

    @property
    def expected(self) -> bool:
        """Whether the subscribers to wait for are there."""
        return bool(self._publisher.get_subscription_count() >= self._wanted)

    def publish(self, part: int) -> None:
        """Publishes one part."""
        points = self.parts[part]
        header = Header(frame_id=self._frame, stamp=self.get_clock().now().to_msg())
        self._publisher.publish(
            make_cloud(self._xyz[points], self._labels[points], self._label_field, header)
        )

    def finish(self) -> None:
        """Waits until every subscriber has what was published."""
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
    """Waits for the subscribers, publishes all parts at the rate, and waits for delivery."""
    player.get_logger().info(f"{len(player.parts)} parts, waiting for a subscriber")
    while not player.expected:
        rclpy.spin_once(player, timeout_sec=0.05)
    next_time = time.monotonic()
    while True:
        for part in range(len(player.parts)):
            while (wait := next_time - time.monotonic()) > 0:
                rclpy.spin_once(player, timeout_sec=wait)
            next_time = max(next_time + 1 / player.rate, time.monotonic())
            player.publish(part)
        if not player.loop:
            break
    player.finish()
    player.get_logger().info("all parts published")


def main(args: list[str] | None = None) -> int:
    """Plays the scan; exit code 0 at its end or on SIGINT, 2 for a wrong file or parameter."""
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
