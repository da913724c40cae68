"""Reads PCD files, the Point Cloud Library's: ascii, binary and binary_compressed.

The format: pointclouds.org/documentation/tutorials/pcd_file_format.html, version 0.7. The
compression is Marc Lehmann's LZF, over the fields one after the other.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.io.ply import read_records, read_table

_MAX_LINE_BYTES = 1 << 16
_KEYS = ("VERSION", "FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS")
_TYPES = {
    (kind, size): code + size
    for kind, code, sizes in (("I", "i", "1248"), ("U", "u", "1248"), ("F", "f", "48"))
    for size in sizes
}
_LZF_BEST_RATIO = 88  # three bytes stand for at most 264


def read_pcd(path: Path) -> dict[str, np.ndarray]:
    """The fields with one value a point, each (N,), in the file's types (ascii: float64).

    VIEWPOINT is ignored, as PCL's own readers do: points are given as they are stored.
    Raises InputError where the file is malformed; takes no more memory than the file's size asks
    (binary_compressed: 88 times that, LZF's best ratio).
    """
    with path.open("rb") as file:
        header = _read_header(file)
        count = _point_count(header)
        names, dtype = _fields(header)
        remaining = os.fstat(file.fileno()).st_size - file.tell()
        if header["DATA"] == ["ascii"]:
            columns = [n for name in names for n in [name] * _width(dtype[name])]
            table = read_table(file, columns, count, remaining)
        elif header["DATA"] == ["binary"]:
            table = read_records(file, dtype, count, remaining)
        elif header["DATA"] == ["binary_compressed"]:
            table = _read_compressed(file, dtype, count, remaining)
        else:
            raise InputError(f"has DATA {' '.join(header['DATA'])!r}, which PCD does not know")
    return {name: table[name] for name in names if dtype[name].shape == ()}


def _read_header(file: BinaryIO) -> dict[str, list[str]]:
    header: dict[str, list[str]] = {}
    while "DATA" not in header:
        line = file.readline(_MAX_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise InputError("is no PCD file, or ends within its header: no DATA line")
        words = line.decode("latin-1").split()
        if not words or words[0].startswith("#"):
            continue
        key = {"COLUMNS": "FIELDS"}.get(words[0], words[0])  # the name before version 0.5
        if key not in (*_KEYS, "DATA") or key in header:
            raise InputError(f"has a malformed header line: {line[:80]!r}")
        header[key] = words[1:]
    missing = [k for k in ("FIELDS", "SIZE", "TYPE") if k not in header]
    if missing:
        raise InputError(f"has no {missing[0]} line in its header")
    return header


def _integers(header: dict[str, list[str]], key: str) -> list[int]:
    words = header[key]
    if not all(w.isdecimal() and len(w) < 19 for w in words):
        raise InputError(f"has a malformed header line: {key} {' '.join(words)[:60]}")
    return [int(w) for w in words]


def _point_count(header: dict[str, list[str]]) -> int:
    sizes = {k: _integers(header, k) for k in ("WIDTH", "HEIGHT", "POINTS") if k in header}
    if any(len(v) != 1 for v in sizes.values()):
        raise InputError("must have one number each in WIDTH, HEIGHT and POINTS")
    if "WIDTH" not in sizes:
        if "POINTS" not in sizes:
            raise InputError("says in neither WIDTH nor POINTS how many points it has")
        sizes["WIDTH"] = sizes["POINTS"]
    count = sizes["WIDTH"][0] * sizes.get("HEIGHT", [1])[0]
    if count == 0:
        raise InputError("has no points")
    if sizes.get("POINTS", [count]) != [count]:
        raise InputError(f"has POINTS {sizes['POINTS'][0]}, but WIDTH x HEIGHT is {count}")
    return count


def _fields(header: dict[str, list[str]]) -> tuple[list[str], np.dtype]:
    """Names of the fields and their structured dtype; padding ('_') gets names of its own."""
    counts = _integers(header, "COUNT") if "COUNT" in header else [1] * len(header["FIELDS"])
    lengths = {len(header["FIELDS"]), len(header["SIZE"]), len(header["TYPE"]), len(counts)}
    if len(lengths) != 1 or 0 in {*counts, *lengths} or sum(counts) > _MAX_LINE_BYTES:
        raise InputError("has FIELDS, SIZE, TYPE and COUNT lines that do not fit each other")
    names = [f"_{i}" if n == "_" else n for i, n in enumerate(header["FIELDS"])]
    if len(set(names)) != len(names):
        raise InputError(f"has a field twice: {' '.join(names)[:80]}")
    columns: list[tuple[str, str, tuple[int, ...]]] = []
    for name, kind, size, n in zip(names, header["TYPE"], header["SIZE"], counts):
        if (kind, size) not in _TYPES:
            raise InputError(f"field {name!r} has TYPE {kind} and SIZE {size}, which PCD lacks")
        columns.append((name, "<" + _TYPES[kind, size], () if n == 1 else (n,)))
    return names, np.dtype(columns)


def _width(dtype: np.dtype) -> int:
    return int(np.prod(dtype.shape, dtype=np.int64))


def _read_compressed(
    file: BinaryIO, dtype: np.dtype, count: int, remaining: int
) -> dict[str, np.ndarray]:
    if remaining < 8:
        raise InputError("ends before its compressed data")
    compressed, size = np.frombuffer(file.read(8), "<u4").tolist()
    if compressed > remaining - 8:
        raise InputError(f"{compressed} compressed bytes announced, {remaining - 8} follow")
    if size != count * dtype.itemsize or size > _LZF_BEST_RATIO * compressed:
        raise InputError(f"{count} points of {dtype.itemsize} bytes do not unpack to {size} bytes")
    data = decompress_lzf(file.read(compressed), size)
    table, start = {}, 0
    for name in dtype.names or ():
        end = start + count * dtype[name].itemsize
        values = count * _width(dtype[name])
        table[name] = np.frombuffer(data, dtype[name].base, values, start)
        start = end
    return table


def decompress_lzf(data: bytes, size: int) -> bytes:
    """The `size` bytes that LZF data stands for; InputError if it stands for anything else.

    A control byte c below 32 is followed by c + 1 literal bytes. Any other repeats earlier output:
    its upper three bits are the length less 2 (7: one more byte is added), its lower five and the
    next byte the distance less 1.
    """
    out = bytearray()
    at, end = 0, len(data)
    try:
        while at < end:
            control = data[at]
            at += 1
            if control < 32:
                out += data[at : at + control + 1]
                at += control + 1
            else:
                length = (control >> 5) + 2
                if length == 9:
                    length += data[at]
                    at += 1
                distance = ((control & 31) << 8) + data[at] + 1
                at += 1
                start = len(out) - distance
                if start < 0:
                    raise InputError("has compressed data that refers to before its beginning")
                if distance >= length:
                    out += out[start : start + length]
                else:  # the repeat overlaps what it writes: a pattern of `distance` bytes
                    out += (out[start:] * (length // distance + 1))[:length]
            if len(out) > size:
                break
    except IndexError:
        raise InputError("has compressed data that ends within a repeat") from None
    if len(out) != size or at != end:
        raise InputError(f"has compressed data that does not unpack to its {size} bytes")
    return bytes(out)
