"""BagRecording: what comes on some topics into a bag, with the types of this package among them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message

from mtml_ros.core.resources import message_definition
from mtml_ros.io.bag_writer import BagWriter, learn_types

OWN_TYPES = ("ObjectInstance", "ObjectInstanceArray")


class BagRecording:
    """A bag (mcap) that is open for writing; close it, or its index is missing.

    path: a folder that is made. Raises InputError where it is there already.
    """

    def __init__(self, node: Node, path: Path) -> None:
        learn_types({f"mtml_ros/msg/{name}": message_definition(name) for name in OWN_TYPES})
        self._node = node
        self._writer = BagWriter(path)
        self._writer.__enter__()
        self._subscriptions: list[Any] = []

    def listen(self, type_: Any, name: str, profile: QoSProfile) -> None:
        """Records a topic, in the bag by this name without the node's namespace."""
        take = partial(self._write, name, type_)
        self._subscriptions.append(
            self._node.create_subscription(type_, name, take, profile, raw=True)
        )

    def take(self, name: str, msg: Any) -> None:
        """Records a message that somebody else heard."""
        self._write(name, type(msg), serialize_message(msg))

    def _write(self, name: str, type_: Any, data: bytes) -> None:
        now = self._node.get_clock().now().nanoseconds
        package, _, _ = type_.__module__.partition(".")
        self._writer.write_serialized(f"/{name}", now, f"{package}/msg/{type_.__name__}", data)

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._writer.__exit__()
