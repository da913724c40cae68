"""Reads .npz archives of arrays that come from outside, with every size checked first.

`numpy.load` takes the memory that a header asks for, before it looks whether the data is there.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from mtml_ros.errors import InputError

_DEFLATE_BEST_RATIO = 1032  # zlib's technical notes, "maximum compression factor"
_MAX_HEADER_BYTES = 10_000
_BLOCK = 1 << 24
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # all that numpy writes


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
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"is no readable .npz archive: {error}") from None


def _read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, available: int) -> np.ndarray:
    if info.compress_type not in _METHODS or info.flag_bits & 1:
        raise InputError(
            f"array {info.filename!r} is encrypted or packed in a way that numpy never does"
        )
    with archive.open(info) as file:
        try:
            shape, fortran_order, dtype = _read_header(file)
        except (ValueError, SyntaxError, TypeError, KeyError, MemoryError) as error:
            raise InputError(f"array {info.filename!r} has a malformed header: {error}") from None
        if dtype.hasobject or dtype.itemsize == 0 or dtype.names or dtype.subdtype:
            raise InputError(f"array {info.filename!r} is no array of numbers ({dtype})")
        size = dtype.itemsize
        for length in shape:
            size *= length
        if size > _DEFLATE_BEST_RATIO * min(info.compress_size, available):
            raise InputError(
                f"array {info.filename!r} of shape {shape} cannot be in {info.compress_size} bytes"
            )
        data = bytearray()
        while block := file.read(_BLOCK):  # to the end, where zipfile compares the checksum
            data += block
            if len(data) > size:
                break
    if len(data) != size:
        raise InputError(
            f"array {info.filename!r} of shape {shape} needs {size} bytes, has not as many"
        )
    values: np.ndarray = np.frombuffer(data, dtype) if size else np.empty(0, dtype)
    return values.reshape(shape, order="F" if fortran_order else "C")


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        header = np.lib.format.read_array_header_1_0(file, max_header_size=_MAX_HEADER_BYTES)
    elif version == (2, 0):
        header = np.lib.format.read_array_header_2_0(file, max_header_size=_MAX_HEADER_BYTES)
    else:
        raise ValueError(f"version {version} of the format, known are (1, 0) and (2, 0)")
    shape = header[0]
    if any(type(length) is not int or length < 0 for length in shape):
        raise ValueError(f"shape {shape}")
    return header
