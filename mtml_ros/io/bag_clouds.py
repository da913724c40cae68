"""A recording's clouds in the map frame, one after the other; each that is not used is counted.

Points come as PointCloud2, or as a depth image with a label image of the same stamp. Where they
lie is looked up in the recording's own /tf and /tf_static, as the node does live: a cloud waits for
its transform, and never for a guess.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.core.stamps import nanoseconds, seconds
from mtml_ros.core.transforms import Transform, TransformBuffer, TransformError
from mtml_ros.io.bags import Bag
from mtml_ros.io.camera import Camera
from mtml_ros.io.depth_image import DepthSettings, project_depth, stride_for
from mtml_ros.io.images import CONFIDENCE, DEPTH, LABELS, decode_image
from mtml_ros.io.point_cloud2 import DecodedCloud, decode_cloud

TF, TF_STATIC = "/tf", "/tf_static"
WAIT_NS = 2_000_000_000
"""Nanoseconds of the recording that a cloud waits for its transform."""

SAME_STAMP_NS = 5_000_000
"""How far the stamps of a depth image and its label image may lie apart: one clock's rounding."""

UNMATCHED = 60
"""Images that wait for their fellows, at most: two seconds of a camera."""

_CLOUD = "sensor_msgs/msg/PointCloud2"
_IMAGE = "sensor_msgs/msg/Image"
_INFO = "sensor_msgs/msg/CameraInfo"


@dataclass(frozen=True)
class CloudTopics:
    """Which topics hold the clouds, and how they are read.

    points: PointCloud2 with `label_field`; or depth, camera_info and labels (and confidence).
    map_frame: the frame of the map. rectified: see Camera.from_message. voxel_size: metres, by
    which depth images are thinned out. max_range: metres, of depth images.
    """

    points: str = ""
    depth: str = ""
    camera_info: str = ""
    labels: str = ""
    confidence: str = ""
    map_frame: str = "map"
    label_field: str = "label"
    rectified: bool = False
    voxel_size: float = 0.1
    max_range: float = 6.0

    @property
    def all(self) -> list[str]:
        """Every topic that is read."""
        own = (self.points, self.depth, self.camera_info, self.labels, self.confidence)
        return [*(topic for topic in own if topic), TF]

    def check(self, bag: Bag) -> None:
        """Raises InputError where the bag lacks one of them; it says what there is."""
        for topic, type_ in (
            (self.points, _CLOUD), (self.depth, _IMAGE), (self.camera_info, _INFO),
            (self.labels, _IMAGE), (self.confidence, _IMAGE),
        ):  # fmt: skip
            if topic:
                bag.require(topic, type_)


@dataclass(frozen=True)
class MapCloud:
    """A cloud in the map frame.

    stamp: seconds. cloud: points in metres and label ids. origin: (3,) metres, where the sensor
    was; None where clouds come in the map frame itself.
    """

    stamp: float
    cloud: DecodedCloud
    origin: np.ndarray | None


@dataclass
class _Waiting:
    """A cloud that has come: decoded only once its place is known. since: when it was recorded."""

    stamp: int
    since: int
    frame: str
    decode: Callable[[], DecodedCloud]


