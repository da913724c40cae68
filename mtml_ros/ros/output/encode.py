"""Writes what was found as messages: voxel cloud, object records, markers, detections."""

from __future__ import annotations

import array
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from mtml_ros.core.instances import OrientedBox
from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid, centers_of
from mtml_ros.msg import ObjectInstance, ObjectInstanceArray, PointsUpdate
from mtml_ros.tracking.changes import Changes, Shown
from mtml_ros.visualization.colors import instance_colors

BOXES, NAMES = "boxes", "names"
"""Marker namespaces; a marker's id in each is its object's id."""

_BOX_OPACITY = 0.4
_TEXT_HEIGHT = 0.15  # metres

# name, offset in bytes, PointField type, numpy type; rgb is sent as a float32, as RViz and PCL
# expect, whose bytes are 0, r, g, b from the highest down
_FIELDS = (
    ("x", 0, PointField.FLOAT32, "<f4"),
    ("y", 4, PointField.FLOAT32, "<f4"),
    ("z", 8, PointField.FLOAT32, "<f4"),
    ("rgb", 12, PointField.FLOAT32, "<u4"),
    ("label", 16, PointField.UINT16, "<u2"),
    ("instance", 20, PointField.UINT32, "<u4"),
    ("score", 24, PointField.FLOAT32, "<f4"),
)
_POINT_STEP = 28
VOXEL = np.dtype(
    {
        "names": [name for name, _, _, _ in _FIELDS],
        "formats": [format_ for _, _, _, format_ in _FIELDS],
        "offsets": [offset for _, offset, _, _ in _FIELDS],
        "itemsize": _POINT_STEP,
    }
)


def encode_voxel_cloud(
    grid: VoxelGrid,
    shown: Shown,
    taxonomy: Taxonomy,
    header: Header,
    rows: np.ndarray | slice = slice(None),
) -> PointCloud2:
    """The map's voxels, or some of its rows, a point each (`~/points`): x y z rgb label instance
    score.

    label: the taxonomy's id. instance: the tracked id, 0 for none. score: its instance's, 0 for
    none. rgb: its instance's colour, else its class's.
    """
    label, id_ = shown.label[rows], shown.id[rows]
    records = np.zeros(len(label), VOXEL)
    records["x"], records["y"], records["z"] = centers_of(grid.coordinates[rows], grid.voxel_size).T
    records["label"] = taxonomy.ids[label]
    records["instance"] = id_
    records["score"] = shown.score[rows]
    of_class, of_object = _packed(taxonomy.colors)[label], id_ > 0
    ids, which = np.unique(id_[of_object], return_inverse=True)
    of_class[of_object] = _packed(instance_colors(ids))[which]
    records["rgb"] = of_class
    fields = [
        PointField(name=name, offset=offset, datatype=datatype, count=1)
        for name, offset, datatype, _ in _FIELDS
    ]
    return _cloud(records, fields, header)


def encode_points_update(
    changes: Changes,
    grid: VoxelGrid,
    shown: Shown,
    taxonomy: Taxonomy,
    header: Header,
    number: int,
    complete: bool,
) -> PointsUpdate:
    """What an update changed in the voxels (`~/points_updates`). complete: all of them instead."""
    rows = slice(None) if complete else changes.rows
    removed = changes.removed[:0] if complete else changes.removed
    return PointsUpdate(
        header=header,
        number=number,
        complete=complete,
        voxel_size=float(grid.voxel_size),
        points=encode_voxel_cloud(grid, shown, taxonomy, header, rows),
        removed=encode_points(centers_of(removed, grid.voxel_size), header),
    )


def encode_instance(record: ObjectRecord) -> ObjectInstance:
    """One object as a mtml_ros/ObjectInstance."""
    return ObjectInstance(
        id=record.id,
        class_id=record.class_id,
        class_name=record.class_name,
        score=record.score,
        num_voxels=record.num_voxels,
        centroid=_point(record.centroid),
        pose=_pose(record.box),
        size=_vector(record.box.size),
        first_seen=to_time(record.first_seen or 0.0),
        last_seen=to_time(record.last_seen or 0.0),
    )


def encode_points(xyz: np.ndarray, header: Header) -> PointCloud2:
    """Points (N, 3), metres, as a PointCloud2 of x y z float32."""
    fields = [
        PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
        for i, name in enumerate("xyz")
    ]
    return _cloud(xyz.astype("<f4"), fields, header)


