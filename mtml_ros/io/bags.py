"""Reads rosbag2 recordings (sqlite3, mcap) and ROS 1's, without ROS."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import QosDurability
from rosbags.rosbag2 import ReaderError
from rosbags.typesys import Stores, get_typestore

from mtml_ros.core.errors import InputError

# what rosbags was seen to raise on damaged files beside its own errors
_ERRORS = (
    AnyReaderError, ReaderError, OSError, sqlite3.Error, ValueError, LookupError, AssertionError,
    TypeError, AttributeError, EOFError, RuntimeError,
)  # fmt: skip


class Bag:
    """A recording that is open for reading: a context manager.

    path: the folder of a rosbag2, one of its .mcap or .db3 files, or a .bag of ROS 1.
    topics: name to (type, number of messages). latched: those whose publishers keep their last
    message for who comes later. Raises InputError, naming the file, for what is missing, damaged,
    or no recording.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.topics: dict[str, tuple[str, int]] = {}
        self.latched: set[str] = set()
        self._open = False
        if not path.exists():
            raise InputError(f"{path}: there is no such bag")

    def __enter__(self) -> Bag:
        try:
            self._reader = AnyReader(
                [self.path], default_typestore=get_typestore(Stores.ROS2_JAZZY)
            )
            self._reader.open()
        except _ERRORS as error:
            raise InputError(f"{self.path}: is no readable bag: {error}") from None
        self._open = True
        for c in self._reader.connections:
            known = self.topics.get(c.topic, (c.msgtype, 0))[1]
            self.topics[c.topic] = (c.msgtype, known + c.msgcount)
            if _is_latched(c.ext):
                self.latched.add(c.topic)
        return self

    def __exit__(self, *raised: object) -> None:
        if self._open:
            self._reader.close()

    def require(self, topic: str, type_: str) -> None:
        """Raises InputError, listing the topics that there are, where this one is not of type_."""
        there = self.topics.get(topic)
        if there is None or there[0] != type_ or not there[1]:
            listed = ", ".join(
                f"{name} ({kind}, {count})" for name, (kind, count) in sorted(self.topics.items())
            )
            what = "is not in the bag" if there is None else f"is {there[1]} times {there[0]}"
            raise InputError(
                f"{self.path}: the topic {topic} {what}, must be {type_}; there are: "
                f"{listed or 'no topics'}"
            )

    def count(self, topics: Sequence[str]) -> int:
        """How many messages these topics hold together."""
        return sum(self.topics.get(topic, ("", 0))[1] for topic in topics)

    def messages(self, topics: Sequence[str]) -> Iterator[tuple[str, int, Any]]:
        """(topic, nanoseconds when it was recorded, message) of these topics, in that order.

        A message has the fields of its ROS type as attributes, arrays as numpy's.
        Raises InputError where the bag ends in the middle, or a message is malformed.
        """
        for connection, when, raw in self._raw(topics):
            try:
                message = self._reader.deserialize(raw, connection.msgtype)
            except _ERRORS as error:
                raise self._damaged(error) from None
            yield connection.topic, when, message

    def serialized(self, topics: Sequence[str]) -> Iterator[tuple[str, int, bytes]]:
        """As `messages`, with each message as the bytes (CDR) that a ROS 2 publisher sends."""
        store = get_typestore(Stores.ROS2_JAZZY)
        for connection, when, raw in self._raw(topics):
            if self._reader.is2:
                yield connection.topic, when, bytes(raw)
                continue
            try:
                message = self._reader.deserialize(raw, connection.msgtype)
                data = store.serialize_cdr(message, connection.msgtype)
            except _ERRORS as error:
                raise self._damaged(error) from None
            yield connection.topic, when, bytes(data)

    def _raw(self, topics: Sequence[str]) -> Iterator[tuple[Any, int, Any]]:
        chosen = [c for c in self._reader.connections if c.topic in topics]
        if not chosen:
            return
        try:
            yield from self._reader.messages(connections=chosen)
        except _ERRORS as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> InputError:
        return InputError(f"{self.path}: damaged: {error}")


def _is_latched(ext: Any) -> bool:
    """Whether a connection's publisher (of ROS 1 or 2) keeps its last message."""
    profiles = getattr(ext, "offered_qos_profiles", ())
    return bool(getattr(ext, "latching", False)) or any(
        q.durability == QosDurability.TRANSIENT_LOCAL for q in profiles
    )
