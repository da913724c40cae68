"""StampMatcher: messages of several topics that belong together, found by their stamps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mtml_ros.core.stamps import NANOSECONDS, nanoseconds


@dataclass(frozen=True)
class Unmatched:
    """A message that was given up. off: seconds to the nearest of its partners, None: none came."""

    kind: str
    msg: Any
    off: float | None


class StampMatcher:
    """Holds what still lacks its partners, at most `capacity` messages of each kind.

    Thread-confined. The first kind is the one that others are matched with: of each other kind the
    message nearest in time, within the tolerance. What is older than a message of its own kind that
    found its partners is given up, for topics are in order.
    """

    def __init__(self, *kinds: str) -> None:
        self._held: dict[str, dict[int, Any]] = {kind: {} for kind in kinds}
        self._main = kinds[0]
        self._newest: dict[str, int] = {}

    @property
    def waiting(self) -> int:
        """Messages of the first kind that wait for others."""
        return len(self._held[self._main])

    def add(
        self,
        kind: str,
        msg: Any,
        capacity: int,
        tolerance: float = 0.0,
        optional: frozenset[str] = frozenset(),
    ) -> tuple[dict[str, Any] | None, list[Unmatched]]:
        """The messages that `msg` completes, by kind, if it does; and what is given up.

        tolerance: seconds. optional: kinds that are not waited for.
        """
        own = self._held[kind]
        stamp = nanoseconds(msg.header.stamp)
        given_up = [self._unmatched(kind, own.pop(stamp))] if stamp in own else []
        self._newest[kind] = stamp
        own[stamp] = msg
        limit = round(tolerance * NANOSECONDS)
        found = self._complete(kind, stamp, limit, optional)
        if found is None:
            while len(own) > capacity:
                given_up.append(self._unmatched(kind, own.pop(next(iter(own)))))
            return None, given_up
        matched = {k: self._held[k].pop(s) for k, s in found.items()}
        for k, s in found.items():
            for older in [t for t in self._held[k] if t < s]:
                given_up.append(self._unmatched(k, self._held[k].pop(older)))
        return matched, given_up

    def _complete(
        self, kind: str, stamp: int, limit: int, optional: frozenset[str]
    ) -> dict[str, int] | None:
        main = stamp if kind == self._main else self._nearest(self._main, stamp, limit)
        if main is None:
            return None
        found = {self._main: main}
        for other in self._held:
            if other != self._main:
                nearest = self._nearest(other, main, limit)
                if nearest is not None:
                    found[other] = nearest
                elif other not in optional:
                    return None
        return found

    def _nearest(self, kind: str, stamp: int, limit: int) -> int | None:
        near = [s for s in self._held[kind] if abs(s - stamp) <= limit]
        return min(near, key=lambda s: abs(s - stamp), default=None)

    def _unmatched(self, kind: str, msg: Any) -> Unmatched:
        stamp = nanoseconds(msg.header.stamp)
        others = {k: held for k, held in self._held.items() if k != kind}
        stamps = [s for held in others.values() for s in held]
        stamps += [s for k, s in self._newest.items() if k != kind]
        off = min((abs(s - stamp) for s in stamps), default=None)
        return Unmatched(kind, msg, None if off is None else off / NANOSECONDS)

    def clear(self) -> dict[str, int]:
        """Drops everything; how many messages of each kind that were."""
        counts = {kind: len(held) for kind, held in self._held.items()}
        for held in self._held.values():
            held.clear()
        self._newest.clear()
        return counts
