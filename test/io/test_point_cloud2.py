"""The decoder's list, its layouts: each line with a message made by hand."""

import array
import struct
import typing
from types import SimpleNamespace

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.io.point_cloud2 import CloudError, Reason, decode_cloud

INT8, UINT8, INT16, UINT16, INT32, UINT32, FLOAT32, FLOAT64 = range(1, 9)
NAN = float("nan")

XYZL = (("x", 0, FLOAT32), ("y", 4, FLOAT32), ("z", 8, FLOAT32), ("label", 12, UINT16))
PACK_XYZL = "<fffH"
POINTS = [(1.0, 2.0, 3.0, 5), (-4.0, 5.5, 0.25, 7), (0.0, -1.0, 9.0, 40)]


def field(name, offset, datatype, count=1):
    return SimpleNamespace(name=name, offset=offset, datatype=datatype, count=count)


def cloud(points=POINTS, pack=PACK_XYZL, fields=XYZL, **changes):
    """A well-formed unorganised cloud, with `changes` made to it afterwards."""
    step = struct.calcsize(pack)
    msg = SimpleNamespace(
        height=1,
        width=len(points),
        fields=[field(*f) for f in fields],
        is_bigendian=pack.startswith(">"),
        point_step=step,
        row_step=step * len(points),
        data=array.array("B", b"".join(struct.pack(pack, *p) for p in points)),
        is_dense=True,
    )
    vars(msg).update(changes)
    return msg


def refused(msg, **arguments):
    """The reason for which the message is refused."""
    with pytest.raises(CloudError) as caught:
        decode_cloud(msg, **arguments)
    assert caught.value.reason in typing.get_args(Reason)
    assert len(str(caught.value)) > 10
    return caught.value.reason


def with_field(name, **changes):
    msg = cloud()
    for f in msg.fields:
        if f.name == name:
            vars(f).update(changes)
    return msg


def test_a_plain_cloud_gives_its_points_and_labels():
    decoded = decode_cloud(cloud())
    assert decoded.xyz.tolist() == [[1.0, 2.0, 3.0], [-4.0, 5.5, 0.25], [0.0, -1.0, 9.0]]
    assert decoded.xyz.dtype == np.float32
    assert decoded.label.tolist() == [5, 7, 40]
    assert decoded.label.dtype == np.int64
    assert decoded.confidence is None
    assert decoded.num_invalid == 0
    assert decoded.kept.tolist() == [True, True, True]
    assert len(decoded) == 3


def test_a_cloud_error_is_an_input_error():
    assert issubclass(CloudError, InputError)


@pytest.mark.parametrize("data", [bytes, bytearray, memoryview, lambda b: np.frombuffer(b, "u1")])
def test_the_data_may_be_any_buffer(data):
    msg = cloud()
    msg.data = data(bytes(msg.data))
    assert decode_cloud(msg).label.tolist() == [5, 7, 40]


def test_what_is_decoded_does_not_alias_the_message():
    msg = cloud()
    decoded = decode_cloud(msg)
    msg.data[:] = array.array("B", bytes(len(msg.data)))
    assert decoded.xyz.tolist()[0] == [1.0, 2.0, 3.0]
    assert decoded.label.tolist() == [5, 7, 40]


# fields: missing, duplicate, reordered


@pytest.mark.parametrize("name", ["x", "y", "z", "label"])
def test_a_missing_field_is_refused(name):
    msg = cloud()
    msg.fields = [f for f in msg.fields if f.name != name]
    assert refused(msg) == "missing_field"


def test_no_fields_at_all_is_refused():
    assert refused(cloud(fields=())) == "missing_field"


def test_a_missing_label_is_allowed_where_it_is_not_required():
    msg = cloud()
    msg.fields = msg.fields[:3]
    decoded = decode_cloud(msg, require_label=False)
    assert decoded.label is None
    assert len(decoded) == 3


def test_the_message_of_a_missing_field_names_it_and_those_that_are_there():
    with pytest.raises(CloudError, match=r"'class'.*x, y, z, label"):
        decode_cloud(cloud(), label_field="class")


@pytest.mark.parametrize("name", ["x", "y", "z", "label"])
def test_a_field_given_twice_is_refused(name):
    msg = cloud()
    msg.fields.append(field(name, 0, FLOAT32))
    assert refused(msg) == "duplicate_field"


def test_unused_fields_may_repeat_and_overlap():
    # PCL's padding fields share a name, rgb and rgba share bytes
    extra = (("_", 0, UINT8), ("_", 1, UINT8), ("rgb", 4, FLOAT32), ("rgba", 4, UINT32))
    assert decode_cloud(cloud(fields=XYZL + extra)).label.tolist() == [5, 7, 40]


