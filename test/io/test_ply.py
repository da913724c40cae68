"""PLY files made by hand, whole and broken."""

import struct
import tracemalloc

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.io.ply import read_ply, write_ply

POINTS = [(1.0, 2.0, 3.0, 255, 5), (-4.5, 0.25, 1e-3, 0, 40)]
PROPERTIES = (
    "property float x\nproperty float y\nproperty float z\n"
    "property uchar red\nproperty ushort label\n"
)


def ply(format_, body, count=2, properties=PROPERTIES, before="", after=""):
    head = f"ply\nformat {format_} 1.0\ncomment by hand\nobj_info none\n{before}"
    return f"{head}element vertex {count}\n{properties}{after}end_header\n".encode() + body


def packed(order):
    return b"".join(struct.pack(f"{order}fffBH", *p) for p in POINTS)


ASCII = b"1 2 3 255 5\n-4.5 2.5e-1  1e-3 0 40\n"
FACES = "element face 1\nproperty list uchar int vertex_indices\n"


def read(tmp_path, content):
    path = tmp_path / "cloud.ply"
    path.write_bytes(content)
    return read_ply(path)


@pytest.mark.parametrize(
    "content",
    [
        ply("ascii", ASCII),
        ply("ascii", ASCII.rstrip(b"\n")),
        ply("ascii", ASCII).replace(b"\n", b"\r\n"),
        ply("binary_little_endian", packed("<")),
        ply("binary_big_endian", packed(">")),
        # what follows the vertices is left alone
        ply("ascii", ASCII + b"3 0 1 1\n", after=FACES),
        ply("binary_little_endian", packed("<") + b"\x03" + bytes(12), after=FACES),
        # what goes before is skipped
        ply("ascii", b"7\n" + ASCII, before="element camera 1\nproperty int id\n"),
        ply("ascii", b"3 0 1 1\n" + ASCII, before=FACES),
        ply(
            "binary_big_endian",
            bytes(24) + packed(">"),
            before="element camera 2\nproperty double a\nproperty float32 b\n",
        ),
    ],
)
def test_every_form_gives_the_same_columns(tmp_path, content):
    columns = read(tmp_path, content)
    assert list(columns) == ["x", "y", "z", "red", "label"]
    assert columns["x"].tolist() == [1.0, -4.5]
    assert columns["y"].tolist() == [2.0, 0.25]
    assert columns["z"].tolist() == pytest.approx([3.0, 1e-3])
    assert columns["red"].tolist() == [255, 0]
    assert columns["label"].tolist() == [5, 40]


def test_binary_columns_have_the_types_of_the_file(tmp_path):
    columns = read(tmp_path, ply("binary_little_endian", packed("<")))
    assert columns["x"].dtype == np.float32
    assert columns["red"].dtype == np.uint8
    assert columns["label"].dtype == np.uint16


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "first line"),
        (b"PK\x03\x04", "first line"),
        (b"ply\n", "ends within its header"),
        (b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\n", "ends within its header"),
        (ply("ascii_2", ASCII), "malformed header line"),
        (ply("ascii", ASCII, count=-1), "malformed header line"),
        (ply("ascii", ASCII, count="two"), "malformed header line"),
        (ply("ascii", ASCII, count=10**30), "malformed header line"),
        (ply("ascii", ASCII).replace(b"float x", b"float128 x"), "malformed header line"),
        (ply("ascii", ASCII).replace(b"float x", b"float"), "malformed header line"),
        (ply("ascii", ASCII).replace(b"format", b"comment"), "no 'format' line"),
        (ply("ascii", ASCII).replace(b"vertex", b"point"), "no element 'vertex'"),
        (ply("ascii", ASCII).replace(b"float y", b"float x"), "declared twice"),
        (ply("ascii", ASCII, properties=""), "no points"),
        (ply("ascii", b"", count=0), "no points"),
        (b"ply\nformat ascii 1.0\nproperty float x\nend_header\n", "malformed header line"),
        (ply("ascii", ASCII, properties=PROPERTIES + "property list uchar int a\n"), "lists"),
        (ply("binary_little_endian", bytes(99), before=FACES), "vertices first"),
        (b"ply\n" + b"comment\n" * 150_000, "header of more than"),
        # bodies that are too short, or do not hold what is announced
        (ply("ascii", b"1 2 3 255 5\n"), "announced"),
        (ply("ascii", b"1 2 3 255 5\n1 2 3 4\n          "), "malformed"),
        (ply("ascii", ASCII.replace(b"255", b"red")), "malformed"),
        (ply("ascii", ASCII.replace(b"255", b"\xff\xff\xff")), "malformed"),
        (ply("ascii", b"1 2 3 4 5 6\n1 2 3 4 5 6\n"), "found"),
        (ply("ascii", b"1 2 3 4 5" + b" " * 100), "found"),
        (ply("ascii", b" " * 100), "0 of"),
        (ply("binary_little_endian", packed("<")[:-1]), "only 29 bytes follow"),
        (ply("binary_little_endian", packed("<"), count=10**17), "only 30 bytes follow"),
        (ply("ascii", ASCII, count=10**17), "only 35 bytes follow"),
        (
            ply("binary_big_endian", b"", before="element camera 9\nproperty int a\n"),
            "ends within its 9 elements",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_a_malformed_file_is_refused_without_taking_memory_for_its_claims(
    tmp_path, content, message
):
    path = tmp_path / "cloud.ply"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message):
            read_ply(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "cloud.ply"
    columns = {
        "x": np.array([1.5, -2.5], dtype=np.float32),
        "red": np.array([0, 255], dtype=np.uint8),
        "label": np.array([-1, 2**31 - 1], dtype=np.int32),
        "score": np.array([0.1, 0.9], dtype=np.float64),
    }
    write_ply(path, columns)
    back = read_ply(path)
    assert list(back) == list(columns)
    for name, column in columns.items():
        assert back[name].dtype == column.dtype
        assert np.array_equal(back[name], column)


def test_the_written_bytes_are_those_of_the_format(tmp_path):
    path = tmp_path / "cloud.ply"
    write_ply(path, {"x": np.array([1.5], np.float32), "label": np.array([-2], np.int32)})
    assert path.read_bytes() == (
        b"ply\nformat binary_little_endian 1.0\nelement vertex 1\n"
        b"property float x\nproperty int label\nend_header\n" + struct.pack("<fi", 1.5, -2)
    )


def test_plyfile_reads_what_is_written(tmp_path):
    plyfile = pytest.importorskip("plyfile")
    path = tmp_path / "cloud.ply"
    write_ply(path, {"x": np.array([1.5], np.float32), "label": np.array([-2], np.int32)})
    vertex = plyfile.PlyData.read(path)["vertex"]
    assert vertex["x"].tolist() == [1.5]
    assert vertex["label"].tolist() == [-2]
