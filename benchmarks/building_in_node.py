"""Cost follows what changed, through the node: one changed room of 36, beside that room alone.

    python benchmarks/building_in_node.py [--side 6] [--repeats 15] [--whole] [--json F]

Two nodes run, each a process of its own that is heard over DDS: one has a living room in its map,
the other `side` x `side` of them, 1 m apart. Both are sent the same clouds in turn: that room with
one chair more each time. Time is taken from the moment before the cloud is published until its
voxels, markers and objects are there (~/points_updates, ~/markers, ~/instances); --whole: ~/points
is heard too, though not waited for. Segmentation is asked for as often as it may be. `rooms` is
the building's median in that of the room. At the end what the updates add up to is compared with
~/points.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from building import SCAN, corners_of
from rclpy.node import Node
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.io.point_files import read_points
from mtml_ros.msg import ObjectInstanceArray, PointsUpdate
from mtml_ros.ros import qos
from mtml_ros.ros.output.encode import to_time
from mtml_ros.ros.tools.followed_voxels import FollowedVoxels, voxels_of
from mtml_ros.ros.tools.scene_player import make_cloud

SIZE = 0.1
RATE = 30.0
GAP = 1.0
EDGE, STEP = 0.5, 0.05
"""Metres: a chair is a cube of points."""


_AXIS = np.arange(0, EDGE, STEP, dtype=np.float32)
CHAIR = np.stack(np.meshgrid(_AXIS, _AXIS, _AXIS), axis=-1).reshape(-1, 3)


class Listener(Node):
    """Sends clouds to a node in a namespace, and hears what it says of each."""

    def __init__(self, namespace: str, whole: bool) -> None:
        super().__init__("building_benchmark", namespace=namespace)
        self.followed = FollowedVoxels()
        self.stamps: dict[str, Any] = {}
        self.changed: list[int] = []
        self.newest: PointCloud2 | None = None
        self._updates: list[PointsUpdate] = []
        self._clouds = self.create_publisher(PointCloud2, "points", 10)
        source = "instance_segmentation"
        for type_, name, profile in (
            (PointsUpdate, "points_updates", qos.CHANGES),
            (MarkerArray, "markers", qos.CHANGES),
            (ObjectInstanceArray, "instances", qos.OUTPUT),
        ):
            self.create_subscription(
                type_, f"{source}/{name}", lambda m, n=name: self._hear(n, m), profile
            )
        if whole:
            self.create_subscription(PointCloud2, f"{source}/points", self._hear_all, qos.OUTPUT)

    def _hear(self, name: str, msg: Any) -> None:
        if name == "markers":
            headers = [m.header for m in msg.markers]
            self.stamps[name] = headers[-1].stamp if headers else None
            return
        self.stamps[name] = msg.header.stamp
        if name == "points_updates":
            self._updates.append(msg)

    def _hear_all(self, msg: PointCloud2) -> None:
        self.newest = msg

    def seconds(self, points: LabeledPoints, ids: np.ndarray, stamp: float) -> float:
        """From sending a cloud to its having come out."""
        header = Header(frame_id="map", stamp=to_time(stamp))
        cloud = make_cloud(points.xyz, ids[points.labels], "label", header)
        end = time.monotonic() + 120
        began = time.perf_counter()
        self._clouds.publish(cloud)
        while any(self.stamps.get(name) != header.stamp
                  for name in ("points_updates", "markers", "instances")):  # fmt: skip
            if time.monotonic() > end:
                raise TimeoutError(f"{self.get_namespace()}: no result; {self.stamps}")
            rclpy.spin_once(self, timeout_sec=0.1)
        spent = time.perf_counter() - began
        for update in self._updates:  # what a receiver makes of them is its own affair
            self.followed.apply(update)
            self.changed.append(update.points.width + update.removed.width)
        self._updates.clear()
        return spent

    def check(self) -> None:
        """Fails where a newcomer's whole cloud is not what the updates added up to."""
        self.newest = None
        self.create_subscription(
            PointCloud2, "instance_segmentation/points", self._hear_all, qos.OUTPUT
        )
        end = time.monotonic() + 120
        while self.newest is None or not np.array_equal(
            voxels_of(self.newest), self.followed.records
        ):
            if time.monotonic() > end:
                raise ValueError(f"{self.get_namespace()}: the updates are not the cloud")
            rclpy.spin_once(self, timeout_sec=0.1)

    def wait_until_heard(self) -> None:
        end = time.monotonic() + 120
        while not self._clouds.get_subscription_count():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.get_namespace()}: nobody hears the clouds")
            rclpy.spin_once(self, timeout_sec=0.1)


