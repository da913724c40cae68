"""Reads and writes the vertices of PLY files (ascii, binary of either byte order).

The format: Greg Turk, "The PLY Polygon File Format", 1994. An own reader, because the common
library is under the GPL and takes memory for what a header claims before it looks at the file.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mtml_ros.core.errors import InputError

_MAX_HEADER_BYTES = 1 << 20
_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2",
    "int": "i4", "uint": "u4", "float": "f4", "double": "f8",
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2",
    "int32": "i4", "uint32": "u4", "float32": "f4", "float64": "f8",
}  # fmt: skip
_NAMES = {code: name for name, code in list(_TYPES.items())[:8]}
_BYTE_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}


@dataclass
class _Element:
    name: str
    count: int
    properties: list[tuple[str, str]] = field(default_factory=list)  # (name, numpy type)
    has_list: bool = False

    def dtype(self, byte_order: str) -> np.dtype:
        return np.dtype([(name, byte_order + code) for name, code in self.properties])


def read_ply(path: Path) -> dict[str, np.ndarray]:
    """The properties of the element "vertex", each (N,), in the file's types (ascii: float64).

    Raises InputError where the file is malformed; takes no more memory than the file's size asks.
    """
    with path.open("rb") as file:
        byte_order, elements = _read_header(file)
        vertex = elements[-1]
        if not vertex.count or not vertex.properties:
            raise InputError("has no points")
        remaining = os.fstat(file.fileno()).st_size - file.tell()
        if byte_order == "=":
            for element in elements[:-1]:
                next(islice(file, element.count, element.count), None)
            return read_table(
                file, [name for name, _ in vertex.properties], vertex.count, remaining
            )
        for element in elements[:-1]:
            if element.has_list:
                raise InputError(
                    f"element {element.name!r} with a list stands before the vertices; "
                    "save it again with the vertices first"
                )
            size = element.count * element.dtype(byte_order).itemsize
            remaining -= size
            if remaining < 0:
                raise InputError(f"ends within its {element.count} elements {element.name!r}")
            file.seek(size, os.SEEK_CUR)
        return read_records(file, vertex.dtype(byte_order), vertex.count, remaining)


def read_records(
    file: BinaryIO, dtype: np.dtype, count: int, remaining: int
) -> dict[str, np.ndarray]:
    """(count,) arrays of a structured dtype's fields; `remaining`: bytes that the file has left."""
    if count * dtype.itemsize > remaining:
        raise InputError(
            f"{count} points of {dtype.itemsize} bytes announced, but only {remaining} bytes follow"
        )
    records = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    return {name: records[name] for name in dtype.names or ()}


def read_table(
    lines: BinaryIO, names: list[str], count: int, remaining: int
) -> dict[str, np.ndarray]:
    """(count,) float64 columns of a text table, one point a line; names may repeat or be unused."""
    # each value takes a digit and a separator; the last separator may be missing
    if 2 * count * len(names) > remaining + 1:
        raise InputError(f"{count} points announced, but only {remaining} bytes follow")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "no data": refused below
            table = np.loadtxt(_ascii(lines), np.float64, comments=None, max_rows=count, ndmin=2)
    except (ValueError, OverflowError) as error:
        raise InputError(f"a value or a line of the points is malformed: {error}") from None
    if table.shape != (count, len(names)):
        raise InputError(
            f"{count} points of {len(names)} values announced, {table.shape[0]} of "
            f"{table.shape[1]} found"
        )
    return dict(zip(names, table.T))


def _ascii(lines: BinaryIO) -> Iterator[str]:
    for line in lines:
        yield line.decode("latin-1")


