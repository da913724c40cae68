"""StampPairing: a cloud and its labels from two topics, brought together by their exact stamp."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

Key = tuple[int, int]


class StampPairing:
    """Holds what still lacks its partner, at most `capacity` messages of each kind.

    Thread-confined. Messages need only a header; a partner that was pushed out is not paired.
    """

    def __init__(self) -> None:
        self._points: OrderedDict[Key, Any] = OrderedDict()
        self._labels: OrderedDict[Key, Any] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Clouds that wait for their labels."""
        return len(self._points)

    def add_points(self, msg: Any, capacity: int) -> tuple[Any | None, list[Any]]:
        """The labels of a cloud if they are here, and the clouds pushed out unpaired."""
        return _match(msg, self._points, self._labels, capacity)

    def add_labels(self, msg: Any, capacity: int) -> tuple[Any | None, list[Any]]:
        """The cloud of these labels if it is here, and the labels pushed out unpaired."""
        return _match(msg, self._labels, self._points, capacity)

    def clear(self) -> tuple[int, int]:
        """Drops everything; returns how many clouds and how many labels had no partner."""
        counts = len(self._points), len(self._labels)
        self._points.clear()
        self._labels.clear()
        return counts


def _match(
    msg: Any, own: OrderedDict[Key, Any], other: OrderedDict[Key, Any], capacity: int
) -> tuple[Any | None, list[Any]]:
    key = (msg.header.stamp.sec, msg.header.stamp.nanosec)
    if key in other:
        return other.pop(key), []
    pushed_out = [own.pop(key)] if key in own else []  # the same stamp again: the newer one stays
    own[key] = msg
    while len(own) > capacity:
        pushed_out.append(own.popitem(last=False)[1])
    return None, pushed_out
