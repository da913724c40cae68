"""A recorded sequence to the real node: a camera that moves, over tf."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.time import Time
from real_sequence import Frame, Static, summary
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from mtml_ros.core.voxels import pack_keys
from mtml_ros.io.point_cloud2 import decode_cloud
from mtml_ros.msg import ObjectInstanceArray
from mtml_ros.ros import qos
from mtml_ros.ros.middleware import large_clouds_environment
from mtml_ros.ros.tools.scene_player import make_cloud

VOXEL_SIZE = 0.1
CAMERA = "camera_optical"
SHOWN = ("clouds sent", "clouds integrated", "clouds dropped", "cloud time (ms)",
         "segmentation time (ms)", "latency cloud to instances (ms)")  # fmt: skip


class Player:
    """Publishes frames, and hears what the node makes of them."""

    def __init__(self) -> None:
        self.node = rclpy.create_node("real_sequence")
        self.clouds = self.node.create_publisher(PointCloud2, "points", 10)
        self.transforms = self.node.create_publisher(TFMessage, "/tf", 100)
        self.ids: list[frozenset[int]] = []
        self.points: PointCloud2 | None = None
        self.status: dict[str, str] = {}
        shown = "/instance_segmentation"
        for type_, topic, hear, profile in (
            (ObjectInstanceArray, f"{shown}/instances", self._hear_instances, qos.OUTPUT),
            (PointCloud2, f"{shown}/points", self._hear_points, qos.OUTPUT),
            (DiagnosticArray, "/diagnostics", self._hear_status, 10),
        ):
            self.node.create_subscription(type_, topic, hear, profile)

    def _hear_instances(self, msg: ObjectInstanceArray) -> None:
        before = self.ids[-1] if self.ids else frozenset()
        self.ids.append(frozenset(instance.id for instance in msg.instances))
        come = [f"{i.id}:{i.class_name}.{i.score * 100:.0f}({i.num_voxels})"
                for i in msg.instances if i.id not in before]  # fmt: skip
        if before != self.ids[-1]:
            print(f"update {len(self.ids)}: gone {sorted(before - self.ids[-1])}, new {come}")

    def _hear_points(self, msg: PointCloud2) -> None:
        self.points = msg

    def _hear_status(self, msg: DiagnosticArray) -> None:
        self.status = {v.key: v.value for v in msg.status[0].values}

    def spin(self, seconds: float) -> None:
        """Hears for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            rclpy.spin_once(self.node, timeout_sec=left)

    def show(self, frame: Frame, cloud: PointCloud2, began: Time) -> None:
        """Publishes a frame's pose and cloud, stamped by when the recording began."""
        stamp = (began + Duration(seconds=frame.stamp)).to_msg()
        pose = TransformStamped(header=Header(frame_id="map", stamp=stamp), child_frame_id=CAMERA)
        place, turn = pose.transform.translation, pose.transform.rotation
        place.x, place.y, place.z = frame.pose.translation.tolist()
        turn.x, turn.y, turn.z, turn.w = Rotation.from_matrix(frame.pose.rotation).as_quat()
        self.transforms.publish(TFMessage(transforms=[pose]))
        cloud.header.stamp = stamp
        self.clouds.publish(cloud)


def play_to_node(frames: list[Frame], pace: float) -> None:
    """Play the frames and print what came of it. pace: 1 is real time; slower the stamps are the
    recording's as well, and segmentations as many."""
    clouds = [
        make_cloud(f.xyz, f.label.astype(np.int32), "label", Header(frame_id=CAMERA))
        for f in frames
    ]
    os.environ.update(large_clouds_environment())  # both read it when they make their participant
    command = [sys.executable, "-m", "mtml_ros.ros.node", "--ros-args"]
    node = subprocess.Popen([*command, "-p", f"segmentation_rate:={float(pace)}"])
    rclpy.init()
    player = Player()
    static = Static()
    try:
        while not player.clouds.get_subscription_count():
            player.spin(0.1)
        player.spin(1.0)
        begin, began = time.monotonic(), player.node.get_clock().now()
        for frame, cloud in zip(frames, clouds):
            player.spin(begin + frame.stamp / pace - time.monotonic())
            player.show(frame, cloud, began)
            static.hit(frame.pose.apply(frame.xyz), frame.stamp, VOXEL_SIZE)
        player.spin(5.0 / pace)
    finally:
        node.terminate()
        node.wait()
        rclpy.shutdown()
    print({key: player.status.get(key) for key in player.status if key.startswith(("dropped",))})
    print({key: player.status.get(key) for key in SHOWN})
    assert player.points is not None
    xyz = decode_cloud(player.points).xyz
    there = set(pack_keys(np.floor(xyz / VOXEL_SIZE).astype(np.int64)).tolist())
    summary(static.keys(), there, player.ids)
