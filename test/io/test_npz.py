"""Archives of arrays: those that numpy writes, and those that somebody means harm with."""

import io
import pickle
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.io.npz import read_npz


def header(text, version=b"\x01\x00"):
    text = text.encode() + b" " * 10 + b"\n"
    length = len(text).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + version + length + text


def describe(descr="'<f4'", order="False", shape="(2, 3)", version=b"\x01\x00"):
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}", version)


def archive(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def saved(array):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
        np.arange(6, dtype=">i2"),
        np.array([True, False]),
        np.zeros((0, 3), np.float32),
        np.array(5),
        np.zeros((300, 400)),  # compresses 1000 to 1
    ],
    ids=str,
)
def test_arrays_come_back_as_numpy_wrote_them(tmp_path, save, array):
    save(tmp_path / "a.npz", xyz=array, other=np.arange(3))
    back = read_npz(tmp_path / "a.npz", ["xyz", "label"])
    assert list(back) == ["xyz"]
    assert back["xyz"].dtype == array.dtype
    assert back["xyz"].shape == array.shape
    assert np.array_equal(back["xyz"], array)


def test_the_newer_header_is_read(tmp_path):
    content = describe(shape="(2,)", version=b"\x02\x00") + np.float32([1.5, 2.5]).tobytes()
    assert read_npz(archive(tmp_path / "a.npz", [("xyz.npy", content)]), ["xyz"])[
        "xyz"
    ].tolist() == [1.5, 2.5]


class Explosive:
    """Runs code as soon as it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


BODY = np.zeros(6, np.float32).tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (saved(np.array([Explosive()], dtype=object)), "no plain array"),
        (pickle.dumps(Explosive()), "no .npy array"),
        (describe(descr="'|O'") + BODY, "no plain array"),
        (describe(descr="'|O8'") + BODY, "no plain array"),
        (describe(descr="[('a', '<f4')]") + BODY, "no plain array"),
        (describe(descr="'|V0'") + BODY, "no plain array"),
        (describe(descr="('<f4', (3,))") + BODY, "no plain array"),
        (describe(descr="'<f99'") + BODY, "malformed header"),
        (describe(descr="'<f0'") + BODY, "malformed header"),
        (describe(shape="(-2, -3)") + BODY, "no plain array"),
        (describe(shape="(2.0, 3)") + BODY, "no plain array"),
        (describe(shape="(True, 6)") + BODY, "no plain array"),
        (describe(shape="[2, 3]") + BODY, "no plain array"),
        (describe(shape="(2 3, 1)") + BODY, "malformed header"),
        (describe(shape=f"({'9' * 5000},)") + BODY, "malformed header|cannot be in"),
        (header("{'shape': (2, 3)}") + BODY, "no plain array"),
        (header("__import__('os')") + BODY, "no plain array"),
        (header("(" * 5000) + BODY, "no plain array"),
        (describe(version=b"\x09\x00") + BODY, "no .npy array"),
        (b"", "no .npy array"),
        (b"\x93NUMPY\x01\x00", "no .npy array"),
        (b"\x93NUMPY\x01\x00\x50\x00{", "no plain array"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{", "no .npy array"),
        # sizes: too large, overflowing 64 bits, more or less than follows
        (describe(shape="(1000000000, 3)") + BODY, "cannot be in"),
        (describe(shape="(4294967296, 4294967296, 4294967296)") + BODY, "cannot be in"),
        (describe(shape="(3, 3)") + BODY, "needs 36 bytes"),
        (describe(shape="(1, 3)") + BODY, "needs 12 bytes"),
        (describe(shape="(0, 3)") + BODY, "needs 0 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "array",
)
def test_a_malicious_array_is_refused_without_taking_memory_for_its_claims(
    tmp_path, content, message
):
    path = archive(tmp_path / "a.npz", [("xyz.npy", content)])
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message):
            read_npz(path, ["xyz"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_what_unpacks_to_far_more_than_its_header_says_is_not_unpacked(tmp_path):
    content = describe() + bytes(300_000_000)
    path = archive(tmp_path / "a.npz", [("xyz.npy", content)], zipfile.ZIP_DEFLATED)
    del content
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="needs 24 bytes"):
            read_npz(path, ["xyz"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000


def test_arrays_that_are_not_asked_for_are_not_touched(tmp_path):
    path = archive(
        tmp_path / "a.npz",
        [("xyz.npy", saved(np.zeros((1, 3)))), ("meta.npy", saved(np.array([Explosive()])))],
    )
    assert list(read_npz(path, ["xyz"])) == ["xyz"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_whose_ratio_has_no_bound_are_refused(tmp_path, method):
    path = archive(tmp_path / "a.npz", [("xyz.npy", saved(np.zeros((1, 3))))], method)
    with pytest.raises(InputError, match="packed in a way"):
        read_npz(path, ["xyz"])


def test_two_arrays_of_one_name_are_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = archive(tmp_path / "a.npz", [("xyz.npy", saved(np.zeros((1, 3))))] * 2)
    with pytest.raises(InputError, match="two arrays"):
        read_npz(path, ["xyz"])


def test_a_damaged_archive_is_refused_wherever_the_damage_is(tmp_path):
    """Every byte once inverted: the array is refused, or was not touched by it."""
    path = tmp_path / "a.npz"
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez_compressed(path, xyz=array)
    whole = path.read_bytes()
    refused = 0
    for i in range(len(whole)):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :])
        try:
            back = read_npz(path, ["xyz"])
        except (InputError, OSError):  # an offset before the file's beginning
            refused += 1
        else:  # a byte that means nothing here (a date), or the member's name
            assert "xyz" not in back or np.array_equal(back["xyz"], array)
    assert refused > len(whole) / 3
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError):
            read_npz(path, ["xyz"])


def test_the_bound_on_deflate_is_one_that_zlib_keeps():
    assert len(bytes(10**7)) / len(zlib.compress(bytes(10**7), 9)) <= 1032