def test_fields_may_come_in_any_order():
    fields = (("label", 0, UINT8), ("z", 1, FLOAT32), ("x", 5, FLOAT32), ("y", 9, FLOAT32))
    decoded = decode_cloud(cloud([(9, 3.0, 1.0, 2.0)], "<Bfff", fields))
    assert decoded.xyz.tolist() == [[1.0, 2.0, 3.0]]
    assert decoded.label.tolist() == [9]


def test_the_list_of_fields_may_be_in_another_order_than_their_bytes():
    assert decode_cloud(cloud(fields=XYZL[::-1])).xyz.tolist()[1] == [-4.0, 5.5, 0.25]


def test_used_fields_that_share_bytes_are_refused():
    assert refused(with_field("y", offset=2)) == "overlapping_fields"
    assert refused(with_field("label", offset=11)) == "overlapping_fields"


# datatype, count, offset


@pytest.mark.parametrize("datatype", [INT8, UINT8, INT16, UINT16, INT32, UINT32, 0, 9, 255])
def test_coordinates_of_another_datatype_are_refused(datatype):
    assert refused(with_field("y", datatype=datatype)) == "bad_datatype"


@pytest.mark.parametrize("datatype", [0, 9, 255])
def test_a_label_of_a_datatype_that_does_not_exist_is_refused(datatype):
    assert refused(with_field("label", datatype=datatype)) == "bad_datatype"


@pytest.mark.parametrize("count", [0, 2, 4294967295])
@pytest.mark.parametrize("name", ["x", "label"])
def test_a_count_other_than_one_is_refused(name, count):
    assert refused(with_field(name, count=count)) == "bad_count"


@pytest.mark.parametrize("offset", [13, 14, 4294967295])
def test_a_field_past_the_end_of_a_point_is_refused(offset):
    assert refused(with_field("label", offset=offset)) == "field_outside_point"


def test_the_last_byte_of_a_point_may_be_used():
    assert decode_cloud(with_field("label", offset=13, datatype=UINT8)).label.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("datatype", "code", "value"),
    [
        (INT8, "b", -128),
        (UINT8, "B", 255),
        (INT16, "h", -32768),
        (UINT16, "H", 65535),
        (INT32, "i", -2147483648),
        (UINT32, "I", 4294967295),
        (FLOAT32, "f", 16777216.0),
        (FLOAT64, "d", -9007199254740992.0),
    ],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_labels_of_every_datatype_keep_their_values(order, datatype, code, value):
    msg = cloud([(1.0, 2.0, 3.0, value)], f"{order}fff{code}", (*XYZL[:3], ("label", 12, datatype)))
    assert decode_cloud(msg).label.tolist() == [int(value)]


# steps and sizes


def test_padding_after_each_point_is_skipped():
    decoded = decode_cloud(cloud(pack="<fffH6x"))
    assert decoded.xyz.tolist()[2] == [0.0, -1.0, 9.0]
    assert decoded.label.tolist() == [5, 7, 40]


def test_padding_after_each_row_is_skipped():
    rows = [struct.pack(PACK_XYZL, *p) for p in POINTS]
    data = rows[0] + rows[1] + b"\xff" * 5 + rows[2] + rows[0] + b"\xff" * 5
    msg = cloud(height=2, width=2, row_step=33, data=array.array("B", data), is_dense=False)
    decoded = decode_cloud(msg)
    assert decoded.xyz[:, 0].tolist() == [1.0, -4.0, 0.0, 1.0]
    assert decoded.label.tolist() == [5, 7, 40, 5]


def test_a_padded_single_row_is_read():
    msg = cloud(row_step=50)
    msg.data.frombytes(bytes(8))
    assert decode_cloud(msg).label.tolist() == [5, 7, 40]


def test_a_row_step_left_out_of_an_unorganised_cloud_is_made_up_for():
    assert decode_cloud(cloud(row_step=0)).label.tolist() == [5, 7, 40]
    assert refused(cloud(row_step=0, width=2)) == "long_data"
    assert refused(cloud(row_step=0, width=4)) == "short_data"


def test_a_row_step_left_out_of_an_organised_cloud_is_refused():
    assert refused(cloud(height=3, width=1, row_step=0)) == "bad_step"


def test_a_row_step_shorter_than_its_points_is_refused():
    assert refused(cloud(row_step=41)) == "bad_step"


def test_a_point_step_of_zero_is_refused():
    assert refused(cloud(point_step=0)) == "bad_step"
    assert refused(cloud(point_step=0, row_step=0)) == "bad_step"


@pytest.mark.parametrize("missing", [1, 14, 42])
def test_data_that_is_short_is_refused(missing):
    msg = cloud()
    msg.data = msg.data[: len(msg.data) - missing]
    assert refused(msg) == "short_data"


def test_data_that_is_long_is_refused():
    msg = cloud()
    msg.data.append(0)
    assert refused(msg) == "long_data"


