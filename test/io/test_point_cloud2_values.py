"""The decoder's list, its values: each line with a message made by hand."""

import struct
from types import SimpleNamespace

import numpy as np
import pytest

from mtml_ros.io.point_cloud2 import CloudError, decode_cloud, decode_labels

INT16, UINT16, FLOAT32, FLOAT64, UINT8 = 3, 4, 7, 8, 2
NAN, INF = float("nan"), float("inf")

XYZL = (("x", 0, FLOAT32), ("y", 4, FLOAT32), ("z", 8, FLOAT32), ("label", 12, UINT16))
GOOD, OTHER = (1.0, 2.0, 3.0, 5), (0.0, -1.0, 9.0, 40)


def cloud(points, pack="<fffH", fields=XYZL, **changes):
    """A well-formed unorganised cloud, with `changes` made to it afterwards."""
    step = struct.calcsize(pack)
    msg = SimpleNamespace(
        height=1,
        width=len(points),
        fields=[SimpleNamespace(name=n, offset=o, datatype=d, count=1) for n, o, d in fields],
        is_bigendian=False,
        point_step=step,
        row_step=step * len(points),
        data=b"".join(struct.pack(pack, *p) for p in points),
        is_dense=True,
    )
    vars(msg).update(changes)
    return msg


def refused(msg, **arguments):
    """The reason for which the message is refused."""
    with pytest.raises(CloudError) as caught:
        decode_cloud(msg, **arguments)
    return caught.value.reason


@pytest.mark.parametrize("is_dense", [True, False])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_point_that_is_not_finite_is_dropped_and_counted(value, axis, is_dense):
    broken = [1.0, 2.0, 3.0, 4]
    broken[axis] = value
    decoded = decode_cloud(cloud([GOOD, tuple(broken), OTHER], is_dense=is_dense))
    assert decoded.label.tolist() == [5, 40]
    assert decoded.num_invalid == 1
    assert decoded.kept.tolist() == [True, False, True]


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_cloud_without_any_finite_point_is_refused(value):
    assert refused(cloud([(value, 0.0, 0.0, 1), (0.0, value, 0.0, 1)])) == "no_finite_points"


def test_points_too_far_away_for_a_voxel_key_are_dropped_and_counted():
    decoded = decode_cloud(cloud([(1e4, -1e4, 0.0, 1), (10001.0, 0.0, 0.0, 2), (3e38, 0, 0, 3)]))
    assert decoded.label.tolist() == [1]
    assert decoded.num_invalid == 2


def test_a_cloud_that_is_all_too_far_away_is_refused():
    assert refused(cloud([(5e5, 5e6, 0.0, 1), (NAN, 0.0, 0.0, 2)])) == "coordinates_too_large"
    assert len(decode_cloud(cloud([(5e5, 5e6, 0.0, 1)]), max_coordinate=1e7)) == 1


def test_float64_coordinates_beyond_float32_are_dropped_without_a_warning():
    fields = (("x", 0, FLOAT64), ("y", 8, FLOAT64), ("z", 16, FLOAT64), ("label", 24, UINT8))
    decoded = decode_cloud(cloud([(1e300, 0.0, 0.0, 1), (1.0, 0.0, 0.0, 2)], "<dddB", fields))
    assert decoded.label.tolist() == [2]
    assert decoded.num_invalid == 1


def test_negative_and_unknown_labels_are_passed_on_as_sent():
    msg = cloud([(0.0, 0.0, 0.0, -1), (0, 0, 0, 30000)], "<fffh", (*XYZL[:3], ("label", 12, INT16)))
    assert decode_cloud(msg).label.tolist() == [-1, 30000]


FLOAT_LABEL = (*XYZL[:3], ("label", 12, FLOAT32))


def test_float_labels_that_are_whole_numbers_are_read():
    msg = cloud([(0, 0, 0, 5.0), (0, 0, 0, -0.0), (0, 0, 0, -3.0)], "<ffff", FLOAT_LABEL)
    assert decode_cloud(msg).label.tolist() == [5, 0, -3]


