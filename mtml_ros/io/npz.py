"""Reads .npz archives of arrays that come from outside, with every size checked first.

`numpy.load` takes the memory that a header asks for, before it looks whether the data is there.
"""

from __future__ import annotations

import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from mtml_ros.core.errors import InputError

_DEFLATE_BEST_RATIO = 1032  # zlib's technical notes, "maximum compression factor"
_MAX_HEADER_BYTES = 10_000
_BLOCK = 1 << 24
_HEADER = re.compile(
    r"\{\s*'descr':\s*'([<>|=]?[biuf]\d{1,2})',\s*'fortran_order':\s*(True|False),"
    r"\s*'shape':\s*\(([\d,\s]*)\),?\s*\}\s*"
)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # all that numpy writes
# what zipfile was seen to raise, or says it does, on damaged archives; it has no root of its own
_ZIPFILE_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, LookupError, OverflowError,
    RuntimeError, ValueError,
)  # fmt: skip


def npz_names(path: Path) -> list[str]:
    """The names of the archive's arrays; InputError where it is malformed."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
    except _ZIPFILE_ERRORS as error:
        raise InputError(f"is no readable .npz archive: {error}") from None


def read_npz(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Those of the named arrays that the archive has. Never unpickles.

    Raises InputError where it is malformed, or an array announces more than its bytes can hold.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            present = {info.filename: info for info in archive.infolist()}
            if len(present) != len(archive.infolist()):
                raise InputError("has two arrays of one name")
            return {
                name: _read_array(archive, present[f"{name}.npy"], path.stat().st_size)
                for name in names
                if f"{name}.npy" in present
            }
    except _ZIPFILE_ERRORS as error:
        raise InputError(f"is no readable .npz archive: {error}") from None


def _read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, available: int) -> np.ndarray:
    where = f"array {info.filename!r}"
    if info.compress_type not in _METHODS or info.flag_bits & 1:
        raise InputError(f"{where} is encrypted or packed in a way that numpy never does")
    with archive.open(info) as file:
        dtype, fortran_order, shape = _read_header(file, where)
        size = dtype.itemsize * math.prod(shape)  # Python's integers: no overflow
        if size > _DEFLATE_BEST_RATIO * min(info.compress_size, available):
            raise InputError(f"{where} of shape {shape} cannot be in {info.compress_size} bytes")
        data = bytearray()
        while block := file.read(_BLOCK):  # to the end, where zipfile compares the checksum
            data += block
            if len(data) > size:
                break
    if len(data) != size:
        raise InputError(f"{where} of shape {shape} needs {size} bytes, has not as many")
    values: np.ndarray = np.frombuffer(data, dtype) if size else np.empty(0, dtype)
    return values.reshape(shape, order="F" if fortran_order else "C")


def _read_header(file: IO[bytes], where: str) -> tuple[np.dtype, bool, tuple[int, ...]]:
    """Type, order and shape; own code, since numpy evaluates the header as a Python expression."""
    start = file.read(8)
    length_bytes = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}.get(start, 0)
    length = int.from_bytes(file.read(length_bytes), "little")
    if not 0 < length <= _MAX_HEADER_BYTES:
        raise InputError(f"{where} is no .npy array of format 1.0 or 2.0")
    header = _HEADER.fullmatch(file.read(length).decode("latin-1"))
    if header is None:
        raise InputError(f"{where} is no plain array of numbers")
    descr, order, shape = header.groups()
    try:
        lengths = tuple(int(n) for n in shape.split(",") if n.strip())
        return np.dtype(descr), order == "True", lengths
    except (TypeError, ValueError):
        raise InputError(f"{where} has a malformed header: {header.group()[:80]!r}") from None
