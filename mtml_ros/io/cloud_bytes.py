"""A PointCloud2 as it came over the wire, its data where they lie.

What rclpy makes of the bytes copies the data three times and holds up the whole interpreter
meanwhile: seconds for a cloud of ten million points on a loaded machine. Here a view is enough.
The layout is plain CDR (OMG DDSI-RTPS 2.5, section 10.5; XCDR1 of DDS-XTypes 1.3, section 7.4).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

PLAIN_CDR = {b"\0\0": ">", b"\0\1": "<"}
"""Representations that are read here, and their byte order."""

MAX_FIELDS = 256


@dataclass(frozen=True)
class Stamp:
    """builtin_interfaces/Time."""

    sec: int
    nanosec: int


@dataclass(frozen=True)
class Header:
    """std_msgs/Header."""

    stamp: Stamp
    frame_id: str


@dataclass(frozen=True)
class Field:
    """sensor_msgs/PointField."""

    name: str
    offset: int
    datatype: int
    count: int


@dataclass(frozen=True)
class CloudView:
    """sensor_msgs/PointCloud2, its data a view of the bytes that it was read from."""

    header: Header
    height: int
    width: int
    fields: list[Field]
    is_bigendian: bool
    point_step: int
    row_step: int
    data: memoryview
    is_dense: bool


def view_cloud(content: bytes) -> CloudView | None:
    """The message in its serialized form; None for what is not plainly one, which may be a message
    all the same: ask rclpy."""
    order = PLAIN_CDR.get(content[:2])
    if order is None:
        return None
    try:
        return _Reader(content, order).cloud()
    except (struct.error, ValueError):  # it ends too early, holds no UTF-8, too many fields
        return None


class _Reader:
    """Takes value after value; alignment counts from behind the four bytes of the encapsulation."""

    def __init__(self, content: bytes, order: str) -> None:
        self._content = content
        self._order = order
        self._at = 4

    def cloud(self) -> CloudView:
        header = Header(Stamp(self._whole("i"), self._whole("I")), self._text())
        height, width, num_fields = self._whole("I"), self._whole("I"), self._whole("I")
        if num_fields > MAX_FIELDS:
            raise ValueError(f"{num_fields} fields")
        fields = [self._field() for _ in range(num_fields)]
        big, point_step, row_step = self._flag(), self._whole("I"), self._whole("I")
        data = self._bytes(self._whole("I"))
        dense = self._flag()
        return CloudView(header, height, width, fields, big, point_step, row_step, data, dense)

    def _field(self) -> Field:
        return Field(self._text(), self._whole("I"), self._bytes(1)[0], self._whole("I"))

    def _whole(self, kind: str) -> int:
        self._at += -self._at % 4
        value: int = struct.unpack_from(self._order + kind, self._content, self._at)[0]
        self._at += 4
        return value

    def _flag(self) -> bool:
        value = self._bytes(1)[0]
        if value > 1:
            raise ValueError("no bool")
        return bool(value)

    def _text(self) -> str:
        content = bytes(self._bytes(self._whole("I")))
        if content[-1:] != b"\0" or b"\0" in content[:-1]:
            raise ValueError("no text")
        return content[:-1].decode("utf-8")

    def _bytes(self, size: int) -> memoryview:
        start, self._at = self._at, self._at + size
        if self._at > len(self._content):
            raise ValueError("it ends too early")
        return memoryview(self._content)[start : self._at]