@pytest.mark.parametrize("value", [0.5, NAN, INF, -INF, 1e17, -1e30])
def test_float_labels_that_are_no_ids_are_refused(value):
    assert refused(cloud([(0, 0, 0, 1.0), (0, 0, 0, value)], "<ffff", FLOAT_LABEL)) == "bad_label"


def test_the_label_of_a_dropped_point_does_not_matter():
    msg = cloud([(0, 0, 0, 1.0), (NAN, 0, 0, NAN)], "<ffff", FLOAT_LABEL)
    assert decode_cloud(msg).label.tolist() == [1]


def test_all_points_in_one_voxel_are_kept():
    decoded = decode_cloud(cloud([(0.01, 0.01, 0.01, 5)] * 1000))
    assert len(decoded) == 1000


@pytest.mark.filterwarnings("error")
def test_nans_that_signal_are_nans_like_others():
    fields = (*XYZL[:3], ("label", 12, FLOAT32), ("confidence", 16, FLOAT32))
    good = struct.pack("<fffff", 1.0, 2.0, 3.0, 4.0, 0.5)
    for at, reason in ((0, None), (12, "bad_label"), (16, "bad_confidence")):
        signals = bytearray(good)
        struct.pack_into("<I", signals, at, 0x7FA00000)
        msg = cloud([(0, 0, 0, 0, 0)] * 2, "<fffff", fields, data=good + bytes(signals))
        if reason:
            assert refused(msg) == reason
        else:
            assert decode_cloud(msg).kept.tolist() == [True, False]


# confidence


CONFIDENCE = (*XYZL, ("confidence", 14, FLOAT32))


def test_confidences_are_read_for_the_kept_points():
    msg = cloud([(0, 0, 0, 1, 0.25), (NAN, 0, 0, 2, NAN), (0, 0, 0, 3, 1.0)], "<fffHf", CONFIDENCE)
    decoded = decode_cloud(msg)
    assert decoded.confidence.tolist() == [0.25, 1.0]
    assert decoded.confidence.dtype == np.float32


@pytest.mark.parametrize("value", [-0.01, 1.01, NAN, INF])
def test_confidences_outside_0_to_1_are_refused(value):
    assert refused(cloud([(0, 0, 0, 1, value)], "<fffHf", CONFIDENCE)) == "bad_confidence"


def test_a_confidence_that_is_no_float_is_refused():
    fields = (*XYZL, ("confidence", 14, UINT8))
    assert refused(cloud([(0, 0, 0, 1, 200)], "<fffHB", fields)) == "bad_datatype"


# labels that come in a message of their own


def labels_message(values, **changes):
    return cloud([(v,) for v in values], "<H", (("label", 0, UINT16),), **changes)


def test_labels_of_a_second_message_go_to_the_kept_points():
    first = cloud([(0, 0, 0, 0), (NAN, 0, 0, 0), (1, 0, 0, 0)])
    first.fields = first.fields[:3]
    kept = decode_cloud(first, require_label=False).kept
    assert decode_labels(labels_message([3, 4, 5]), kept).tolist() == [3, 5]


def test_labels_that_are_more_or_fewer_than_the_points_are_refused():
    for values in ([1, 2], [1, 2, 3, 4]):
        with pytest.raises(CloudError) as caught:
            decode_labels(labels_message(values), np.ones(3, bool))
        assert caught.value.reason == "size_mismatch"


def test_a_malformed_message_of_labels_is_refused():
    with pytest.raises(CloudError) as caught:
        decode_labels(labels_message([1, 2, 3], row_step=5), np.ones(3, bool))
    assert caught.value.reason == "bad_step"
    with pytest.raises(CloudError) as caught:
        decode_labels(labels_message([1, 2, 3]), np.ones(3, bool), label_field="class")
    assert caught.value.reason == "missing_field"
