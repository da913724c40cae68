"""instance_recorder: writes the node's last result to files once the clouds have ended.

It hears what the node hears and publishes, so that its result is what any subscriber has: when no
cloud has come for a while and the node's result includes the last one, it writes

- segmentation.npz: xyz (V, 3) float32, the voxels' centres in metres; label (V,) int32, the
  taxonomy's ids; instance (V,) int32, the objects' ids, -1 for none; score (V,) float32;
- objects.json: the objects, and how fast they came;
- where parameter `bag` names a folder, an mcap of all that it heard.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.utilities import try_shutdown
from sensor_msgs.msg import PointCloud2
from visualization_msgs.msg import MarkerArray

from mtml_ros.core.errors import InputError, MtmlError
from mtml_ros.core.object_record import short
from mtml_ros.core.stamps import nanoseconds, seconds
from mtml_ros.io.point_cloud2 import decode_cloud, decode_labels
from mtml_ros.io.point_files import write_points
from mtml_ros.msg import ObjectInstanceArray
from mtml_ros.ros import qos
from mtml_ros.ros.parameters.tools import ToolParameter
from mtml_ros.ros.tools.bag_recording import BagRecording
from mtml_ros.ros.tools.object_message import record_of

_REMEMBERED = 1000  # clouds and latencies
_STAMP_PRECISION = 1e-6  # seconds; stamps may have passed through a float64


PARAMETERS = (
    ToolParameter("output", ".", "Folder that segmentation.npz and objects.json go to."),
    ToolParameter(
        "after_seconds",
        3.0,
        "Done when no cloud has come for this long and all are segmented.",
    ),
    ToolParameter(
        "bag", "", "Folder of a bag to record what is heard in; it is made. Empty: none."
    ),
    ToolParameter("timeout", 60.0, "Seconds without anything, after which it gives up."),
)


def parameter_text() -> str:
    """What --help lists."""
    return "\n".join(map(str, PARAMETERS))


class InstanceRecorder(Node):
    """Hears `points` and what `instance_segmentation` publishes, in this node's namespace."""

    def __init__(self) -> None:
        super().__init__("instance_recorder")
        given = {p.name: p.declare(self) for p in PARAMETERS}
        self.output = Path(given["output"])
        self._after: float = given["after_seconds"]
        self._timeout: float = given["timeout"]
        self._arrivals: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)  # stamp, arrival
        self._clouds: Any = None  # the subscription, once a publisher is found
        self._num_clouds = 0
        self._num_results = 0
        self._latencies: deque[float] = deque(maxlen=_REMEMBERED)
        self._points: PointCloud2 | None = None
        self._instances: ObjectInstanceArray | None = None
        self._heard = time.monotonic()
        source = "instance_segmentation"
        self._subscriptions_kept = [
            self.create_subscription(PointCloud2, f"{source}/points", self._on_points, qos.OUTPUT),
            self.create_subscription(
                ObjectInstanceArray, f"{source}/instances", self._on_instances, qos.OUTPUT
            ),
        ]
        self._bag = BagRecording(self, Path(given["bag"])) if given["bag"] else None
        if self._bag is not None:
            for type_, name, profile in (
                (PointCloud2, "points", qos.OUTPUT),
                (ObjectInstanceArray, "instances", qos.OUTPUT),
                (MarkerArray, "markers", qos.CHANGES),
            ):
                self._bag.listen(type_, f"{source}/{name}", profile)
        self._timer = self.create_timer(0.1, self._find_clouds)

    def _find_clouds(self) -> None:
        publishers = self.get_publishers_info_by_topic(self.resolve_topic_name("points"))
        if self._clouds is None and publishers:
            profile = qos.for_input("auto", publishers)[-1]
            self._clouds = self.create_subscription(PointCloud2, "points", self._on_cloud, profile)

    def _on_cloud(self, msg: PointCloud2) -> None:
        self._heard = time.monotonic()
        self._num_clouds += 1
        self._arrivals.append((_stamp(msg), self._heard))
        if self._bag is not None:  # not by a subscription: players count their subscribers
            self._bag.take("points", msg)

    def _on_points(self, msg: PointCloud2) -> None:
        self._points = msg

    def _on_instances(self, msg: ObjectInstanceArray) -> None:
        self._heard = time.monotonic()
        self._num_results += 1
        self._instances = msg
        included = (a for s, a in reversed(self._arrivals) if s <= _stamp(msg) + _STAMP_PRECISION)
        if (arrival := next(included, None)) is not None:
            self._latencies.append(self._heard - arrival)
        self.get_logger().info(f"{self._num_clouds} clouds, {len(msg.instances)} objects")

    @property
    def complete(self) -> bool:
        """Whether there is a result whose voxels and objects are of one segmentation."""
        return (
            self._points is not None
            and self._instances is not None
            and _stamp(self._points) == _stamp(self._instances)
        )

    @property
    def done(self) -> bool:
        """Whether the clouds have ended and the result includes the last of them."""
        if not self._arrivals or not self.complete:
            return False
        last, arrival = self._arrivals[-1]
        segmented = _stamp(self._instances) >= last - _STAMP_PRECISION
        return segmented and time.monotonic() - arrival >= self._after

    @property
    def stalled(self) -> bool:
        """Whether nothing has come for longer than `timeout`."""
        return time.monotonic() - self._heard > self._timeout

    def close_bag(self) -> None:
        """Ends the bag, if there is one."""
        if self._bag is not None:
            self._bag.close()

    def write(self) -> None:
        """Writes both files; InputError where there is nothing to write or no place for it."""
        if self._points is None or self._instances is None or not self.complete:
            raise InputError(
                f"no segmentation to record: {self._num_clouds} clouds came on "
                f"{self.resolve_topic_name('points')}, "
                f"{'no' if self._instances is None else 'half a'} result from the node"
            )
        try:
            self.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.output}: cannot be made: {error.strerror}") from error
        objects = [record_of(o).as_dict() for o in self._instances.instances]
        cloud = decode_cloud(self._points)
        ids = decode_labels(self._points, cloud.kept, "instance")
        score = {o["id"]: o["score"] for o in objects}
        write_points(
            self.output / "segmentation.npz",
            cloud.xyz,
            label=cloud.label,
            instance=np.where(ids > 0, ids, -1).astype(np.int32),
            score=np.array([score.get(int(i), 0.0) for i in ids], dtype=np.float32),
        )
        summary = {
            "frame": self._instances.header.frame_id,
            "voxel_size": short(self._instances.voxel_size),
            "statistics": self.statistics(),
            "objects": objects,
        }
        path = self.output / "objects.json"
        path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        self.get_logger().info(f"wrote {len(objects)} objects to {self.output}")

    def statistics(self) -> dict[str, Any]:
        """Counts, the clouds' rate in Hz, seconds from a cloud to the result that includes it."""
        times = [arrival for _, arrival in self._arrivals]
        span = times[-1] - times[0] if len(times) > 1 else 0.0
        latencies = list(self._latencies)
        return {
            "clouds": self._num_clouds,
            "cloud_rate": round((len(times) - 1) / span, 2) if span else None,
            "segmentations": self._num_results,
            "latency_median": round(statistics.median(latencies), 3) if latencies else None,
            "latency_last": round(latencies[-1], 3) if latencies else None,
        }


def _stamp(msg: Any) -> float:
    """Seconds since the epoch."""
    return seconds(nanoseconds(msg.header.stamp))


def main(args: list[str] | None = None) -> int:
    """Runs until the clouds have ended (or SIGINT), writes; exit code 2 if there was no result."""
    rclpy.init(args=args)
    recorder = None
    try:
        recorder = InstanceRecorder()
        try:
            while not (recorder.done or recorder.stalled):
                rclpy.spin_once(recorder, timeout_sec=0.1)
        except (KeyboardInterrupt, ExternalShutdownException):
            pass  # asked to stop: what there is gets written
        recorder.write()
    except MtmlError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        if recorder is not None:
            recorder.close_bag()
            recorder.destroy_node()
        try_shutdown()
    return 0
