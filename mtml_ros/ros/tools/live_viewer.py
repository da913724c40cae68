"""Follows a running node and shows what it publishes in a browser (`mtml view --live`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.utilities import try_shutdown
from sensor_msgs.msg import PointCloud2

from mtml_ros.core.errors import InputError
from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.io.point_cloud2 import decode_cloud, decode_labels
from mtml_ros.msg import ObjectInstanceArray
from mtml_ros.ros import qos
from mtml_ros.ros.tools.object_message import record_of
from mtml_ros.visualization.live import LiveScene, Voxels


class Scene(Protocol):
    """What shows voxels and objects, such as LiveScene."""

    def show_voxels(self, voxels: Voxels) -> None: ...

    def show_objects(self, objects: Sequence[ObjectRecord]) -> None: ...


class LiveViewer(Node):
    """Hears `points` and `instances` of a node and hands them to a scene.

    source: the node's name with its namespace, such as "/instance_segmentation". context: None for
    the process's own.
    """

    def __init__(
        self, source: str, scene: Scene, taxonomy: Taxonomy, context: Context | None = None
    ) -> None:
        super().__init__("instance_viewer", context=context)
        self._scene = scene
        self._taxonomy = taxonomy
        self._edge = 0.1  # until the node has said its own
        self._score_of: dict[int, float] = {}
        self._voxels: Voxels | None = None
        self._subscriptions_kept = [
            self.create_subscription(PointCloud2, f"{source}/points", self._on_points, qos.OUTPUT),
            self.create_subscription(
                ObjectInstanceArray, f"{source}/instances", self._on_instances, qos.OUTPUT
            ),
        ]

    def _on_points(self, msg: PointCloud2) -> None:
        if not msg.width * msg.height:
            self._voxels = None
            self._scene.show_voxels(Voxels.none(self._edge))
            return
        try:
            cloud = decode_cloud(msg)
            ids = decode_labels(msg, cloud.kept, "instance")
        except InputError as error:
            self.get_logger().warning(f"{msg.header.frame_id[:80]!r}: not shown: {error}")
            return
        assert cloud.label is not None  # decode_cloud required it
        labels, instance = self._taxonomy.encode(cloud.label), np.where(ids > 0, ids, -1)
        self._show(Voxels(cloud.xyz, labels, instance, self._scores(instance), self._edge))

    def _on_instances(self, msg: ObjectInstanceArray) -> None:
        self._edge = float(msg.voxel_size) or self._edge
        self._score_of = {i.id: i.score for i in msg.instances}
        self._scene.show_objects([record_of(i) for i in msg.instances])
        voxels = self._voxels
        if voxels is not None:  # the two topics come in any order
            score = self._scores(voxels.instance)
            if voxels.edge != self._edge or not np.array_equal(score, voxels.score):
                self._show(replace(voxels, score=score, edge=self._edge))

    def _show(self, voxels: Voxels) -> None:
        self._voxels = voxels
        self._scene.show_voxels(voxels)

    def _scores(self, ids: np.ndarray) -> np.ndarray:
        values, inverse = np.unique(ids, return_inverse=True)
        return np.array([self._score_of.get(int(v), 0.0) for v in values], np.float32)[inverse]


def follow(
    source: str, taxonomy: Taxonomy, host: str, port: int, say: Callable[[str], None]
) -> None:
    """Serves the page until interrupted. Raises ConfigurationError without viser."""
    scene = LiveScene(taxonomy, host, port)
    say(f"http://{host}:{scene.port} follows {source}; Ctrl-C ends it")
    rclpy.init()
    viewer = LiveViewer(source, scene, taxonomy)
    try:
        rclpy.spin(viewer)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        viewer.destroy_node()
        try_shutdown()
        scene.close()
