"""PCD files made by hand, whole and broken; LZF against its definition and a packer of our own."""

import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtml_ros.core.errors import InputError
from mtml_ros.io.pcd import decompress_lzf, read_pcd

POINTS = [(1.0, 2.0, 3.0, 5), (-4.5, 0.25, 1e-3, 40)]
BODY = b"".join(struct.pack("<fffH", *p) for p in POINTS)
ASCII = b"1 2 3 5\n-4.5 0.25 1e-3 40\n"


def pcd(data, body, **changes):
    """A file by the book; a header line is replaced by a keyword, removed by None."""
    header = {
        "VERSION": "0.7",
        "FIELDS": "x y z label",
        "SIZE": "4 4 4 2",
        "TYPE": "F F F U",
        "COUNT": "1 1 1 1",
        "WIDTH": "2",
        "HEIGHT": "1",
        "VIEWPOINT": "0 0 0 1 0 0 0",
        "POINTS": "2",
        **changes,
    }
    lines = [f"{key} {value}" for key, value in header.items() if value is not None]
    return "\n".join(["# .PCD v0.7", *lines, f"DATA {data}", ""]).encode() + body


def pack_lzf(data):
    """LZF by its definition: the longest earlier match of 3 to 264 bytes, else a literal."""
    out, literals, at = bytearray(), bytearray(), 0

    def flush():
        for i in range(0, len(literals), 32):
            run = literals[i : i + 32]
            out.append(len(run) - 1)
            out.extend(run)
        literals.clear()

    while at < len(data):
        best, distance = 0, 0
        for start in range(max(0, at - 8192), at):
            length = 0
            while (
                length < 264
                and at + length < len(data)
                and data[start + length] == data[at + length]
            ):
                length += 1
            if length > best:
                best, distance = length, at - start
        if best < 3:
            literals.append(data[at])
            at += 1
            continue
        flush()
        code, back = best - 2, distance - 1
        out.append((min(code, 7) << 5) | (back >> 8))
        if code >= 7:
            out.append(code - 7)
        out.append(back & 255)
        at += best
    flush()
    return bytes(out)


def by_field():
    columns = zip(*POINTS)
    return b"".join(struct.pack("<2" + code, *c) for code, c in zip("fffH", columns))


def compressed(raw, size=None, packed=None):
    packed = pack_lzf(raw) if packed is None else packed
    return struct.pack("<II", len(packed), len(raw) if size is None else size) + packed


def read(tmp_path, content):
    path = tmp_path / "cloud.pcd"
    path.write_bytes(content)
    return read_pcd(path)


@pytest.mark.parametrize(
    "content",
    [
        pcd("ascii", ASCII),
        pcd("ascii", ASCII.rstrip()),
        pcd("ascii", ASCII.replace(b"\n", b"\r\n")),
        pcd("binary", BODY),
        pcd("binary", BODY + b"what follows"),
        pcd("binary_compressed", compressed(by_field())),
        pcd("binary", BODY, COUNT=None),
        pcd("binary", BODY, WIDTH="1", HEIGHT="2"),
        pcd("binary", BODY, POINTS=None),
        pcd("binary", BODY, WIDTH=None, HEIGHT=None),
        pcd("binary", BODY).replace(b"FIELDS", b"COLUMNS"),
    ],
)
def test_every_form_gives_the_same_columns(tmp_path, content):
    columns = read(tmp_path, content)
    assert list(columns) == ["x", "y", "z", "label"]
    assert columns["x"].tolist() == [1.0, -4.5]
    assert columns["y"].tolist() == [2.0, 0.25]
    assert columns["z"].tolist() == pytest.approx([3.0, 1e-3])
    assert columns["label"].tolist() == [5, 40]


PADDED = {
    "FIELDS": "x _ fpfh label _",
    "SIZE": "4 1 4 8 2",
    "TYPE": "F U F I U",
    "COUNT": "1 3 2 1 1",
    "WIDTH": "1",
    "POINTS": "1",
}


@pytest.mark.parametrize(
    "content",
    [
        pcd("binary", struct.pack("<f3sffqH", 1.5, b"abc", 7, 8, -9, 1), **PADDED),
        pcd(
            "binary_compressed",
            compressed(struct.pack("<f3sffqH", 1.5, b"abc", 7, 8, -9, 1)),
            **PADDED,
        ),
        pcd("ascii", b"1.5 97 98 99 7 8 -9 1\n", **PADDED),
    ],
)
def test_padding_and_fields_of_several_values_are_stepped_over(tmp_path, content):
    columns = read(tmp_path, content)
    assert columns["x"].tolist() == [1.5]
    assert columns["label"].tolist() == [-9]
    assert "fpfh" not in columns


