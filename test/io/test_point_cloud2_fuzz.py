"""Malformed clouds by the thousand: a CloudError, or exactly the points that a slow reader finds.

The slow reader below is an implementation of its own: pure Python, one `struct.unpack` a value.
"""

import math
import os
import random
import struct
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtml_ros.io.point_cloud2 import FARTHEST, CloudError, decode_cloud

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

CODES = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 8: "d"}
BIG = 2**32 - 1
EXTREMES = [0, 1, 2, 3, 4, 7, 8, 12, 13, 16, 255, 65535, 65536, 2**31 - 1, 2**31, BIG - 3, BIG]
FLOATS = [0.0, -0.0, 1.0, -1.5, 2.5e-3, 9999.9, 10000.0, 10001.0, 3e38, math.nan, math.inf]


def slow_read(msg):
    """[(x, y, z, label, confidence)] of the usable points, or None where the cloud is refused."""
    wanted = {}
    for name in ("x", "y", "z", "label", "confidence"):
        found = [f for f in msg.fields if f.name == name]
        if not found and name == "confidence":
            continue
        if len(found) != 1 or found[0].count != 1 or found[0].datatype not in CODES:
            return None
        if name != "label" and found[0].datatype not in (7, 8):
            return None
        wanted[name] = found[0]
    row_step = msg.row_step
    if row_step == 0 and msg.height == 1:
        row_step = msg.width * msg.point_step
    if msg.width == 0 or msg.height == 0 or msg.width * msg.point_step > row_step:
        return None
    if len(msg.data) != msg.height * row_step or msg.point_step == 0:
        return None
    taken = set()
    for f in wanted.values():
        span = range(f.offset, f.offset + struct.calcsize("<" + CODES[f.datatype]))
        if span[-1] >= msg.point_step or taken & set(span):
            return None
        taken |= set(span)

    points = []
    data = bytes(msg.data)
    order = ">" if msg.is_bigendian else "<"
    for row in range(msg.height):
        for column in range(msg.width):
            at = row * row_step + column * msg.point_step
            value = {
                name: struct.unpack_from(order + CODES[f.datatype], data, at + f.offset)[0]
                for name, f in wanted.items()
            }
            xyz = [nearest_float32(value[axis]) for axis in "xyz"]
            if all(abs(v) <= FARTHEST for v in xyz):
                label, confidence = value["label"], value.get("confidence")
                if isinstance(label, float) and not (label.is_integer() and abs(label) <= 2**53):
                    return None
                if confidence is not None:
                    if not 0.0 <= confidence <= 1.0:
                        return None
                    confidence = nearest_float32(confidence)
                points.append((*xyz, int(label), confidence))
    return points or None


def nearest_float32(value):
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.inf


@st.composite
def clouds(draw):
    """A cloud that would be well formed, its data, and up to three things done to it."""
    rng = random.Random(draw(st.integers(0, 2**32)))  # the data; hypothesis draws the structure
    width, height = draw(st.integers(1, 5)), draw(st.sampled_from([1, 1, 1, 2, 3]))
    names = ["x", "y", "z", "label", *draw(st.sampled_from([[], ["rgb"], ["confidence"]]))]
    fields, offset = [], draw(st.sampled_from([0, 0, 1, 4]))
    for name in draw(st.permutations(names)):
        datatype = draw(st.integers(1, 8) if name == "label" else st.sampled_from([7, 7, 7, 8]))
        fields.append(SimpleNamespace(name=name, offset=offset, datatype=datatype, count=1))
        offset += struct.calcsize(CODES[datatype]) + draw(st.sampled_from([0, 0, 0, 1, 4]))
    big_endian = draw(st.booleans())
    row_step = width * offset + draw(st.sampled_from([0, 0, 0, 1, 9]))
    data = bytearray(height * row_step)
    tame = draw(st.booleans())
    for row in range(height):
        for column in range(width):
            for f in fields:
                value = a_value(rng, f, tame)
                at = row * row_step + column * offset + f.offset
                struct.pack_into((">" if big_endian else "<") + CODES[f.datatype], data, at, value)
    msg = SimpleNamespace(
        height=height,
        width=width,
        fields=fields,
        is_bigendian=big_endian,
        point_step=offset,
        row_step=row_step,
        data=data,
        is_dense=draw(st.booleans()),
    )
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 3]))):
        draw(st.sampled_from(MALFORMATIONS))(draw, msg)
    return msg


def a_value(rng, field, tame):
    if field.datatype <= 6:
        bits = 8 * struct.calcsize(CODES[field.datatype])
        low = 0 if field.datatype % 2 == 0 else -(2 ** (bits - 1))
        return rng.choice([low, low + 2**bits - 1, rng.randrange(low, low + 2**bits)])
    if field.name == "label":
        return float(rng.randrange(-5, 100)) if tame else rng.choice(FLOATS)
    if field.name == "confidence":
        return rng.random() if tame else rng.choice([0.0, 1.0, 0.5, -0.1, 1.1, math.nan])
    if rng.random() < 0.05 and field.datatype == 8:
        return 1e300
    return rng.choice(FLOATS) if rng.random() < 0.2 else rng.uniform(-20, 20)


