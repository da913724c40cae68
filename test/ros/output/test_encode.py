"""What is published: read back from the bytes, and after a trip over the wire."""

import math
import struct
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from mtml_ros.core.instances import Instance, OrientedBox, Segmentation
from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.msg import ObjectInstanceArray
from mtml_ros.ros.conversions import (
    decode_cloud,
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
from mtml_ros.tracking.changes import Changes, Shown
from mtml_ros.visualization.colors import instance_colors

TAXONOMY = Taxonomy.scannet()
FLOOR, CHAIR, DESK = (TAXONOMY.index(n) for n in ("floor", "chair", "desk"))
HEADER = Header(frame_id="map", stamp=Time(sec=12, nanosec=34))

# four voxels of 0.5 m: an unlabelled one, one of floor, two of a chair
GRID = VoxelGrid(
    np.array([[-1, 0, 0], [0, 0, 0], [2, 0, 1], [2, 0, 2]], dtype=np.int32),
    np.array([0, FLOOR, CHAIR, CHAIR], dtype=np.uint8),
    0.5,
)
BOX = OrientedBox(np.array([1.25, 0.25, 1.0]), np.array([0.75, 0.5, 1.0]), math.pi / 6)
INSTANCE = Instance(np.array([2, 3]), CHAIR, 0.75, np.array([1.25, 0.25, 1.0]), BOX)
SEGMENTATION = Segmentation(GRID, np.array([-1, -1, 0, 0]), [INSTANCE], [], GRID.labels)
TRACKED = [SimpleNamespace(id=70000, instance=INSTANCE, first_seen=1.25, last_seen=3.5)]
SHOWN = Shown.of(SEGMENTATION, TRACKED)
RECORDS = [ObjectRecord.of(INSTANCE, 70000, TAXONOMY, first_seen=1.25, last_seen=3.5)]


def over_the_wire(msg):
    return deserialize_message(serialize_message(msg), type(msg))


def rgb_of(packed):
    value = struct.unpack("<I", struct.pack("<f", packed))[0]
    return (value >> 16) & 255, (value >> 8) & 255, value & 255


def test_the_voxel_cloud_has_the_fields_of_the_interface():
    msg = encode_voxel_cloud(GRID, SHOWN, TAXONOMY, HEADER)
    assert [(f.name, f.datatype, f.count) for f in msg.fields] == [
        ("x", PointField.FLOAT32, 1),
        ("y", PointField.FLOAT32, 1),
        ("z", PointField.FLOAT32, 1),
        ("rgb", PointField.FLOAT32, 1),
        ("label", PointField.UINT16, 1),
        ("instance", PointField.UINT32, 1),
        ("score", PointField.FLOAT32, 1),
    ]
    assert (msg.height, msg.width, msg.is_bigendian, msg.is_dense) == (1, 4, False, True)
    assert msg.header == HEADER
    assert len(msg.data) == msg.row_step == 4 * msg.point_step


def test_the_voxel_cloud_holds_a_point_a_voxel():
    msg = encode_voxel_cloud(GRID, SHOWN, TAXONOMY, HEADER)
    codes = {PointField.FLOAT32: "<f", PointField.UINT16: "<H", PointField.UINT32: "<I"}
    rows = [
        [
            struct.unpack_from(codes[f.datatype], msg.data, i * msg.point_step + f.offset)[0]
            for f in msg.fields
        ]
        for i in range(4)
    ]
    xyz = [tuple(r[:3]) for r in rows]
    assert xyz == [(-0.25, 0.25, 0.25), (0.25, 0.25, 0.25), (1.25, 0.25, 0.75), (1.25, 0.25, 1.25)]
    assert [r[4] for r in rows] == [0, 2, 5, 5]  # NYU40: floor 2, chair 5
    assert [r[5] for r in rows] == [0, 0, 70000, 70000]
    assert [r[6] for r in rows] == [0.0, 0.0, 0.75, 0.75]
    chair = tuple(instance_colors(np.array([70000]))[0].tolist())
    floor = (152, 223, 138)  # the ScanNet benchmark's palette
    assert [rgb_of(r[3]) for r in rows] == [(128, 128, 128), floor, chair, chair]


def test_the_voxel_cloud_can_be_decoded_by_our_own_decoder():
    decoded = decode_cloud(encode_voxel_cloud(GRID, SHOWN, TAXONOMY, HEADER))
    assert np.array_equal(decoded.xyz, GRID.centers)
    assert decoded.label.tolist() == [0, 2, 5, 5]
    ids = decode_cloud(encode_voxel_cloud(GRID, SHOWN, TAXONOMY, HEADER), label_field="instance")
    assert ids.label.tolist() == [0, 0, 70000, 70000]


def test_an_empty_map_is_an_empty_cloud():
    grid = VoxelGrid(np.zeros((0, 3), np.int32), np.zeros(0, np.uint8), 0.5)
    nothing = Segmentation(grid, np.zeros(0, np.int32), [], [], grid.labels)
    msg = over_the_wire(encode_voxel_cloud(grid, Shown.of(nothing, []), TAXONOMY, HEADER))
    assert (msg.width, msg.height, msg.row_step, len(msg.data)) == (0, 1, 0, 0)


def test_the_voxel_cloud_survives_the_wire():
    msg = encode_voxel_cloud(GRID, SHOWN, TAXONOMY, HEADER)
    received = over_the_wire(msg)
    assert isinstance(received, PointCloud2)
    assert received == msg


def test_an_update_of_the_points_holds_what_changed():
    changes = Changes(5, SHOWN, np.array([1, 3]), np.array([[-2, 0, 4]], np.int32))
    msg = over_the_wire(encode_points_update(changes, GRID, SHOWN, TAXONOMY, HEADER, 3, False))
    whole = encode_voxel_cloud(GRID, SHOWN, TAXONOMY, HEADER)
    assert (msg.number, msg.complete, msg.voxel_size, msg.header) == (3, False, 0.5, HEADER)
    step = whole.point_step
    rows = [bytes(whole.data[i * step : (i + 1) * step]) for i in range(4)]
    assert bytes(msg.points.data) == rows[1] + rows[3]
    assert decode_cloud(msg.removed, require_label=False).xyz.tolist() == [[-0.75, 0.25, 2.25]]
    assert msg.points.fields == whole.fields


def test_a_complete_update_holds_all_and_removes_nothing():
    changes = Changes(5, SHOWN, np.array([1]), np.array([[-2, 0, 4]], np.int32))
    msg = over_the_wire(encode_points_update(changes, GRID, SHOWN, TAXONOMY, HEADER, 4, True))
    assert (msg.number, msg.complete, msg.removed.width) == (4, True, 0)
    assert msg.points == encode_voxel_cloud(GRID, SHOWN, TAXONOMY, HEADER)


def test_the_records_hold_what_was_found():
    msg = over_the_wire(encode_instances([encode_instance(r) for r in RECORDS], 0.5, HEADER))
    assert isinstance(msg, ObjectInstanceArray)
    assert msg.header == HEADER
    assert msg.voxel_size == 0.5
    (record,) = msg.instances
    assert (record.id, record.class_id, record.class_name) == (70000, 5, "chair")
    assert (record.score, record.num_voxels) == (0.75, 2)
    assert (record.centroid.x, record.centroid.y, record.centroid.z) == (1.25, 0.25, 1.0)
    assert (record.size.x, record.size.y, record.size.z) == (0.75, 0.5, 1.0)
    position, turn = record.pose.position, record.pose.orientation
    assert (position.x, position.y, position.z) == (1.25, 0.25, 1.0)
    # a turn by 30 degrees about z: sin and cos of 15 degrees
    expected = (0.0, 0.0, (math.sqrt(6) - math.sqrt(2)) / 4, (math.sqrt(6) + math.sqrt(2)) / 4)
    assert (turn.x, turn.y, turn.z, turn.w) == pytest.approx(expected, abs=1e-12)
    assert record.first_seen == Time(sec=1, nanosec=250_000_000)
    assert record.last_seen == Time(sec=3, nanosec=500_000_000)


def test_no_objects_are_an_empty_array():
    assert over_the_wire(encode_instances([], 0.1, HEADER)).instances == []


@pytest.mark.parametrize(
    ("seconds", "sec", "nanosec"),
    [
        (0.0, 0, 0),
        (1.9999999999, 2, 0),
        (-0.25, -1, 750_000_000),
        (1700000000.5, 1700000000, 500_000_000),
    ],
)
def test_seconds_become_stamps(seconds, sec, nanosec):
    assert to_time(seconds) == Time(sec=sec, nanosec=nanosec)


def test_an_object_is_marked_by_a_box_and_its_name():
    msg = over_the_wire(encode_markers([encode_marker(r) for r in RECORDS], HEADER))
    assert isinstance(msg, MarkerArray)
    box, name = msg.markers
    assert (box.type, box.action, box.ns, box.id) == (Marker.CUBE, Marker.ADD, "boxes", 70000)
    assert (box.scale.x, box.scale.y, box.scale.z) == (0.75, 0.5, 1.0)
    assert box.pose.orientation.z == pytest.approx(math.sin(math.pi / 12))
    assert 0.0 < box.color.a < 1.0
    red, green, blue = instance_colors(np.array([70000]))[0] / 255
    assert (box.color.r, box.color.g, box.color.b) == pytest.approx((red, green, blue))
    assert (name.type, name.ns, name.id) == (Marker.TEXT_VIEW_FACING, "names", 70000)
    assert name.text == "chair 70000"
    assert name.pose.position.z > 1.5  # above the box, whose top is at 1.5 m
    assert name.scale.z > 0
    assert name.color.a == 1.0
    for marker in (box, name):
        assert marker.header == HEADER
        assert (marker.lifetime.sec, marker.lifetime.nanosec) == (0, 0)


def test_the_markers_of_vanished_objects_are_deleted():
    msg = encode_markers([], HEADER, vanished=[3, 9])
    assert all(m.action == Marker.DELETE for m in msg.markers)
    assert {(m.ns, m.id) for m in msg.markers} == {
        ("boxes", 3), ("names", 3), ("boxes", 9), ("names", 9),
    }  # fmt: skip


def test_complete_markers_delete_all_others_first():
    first, *others = encode_markers(
        [encode_marker(r) for r in RECORDS], HEADER, complete=True
    ).markers
    assert (first.action, first.header) == (Marker.DELETEALL, HEADER)
    assert [m.action for m in others] == [Marker.ADD, Marker.ADD]


def fake_vision_msgs():
    """Fields as in vision_msgs 4.1.1, msg/*.msg; the real ones are no wheels."""
    msg = ModuleType("vision_msgs.msg")

    def message(**defaults):
        def make(**fields):
            assert set(fields) <= set(defaults)
            return SimpleNamespace(**{k: fields.get(k, make()) for k, make in defaults.items()})

        return make

    hypothesis = message(class_id=str, score=float)
    pose = message(pose=lambda: None, covariance=lambda: [0.0] * 36)
    msg.ObjectHypothesisWithPose = message(hypothesis=hypothesis, pose=pose)
    msg.BoundingBox3D = message(center=lambda: None, size=lambda: None)
    msg.Detection3D = message(header=Header, results=list, bbox=msg.BoundingBox3D, id=str)
    msg.Detection3DArray = message(header=Header, detections=list)
    return msg


def test_detections_hold_what_was_found(monkeypatch):
    try:
        import vision_msgs.msg  # noqa: F401
    except ImportError:
        monkeypatch.setitem(sys.modules, "vision_msgs", ModuleType("vision_msgs"))
        monkeypatch.setitem(sys.modules, "vision_msgs.msg", fake_vision_msgs())
    msg = encode_detections([encode_detection(r) for r in RECORDS], HEADER)
    assert msg.header == HEADER
    (detection,) = msg.detections
    assert (detection.id, detection.header) == ("70000", HEADER)
    (result,) = detection.results
    assert (result.hypothesis.class_id, result.hypothesis.score) == ("chair", 0.75)
    assert result.pose.pose.position.x == 1.25
    assert detection.bbox.size.x == 0.75
    assert detection.bbox.center.position.z == 1.0


def test_detections_need_vision_msgs(monkeypatch):
    monkeypatch.setitem(sys.modules, "vision_msgs.msg", None)
    with pytest.raises(ImportError):
        encode_detection(RECORDS[0])
    with pytest.raises(ImportError):
        encode_detections([], HEADER)
