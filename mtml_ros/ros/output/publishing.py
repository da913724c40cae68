"""Outputs: the topics that show what was found."""

from __future__ import annotations

from collections import deque

import numpy as np
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.mapper import Update
from mtml_ros.msg import ObjectInstanceArray
from mtml_ros.ros import qos
from mtml_ros.ros.conversions import (
    encode_detections,
    encode_instances,
    encode_markers,
    encode_voxel_cloud,
    to_time,
)

REPEATED = 10
"""Messages in which a vanished marker is deleted again: a slow viewer's queue keeps only the
newest, so the one that first said so may never have been seen."""


class Outputs:
    """Publishes updates; all topics are latched.

    Everything is encoded whether somebody listens or not: it costs the worker's thread some
    milliseconds, and who comes late gets the newest state from the middleware.
    """

    def __init__(self, node: LifecycleNode, taxonomy: Taxonomy, map_frame: str) -> None:
        self._node = node
        self._taxonomy = taxonomy
        self._map_frame = map_frame
        self._shown: set[int] = set()
        self._latest: tuple[Header, dict[int, tuple[ObjectRecord, np.ndarray]]] | None = None
        self._vanished: deque[set[int]] = deque(maxlen=REPEATED)

        make = node.create_lifecycle_publisher
        self._points = make(PointCloud2, "~/points", qos.OUTPUT)
        self._markers = make(MarkerArray, "~/markers", qos.OUTPUT)
        self._instances = make(ObjectInstanceArray, "~/instances", qos.OUTPUT)
        self._detections = None
        try:
            from vision_msgs.msg import Detection3DArray
        except ImportError:
            return
        self._detections = make(Detection3DArray, "~/detections", qos.OUTPUT)

    def publish(self, update: Update, class_filter: frozenset[str]) -> None:
        """Shows an update. class_filter: names of the classes to show, empty for all."""
        names = self._taxonomy.names
        tracked = [
            t for t in update.tracked if not class_filter or names[t.instance.label] in class_filter
        ]
        header = Header(frame_id=self._map_frame, stamp=to_time(update.stamp))
        shown = {t.id for t in tracked}
        self._vanished.append(self._shown - shown)
        self._shown = shown
        gone = sorted(set().union(*self._vanished) - shown)

        records = [
            ObjectRecord.of(
                t.instance,
                t.id,
                self._taxonomy,
                first_seen=t.first_seen,
                last_seen=t.last_seen,
            )
            for t in tracked
        ]
        grid = update.segmentation.grid
        voxels = {r.id: (r, t.instance.voxels) for r, t in zip(records, tracked, strict=True)}
        self._latest = header, {i: (r, grid.centers[v]) for i, (r, v) in voxels.items()}
        self._instances.publish(encode_instances(records, grid.voxel_size, header))
        self._points.publish(
            encode_voxel_cloud(update.segmentation, tracked, self._taxonomy, header)
        )
        self._markers.publish(encode_markers(records, header, gone))
        if self._detections is not None:
            self._detections.publish(encode_detections(records, header))

    def get_object(self, id_: int) -> tuple[Header, ObjectRecord, np.ndarray] | None:
        """An object of the latest update, and the centres of its voxels ((n, 3) float32, metres);
        None where there is no such object."""
        latest = self._latest
        if latest is None or id_ not in latest[1]:
            return None
        return latest[0], *latest[1][id_]

    def close(self) -> None:
        """Takes the topics away."""
        for publisher in (self._points, self._markers, self._instances, self._detections):
            if publisher is not None:
                self._node.destroy_lifecycle_publisher(publisher)