class BagClouds:
    """Iterates over a bag's clouds.

    received: clouds (or depth images with all that belongs to them) that the bag has held so far.
    dropped: reason to number of those that were not used; reasons: the last text of each.
    on_message: called for each message.
    """

    def __init__(
        self, bag: Bag, topics: CloudTopics, on_message: Callable[[], object] = lambda: None
    ) -> None:
        self.bag = bag
        self.topics = topics
        self.received = 0
        self.dropped: Counter[str] = Counter()
        self.reasons: dict[str, str] = {}
        self.buffer = TransformBuffer()
        self._on_message = on_message
        self._camera: Camera | None = None
        self._waiting: deque[_Waiting] = deque()
        self._images: dict[str, deque[tuple[int, int, Any]]] = {}

    def __iter__(self) -> Iterator[MapCloud]:
        for _, _, message in self.bag.messages([TF_STATIC]):
            self._take_transforms(message, static=True)
        now = 0
        for topic, now, message in self.bag.messages(self.topics.all):
            self._on_message()
            if topic == TF:
                self._take_transforms(message, static=False)
            else:
                self._take(topic, now, message)
            yield from self._ready(now)
        yield from self._ready(now + WAIT_NS + 1)
        for images in self._images.values():
            for _ in images:
                self._drop("unmatched", "an image without its depth, label or confidence image")

    def _take_transforms(self, message: Any, static: bool) -> None:
        for t in message.transforms:
            p, q = t.transform.translation, t.transform.rotation
            try:
                self.buffer.add(
                    str(t.header.frame_id), str(t.child_frame_id), nanoseconds(t.header.stamp),
                    (p.x, p.y, p.z), (q.x, q.y, q.z, q.w), static,
                )  # fmt: skip
            except TransformError as error:
                self.reasons["bad_transform"] = str(error)

    def _take(self, topic: str, now: int, message: Any) -> None:
        topics = self.topics
        stamp = nanoseconds(message.header.stamp) or now
        frame = str(message.header.frame_id).removeprefix("/")
        if topic == topics.points:
            self.received += 1
            self._waiting.append(
                _Waiting(stamp, now, frame, partial(decode_cloud, message, topics.label_field))
            )
        elif topic == topics.camera_info:
            try:
                self._camera = Camera.from_message(message, topics.rectified)
            except InputError as error:
                self._camera = None
                self.reasons["bad_camera_info"] = str(error)
        else:
            self._match(topic, stamp, now, message)

    def _match(self, topic: str, stamp: int, now: int, message: Any) -> None:
        """Keeps an image until all that belong to its stamp are there."""
        wanted = [t for t in (self.topics.depth, self.topics.labels, self.topics.confidence) if t]
        self._images.setdefault(topic, deque()).append((stamp, now, message))
        found = []
        for name in wanted:
            images = self._images.setdefault(name, deque())
            near = [i for i in images if abs(i[0] - stamp) <= SAME_STAMP_NS]
            if not near:
                break
            found.append(min(near, key=lambda i: abs(i[0] - stamp)))
        else:
            for name, image in zip(wanted, found):
                self._images[name].remove(image)
            self.received += 1
            images_by = {name: image[2] for name, image in zip(wanted, found)}
            depth = images_by[self.topics.depth]
            camera = self._camera
            self._waiting.append(
                _Waiting(
                    found[0][0], now, str(depth.header.frame_id).removeprefix("/"),
                    partial(self._project, images_by, camera),
                )
            )  # fmt: skip
        while len(self._images[topic]) > UNMATCHED:
            self._images[topic].popleft()
            self._drop("unmatched", f"an image on {topic} that no other has the stamp of")

    def _project(self, images: dict[str, Any], camera: Camera | None) -> DecodedCloud:
        topics = self.topics
        if camera is None:
            raise InputError(
                self.reasons.get("bad_camera_info", f"no camera_info yet on {topics.camera_info}")
            )
        stride = stride_for(camera, topics.voxel_size, topics.max_range)
        confidence = images.get(topics.confidence)
        return project_depth(
            decode_image(images[topics.depth], DEPTH, "depth"),
            camera,
            decode_image(images[topics.labels], LABELS, "label"),
            None if confidence is None else decode_image(confidence, CONFIDENCE, "confidence"),
            DepthSettings(stride=stride, max_range=topics.max_range),
        )

    def _ready(self, now: int) -> Iterator[MapCloud]:
        """The clouds, oldest first, whose place is known; those that waited in vain are dropped."""
        while self._waiting:
            first = self._waiting[0]
            at_home = first.frame == self.topics.map_frame
            try:
                transform = self.buffer.lookup(self.topics.map_frame, first.frame, first.stamp)
            except TransformError as error:
                if error.reason != "too_early" and now - first.since <= WAIT_NS:
                    return
                self._waiting.popleft()
                self._drop(error.reason, str(error))
                continue
            self._waiting.popleft()
            try:
                yield _placed(first, first.decode(), None if at_home else transform)
            except InputError as error:
                self._drop(str(getattr(error, "reason", "bad_data")), str(error))

    def _drop(self, reason: str, text: str) -> None:
        self.dropped[reason] += 1
        self.reasons[reason] = text


def _placed(waiting: _Waiting, cloud: DecodedCloud, transform: Transform | None) -> MapCloud:
    stamp = seconds(waiting.stamp)
    if transform is None:
        return MapCloud(stamp, cloud, None)
    moved = DecodedCloud(
        transform.apply(cloud.xyz), cloud.label, cloud.confidence, cloud.num_invalid, cloud.kept
    )
    return MapCloud(stamp, moved, transform.translation)
