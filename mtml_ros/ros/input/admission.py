"""Admission: which data may go on to the map, by stamp and fingerprint."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from mtml_ros.core.errors import InputError
from mtml_ros.core.stamps import nanoseconds, seconds
from mtml_ros.ros.input.sensor_input import SensorData
from mtml_ros.ros.input.stamps import StampGate, StampReason
from mtml_ros.ros.parameters.table import Parameters

LATEST = 2**31 - 2
"""Seconds; a stamp's are an int32, and the next second must still be one."""


class RefusedError(InputError):
    """Data that is too old, too new, or came twice; `reason` is counted."""

    def __init__(self, reason: StampReason, message: str) -> None:
        super().__init__(message)
        self.reason: StampReason = reason


class Admission:
    """Judges data in the order in which it arrives; one thread only.

    now: the node's clock, seconds (0: not running yet). on_jump: called when the stamps show that
    time has gone back.
    """

    def __init__(
        self,
        parameters: Callable[[], Parameters],
        now: Callable[[], float],
        on_jump: Callable[[], None],
    ) -> None:
        self._parameters = parameters
        self._now = now
        self._on_jump = on_jump
        self._gate = StampGate()

    def stamp_of(self, data: SensorData) -> float:
        """The stamp in seconds, now where it is not set. Raises RefusedError."""
        parameters, now = self._parameters(), self._now()
        sec, nanosec = data.stamp.sec, data.stamp.nanosec
        if nanosec >= 10**9 or sec > LATEST:
            raise RefusedError("bad_stamp", f"stamp of {sec} s, {nanosec} ns; mend its publisher")
        stamp = seconds(nanoseconds(data.stamp))
        fingerprint: Hashable = data.fingerprint()
        if stamp == 0:  # not set: it is as good as new, and two of them are no duplicates
            stamp, fingerprint = now, object()
        jumps = self._gate.jumps
        reason = self._gate.check(
            stamp,
            now,
            fingerprint,
            parameters.max_cloud_age if parameters.map_mode == "accumulate" else 0.0,
            parameters.future_tolerance,
        )
        if self._gate.jumps != jumps:
            self._on_jump()
        if reason is not None:
            newest = self._gate.newest or 0
            raise RefusedError(reason, f"stamp {stamp:.3f}, clock {now:.3f}, newest {newest:.3f}")
        return stamp

    def jump_back(self) -> None:
        """The clock says that time has gone back."""
        self._gate.jump_back()
        self._on_jump()
