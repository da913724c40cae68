"""The node under clouds of ten million points: its peak memory, and how long services take.

    python benchmarks/bounded_node.py [--clouds 10] [--points 10000000]

Each cloud is a square of scattered points, as many voxels as fit into it; the map holds 2 million.
A service is asked every half second, by turns, from the first cloud on until all are dealt with.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import GetParameters
from rclpy.qos import QoSProfile
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from mtml_ros.ros.middleware import large_clouds_environment
from mtml_ros.ros.tools.scene_player import make_cloud
from mtml_ros.srv import GetObject, MapFile

SIDE = 40.0
"""Metres of a square: 160 thousand voxels each, ten of them beside one another."""

CHAIR = 5
NODE = "/instance_segmentation"
SERVICES: list[tuple[Any, str, Any]] = [
    (Trigger, "segment", Trigger.Request()),
    (MapFile, "save_map", MapFile.Request(filename="bounded")),
    (GetObject, "get_object", GetObject.Request(id=1)),
    (GetParameters, "get_parameters", GetParameters.Request(names=["max_voxels"])),
]


def run(num_clouds: int, num_points: int) -> dict[str, Any]:
    """Plays the clouds to a node; what it took."""
    os.environ.update(large_clouds_environment())
    rclpy.init()
    node = rclpy.create_node("bounded_node")
    status: dict[str, str] = {}
    node.create_subscription(
        DiagnosticArray,
        "/diagnostics",
        lambda msg: status.update({v.key: v.value for v in msg.status[0].values}),
        10,
    )
    publisher = node.create_publisher(PointCloud2, "points", QoSProfile(depth=num_clouds))
    maps = tempfile.mkdtemp()
    words = ["-p", f"map_directory:={maps}", "-p", f"queue_size:={num_clouds}"]
    process = subprocess.Popen([sys.executable, "-m", "mtml_ros.ros.node", "--ros-args", *words])

    def spin_until(condition: Any, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            rclpy.spin_once(node, timeout_sec=0.02)
        return bool(condition())

    try:
        assert spin_until(publisher.get_subscription_count, 180)
        rng = np.random.default_rng(0)
        asked = cycle(
            [(name, node.create_client(t, f"{NODE}/{name}"), r) for t, name, r in SERVICES]
        )
        longest: dict[str, float] = {}
        began, sent = time.monotonic(), 0

        def dealt_with() -> bool:
            done = int(status.get("clouds integrated", 0)) + int(status.get("clouds dropped", 0))
            return sent == num_clouds == done and status["segmentation running for (s)"] == "0.0"

        while not dealt_with() and time.monotonic() - began < 900:
            if sent < num_clouds:
                xyz = np.empty((num_points, 3), np.float32)
                xyz[:, :2] = rng.random((num_points, 2), np.float32) * SIDE
                xyz[:, 0] += sent * SIDE
                xyz[:, 2] = 0.05
                header = Header(frame_id="map", stamp=node.get_clock().now().to_msg())
                labels = np.full(num_points, CHAIR, np.int32)
                publisher.publish(make_cloud(xyz, labels, "label", header))
                sent += 1
            name, client, request = next(asked)
            asked_at = time.monotonic()
            future = client.call_async(request)
            answered = spin_until(future.done, 60)
            assert answered or process.poll() is None, "the node died"
            longest[name] = max(longest.get(name, 0.0), time.monotonic() - asked_at)
            spin_until(lambda: False, 0.5)
        peak = Path(f"/proc/{process.pid}/status").read_text().split("VmHWM:")[1].split()[0]
        spin_until(lambda: False, 2.0)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(maps)
        rclpy.shutdown()
    counted = {k: v for k, v in status.items() if k.startswith(("clouds", "dropped", "voxels"))}
    return {
        "seconds": time.monotonic() - began,
        "peak_mb": int(peak) / 1000,
        "longest answer (s)": {name: round(spent, 2) for name, spent in longest.items()},
        "segmentation time (ms)": status.get("segmentation time (ms)"),
        "cloud time (ms)": status.get("cloud time (ms)"),
        **counted,
    }


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description="the node under clouds of ten million points")
    parser.add_argument("--clouds", type=int, default=10)
    parser.add_argument("--points", type=int, default=10_000_000)
    options = parser.parse_args()
    for key, value in run(options.clouds, options.points).items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    main()
