"""StampGate: which clouds are too old, too new or sent twice, and when time has jumped back."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Literal

StampReason = Literal["bad_stamp", "future_stamp", "stale_stamp", "out_of_order", "duplicate"]

REMEMBERED = 64
"""Clouds that a duplicate is looked for among."""

CLOUDS_OF_A_JUMP = 3
"""So many stale or repeated clouds in a row, with rising stamps, are a jump back (a bag that loops
without a clock), not stragglers."""


class StampGate:
    """Judges stamps in the order in which clouds arrive; one thread only.

    newest: stamp in seconds of the newest cloud let in, but none later than the clock; None before
        the first.
    jumps: how often time has jumped back.
    """

    def __init__(self) -> None:
        self.newest: float | None = None
        self.jumps = 0
        self._seen: deque[Hashable] = deque(maxlen=REMEMBERED)
        self._suspects: list[float] = []

    def check(
        self,
        stamp: float,
        now: float,
        fingerprint: Hashable,
        max_age: float,
        future_tolerance: float,
    ) -> StampReason | None:
        """Why a cloud is to be dropped, or None to let it in.

        stamp, now: seconds; now 0: the clock is not running yet (use_sim_time before /clock).
        fingerprint: equal for two clouds that are the same message sent twice.
        max_age: seconds that a cloud may be older than the newest; 0: not at all.
        """
        if stamp < 0:
            return "bad_stamp"
        if now > 0 and stamp > now + future_tolerance:
            return "future_stamp"
        reason: StampReason | None = None
        if self.newest is not None and stamp < self.newest - max_age:
            reason = "stale_stamp" if max_age > 0 else "out_of_order"
        elif fingerprint in self._seen:
            reason = "duplicate"
        if reason is not None:
            if not self._jumped(stamp):
                return reason
            self.jump_back()
        self._suspects.clear()
        self._seen.append(fingerprint)
        # a publisher whose clock is ahead must not make all others stale
        counted = min(stamp, now) if now > 0 else stamp
        self.newest = counted if self.newest is None else max(counted, self.newest)
        return None

    def jump_back(self) -> None:
        """Forgets the stamps seen: the clock, or a row of clouds, says that time starts again."""
        self.newest = None
        self.jumps += 1
        self._seen.clear()
        self._suspects.clear()

    def _jumped(self, stamp: float) -> bool:
        if self._suspects and stamp <= self._suspects[-1]:
            self._suspects.clear()
        self._suspects.append(stamp)
        return len(self._suspects) >= CLOUDS_OF_A_JUMP
