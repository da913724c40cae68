"""Subscription: one topic, heard in the quality of service that its publishers offer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import PointCloud2

from mtml_ros.io.cloud_bytes import view_cloud
from mtml_ros.ros import qos

REMEMBERED = 64
"""Messages among which one that came over both of two subscriptions is known again."""

CLAIMED = 1.0
"""Seconds after which a message that came over the weak of two subscriptions alone is taken to be a
weak publisher's."""


VIEWS: dict[Any, Callable[[bytes], Any]] = {PointCloud2: view_cloud}
"""What can be read where it lies; None for bytes that rclpy has to make a message of."""


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
    the reliable. What comes both ways is taken once, and of either kind what is lost is counted.

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
        self._view = VIEWS.get(type_, lambda data: None)
        self._name = name
        self._take = take
        self._lost = lost
        self._undecodable = undecodable
        self._heard: list[tuple[QoSProfile, Any]] = []
        self._numbering = Numbering()
        self._of_weak = Numbering()  # where the topic is heard twice
        self._seen: deque[tuple[Any, int]] = deque(maxlen=REMEMBERED)
        self._reliable: deque[tuple[Any, int]] = deque(maxlen=REMEMBERED)
        self._unclaimed: deque[tuple[float, tuple[Any, int]]] = deque()
        self._since: float | None = None
        self._latched = False
        self._refused = False

    def match(self, reliability: str, recheck: Callable[[], None]) -> None:
        """Subscribes, anew where the publishers found ask for another quality of service.

        recheck: called, in a subscription's own callback, when this should be called again.
        """
        self._count_weak()
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
        self._forget_numbers()
        for profile in wanted:
            if not any(qos.same([h[0]], [profile]) for h in kept):
                self._heard.append((profile, self._subscribe(profile, recheck)))

    def _subscribe(self, profile: QoSProfile, recheck: Callable[[], None]) -> Any:
        def refused(_: Any) -> None:
            self._refused = True
            recheck()

        weak = profile.reliability == ReliabilityPolicy.BEST_EFFORT

        def receive(data: bytes, info: dict[str, Any]) -> None:
            self._receive(data, info, weak)

        return self._node.create_subscription(
            self._type,
            self._name,
            receive,  # type: ignore[arg-type]  # rclpy gives a second argument if taken
            profile,
            event_callbacks=SubscriptionEventCallbacks(
                incompatible_qos=refused, matched=lambda _: self._forget_numbers()
            ),
            raw=True,  # bytes that are no message would vanish inside rclpy, uncounted
        )

    def _receive(self, data: bytes, info: dict[str, Any], weak: bool) -> None:
        self._since = time.monotonic()
        self._refused = False
        number = info.get("publication_sequence_number")
        if number is not None:
            if len(self._heard) == 1:
                self._count_lost(number, self._numbering, None)
            elif not self._is_first((info.get("source_timestamp"), number), weak):
                return
        self.num_received += 1
        try:
            msg = self._view(data)
            if msg is None:
                msg = deserialize_message(data, self._type)
        except Exception as error:
            self._undecodable(f"{len(data)} bytes on {self.topic} are no message: {error}")
            return
        self._take(msg)

    def _is_first(self, key: tuple[Any, int], weak: bool) -> bool:
        """Whether a message, of this stamp and number, has not come over the other of the two
        subscriptions before."""
        first = key not in self._seen
        if not weak:
            self._reliable.append(key)
            self._count_lost(key[1], self._numbering, ReliabilityPolicy.RELIABLE)
        elif first:
            self._unclaimed.append((time.monotonic(), key))
        if first:
            self._seen.append(key)
        self._count_weak()
        return first

    def _count_weak(self) -> None:
        """A weak publisher's messages are those that the reliable subscription does not bring: one
        waits until that can be told, and its number is looked at then."""
        due = time.monotonic() - CLAIMED
        while self._unclaimed and (
            self._unclaimed[0][0] <= due or len(self._unclaimed) > REMEMBERED // 2
        ):
            _, key = self._unclaimed.popleft()
            if key not in self._reliable:
                self._count_lost(key[1], self._of_weak, ReliabilityPolicy.BEST_EFFORT)

    def _count_lost(
        self, number: int, numbering: Numbering, kind: ReliabilityPolicy | None
    ) -> None:
        """kind: of the publishers whose numbering it is; None: of all."""
        if numbering.follows(number):
            return
        # what looks like a gap may be a publisher that has come since the last match
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        if len(publishers) != self.num_publishers:
            self.num_publishers = len(publishers)
            self._forget_numbers()
        of_kind = sum(kind in (None, p.qos_profile.reliability) for p in publishers)
        if lost := numbering.lost(number, of_kind):
            self._lost(lost)

    def _forget_numbers(self) -> None:
        self._numbering.forget()
        self._of_weak.forget()
        self._unclaimed.clear()

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
        self._forget_numbers()


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
