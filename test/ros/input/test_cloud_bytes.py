"""view_cloud: the same message as rclpy makes of the bytes, or none."""

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from mtml_ros.io.cloud_bytes import MAX_FIELDS, view_cloud


def cloud(rng, num_fields=4, size=40):
    text = ["", "x", "label", "intensité", "a name of seventeen"]
    fields = [
        PointField(
            name=text[rng.integers(5)],
            offset=int(rng.integers(1 << 32)),
            datatype=int(rng.integers(256)),
            count=int(rng.integers(1 << 32)),
        )
        for _ in range(num_fields)
    ]
    number = [int(n) for n in rng.integers(1 << 32, size=5)]
    stamp = Time(sec=int(rng.integers(-(1 << 31), 1 << 31)), nanosec=number[0])
    return PointCloud2(
        header=Header(stamp=stamp, frame_id=text[rng.integers(5)]),
        height=number[1],
        width=number[2],
        fields=fields,
        is_bigendian=bool(rng.integers(2)),
        point_step=number[3],
        row_step=number[4],
        data=rng.integers(256, size=size, dtype=np.uint8).tobytes(),
        is_dense=bool(rng.integers(2)),
    )


def told(msg):
    """All that a message says."""
    stamp, fields = msg.header.stamp, [(f.name, f.offset, f.datatype, f.count) for f in msg.fields]
    sizes = msg.height, msg.width, msg.point_step, msg.row_step
    flags = msg.is_bigendian, msg.is_dense
    return stamp.sec, stamp.nanosec, msg.header.frame_id, fields, sizes, flags, bytes(msg.data)


@pytest.mark.parametrize("seed", range(50))
def test_it_says_what_the_message_says_and_copies_no_data(seed):
    rng = np.random.default_rng(seed)
    msg = cloud(rng, int(rng.integers(8)), int(rng.integers(100)))
    content = serialize_message(msg)
    view = view_cloud(content)
    assert told(view) == told(msg)
    assert view.data.obj is content


def test_broken_bytes_are_what_rclpy_makes_of_them_or_nothing():
    rng = np.random.default_rng(0)
    content = serialize_message(cloud(rng))
    broken = [content[:n] for n in range(len(content))]
    for at in range(2, len(content)):  # 0 and 1: another representation
        flipped = bytearray(content)
        flipped[at] ^= int(rng.integers(1, 256))
        broken.append(bytes(flipped))
    seen = 0
    for data in broken:
        view = view_cloud(data)
        if view is not None:
            assert told(view) == told(deserialize_message(data, PointCloud2))
            seen += 1
    assert seen > 50


def test_another_representation_and_very_many_fields_are_left_to_rclpy():
    content = serialize_message(cloud(np.random.default_rng(0)))
    assert view_cloud(b"\0\7" + content[2:]) is None
    assert view_cloud(b"") is None
    assert view_cloud(serialize_message(cloud(np.random.default_rng(0), MAX_FIELDS + 1))) is None
