"""Recording: a bag's messages on their topics again, at the pace in which they were recorded."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from mtml_ros.core.errors import InputError
from mtml_ros.io.bags import Bag

DEPTH = 100
"""Messages that a publisher keeps for slow subscribers."""

SETTLED = 1.0
"""Seconds without another subscriber, after which all that will listen are taken to be there."""


def is_recording(path: Path) -> bool:
    """Whether a name is that of a bag rather than of a scan."""
    return path.is_dir() or path.suffix in (".mcap", ".db3", ".bag")


class Recording:
    """A bag's messages, byte for byte, with the stamps that they have.

    A topic's name may be remapped as any node's. Topics of types that are not installed here are
    left out, which the log says.
    speed: how many times as fast as it was recorded. subscribers: how many the most heard topic
    must have, and no more come, before all are there that are `expected`.
    Raises InputError where the bag is unreadable or none of its types is installed.
    """

    def __init__(self, node: Node, path: Path, speed: float, subscribers: int) -> None:
        self._path = path
        self._speed = speed
        self._wanted = subscribers
        self._publishers: dict[str, Any] = {}
        self._counts: list[int] = []
        self._since = time.monotonic()
        missing = []
        with Bag(path) as bag:
            for topic, (type_, count) in bag.topics.items():
                try:
                    package, _, name = type_.partition("/msg/")
                    message = getattr(importlib.import_module(f"{package}.msg"), name)
                except (ImportError, AttributeError):
                    missing.append(f"{topic} ({type_})")
                    continue
                profile = QoSProfile(depth=DEPTH)
                if topic in bag.latched:
                    profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
                self._publishers[topic] = node.create_publisher(message, topic, profile)
                node.get_logger().info(f"{count} messages on {topic}")
        if missing:
            node.get_logger().warning(f"not played, their types are missing: {', '.join(missing)}")
        if not self._publishers:
            raise InputError(f"{path}: holds no topic whose type is installed")

    @property
    def expected(self) -> bool:
        counts = [p.get_subscription_count() for p in self._publishers.values()]
        if counts != self._counts:
            self._counts, self._since = counts, time.monotonic()
        return max(counts) >= self._wanted and time.monotonic() - self._since >= SETTLED

    def steps(self) -> Iterator[tuple[float, Callable[[], None]]]:
        with Bag(self._path) as bag:
            start = None
            for topic, when, data in bag.serialized(list(self._publishers)):
                start = when if start is None else start
                due = (when - start) * 1e-9 / self._speed
                yield due, partial(self._publishers[topic].publish, data)

    def finish(self) -> None:
        for publisher in self._publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=10))