def any_size(draw, around):
    near = st.integers(max(0, around - 3), min(BIG, around + 3))
    return draw(st.one_of(near, st.sampled_from(EXTREMES), st.integers(0, BIG)))


def change_size(draw, msg):
    name = draw(st.sampled_from(["height", "width", "point_step", "row_step"]))
    setattr(msg, name, any_size(draw, getattr(msg, name)))


def change_field(draw, msg):
    if msg.fields:
        field = draw(st.sampled_from(msg.fields))
        name = draw(st.sampled_from(["offset", "datatype", "count"]))
        setattr(field, name, any_size(draw, getattr(field, name)))


def rename_field(draw, msg):
    if msg.fields:
        names = ["x", "y", "z", "label", "confidence", "", "X", "x\0", "\ud800"]
        draw(st.sampled_from(msg.fields)).name = draw(st.sampled_from(names))


def drop_field(draw, msg):
    if msg.fields:
        msg.fields.remove(draw(st.sampled_from(msg.fields)))


def repeat_field(draw, msg):
    if msg.fields:
        twin = SimpleNamespace(**vars(draw(st.sampled_from(msg.fields))))
        msg.fields.insert(draw(st.integers(0, len(msg.fields))), twin)


def change_length(draw, msg):
    length = draw(st.one_of(st.integers(0, 3 * len(msg.data) + 8), st.just(0)))
    msg.data = (msg.data + bytearray(length))[:length]


def flip_byte_order(draw, msg):
    msg.is_bigendian = not msg.is_bigendian


def reshape(draw, msg):
    msg.height, msg.width = msg.width, msg.height
    msg.row_step = draw(st.sampled_from([msg.row_step, msg.width * msg.point_step]))


def overwrite(draw, msg):
    patch = draw(st.binary(max_size=64))
    at = draw(st.integers(0, len(msg.data)))
    msg.data = (msg.data[:at] + patch + msg.data[at + len(patch) :])[: len(msg.data)]


MALFORMATIONS = [
    change_size,
    change_field,
    rename_field,
    drop_field,
    repeat_field,
    change_length,
    flip_byte_order,
    reshape,
    overwrite,
]


def check(msg):
    """Decodes and compares; returns the reason where the cloud was refused."""
    try:
        decoded, reason = decode_cloud(msg), None
    except CloudError as error:
        decoded, reason = None, error.reason
    if reason == "too_many_points":  # a limit of ours; the slow reader would take for ever
        return reason
    expected = slow_read(msg)
    assert (decoded is None) == (expected is None), reason
    if decoded is None:
        return reason
    assert decoded.xyz.tolist() == [list(p[:3]) for p in expected]
    assert decoded.label.tolist() == [p[3] for p in expected]
    if decoded.confidence is None:
        assert all(p[4] is None for p in expected)
    else:
        assert decoded.confidence.tolist() == [p[4] for p in expected]
    assert len(decoded) + decoded.num_invalid == len(decoded.kept) == msg.width * msg.height
    assert int(decoded.kept.sum()) == len(decoded)
    return None


NO_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=3000, deadline=None, suppress_health_check=NO_CHECKS, database=None)
@given(clouds())
def test_a_malformed_cloud_is_refused_or_read_as_the_slow_reader_reads_it(msg):
    check(msg)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(
    max_examples=int(os.environ.get("MTML_FUZZ_CLOUDS", "100000")),
    deadline=None,
    suppress_health_check=NO_CHECKS,
    database=None,
)
@given(clouds())
def test_a_hundred_thousand_malformed_clouds(msg):
    check(msg)


def test_the_clouds_made_here_reach_most_reasons_and_are_often_accepted():
    """Guards the guard: a generator whose clouds were all refused at once would test nothing."""
    reasons = {}

    @settings(max_examples=1000, deadline=None, suppress_health_check=NO_CHECKS, derandomize=True)
    @given(clouds())
    def count(msg):
        reason = check(msg)
        reasons[reason] = reasons.get(reason, 0) + 1

    count()
    assert reasons[None] >= 150
    assert len(reasons) >= 12, reasons


@settings(max_examples=500, deadline=None, suppress_health_check=NO_CHECKS, database=None)
@given(clouds())
def test_memory_is_bounded_by_what_arrived(msg):
    tracemalloc.start()
    try:
        decode_cloud(msg)
    except CloudError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak <= 50_000 + 8 * len(msg.data)


def test_memory_of_a_large_cloud_is_a_few_times_its_data():
    count = 200_000
    data = np.zeros(count * 13, dtype=np.uint8)
    names = [("x", 0, 7), ("y", 4, 7), ("z", 8, 7), ("label", 12, 2)]
    msg = SimpleNamespace(
        height=1,
        width=count,
        fields=[SimpleNamespace(name=n, offset=o, datatype=d, count=1) for n, o, d in names],
        is_bigendian=False,
        point_step=13,
        row_step=count * 13,
        data=data,
        is_dense=True,
    )
    tracemalloc.start()
    decode_cloud(msg)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 3 * data.nbytes
