"""Ingestion: a thread that brings what sensors saw into the map, or counts why it does not."""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mtml_ros.core.errors import InputError
from mtml_ros.ros.input.admission import Admission
from mtml_ros.ros.input.frames import FrameError, Frames
from mtml_ros.ros.input.fusion import Fusion
from mtml_ros.ros.input.sensor_input import SensorData
from mtml_ros.ros.output.health import Health
from mtml_ros.ros.parameters.table import Parameters

POLL = 0.02
"""Seconds between two looks for the transforms that held data lacks."""

LONGEST_LATE = 5.0
"""Seconds; transforms that are later than this are no lag of their publisher."""


@dataclass
class _Held:
    """Data whose transform has not come. stamp: seconds. deadline: monotonic seconds."""

    data: SensorData
    stamp: float
    deadline: float


class Ingestion:
    """Takes data on the executor's thread, works on its own.

    So a burst never holds up services and timers, the queue is bounded by the node itself, and all
    that the middleware delivered is accounted for. Data whose transform has not come yet is held
    aside, what is behind it goes on.
    """

    def __init__(
        self,
        parameters: Callable[[], Parameters],
        admission: Admission,
        frames: Frames,
        fusion: Fusion,
        health: Health,
    ) -> None:
        self._parameters = parameters
        self._admission = admission
        self._frames = frames
        self._fusion = fusion
        self._health = health
        self._queue: deque[SensorData] = deque()
        self._held: list[_Held] = []
        self._in_hand = 0
        self._clock_jumped = False
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="ingestion", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Ends the thread; what still waits is dropped and counted."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)
        with self._changed:
            waiting = len(self._queue) + len(self._held)
            self._queue.clear()
            self._held.clear()
        if waiting:
            text = "it still waited when the node stopped"
            self._health.cloud_dropped("deactivated", text, waiting)

    @property
    def waiting(self) -> int:
        """Taken, but neither integrated nor dropped yet."""
        with self._changed:
            return len(self._queue) + len(self._held) + self._in_hand

    def take(self, data: SensorData) -> None:
        """Queues data; returns at once. What a full queue has no room for is dropped, the oldest
        first; in replace mode the newest alone counts."""
        parameters = self._parameters()
        replace = parameters.map_mode == "replace"
        capacity = 1 if replace else parameters.queue_size
        with self._changed:
            overflow = len(self._queue) + 1 - capacity
            for _ in range(overflow):
                self._queue.popleft()
            self._queue.append(data)
            self._changed.notify()
        if overflow > 0:
            reason = "superseded" if replace else "queue_full"
            text = "clouds come faster than they can be worked on; see queue_size"
            self._health.cloud_dropped(reason, text, overflow)

    def clock_jumped_back(self) -> None:
        """The node's clock went back: a bag loops, or a simulation starts again."""
        with self._changed:
            self._clock_jumped = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stopping or self._queue or self._clock_jumped,
                    POLL if self._held else None,
                )
                if self._stopping:
                    return
                jumped, self._clock_jumped = self._clock_jumped, False
                held, self._held = self._held, []
                fresh = self._queue.popleft() if self._queue else None
                self._in_hand = len(held) + (fresh is not None)
            if jumped:
                self._admission.jump_back()
            for item in held:
                self._finish(partial(self._advance, item))
            if fresh is not None:
                self._finish(partial(self._begin, fresh))

    def _finish(self, work: Callable[[], _Held | None]) -> None:
        """Works on one; counts what is refused, holds what has to wait."""
        held = None
        try:
            held = work()
        except InputError as error:
            self._health.cloud_dropped(getattr(error, "reason", "bad_points"), str(error))
        except Exception as error:
            text = f"{error!r}\n{traceback.format_exc(limit=-3)}"
            self._health.cloud_dropped("internal_error", text)
        with self._changed:
            self._in_hand -= 1
            if held is not None:
                self._held.append(held)

    def _begin(self, data: SensorData) -> _Held | None:
        stamp = self._admission.stamp_of(data)
        deadline = time.monotonic() + self._parameters().transform_timeout
        return self._advance(_Held(data, stamp, deadline))

    def _advance(self, held: _Held) -> _Held | None:
        """Integrates data whose place is known; returns what is to be held for its transform."""
        data = held.data
        try:
            place = self._frames.lookup(data.frame_id, data.stamp)
        except FrameError as error:
            if not error.waiting_helps:
                raise
            timeout = self._parameters().transform_timeout
            if time.monotonic() >= held.deadline:
                raise FrameError("no_transform", f"{error}{_hint(error, timeout)}") from None
            self._make_room()
            return held
        self._fusion.integrate(data, held.stamp, place)
        return None

    def _make_room(self) -> None:
        capacity = self._parameters().queue_size
        with self._changed:
            overflow = self._held[: max(0, len(self._held) + 1 - capacity)]
            del self._held[: len(overflow)]
        if overflow:
            text = "too many clouds wait for their transforms"
            self._health.cloud_dropped("queue_full", text, len(overflow))


def _hint(error: FrameError, timeout: float) -> str:
    """What would have helped: tf that lags by a little arrives if it is waited for."""
    if not 0 < error.late <= LONGEST_LATE:
        return f" (waited {timeout:g} s)"
    enough = math.ceil(10 * (timeout + error.late)) / 10
    return f" (waited {timeout:g} s; transform_timeout of {enough + 0.1:.1f} s would have done)"
