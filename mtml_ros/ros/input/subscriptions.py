"""Inputs: the subscriptions, in the quality of service that their publishers offer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import PointCloud2

from mtml_ros.ros import qos
from mtml_ros.ros.input.ingestion import Ingestion
from mtml_ros.ros.output.diagnostics import Health
from mtml_ros.ros.parameters.table import Parameters


class Inputs:
    """Subscribes to `points` and, where labels come apart, to `labels`.

    `match` is to be called now and then: publishers may come later than the node.
    """

    def __init__(
        self,
        node: Node,
        parameters: Callable[[], Parameters],
        ingestion: Ingestion,
        health: Health,
    ) -> None:
        self._parameters = parameters
        self._topics = [_Topic(node, "points", ingestion.receive_points, health.clouds_lost)]
        if parameters().labels_source == "topic":
            lost = partial(health.count, "labels lost in transport")
            self._topics.append(_Topic(node, "labels", ingestion.receive_labels, lost))
        # events arrive inside a subscription's own callback, where it must not be taken away
        self._recheck = node.create_guard_condition(self.match)
        self._node = node
        self.match()

    def match(self) -> None:
        """Subscribes, anew where the publishers found ask for another quality of service."""
        for topic in self._topics:
            topic.match(self._parameters().input_reliability, self._recheck.trigger)

    def close(self) -> None:
        for topic in self._topics:
            topic.close()
        self._node.destroy_guard_condition(self._recheck)


class _Topic:
    """One subscription. lost: called with the number of messages that never came."""

    def __init__(
        self, node: Node, name: str, take: Callable[[Any], None], lost: Callable[[int], None]
    ) -> None:
        self._node = node
        self._name = name
        self._take = take
        self._lost = lost
        self._subscription: Any = None
        self._profile: QoSProfile | None = None
        self._last_number: int | None = None

    def match(self, reliability: str, recheck: Callable[[], None]) -> None:
        resolved = self._node.resolve_topic_name(self._name)
        publishers = self._node.get_publishers_info_by_topic(resolved)
        profile = qos.for_input(reliability, publishers)
        if self._profile is not None and (not publishers or qos.same(profile, self._profile)):
            return
        self.close()
        self._profile = profile
        self._subscription = self._node.create_subscription(
            PointCloud2,
            self._name,
            self._receive,  # type: ignore[arg-type]  # rclpy gives a second argument if taken
            profile,
            event_callbacks=SubscriptionEventCallbacks(
                incompatible_qos=lambda _: recheck(), matched=self._forget_numbers
            ),
        )

    def _receive(self, msg: PointCloud2, info: dict[str, Any]) -> None:
        self._count_lost(info)
        self._take(msg)

    def _count_lost(self, info: dict[str, Any]) -> None:
        """Counts gaps in the publisher's numbering: what the middleware lost before it got here."""
        number = info.get("publication_sequence_number")
        last, self._last_number = self._last_number, number
        if number is None or last is None or self._subscription.get_publisher_count() != 1:
            return  # numbers of several publishers cannot be told apart
        if number > last + 1:
            self._lost(number - last - 1)

    def _forget_numbers(self, _: Any) -> None:
        """A publisher came or went: the next number may be another's."""
        self._last_number = None

    def close(self) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
            self._last_number = None
