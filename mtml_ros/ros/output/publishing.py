"""Outputs: the topics that show what was found."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import centers_of
from mtml_ros.mapper import Update
from mtml_ros.msg import ObjectInstanceArray, PointsUpdate
from mtml_ros.ros import qos
from mtml_ros.ros.conversions import (
    encode_detection,
    encode_detections,
    encode_instance,
    encode_instances,
    encode_marker,
    encode_markers,
    encode_points_update,
    encode_voxel_cloud,
    to_time,
)
from mtml_ros.tracking.changes import Shown
from mtml_ros.tracking.tracker import TrackedInstance

REPEATED = 10
"""Messages in which an object that has changed is marked again, and a vanished one deleted: a slow
viewer's queue keeps only the newest, so the one that first said so may never have been seen."""

WHOLE_SHARE = 0.1
"""Share of the time that sending all of the cloud may take: in a small map it comes with every
update, in a building now and then, and after the last one in any case."""


@dataclass(frozen=True)
class _Result:
    """An update as the topics show it.

    tracked: the objects to show. altered, vanished: ids to be marked anew, or deleted.
    """

    update: Update
    header: Header
    shown: Shown
    tracked: list[TrackedInstance]
    altered: frozenset[int]
    vanished: frozenset[int]

    @property
    def number(self) -> int:
        return self.update.changes.number


class _Topic:
    """A latched topic. Nothing is made for it while nobody listens; a newcomer is sent all.

    encode: makes the message of a result, and of all of it (True) or of what the update changed.
    share: of the time that may go into it.
    """

    def __init__(
        self,
        node: LifecycleNode,
        type_: Any,
        name: str,
        encode: Callable[[_Result, bool], Any],
        on_newcomer: Callable[[], None],
        profile: QoSProfile = qos.OUTPUT,
        share: float = 1.0,
    ) -> None:
        self._encode, self._share, self._on_newcomer = encode, share, on_newcomer
        self._joined = 0  # subscribers that there ever were
        self._showed = (0, -1)  # how many of them have been shown all up to which update
        self._rest_until = 0.0
        events = PublisherEventCallbacks(matched=self._on_matched)
        self.publisher = node.create_lifecycle_publisher(
            type_, name, profile, event_callbacks=events
        )

    def _on_matched(self, info: Any) -> None:
        self._joined = info.total_count
        if info.total_count_change > 0:
            self._on_newcomer()

    def show(self, result: _Result) -> None:
        """Sends what those who listen have not been sent yet."""
        joined, (known, last) = self._joined, self._showed
        due = (joined, result.number) != (known, last) and time.monotonic() >= self._rest_until
        if not due or not self.publisher.get_subscription_count():
            return
        began = time.monotonic()
        complete = (joined, result.number) != (known, last + 1)
        self.forget()  # should this fail
        self.publisher.publish(self._encode(result, complete))
        self._showed = joined, result.number
        ended = time.monotonic()
        self._rest_until = ended + (ended - began) * (1 / self._share - 1)

    def forget(self) -> None:
        """What is sent next is all."""
        self._showed = (0, -1)


class _Messages:
    """A message an object, made anew only where the object is another than before."""

    def __init__(self, encode: Callable[[ObjectRecord], Any], taxonomy: Taxonomy) -> None:
        self._encode, self._taxonomy = encode, taxonomy
        self._made: dict[int, tuple[TrackedInstance, Any]] = {}

    def of(self, tracked: Sequence[TrackedInstance]) -> list[Any]:
        before, self._made = self._made, {}
        for t in tracked:
            found = before.get(t.id)
            if found is None or _differ(t, found[0]):
                found = t, self._encode(_record(t, self._taxonomy))
            self._made[t.id] = found
        return [message for _, message in self._made.values()]


