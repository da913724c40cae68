"""What a sensor input is, and what one hands on: the seam between topics and the map."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rclpy.node import Node

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.ros.input.subscription import Subscription
from mtml_ros.ros.output.health import Health
from mtml_ros.ros.parameters.table import Parameters


@dataclass(frozen=True)
class SensorData:
    """What a sensor saw at one moment; its messages are not looked into yet.

    source: the topic. frame_id, stamp: of the messages' header. arrived: monotonic seconds.
    read: the labelled points in that frame; called on ingestion's thread. Raises an InputError
        (its `reason`, if it has one, is counted).
    fingerprint: equal for two that are the same messages sent twice; called on that thread too.
    """

    source: str
    frame_id: str
    stamp: Any
    read: Callable[[], LabeledPoints]
    fingerprint: Callable[[], Hashable]
    arrived: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class InputContext:
    """What an input is made with. deliver: takes what a sensor saw; returns at once."""

    node: Node
    parameters: Callable[[], Parameters]
    taxonomy: Taxonomy
    health: Health
    deliver: Callable[[SensorData], None]


class SensorInput(Protocol):
    """Topics to SensorData, on the executor's thread.

    Each message of its main topics is told to `health.cloud_received`, and delivered, or dropped
    for a counted reason, or `waiting`. subscriptions: all, for the diagnostics.
    """

    @property
    def subscriptions(self) -> Sequence[Subscription]: ...

    @property
    def waiting(self) -> int: ...

    def close(self) -> None:
        """Unsubscribes; what waited is dropped and counted."""


def fingerprint(msg: Any) -> Hashable:
    """By which the same PointCloud2 or Image is known when it comes again."""
    stamp = msg.header.stamp
    whole = msg.header.frame_id, stamp.sec, stamp.nanosec, msg.width, msg.height, len(msg.data)
    # over all of the data: clouds with empty borders differ in the middle alone
    return (*whole, zlib.crc32(memoryview(msg.data)))