def encode_instances(
    instances: Sequence[ObjectInstance], voxel_size: float, header: Header
) -> ObjectInstanceArray:
    """The objects as a mtml_ros/ObjectInstanceArray (`~/instances`)."""
    return ObjectInstanceArray(header=header, voxel_size=float(voxel_size), instances=instances)


def encode_marker(record: ObjectRecord) -> tuple[Marker, Marker]:
    """An object's box and name."""
    red, green, blue = _color(record.id)
    box = Marker(
        ns=BOXES,
        id=record.id,
        type=Marker.CUBE,
        action=Marker.ADD,
        pose=_pose(record.box),
        scale=_vector(record.box.size),
        color=ColorRGBA(r=red, g=green, b=blue, a=_BOX_OPACITY),
    )
    x, y, z = record.box.center
    above = (x, y, z + record.box.size[2] / 2 + _TEXT_HEIGHT)
    name = Marker(
        ns=NAMES,
        id=record.id,
        type=Marker.TEXT_VIEW_FACING,
        action=Marker.ADD,
        pose=Pose(position=_point(above)),
        scale=Vector3(z=_TEXT_HEIGHT),
        color=ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0),
        text=f"{record.class_name} {record.id}",
    )
    return box, name


def encode_markers(
    pairs: Iterable[tuple[Marker, Marker]],
    header: Header,
    vanished: Iterable[int] = (),
    complete: bool = False,
) -> MarkerArray:
    """Boxes and names of objects, DELETE for each vanished id (`~/markers`). complete: what else is
    shown is deleted."""
    markers = [Marker(action=Marker.DELETEALL)] if complete else []
    for id_ in vanished:
        markers += [Marker(ns=n, id=id_, action=Marker.DELETE) for n in (BOXES, NAMES)]
    markers += [marker for pair in pairs for marker in pair]
    for marker in markers:
        marker.header = header
    return MarkerArray(markers=markers)


def encode_detection(record: ObjectRecord) -> Any:
    """An object as a vision_msgs/Detection3D; ImportError where vision_msgs is missing."""
    from vision_msgs.msg import BoundingBox3D, Detection3D, ObjectHypothesisWithPose

    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id = record.class_name
    result.hypothesis.score = record.score
    result.pose.pose = _pose(record.box)
    return Detection3D(
        id=str(record.id),
        results=[result],
        bbox=BoundingBox3D(center=_pose(record.box), size=_vector(record.box.size)),
    )


def encode_detections(detections: Sequence[Any], header: Header) -> Any:
    """Detections as a vision_msgs/Detection3DArray (`~/detections`)."""
    from vision_msgs.msg import Detection3DArray

    for detection in detections:
        detection.header = header
    return Detection3DArray(header=header, detections=detections)


def to_time(seconds: float) -> Time:
    """A stamp from seconds since the epoch."""
    whole, nanoseconds = divmod(round(seconds * 1e9), 10**9)
    return Time(sec=max(-(2**31), min(whole, 2**31 - 1)), nanosec=nanoseconds)


def _cloud(points: np.ndarray, fields: list[PointField], header: Header) -> PointCloud2:
    """The bytes of an array whose rows are points."""
    data = array.array("B")  # what rclpy takes over as it is; a numpy array costs seconds
    data.frombytes(points.tobytes())
    step = points.strides[0]
    return PointCloud2(
        header=header,
        height=1,
        width=len(points),
        fields=fields,
        point_step=step,
        row_step=step * len(points),
        data=data,
        is_dense=True,
    )


def _packed(colors: np.ndarray) -> np.ndarray:
    """(n,) uint32 of RGB (n, 3)."""
    red, green, blue = colors.astype(np.uint32).T
    packed: np.ndarray = (red << 16) | (green << 8) | blue
    return packed


@lru_cache(10_000)
def _color(id_: int) -> tuple[float, float, float]:
    red, green, blue = (instance_colors(np.array([id_]))[0] / 255).tolist()
    return red, green, blue


def _point(xyz: Sequence[float] | np.ndarray) -> Point:
    return Point(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))


def _vector(xyz: np.ndarray) -> Vector3:
    return Vector3(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))


def _pose(box: OrientedBox) -> Pose:
    half = box.yaw / 2
    turn = Quaternion(z=float(np.sin(half)), w=float(np.cos(half)))
    return Pose(position=_point(box.center), orientation=turn)
