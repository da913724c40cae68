"""PointsInput: PointCloud2 whose labels are a field, or come on a topic of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sensor_msgs.msg import PointCloud2

from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.io.point_cloud2 import decode_cloud, decode_labels
from mtml_ros.ros.input.labels import LabelEncoder
from mtml_ros.ros.input.matching import StampMatcher, Unmatched
from mtml_ros.ros.input.sensor_input import InputContext, SensorData, fingerprint
from mtml_ros.ros.input.subscription import Subscription


class PointsInput:
    """Subscribes to `points` and, where labels come apart, to `labels`."""

    def __init__(self, context: InputContext) -> None:
        self._context = context
        self._health = context.health
        self._labels = LabelEncoder(context.taxonomy, context.health)
        self._matcher = StampMatcher("points", "labels")
        self._apart = context.parameters().labels_source == "topic"
        self._points = Subscription(
            context.node,
            PointCloud2,
            "points",
            self.receive_points,
            self._health.clouds_lost,
            self._health.cloud_undecodable,
        )
        self.subscriptions: Sequence[Subscription] = [self._points]
        if self._apart:
            self.subscriptions = [
                self._points,
                Subscription(
                    context.node,
                    PointCloud2,
                    "labels",
                    self.receive_labels,
                    lambda number: self._health.count("labels lost in transport", number),
                    lambda text: self._health.count("labels that cannot be decoded", 1, text),
                ),
            ]

    @property
    def waiting(self) -> int:
        return self._matcher.waiting

    def receive_points(self, msg: Any) -> None:
        """Takes a cloud."""
        self._health.cloud_received()
        if self._apart:
            self._match("points", msg)
        else:
            self._deliver(msg, None)

    def receive_labels(self, msg: Any) -> None:
        """Takes the labels of a cloud (labels_source: topic)."""
        self._match("labels", msg)

    def _match(self, kind: str, msg: Any) -> None:
        found, given_up = self._matcher.add(kind, msg, self._context.parameters().queue_size)
        for unmatched in given_up:
            self._give_up(unmatched)
        if found is not None:
            self._deliver(found["points"], found["labels"])

    def _give_up(self, unmatched: Unmatched) -> None:
        if unmatched.kind == "points":
            self._health.cloud_dropped(
                "no_labels", f"no message on 'labels' has its stamp{nearest(unmatched)}"
            )
        else:
            self._health.count("labels unmatched", 1, "labels without a cloud of the same stamp")

    def _deliver(self, msg: Any, labels: Any | None) -> None:
        self._context.deliver(
            SensorData(
                self._points.topic,
                msg.header.frame_id,
                msg.header.stamp,
                lambda: self._read(msg, labels),
                lambda: fingerprint(msg),
            )
        )

    def _read(self, msg: Any, labels: Any | None) -> LabeledPoints:
        parameters = self._context.parameters()
        field_name, limit = parameters.label_field, parameters.max_cloud_points
        decoded = decode_cloud(msg, field_name, require_label=labels is None, max_points=limit)
        ids = decoded.label
        if labels is not None:
            ids = decode_labels(labels, decoded.kept, field_name, limit)
        assert ids is not None  # decode_cloud required it
        if decoded.num_invalid:
            self._health.count("points dropped as invalid", decoded.num_invalid)
        return LabeledPoints(decoded.xyz, self._labels.encode(ids), decoded.confidence)

    def close(self) -> None:
        for subscription in self.subscriptions:
            subscription.close()
        counts = self._matcher.clear()
        if counts["points"]:
            self._health.cloud_dropped(
                "deactivated", "it still waited when the node stopped", counts["points"]
            )
        if counts["labels"]:
            self._health.count("labels unmatched", counts["labels"])


def nearest(unmatched: Unmatched) -> str:
    """How far off the nearest partner was, in words."""
    if unmatched.off is None:
        return ", and none came at all"
    return f"; the nearest is {unmatched.off:.3f} s off"
