"""The node in a room for minutes: large clouds and segmentations at 5 Hz, as a robot that stands.

    python benchmarks/steady_node.py [--minutes 10] [--points 300000] [--rate 5]

Clouds are the living room that ships, its points drawn anew each time and moved by a centimetre of
noise, so that the map never stays the same. The node runs as a process of its own, this one is
the sensor and listens. Latency: from a cloud's stamp, taken when it is published, to when instances
with that stamp have come back here.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import PointCloud2
from sequence_in_node import NODE, Robot, accounted, cpu_seconds, process
from std_msgs.msg import Header

from mtml_ros.io.point_files import read_points
from mtml_ros.msg import ObjectInstanceArray
from mtml_ros.ros.middleware import large_clouds_environment
from mtml_ros.ros.tools.scene_player import make_cloud

SCAN = Path(__file__).resolve().parents[1] / "mtml_ros" / "datasets" / "scans" / "living_room.npz"
DIFFERENT = 20
"""Clouds that are made before the start and sent in turn."""


def run(minutes: float, points: int, rate: float) -> dict[str, Any]:
    """Plays the room; what it took."""
    os.environ.update(large_clouds_environment())
    rclpy.init()
    robot = Robot()
    publisher = robot.create_publisher(PointCloud2, "points", QoSProfile(depth=5))
    latencies, objects = [], []

    def hear(msg: ObjectInstanceArray) -> None:
        now = robot.get_clock().now().nanoseconds
        stamp = msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec
        latencies.append((now - stamp) / 1e9)
        objects.append(len(msg.instances))

    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    robot.create_subscription(ObjectInstanceArray, f"{NODE}/instances", hear, latched)
    clouds = _clouds(points)
    words = ["-p", f"segmentation_rate:={rate}"]
    memory: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "node.log"
        with process("instance_segmentation_node", log, words) as node:
            robot.wait(lambda: publisher.get_subscription_count() and robot.values, 120)
            before, began = cpu_seconds(node.pid), time.monotonic()
            count = round(minutes * 60 * rate)
            for i in range(count):
                due = began + i / rate
                while (left := due - time.monotonic()) > 0:
                    rclpy.spin_once(robot, timeout_sec=left)
                cloud = clouds[i % len(clouds)]
                cloud.header.stamp = robot.get_clock().now().to_msg()
                publisher.publish(cloud)
                if i % round(30 * rate) == round(30 * rate) - 1:
                    memory.append(_resident(node.pid))
            robot.wait(lambda: accounted(robot.values) >= count, 30)
            used = cpu_seconds(node.pid) - before
            spent = time.monotonic() - began
    values = robot.values
    robot.destroy_node()
    rclpy.shutdown()
    return {
        "clouds sent": count,
        **{k: v for k, v in values.items() if k.startswith(("clouds", "dropped"))},
        "segmentations": len(latencies),
        "stamp to instances (s), median": round(float(np.median(latencies)), 3),
        "99 %": round(float(np.quantile(latencies, 0.99)), 3),
        "longest": round(max(latencies), 3),
        "cores used": round(used / spent, 2),
        "resident MB, each half minute": [round(m) for m in memory],
        "objects": f"{min(objects[1:])} to {max(objects[1:])}",
        "voxels": values.get("voxels"),
    }


def _clouds(points: int) -> list[PointCloud2]:
    scan = read_points(SCAN)
    rng = np.random.default_rng(0)
    made = []
    for _ in range(DIFFERENT):
        drawn = rng.integers(0, len(scan.xyz), points)
        xyz = scan.xyz[drawn] + rng.normal(0, 0.01, (points, 3)).astype(np.float32)
        labels = scan.label[drawn].astype(np.int32)
        made.append(make_cloud(xyz, labels, "label", Header(frame_id="map")))
    return made


def _resident(pid: int) -> float:
    """Megabytes."""
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1000


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description="the node in a room for minutes")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--points", type=int, default=300_000)
    parser.add_argument("--rate", type=float, default=5.0, help="Hz, of clouds and segmentations")
    options = parser.parse_args()
    for key, value in run(options.minutes, options.points, options.rate).items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    main()