def chair_places(room: np.ndarray, count: int) -> np.ndarray:
    """(count, 3) float32, metres: places above the floor, a chair's edge and a half apart."""
    low, extent = room.min(axis=0), np.ptp(room, axis=0)
    steps = [int(e // (1.5 * EDGE)) for e in extent[:2]]
    places = [(x, y, 1.0 / (1.5 * EDGE)) for x in range(steps[0]) for y in range(steps[1])]
    if len(places) < count:
        raise ValueError(f"the room has places for {len(places)} chairs")
    return (low + 1.5 * EDGE * np.array(places[:count])).astype(np.float32)


def start_node(namespace: str) -> subprocess.Popen[bytes]:
    """The node, in a process of its own."""
    words = ["-r", f"__ns:={namespace}", "-p", f"segmentation_rate:={RATE}"]
    return subprocess.Popen(
        [sys.executable, "-m", "mtml_ros.ros.node", "--ros-args", "--log-level", "warn", *words],
        env={**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"},
    )


def run(side: int = 6, repeats: int = 15, whole: bool = False) -> list[dict[str, Any]]:
    """One row: medians in seconds."""
    cloud = read_points(SCAN)
    taxonomy = Taxonomy.scannet()
    room = LabeledPoints(cloud.xyz, taxonomy.encode(cloud.label))
    corners = corners_of(room, side, GAP, SIZE)
    whole_building = LabeledPoints(
        np.concatenate([room.xyz + c for c in corners]), np.tile(room.labels, len(corners))
    )
    moved = room.xyz + corners[len(corners) // 2]
    names = ("/alone", "/building")
    processes = [start_node(name) for name in names]
    rclpy.init()
    listeners = [Listener(name, whole) for name in names]
    times: tuple[list[float], list[float]] = ([], [])
    try:
        for listener, points in zip(listeners, (LabeledPoints(moved, room.labels), whole_building)):
            listener.wait_until_heard()
            listener.seconds(points, taxonomy.ids, 1.0)
        stamp = 2.0
        for place in chair_places(moved, repeats + 1):
            label = np.full(len(CHAIR), taxonomy.index("chair"), room.labels.dtype)
            points = LabeledPoints(
                np.concatenate([moved, CHAIR + place]), np.append(room.labels, label)
            )
            for listener, spent in zip(listeners, times):
                spent.append(listener.seconds(points, taxonomy.ids, stamp))
            stamp += 1.0
        for listener in listeners:
            listener.check()
    finally:
        for listener in listeners:
            listener.destroy_node()
        rclpy.shutdown()
        for process in processes:
            process.send_signal(signal.SIGINT)
            process.wait(20)
    one, ours = (statistics.median(spent[1:]) for spent in times)
    voxels = [len(listener.followed.records) for listener in listeners]
    return [
        {
            "case": f"{side * side} rooms, {voxels[1]:,} voxels, through the node",
            "ours_s": ours,
            "one_room_s": one,
            "rooms": ours / one,
            "changed": int(statistics.median(listeners[1].changed[2:])),
            "voxels": voxels[0],
        }
    ]


def main() -> None:
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=6, help="rooms along each side")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--whole", action="store_true", help="hear ~/points too")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    from mtml_ros.cli.benchmark import table

    rows = run(options.side, options.repeats, options.whole)
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
