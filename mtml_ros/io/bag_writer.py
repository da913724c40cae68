"""Writes rosbag2 recordings without ROS: clouds, images, camera_info and transforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from mtml_ros.core.errors import InputError
from mtml_ros.core.stamps import NANOSECONDS
from mtml_ros.core.transforms import Transform
from mtml_ros.io.camera import Camera

STORE = get_typestore(Stores.ROS2_JAZZY)
_TYPES = STORE.types
_PLUGINS = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}
_FIELD_TYPES = {"f4": 7, "f8": 8, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6}
_ENCODINGS = {"u1": "mono8", "u2": "16UC1", "i4": "32SC1", "f4": "32FC1"}


class BagWriter:
    """A recording that is open for writing: a context manager.

    path: a folder that is made. storage: "mcap" or "sqlite3".
    Raises InputError where the folder is there already or cannot be written.
    """

    def __init__(self, path: Path, storage: Literal["mcap", "sqlite3"] = "mcap") -> None:
        try:
            self._writer = Writer(path, version=9, storage_plugin=_PLUGINS[storage])
        except WriterError as error:
            raise InputError(str(error)) from None
        self._path = path
        self._connections: dict[str, Any] = {}

    def __enter__(self) -> BagWriter:
        try:
            self._writer.open()
        except (WriterError, OSError) as error:
            raise InputError(f"{self._path}: cannot be written: {error}") from None
        return self

    def __exit__(self, *raised: object) -> None:
        self._writer.close()

    def write(self, topic: str, when_ns: int, message: Any, latched: bool = False) -> None:
        """Writes a message, made by the functions below, as recorded at `when_ns`.

        latched: its publisher keeps it for those who come later, as /tf_static's does.
        """
        data = STORE.serialize_cdr(message, message.__msgtype__)
        self.write_serialized(topic, when_ns, message.__msgtype__, data, latched)

    def write_serialized(
        self, topic: str, when_ns: int, type_: str, data: Any, latched: bool = False
    ) -> None:
        """Writes a message that is bytes (CDR) already. type_: a name that STORE knows."""
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, type_, typestore=STORE, offered_qos_profiles=[_quality(latched)]
            )
        self._writer.write(self._connections[topic], when_ns, data)


def learn_types(definitions: Mapping[str, str]) -> None:
    """Makes STORE know further types. definitions: name, such as mtml_ros/msg/ObjectInstance, to
    the text of its .msg file."""
    for name, text in definitions.items():
        if name not in STORE.types:
            STORE.register(get_types_from_msg(text, name))


def _quality(latched: bool) -> Qos:
    never = QosTime(2147483647, 4294967295)
    return Qos(
        QosHistory.KEEP_LAST,
        10,
        QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        never,
        never,
        QosLiveliness.AUTOMATIC,
        never,
        False,
    )


def header(stamp_ns: int, frame: str) -> Any:
    """std_msgs/Header."""
    time = _TYPES["builtin_interfaces/msg/Time"](
        sec=stamp_ns // NANOSECONDS, nanosec=stamp_ns % NANOSECONDS
    )
    return _TYPES["std_msgs/msg/Header"](stamp=time, frame_id=frame)


def point_cloud2(stamp_ns: int, frame: str, fields: dict[str, np.ndarray]) -> Any:
    """sensor_msgs/PointCloud2 of columns (N,), such as x, y, z (float32) and label (int32)."""
    types = {name: column.dtype.newbyteorder("<") for name, column in fields.items()}
    count = len(next(iter(fields.values())))
    records = np.empty(count, np.dtype(list(types.items())))
    for name, column in fields.items():
        records[name] = column
    layout = records.dtype.fields
    assert layout is not None
    return _TYPES["sensor_msgs/msg/PointCloud2"](
        header=header(stamp_ns, frame),
        height=1,
        width=count,
        fields=[
            _TYPES["sensor_msgs/msg/PointField"](
                name=name, offset=layout[name][1], datatype=_FIELD_TYPES[t.str[1:]], count=1
            )
            for name, t in types.items()
        ],
        is_bigendian=False,
        point_step=records.dtype.itemsize,
        row_step=records.nbytes,
        data=records.view(np.uint8).reshape(-1),
        is_dense=True,
    )


def image(stamp_ns: int, frame: str, pixels: np.ndarray) -> Any:
    """sensor_msgs/Image of (h, w) uint8 (mono8), uint16 (16UC1), int32 or float32."""
    little = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder("<"), copy=False))
    return _TYPES["sensor_msgs/msg/Image"](
        header=header(stamp_ns, frame),
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=_ENCODINGS[pixels.dtype.str[1:]],
        is_bigendian=0,
        step=little.strides[0],
        data=little.view(np.uint8).reshape(-1),
    )


def camera_info(stamp_ns: int, frame: str, camera: Camera) -> Any:
    """sensor_msgs/CameraInfo."""
    (fx, fy), (cx, cy) = camera.focal, camera.center
    return _TYPES["sensor_msgs/msg/CameraInfo"](
        header=header(stamp_ns, frame),
        height=camera.height,
        width=camera.width,
        distortion_model=camera.model or "plumb_bob",
        d=np.array(camera.distortion or (0.0,) * 5),
        k=np.array([fx, 0, cx, 0, fy, cy, 0, 0, 1.0]),
        r=np.eye(3).reshape(-1),
        p=np.array([fx, 0, cx, 0, 0, fy, cy, 0, 0, 0, 1.0, 0]),
        binning_x=0,
        binning_y=0,
        roi=_TYPES["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False),
    )


def transforms(stamp_ns: int, links: Sequence[tuple[str, str, Transform]]) -> Any:
    """tf2_msgs/TFMessage of (parent, child, where the child lies in the parent)."""
    vector, quaternion = _TYPES["geometry_msgs/msg/Vector3"], _TYPES["geometry_msgs/msg/Quaternion"]
    return _TYPES["tf2_msgs/msg/TFMessage"](
        transforms=[
            _TYPES["geometry_msgs/msg/TransformStamped"](
                header=header(stamp_ns, parent),
                child_frame_id=child,
                transform=_TYPES["geometry_msgs/msg/Transform"](
                    translation=vector(*map(float, t.translation)),
                    rotation=quaternion(*map(float, t.quaternion)),
                ),
            )
            for parent, child, t in links
        ]
    )