@pytest.mark.parametrize(
    ("width", "height"),
    [(4294967295, 4294967295), (65536, 65536), (4294967295, 1), (1, 4294967295)],
)
def test_sizes_whose_product_overflows_are_refused(width, height):
    # 65536 x 65536 points of 14 bytes are 0 in 32 bits
    assert refused(cloud(width=width, height=height)) == "too_many_points"
    assert refused(
        cloud(width=width, height=height, point_step=4294967295, row_step=4294967295),
        max_points=1 << 70,
    ) in ("bad_step", "short_data")  # fmt: skip


def test_a_row_step_that_overflows_with_the_height_is_refused():
    # 0x40000001 * 4 = 4 in 32 bits
    assert refused(cloud(width=1, height=4, row_step=0x40000001)) == "short_data"


def test_more_points_than_allowed_are_refused():
    assert len(decode_cloud(cloud(), max_points=3)) == 3
    assert refused(cloud(), max_points=2) == "too_many_points"


@pytest.mark.parametrize(("width", "height"), [(0, 1), (0, 0), (3, 0)])
def test_an_empty_cloud_is_refused_as_empty(width, height):
    assert refused(cloud([], width=width, height=height, row_step=0)) == "empty"


# byte order, float64, organised


def test_big_endian_data_is_read():
    decoded = decode_cloud(cloud(pack=">fffH"))
    assert decoded.xyz.tolist() == [[1.0, 2.0, 3.0], [-4.0, 5.5, 0.25], [0.0, -1.0, 9.0]]
    assert decoded.label.tolist() == [5, 7, 40]
    assert decoded.xyz.dtype.isnative
    assert decoded.label.dtype.isnative


def test_a_big_endian_message_is_left_as_it_was():
    msg = cloud(pack=">fffH")
    before = bytes(msg.data)
    assert np.array_equal(decode_cloud(msg).xyz, decode_cloud(msg).xyz)
    assert bytes(msg.data) == before


@pytest.mark.parametrize("order", ["<", ">"])
def test_float64_coordinates_are_read(order):
    fields = (("x", 0, FLOAT64), ("y", 8, FLOAT64), ("z", 16, FLOAT64), ("label", 24, INT32))
    decoded = decode_cloud(cloud([(0.5, -2.0, 1e-3, -7)], f"{order}dddi", fields))
    assert decoded.xyz.dtype == np.float32
    assert decoded.xyz.tolist() == [[0.5, -2.0, struct.unpack("f", struct.pack("f", 1e-3))[0]]]
    assert decoded.label.tolist() == [-7]


def test_float32_and_float64_coordinates_may_be_mixed():
    fields = (("x", 0, FLOAT64), ("y", 8, FLOAT32), ("z", 12, FLOAT32), ("label", 16, UINT8))
    assert decode_cloud(cloud([(1.5, 2.5, 3.5, 1)], "<dffB", fields)).xyz.tolist() == [
        [1.5, 2.5, 3.5]
    ]


def test_an_organised_cloud_that_is_not_dense_keeps_its_order():
    points = [(1.0, 0.0, 0.0, 1), (NAN, NAN, NAN, 0), (2.0, 0.0, 0.0, 2), (3.0, 0.0, 0.0, 3)]
    decoded = decode_cloud(cloud(points, height=2, width=2, row_step=28, is_dense=False))
    assert decoded.xyz[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert decoded.label.tolist() == [1, 2, 3]
    assert decoded.kept.tolist() == [True, False, True, True]
    assert decoded.num_invalid == 1


# the real message


def test_a_real_message_survives_the_wire():
    messages = pytest.importorskip("sensor_msgs.msg")
    serialization = pytest.importorskip("rclpy.serialization")
    made = cloud()
    msg = messages.PointCloud2(
        **{k: v for k, v in vars(made).items() if k != "fields"},
        fields=[messages.PointField(**vars(f)) for f in made.fields],
    )
    received = serialization.deserialize_message(
        serialization.serialize_message(msg), messages.PointCloud2
    )
    decoded = decode_cloud(received)
    assert decoded.xyz.tolist() == [[1.0, 2.0, 3.0], [-4.0, 5.5, 0.25], [0.0, -1.0, 9.0]]
    assert decoded.label.tolist() == [5, 7, 40]


@pytest.mark.parametrize("pack", ["<fffH", "<fffH2x"])
def test_sensor_msgs_py_reads_the_same_of_a_well_formed_cloud(pack):
    messages = pytest.importorskip("sensor_msgs.msg")
    point_cloud2 = pytest.importorskip("sensor_msgs_py.point_cloud2")
    made = cloud(POINTS * 100, pack)
    msg = messages.PointCloud2(
        **{k: v for k, v in vars(made).items() if k != "fields"},
        fields=[messages.PointField(**vars(f)) for f in made.fields],
    )
    theirs, ours = point_cloud2.read_points(msg), decode_cloud(msg)
    assert [list(p) for p in theirs[["x", "y", "z"]].tolist()] == ours.xyz.tolist()
    assert theirs["label"].tolist() == ours.label.tolist()
