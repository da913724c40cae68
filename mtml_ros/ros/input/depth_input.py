"""DepthInput: depth images with label images, of one camera or several, to labelled points."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.io.camera import Camera
from mtml_ros.io.depth_image import DepthSettings, project_depth, stride_for
from mtml_ros.io.images import CONFIDENCE, DEPTH, LABELS, ImageError, decode_image
from mtml_ros.ros.input.labels import LabelEncoder
from mtml_ros.ros.input.matching import StampMatcher, Unmatched
from mtml_ros.ros.input.points_input import nearest
from mtml_ros.ros.input.sensor_input import InputContext, SensorData, fingerprint
from mtml_ros.ros.input.subscription import Subscription


class DepthInput:
    """Subscribes for each camera in parameter `cameras` to NAME/depth/image, .../camera_info,
    .../labels, .../confidence and, where vision_msgs is installed, .../label_info; without a name
    to depth/image and so on."""

    def __init__(self, context: InputContext) -> None:
        self._cameras = [_Camera(context, name) for name in context.parameters().camera_names]
        self.subscriptions: Sequence[Subscription] = [
            s for camera in self._cameras for s in camera.subscriptions
        ]

    @property
    def waiting(self) -> int:
        return sum(camera.waiting for camera in self._cameras)

    def close(self) -> None:
        for camera in self._cameras:
            camera.close()


class _Camera:
    """One camera's topics. The newest camera_info holds until another comes; the first image waits
    for it, which may be a moment behind."""

    def __init__(self, context: InputContext, name: str) -> None:
        self._context = context
        self._health = context.health
        self._labels = LabelEncoder(context.taxonomy, context.health)
        self._matcher = StampMatcher("depth", "labels", "confidence")
        self._info: Any = None
        self._uncalibrated: dict[str, Any] | None = None
        prefix = f"{name}/depth" if name else "depth"
        self._prefix = prefix

        def subscribe(type_: Any, topic: str, take: Any, main: bool = False) -> Subscription:
            lost = self._health.clouds_lost if main else self._other_lost
            bad = self._health.cloud_undecodable if main else self._other_undecodable
            return Subscription(context.node, type_, f"{prefix}/{topic}", take, lost, bad)

        self._depth = subscribe(Image, "image", self.receive_depth, main=True)
        self._confidence = subscribe(Image, "confidence", partial(self._match, "confidence"))
        self._confidence.needed = False
        self.subscriptions = [
            self._depth,
            subscribe(CameraInfo, "camera_info", self.receive_info),
            subscribe(Image, "labels", partial(self._match, "labels")),
            self._confidence,
        ]
        self._label_info: Any = None
        try:
            from vision_msgs.msg import LabelInfo
        except ImportError:
            return
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._label_info = context.node.create_subscription(
            LabelInfo, f"{prefix}/label_info", self.receive_label_info, latched
        )

    @property
    def waiting(self) -> int:
        return self._matcher.waiting + (self._uncalibrated is not None)

    def receive_info(self, msg: Any) -> None:
        """Takes the calibration."""
        self._info = msg
        self._hand_on_uncalibrated()

    def receive_label_info(self, msg: Any) -> None:
        """Takes the names of the ids (vision_msgs/LabelInfo)."""
        names = {int(c.class_id): str(c.class_name) for c in msg.class_map}
        missing = self._labels.use_names(names)
        if missing:
            self._health.log(
                "label_info",
                f"{self._prefix}/label_info names classes that the taxonomy lacks, they count as "
                f"unknown: {', '.join(missing[:20])}",
            )

    def receive_depth(self, msg: Any) -> None:
        """Takes a depth image."""
        self._health.cloud_received()
        self._match("depth", msg)

    def _match(self, kind: str, msg: Any) -> None:
        parameters = self._context.parameters()
        optional = frozenset() if self._confidence.num_publishers else frozenset({"confidence"})
        found, given_up = self._matcher.add(
            kind, msg, parameters.queue_size, parameters.sync_tolerance, optional
        )
        for unmatched in given_up:
            self._give_up(unmatched)
        if found is not None:
            self._deliver(found)

    def _give_up(self, unmatched: Unmatched) -> None:
        if unmatched.kind == "depth":
            self._health.cloud_dropped(
                "unlabelled",
                f"no image on {self._prefix}/labels within sync_tolerance of its stamp"
                f"{nearest(unmatched)}",
            )
        else:
            self._health.count(f"{unmatched.kind} images unmatched")

    def _deliver(self, images: dict[str, Any]) -> None:
        self._hand_on_uncalibrated()  # to be dropped and counted: no calibration came
        if self._info is None:
            self._uncalibrated = images
        else:
            self._hand_on(images)

    def _hand_on_uncalibrated(self) -> None:
        waited, self._uncalibrated = self._uncalibrated, None
        if waited is not None:
            self._hand_on(waited)

    def _hand_on(self, images: dict[str, Any]) -> None:
        depth, info = images["depth"], self._info
        self._context.deliver(
            SensorData(
                self._depth.topic,
                depth.header.frame_id,
                depth.header.stamp,
                lambda: self._read(images, info),
                lambda: fingerprint(depth),
            )
        )

    def _read(self, images: dict[str, Any], info: Any) -> LabeledPoints:
        if info is None:
            raise ImageError(
                "bad_camera_info",
                f"no message on {self._prefix}/camera_info yet: without the calibration pixels "
                "have no place",
            )
        parameters = self._context.parameters()
        rectified = "rect" in self._depth.topic.rsplit("/", 1)[-1]
        camera = Camera.from_message(info, rectified)
        depth = decode_image(images["depth"], DEPTH, "depth")
        labels = decode_image(images["labels"], LABELS, "label")
        confidence = images.get("confidence")
        stride = stride_for(camera, parameters.voxel_size, parameters.max_range)
        decoded = project_depth(
            depth,
            camera,
            labels,
            None if confidence is None else decode_image(confidence, CONFIDENCE, "confidence"),
            DepthSettings(stride=stride, max_range=parameters.max_range),
        )
        assert decoded.label is not None  # labels were given
        return LabeledPoints(decoded.xyz, self._labels.encode(decoded.label), decoded.confidence)

    def _other_lost(self, number: int) -> None:
        self._health.count("label images and calibrations lost in transport", number)

    def _other_undecodable(self, text: str) -> None:
        self._health.count("label images and calibrations that cannot be decoded", 1, text)

    def close(self) -> None:
        for subscription in self.subscriptions:
            subscription.close()
        if self._label_info is not None:
            self._context.node.destroy_subscription(self._label_info)
        left = self._matcher.clear()["depth"] + (self._uncalibrated is not None)
        self._uncalibrated = None
        if left:
            self._health.cloud_dropped("deactivated", "it still waited when the node stopped", left)