def write_ply(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Writes columns, each (N,), as the vertices of a binary little-endian PLY file."""
    codes = {name: column.dtype.str[1:] for name, column in columns.items()}
    count = len(next(iter(columns.values())))
    properties = "".join(f"property {_NAMES[code]} {name}\n" for name, code in codes.items())
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {count}\n{properties}end_header\n"
    )
    with path.open("wb") as file:
        file.write(header.encode("ascii"))
        _records(columns, count, "<").tofile(file)


def extend_ply(source: Path, target: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Writes `source` again with columns, each (N,), among its vertices' properties.

    Those that it has already, also as CloudCompare's "scalar_" name, are replaced, the others come
    last; all else stays as it is: format, comments, other properties, other elements (faces).
    Raises InputError as `read_ply` does.
    """
    with source.open("rb") as file:
        byte_order, elements = _read_header(file)
        end = file.tell()
        file.seek(0)
        header = file.read(end).decode("latin-1").splitlines()
        vertex = elements[-1]
        given = read_ply(source)
        names = [name for name, _ in vertex.properties]
        replaced = {name for name in names if name.removeprefix("scalar_").lower() in columns}
        kept = {name: given[name] for name in names if name not in replaced}
        start = header.index(next(line for line in header if line.split()[:2] == _VERTEX)) + 1
        stop = start + len(vertex.properties)
        header[start:stop] = [
            *(line for line in header[start:stop] if line.split()[-1] not in replaced),
            *(f"property {_NAMES[c.dtype.str[1:]]} {name}" for name, c in columns.items()),
        ]
        with target.open("wb") as out:
            out.write(("\n".join(header) + "\n").encode("latin-1"))
            _copy_elements_before(file, out, elements[:-1], byte_order)
            if byte_order == "=":
                _extend_lines(file, out, vertex, replaced, columns)
            else:
                skip = vertex.count * vertex.dtype(byte_order).itemsize
                file.seek(skip, os.SEEK_CUR)
                _records({**kept, **columns}, vertex.count, byte_order).tofile(out)
            shutil.copyfileobj(file, out)


_VERTEX = ["element", "vertex"]


def _copy_elements_before(
    file: BinaryIO, out: BinaryIO, elements: list[_Element], byte_order: str
) -> None:
    for element in elements:
        if byte_order == "=":
            out.writelines(islice(file, element.count))
        else:
            out.write(file.read(element.count * element.dtype(byte_order).itemsize))


def _extend_lines(
    file: BinaryIO,
    out: BinaryIO,
    vertex: _Element,
    replaced: set[str],
    columns: Mapping[str, np.ndarray],
) -> None:
    """The vertices of an ascii file, each value that stays in the very digits it had."""
    stay = [i for i, (name, _) in enumerate(vertex.properties) if name not in replaced]
    new = zip(*(column.tolist() for column in columns.values()))
    for line, values in zip(islice(file, vertex.count), new):
        words = line.decode("latin-1").split()
        out.write((" ".join([*(words[i] for i in stay), *map(str, values)]) + "\n").encode())


def _records(columns: Mapping[str, np.ndarray], count: int, byte_order: str) -> np.ndarray:
    codes = [(name, byte_order + column.dtype.str[1:]) for name, column in columns.items()]
    records = np.empty(count, np.dtype(codes))
    for name, column in columns.items():
        records[name] = column
    return records


def _read_header(file: BinaryIO) -> tuple[str, list[_Element]]:
    """Byte order and the elements up to and with "vertex"; leaves the file at the first datum."""
    if file.readline(16).strip() != b"ply":
        raise InputError("is no PLY file: its first line is not 'ply'")
    byte_order = None
    elements: list[_Element] = []
    while file.tell() < _MAX_HEADER_BYTES:
        line = file.readline(_MAX_HEADER_BYTES).decode("latin-1")
        words = line.split()
        match words:
            case ["end_header"]:
                break
            case ["format", name, "1.0"] if name in _BYTE_ORDERS and byte_order is None:
                byte_order = _BYTE_ORDERS[name]
            case ["element", name, count] if count.isdecimal() and len(count) < 19:
                elements.append(_Element(name, int(count)))
            case ["property", "list", counts, items, _] if (
                elements and counts in _TYPES and items in _TYPES
            ):
                elements[-1].has_list = True
            case ["property", type_, name] if elements and type_ in _TYPES:
                if any(name == known for known, _ in elements[-1].properties):
                    raise InputError(f"property {name!r} is declared twice")
                elements[-1].properties.append((name, _TYPES[type_]))
            case ["comment" | "obj_info", *_]:
                pass
            case _:
                raise InputError(
                    f"has a malformed header line: {line[:80].strip()!r}"
                    if line.endswith("\n")
                    else "ends within its header"
                )
    else:
        raise InputError(f"has a header of more than {_MAX_HEADER_BYTES} bytes")
    if byte_order is None:
        raise InputError("has no 'format' line in its header")
    names = [element.name for element in elements]
    if "vertex" not in names:
        raise InputError("has no element 'vertex'")
    vertex = names.index("vertex")
    if elements[vertex].has_list:
        raise InputError("has lists among its vertices' properties; save it without them")
    return byte_order, elements[: vertex + 1]