def test_missing_returns_of_an_organised_cloud_stay_nan(tmp_path):
    columns = read(tmp_path, pcd("ascii", b"nan nan nan 0\n1 2 3 5\n"))
    assert np.isnan(columns["x"]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no DATA line"),
        (b"ply\n", "malformed header line"),
        (pcd("ascii", ASCII)[:60], "no DATA line"),
        (b"# " + b"a" * 100_000, "no DATA line"),
        (pcd("ascii", ASCII, FIELDS=None), "no FIELDS"),
        (pcd("ascii", ASCII, SIZE=None), "no SIZE"),
        (pcd("ascii", ASCII, TYPE=None), "no TYPE"),
        (pcd("ascii", ASCII, FIELDS="", SIZE="", TYPE="", COUNT=""), "do not fit"),
        (pcd("ascii", ASCII, SIZE="4 4 4"), "do not fit"),
        (pcd("ascii", ASCII, COUNT="1 1 1 0"), "do not fit"),
        (pcd("ascii", ASCII, COUNT="1 1 1 99999999"), "do not fit"),
        (pcd("ascii", ASCII, COUNT="1 1 1 -1"), "malformed header line"),
        (pcd("ascii", ASCII, SIZE="4 4 4 3"), "PCD lacks"),
        (pcd("ascii", ASCII, TYPE="F F F X"), "PCD lacks"),
        (pcd("ascii", ASCII, FIELDS="x y x label"), "twice"),
        (pcd("ascii", ASCII, WIDTH="two"), "malformed header line"),
        (pcd("ascii", ASCII, WIDTH="1 1"), "one number each"),
        (pcd("ascii", ASCII, POINTS="3"), "WIDTH x HEIGHT is 2"),
        (pcd("ascii", ASCII, WIDTH=None, POINTS=None), "neither"),
        (pcd("ascii", b"", WIDTH="0", POINTS="0"), "no points"),
        (pcd("ascii", ASCII, VERSION="0.7\nVERSION 0.7"), "malformed header line"),
        (pcd("gzip", ASCII), "does not know"),
        (pcd("", ASCII), "does not know"),
        (pcd("ascii", b"1 2 3 5\n"), "announced"),
        (pcd("ascii", ASCII.replace(b"40", b"forty")), "malformed"),
        (pcd("ascii", b"1 2 3\n1 2 3\n     "), "found"),
        (pcd("binary", BODY[:-1]), "only 27 bytes follow"),
        (pcd("binary", BODY, WIDTH="99999999999", POINTS="99999999999"), "only 28 bytes"),
        (pcd("ascii", ASCII, WIDTH="99999999999", POINTS="99999999999"), "bytes follow"),
        (pcd("binary_compressed", b"\x01\x00\x00"), "ends before"),
        (pcd("binary_compressed", compressed(by_field())[:-1]), "compressed bytes announced"),
        (pcd("binary_compressed", compressed(by_field(), size=29)), "do not unpack to 29"),
        (pcd("binary_compressed", compressed(by_field(), packed=b"\x00a")), "does not unpack"),
        (
            pcd(
                "binary_compressed",
                compressed(b"", size=1_400_000_000, packed=b"\x00a"),
                WIDTH="100000000",
                POINTS="100000000",
            ),
            "do not unpack",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_a_malformed_file_is_refused_without_taking_memory_for_its_claims(
    tmp_path, content, message
):
    path = tmp_path / "cloud.pcd"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message):
            read_pcd(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


# LZF


@pytest.mark.parametrize(
    ("packed", "data"),
    [
        (b"", b""),
        (b"\x00a", b"a"),
        (b"\x02abc", b"abc"),
        (b"\x02abc\x20\x02", b"abcabc"),  # length 1 + 2, distance 2 + 1
        (b"\x00a\x40\x00", b"aaaaa"),  # overlaps itself: length 2 + 2, distance 1
        (b"\x01ab\xe0\x00\x01", b"ab" + b"ababababa"),  # length 7 + 0 + 2
        (b"\x00a\xe0\xff\x00", b"a" * 265),  # the longest: 7 + 255 + 2
    ],
)
def test_lzf_by_hand(packed, data):
    assert decompress_lzf(packed, len(data)) == data


@given(st.one_of(st.binary(max_size=600), st.text("ab", max_size=700).map(str.encode)))
def test_lzf_unpacks_what_was_packed(data):
    assert decompress_lzf(pack_lzf(data), len(data)) == data


def test_lzf_reaches_back_its_whole_window():
    data = bytes(range(256)) * 33
    assert decompress_lzf(pack_lzf(data[:300]), 300) == data[:300]
    literal = b"".join(b"\x1f" + data[i : i + 32] for i in range(0, 8192, 32))
    assert decompress_lzf(literal + b"\x3f\xff", 8195) == data[:8192] + data[:3]


@pytest.mark.parametrize(
    ("packed", "size"),
    [
        (b"\x02ab", 3),  # literals cut short
        (b"\x20\x00", 3),  # refers to before the beginning
        (b"\x00a\x20\x05", 4),
        (b"\x00a\x20", 4),  # a repeat cut short
        (b"\x00a\xe0", 10),
        (b"\x00a\xe0\x01", 11),
        (b"\x02abc", 2),  # more than announced
        (b"\x02abc", 4),  # less
        (b"\x00a\xe0\xff\x00" * 1000, 5),  # much more
    ],
)
def test_malformed_lzf_is_refused(packed, size):
    with pytest.raises(InputError):
        decompress_lzf(packed, size)


@given(st.binary(max_size=200), st.integers(0, 3000))
def test_any_bytes_are_unpacked_or_refused(packed, size):
    try:
        assert len(decompress_lzf(packed, size)) == size
    except InputError as error:
        assert "compressed data" in str(error)  # noqa: PT017