class Outputs:
    """Publishes updates.

    What an update costs follows what it changed; only `~/points` is all of the map, and bounded by
    WHOLE_SHARE. on_newcomer: called, on the executor's thread, when somebody has subscribed: then
    `catch_up` is to be called where `publish` is.
    """

    def __init__(
        self,
        node: LifecycleNode,
        taxonomy: Taxonomy,
        map_frame: str,
        on_newcomer: Callable[[], None] = lambda: None,
    ) -> None:
        self.on_newcomer = on_newcomer
        self._node = node
        self._taxonomy = taxonomy
        self._map_frame = map_frame
        self._filter: frozenset[str] = frozenset()
        self._tracked: dict[int, TrackedInstance] = {}
        self._recent: deque[set[int]] = deque(maxlen=REPEATED)
        self._latest: _Result | None = None
        self._number = 0
        self._instances = _Messages(encode_instance, taxonomy)
        self._detections = _Messages(encode_detection, taxonomy)
        self._markers = _Messages(encode_marker, taxonomy)

        def topic(type_: Any, name: str, encode: Any, *options: Any) -> _Topic:
            return _Topic(node, type_, name, encode, lambda: self.on_newcomer(), *options)

        self._topics = [
            topic(ObjectInstanceArray, "~/instances", self._encode_instances),
            topic(PointsUpdate, "~/points_updates", self._encode_changes, qos.CHANGES),
            topic(MarkerArray, "~/markers", self._encode_markers, qos.CHANGES),
        ]
        try:
            from vision_msgs.msg import Detection3DArray

            self._topics.append(topic(Detection3DArray, "~/detections", self._encode_detections))
        except ImportError:
            pass
        points = topic(PointCloud2, "~/points", self._encode_points, qos.OUTPUT, WHOLE_SHARE)
        self._topics.append(points)  # the last, for it takes longest

    def publish(self, update: Update, class_filter: frozenset[str]) -> None:
        """Shows an update. class_filter: names of the classes to show, empty for all."""
        names = self._taxonomy.names
        tracked, shown = update.tracked, update.changes.shown
        if class_filter:
            tracked = [t for t in tracked if names[t.instance.label] in class_filter]
            shown = Shown.of(update.segmentation, tracked)
        if class_filter != self._filter:  # no update's changes tell of that
            self._filter = class_filter
            self.forget()
        before, self._tracked = self._tracked, {t.id: t for t in tracked}
        altered = {t.id for t in tracked if t.id not in before or _differ(t, before[t.id])}
        self._recent.append(altered | (before.keys() - self._tracked.keys()))
        recent = frozenset().union(*self._recent)
        header = Header(frame_id=self._map_frame, stamp=to_time(update.stamp))
        here = recent & self._tracked.keys()
        self._latest = _Result(update, header, shown, tracked, here, recent - here)
        self.catch_up()

    def forget(self) -> None:
        """What is sent next on each topic is all."""
        for topic in self._topics:
            topic.forget()

    def catch_up(self) -> None:
        """Sends what somebody has not been sent yet: newcomers all, others what was put off."""
        if self._latest is not None:
            for topic in self._topics:
                topic.show(self._latest)

    def get_object(self, id_: int) -> tuple[Header, ObjectRecord, np.ndarray] | None:
        """An object of the latest update, and the centres of its voxels ((n, 3) float32, metres);
        None where there is no such object."""
        latest = self._latest
        found = None if latest is None else next((t for t in latest.tracked if t.id == id_), None)
        if latest is None or found is None:
            return None
        grid = latest.update.segmentation.grid
        centers = centers_of(grid.coordinates[found.instance.voxels], grid.voxel_size)
        return latest.header, _record(found, self._taxonomy), centers

    def close(self) -> None:
        """Takes the topics away."""
        for topic in self._topics:
            self._node.destroy_lifecycle_publisher(topic.publisher)

    def _encode_points(self, result: _Result, _: bool) -> PointCloud2:
        grid = result.update.segmentation.grid
        return encode_voxel_cloud(grid, result.shown, self._taxonomy, result.header)

    def _encode_changes(self, result: _Result, complete: bool) -> PointsUpdate:
        self._number += 1
        grid, changes = result.update.segmentation.grid, result.update.changes
        return encode_points_update(
            changes, grid, result.shown, self._taxonomy, result.header, self._number, complete
        )

    def _encode_markers(self, result: _Result, complete: bool) -> MarkerArray:
        marked = [t for t in result.tracked if complete or t.id in result.altered]
        pairs = self._markers.of(marked)
        return encode_markers(pairs, result.header, sorted(result.vanished), complete)

    def _encode_instances(self, result: _Result, _: bool) -> ObjectInstanceArray:
        messages = self._instances.of(result.tracked)
        seen = {moment: to_time(moment) for moment in {t.last_seen for t in result.tracked}}
        for t, message in zip(result.tracked, messages):
            message.last_seen = seen[t.last_seen]
        return encode_instances(messages, result.update.segmentation.grid.voxel_size, result.header)

    def _encode_detections(self, result: _Result, _: bool) -> Any:
        return encode_detections(self._detections.of(result.tracked), result.header)


def _differ(one: TrackedInstance, other: TrackedInstance) -> bool:
    """Whether two sightings of an object differ in what is told of it, when it was seen last
    apart. What was not segmented anew has the very box that it had."""
    a, b = one.instance, other.instance
    return a.box is not b.box or (a.label, a.score, one.first_seen) != (
        b.label,
        b.score,
        other.first_seen,
    )


def _record(tracked: TrackedInstance, taxonomy: Taxonomy) -> ObjectRecord:
    return ObjectRecord.of(
        tracked.instance,
        tracked.id,
        taxonomy,
        first_seen=tracked.first_seen,
        last_seen=tracked.last_seen,
    )
