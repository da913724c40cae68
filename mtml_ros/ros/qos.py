"""Qualities of service: latched output, input that matches the publishers found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

OUTPUT = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""The newest result, also for those who come late (RViz)."""

INPUT_DEPTH = 20
"""The middleware's queue: enough for a burst while the node is busy with something else. It is
emptied at once into the node's own queue (parameter queue_size), which counts what it drops."""


def for_input(reliability: str, publishers: Sequence[Any]) -> QoSProfile:
    """The profile of a subscription, given its publishers (rclpy TopicEndpointInfo).

    reliability: "reliable", "best_effort", or "auto": best effort if any publisher offers no
    more, else reliable, because a best-effort subscriber loses nearly every large cloud. Latched
    only where every publisher is, so that a map published once is not missed.
    """
    offered = [p.qos_profile for p in publishers]
    if reliability == "auto":
        weak = any(q.reliability == ReliabilityPolicy.BEST_EFFORT for q in offered)
        reliability = "best_effort" if weak else "reliable"
    reliable = reliability == "reliable"
    latched = bool(offered) and all(
        q.durability == DurabilityPolicy.TRANSIENT_LOCAL
        and q.reliability == ReliabilityPolicy.RELIABLE
        for q in offered
    )
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=INPUT_DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL
        if latched and reliable
        else DurabilityPolicy.VOLATILE,
    )


def same(a: QoSProfile, b: QoSProfile) -> bool:
    """Whether a subscription with profile `a` need not be made anew for `b`."""
    return bool(a.reliability == b.reliability and a.durability == b.durability)
