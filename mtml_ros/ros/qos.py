"""Qualities of service: latched output, input that matches the publishers found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _latched(depth: int) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


OUTPUT = _latched(1)
"""The newest result, also for those who come late (RViz)."""

CHANGES = _latched(10)
"""Changes of the result: a slow subscriber may be some behind."""

INPUT_DEPTH = 20
"""The middleware's queue: enough for a burst while the node is busy with something else. It is
emptied at once into the node's own queue (parameter queue_size), which counts what it drops."""


def for_input(reliability: str, publishers: Sequence[Any]) -> list[QoSProfile]:
    """The profiles to hear a topic in, given its publishers (rclpy TopicEndpointInfo).

    reliability: "reliable", "best_effort", or "auto": reliable for the publishers that are, because
    a best-effort subscriber loses nearly every large cloud, and best effort for those that offer no
    more; two profiles where both kinds publish. Latched only where every publisher is, so that a
    map published once is not missed.
    """
    offered = [p.qos_profile for p in publishers]
    weak = [q.reliability == ReliabilityPolicy.BEST_EFFORT for q in offered]
    if reliability == "auto":
        kinds = [] if offered and all(weak) else [ReliabilityPolicy.RELIABLE]
        kinds += [ReliabilityPolicy.BEST_EFFORT] if any(weak) else []
    elif reliability == "reliable":
        kinds = [ReliabilityPolicy.RELIABLE]
    else:
        kinds = [ReliabilityPolicy.BEST_EFFORT]
    latched = not any(weak) and all(
        q.durability == DurabilityPolicy.TRANSIENT_LOCAL for q in offered
    )
    return [
        QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=INPUT_DEPTH,
            reliability=kind,
            durability=DurabilityPolicy.TRANSIENT_LOCAL
            if offered and latched and kind == ReliabilityPolicy.RELIABLE
            else DurabilityPolicy.VOLATILE,
        )
        for kind in kinds
    ]


def same(a: Sequence[QoSProfile], b: Sequence[QoSProfile]) -> bool:
    """Whether subscriptions with profiles `a` need not be made anew for `b`."""
    return [(p.reliability, p.durability) for p in a] == [(p.reliability, p.durability) for p in b]
