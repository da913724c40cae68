"""Subscription: one topic, heard in the quality of service that its publishers offer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message

from mtml_ros.ros import qos

REMEMBERED = 64
"""Messages among which one that came over both of two subscriptions is known again."""


@dataclass(frozen=True)
class TopicState:
    """What is to be said of a topic. silent: seconds since the last message, or since the first
    publisher was found; None while there is no publisher. latched: its publishers keep their last
    message for those who come late, and may well stay silent. refused: their quality of service
    cannot be heard."""

    topic: str
    needed: bool
    num_publishers: int
    num_received: int
    silent: float | None
    latched: bool
    refused: bool


class Subscription:
    """Hears a topic; to be matched now and then, for publishers may come later than the node.

    Where reliable and best-effort publishers share the topic it is heard twice, reliably and not:
    a reliable subscription does not hear the weak ones, and a weak one loses the large messages of
    the reliable. What comes both ways is taken once.

    take: called with each message. lost: with the number of messages that the publisher's numbering
    shows to have been lost on the way. undecodable: with the reason why bytes were no message.
    """

    def __init__(
        self,
        node: Node,
        type_: Any,
        name: str,
        take: Callable[[Any], None],
        lost: Callable[[int], None],
        undecodable: Callable[[str], None],
    ) -> None:
        self.topic = node.resolve_topic_name(name)
        self.needed = True
        self.num_received = 0
        self.num_publishers = 0
        self._node = node
        self._type = type_
        self._name = name
        self._take = take
        self._lost = lost
        self._undecodable = undecodable
        self._heard: list[tuple[QoSProfile, Any]] = []
        self._numbering = Numbering()
        self._seen: deque[tuple[Any, Any]] = deque(maxlen=REMEMBERED)
        self._since: float | None = None
        self._latched = False
        self._refused = False

    def match(self, reliability: str, recheck: Callable[[], None]) -> None:
        """Subscribes, anew where the publishers found ask for another quality of service.

        recheck: called, in a subscription's own callback, when this should be called again.
        """
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        self.num_publishers = len(publishers)
        if not publishers:
            self._since = None
        elif self._since is None:
            self._since = time.monotonic()
        self._latched = bool(publishers) and all(
            p.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for p in publishers
        )
        wanted = qos.for_input(reliability, publishers)
        present = [profile for profile, _ in self._heard]
        if present and (not publishers or qos.same(wanted, present)):
            return
        kept = [h for h in self._heard if any(qos.same([h[0]], [w]) for w in wanted)]
        for gone in self._heard:
            if gone not in kept:
                self._node.destroy_subscription(gone[1])
        self._heard = kept
        self._numbering.forget()
        for profile in wanted:
            if not any(qos.same([h[0]], [profile]) for h in kept):
                self._heard.append((profile, self._subscribe(profile, recheck)))

    def _subscribe(self, profile: QoSProfile, recheck: Callable[[], None]) -> Any:
        def refused(_: Any) -> None:
            self._refused = True
            recheck()

        return self._node.create_subscription(
            self._type,
            self._name,
            self._receive,  # type: ignore[arg-type]  # rclpy gives a second argument if taken
            profile,
            event_callbacks=SubscriptionEventCallbacks(
                incompatible_qos=refused, matched=lambda _: self._numbering.forget()
            ),
            raw=True,  # bytes that are no message would vanish inside rclpy, uncounted
        )

    def _receive(self, data: bytes, info: dict[str, Any]) -> None:
        self._since = time.monotonic()
        self._refused = False
        number = info.get("publication_sequence_number")
        if len(self._heard) > 1:
            key = info.get("source_timestamp"), number
            if number is not None and key in self._seen:
                return
            self._seen.append(key)
        elif number is not None:
            self._count_lost(number)
        self.num_received += 1
        try:
            msg = deserialize_message(data, self._type)
        except Exception as error:
            self._undecodable(f"{len(data)} bytes on {self.topic} are no message: {error}")
            return
        self._take(msg)

    def _count_lost(self, number: int) -> None:
        if self._numbering.follows(number):
            return
        # what looks like a gap may be a publisher that has come since the last match
        num_publishers = len(self._node.get_publishers_info_by_topic(self.topic))
        if num_publishers != self.num_publishers:
            self.num_publishers = num_publishers
            self._numbering.forget()
        if lost := self._numbering.lost(number, num_publishers):
            self._lost(lost)

    @property
    def state(self) -> TopicState:
        """As the diagnostics tell it."""
        silent = None if self._since is None else time.monotonic() - self._since
        return TopicState(
            self.topic,
            self.needed,
            self.num_publishers,
            self.num_received,
            silent,
            self._latched,
            self._refused,
        )

    def close(self) -> None:
        for _, subscription in self._heard:
            self._node.destroy_subscription(subscription)
        self._heard = []
        self._numbering.forget()


class Numbering:
    """What was lost, by the numbers that publishers give their messages.

    A message does not say which publisher it is of: it counts as of the one whose last number is
    nearest below its own. A first gap, while not all publishers have been heard, may be another
    publisher's first message and is not counted.
    """

    def __init__(self) -> None:
        self._last: list[int] = []

    def follows(self, number: int) -> bool:
        """Whether it is the next one of a publisher; if so it is taken as that."""
        if number - 1 not in self._last:
            return False
        self._last[self._last.index(number - 1)] = number
        return True

    def lost(self, number: int, num_publishers: int) -> int:
        """How many messages are missing before this one."""
        below = [last for last in self._last if last < number]
        gap = number - max(below) - 1 if below else None
        if gap is None or (gap and len(self._last) < num_publishers):
            if len(self._last) >= max(1, num_publishers):  # a publisher that has started again
                self._last.remove(min(self._last, key=lambda last: abs(last - number)))
            self._last.append(number)
            return 0
        self._last[self._last.index(max(below))] = number
        return gap

    def forget(self) -> None:
        """A publisher came or went: the next number may be another's."""
        self._last.clear()


class Matcher:
    """Keeps subscriptions matched to their publishers."""

    def __init__(
        self, node: Node, subscriptions: list[Subscription], reliability: Callable[[], str]
    ) -> None:
        self._node = node
        self._subscriptions = subscriptions
        self._reliability = reliability
        # events arrive inside a subscription's own callback, where it must not be taken away
        self._recheck = node.create_guard_condition(self.match)
        self.match()

    def match(self) -> None:
        for subscription in self._subscriptions:
            subscription.match(self._reliability(), self._recheck.trigger)

    def close(self) -> None:
        self._node.destroy_guard_condition(self._recheck)
