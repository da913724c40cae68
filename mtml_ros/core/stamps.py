"""Stamps of messages: nanoseconds, which are exact, and seconds, which maps reckon in."""

from __future__ import annotations

from typing import Any

NANOSECONDS = 1_000_000_000
"""In a second."""


def nanoseconds(stamp: Any) -> int:
    """Of a builtin_interfaces/Time, whoever made its class."""
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def seconds(stamp_ns: int) -> float:
    """The float64 nearest to so many nanoseconds, but for an ulp. The one way to it: whoever
    multiplies the whole number, which float64 does not hold, is off by up to 2e-7 s, and the same
    recording makes another map."""
    whole, rest = divmod(stamp_ns, NANOSECONDS)
    return whole + 1e-9 * rest
