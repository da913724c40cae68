"""Health: what the node counts and times, and the diagnostic status made of it."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

WINDOW = 50
"""Clouds or updates that rates and times are taken over."""

LOG_INTERVAL = 5.0
"""Seconds between two log lines about the same thing."""

FAILURES_FOR_ERROR = 3

RECENT = 5.0
"""Seconds for which a dropped cloud keeps the status at WARN."""

Clock = Callable[[], float]


class Health:
    """Counts, times and the last error; any thread may report, any thread may read.

    Every cloud that was sent, as far as that can be known, is integrated, dropped for one reason,
    or still waiting: the three always add up.

    warn: called with a log line, at most once in LOG_INTERVAL for each reason.
    clock: monotonic seconds.
    """

    def __init__(self, warn: Callable[[str], None], clock: Clock = time.monotonic) -> None:
        self._warn = warn
        self._clock = clock
        self._lock = threading.Lock()
        self._logged: dict[str, float] = {}
        self.sent = 0
        self.integrated = 0
        self.dropped: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self._arrivals: deque[float] = deque(maxlen=WINDOW)
        self._cloud_seconds: deque[float] = deque(maxlen=WINDOW)
        self._updates: deque[float] = deque(maxlen=WINDOW)
        self._update_seconds: deque[float] = deque(maxlen=WINDOW)
        self._latencies: deque[float] = deque(maxlen=WINDOW)
        self._last_drop = -1e9
        self.last_error = ""
        self.consecutive_failures = 0
        self.device = ""
        self.device_note = ""

    def cloud_received(self) -> None:
        with self._lock:
            self.sent += 1
            self._arrivals.append(self._clock())

    def clouds_lost(self, number: int) -> None:
        """So many clouds were sent, as the publisher's numbering shows, but never came."""
        with self._lock:
            self.sent += number
        message = "the middleware lost it; see README on large clouds and input_reliability"
        self.cloud_dropped("lost_in_transport", message, number)

    def cloud_integrated(self, seconds: float) -> None:
        """seconds: from taking the cloud up to its being in the map."""
        with self._lock:
            self.integrated += 1
            self._cloud_seconds.append(seconds)

    def cloud_dropped(self, reason: str, message: str, number: int = 1) -> None:
        with self._lock:
            self.dropped[reason] += number
            self._last_drop = self._clock()
        self.log(reason, f"cloud dropped ({reason}): {message}")

    def count(self, what: str, number: int = 1, message: str = "") -> None:
        """Adds to a further count; with a message it is logged too."""
        with self._lock:
            self.counts[what] += number
        if message:
            self.log(what, message)

    def updated(self, seconds: float, latency: float | None) -> None:
        """A segmentation was published. latency: from the last cloud's arrival, seconds."""
        with self._lock:
            self._updates.append(self._clock())
            self._update_seconds.append(seconds)
            if latency is not None:
                self._latencies.append(latency)
            self.consecutive_failures = 0

    def failed(self, message: str) -> None:
        """A segmentation, save or load failed."""
        with self._lock:
            self.consecutive_failures += 1
            self.last_error = message
        self.log("failed", message)

    def log(self, key: str, message: str) -> None:
        """Logs unless something under the same key was logged a moment ago."""
        now = self._clock()
        with self._lock:
            if now - self._logged.get(key, -1e9) < LOG_INTERVAL:
                return
            self._logged[key] = now
        self._warn(message)

    def judge(self, rate: float) -> tuple[bytes, str]:
        """DiagnosticStatus level and message. rate: Hz, the segmentation rate asked for."""
        with self._lock:
            slow = bool(self._update_seconds) and self._update_seconds[-1] > 1 / rate
            complaints = []
            if self.consecutive_failures:
                complaints.append(
                    f"{self.consecutive_failures} failures in a row, the last: {self.last_error}"
                )
            if self.device_note:
                complaints.append(self.device_note)
            if slow:
                complaints.append(
                    f"segmentation takes {self._update_seconds[-1]:.2f} s, "
                    f"slower than segmentation_rate {rate:g} Hz"
                )
            if self._clock() - self._last_drop < RECENT:
                complaints.append("clouds are being dropped, see the counts")
            if self.consecutive_failures >= FAILURES_FOR_ERROR:
                return DiagnosticStatus.ERROR, "; ".join(complaints)
            level = DiagnosticStatus.WARN if complaints else DiagnosticStatus.OK
            return level, "; ".join(complaints) or "ok"

    def values(self, waiting: int) -> list[tuple[str, str]]:
        """Keys and values of the status. waiting: clouds received but not done with yet."""
        with self._lock:
            return [
                ("clouds sent", str(self.sent)),
                ("clouds integrated", str(self.integrated)),
                ("clouds waiting", str(waiting)),
                ("clouds dropped", str(sum(self.dropped.values()))),
                *((f"dropped: {k}", str(n)) for k, n in sorted(self.dropped.items())),
                *((k, str(n)) for k, n in sorted(self.counts.items())),
                ("cloud rate (Hz)", _rate(self._arrivals)),
                ("cloud time (ms)", _milliseconds(self._cloud_seconds)),
                ("segmentation rate (Hz)", _rate(self._updates)),
                ("segmentation time (ms)", _milliseconds(self._update_seconds)),
                ("latency cloud to instances (ms)", _milliseconds(self._latencies)),
                ("device", self.device),
                ("consecutive failures", str(self.consecutive_failures)),
                ("last error", self.last_error),
            ]


def make_status(
    name: str, level: bytes, message: str, values: list[tuple[str, str]]
) -> DiagnosticStatus:
    """One DiagnosticStatus; texts are cut to what a viewer can show."""
    return DiagnosticStatus(
        level=level,
        name=name,
        message=message[:500],
        hardware_id="",
        values=[KeyValue(key=k, value=v[:500]) for k, v in values],
    )


def _rate(moments: deque[float]) -> str:
    if len(moments) < 2 or moments[-1] <= moments[0]:
        return ""
    return f"{(len(moments) - 1) / (moments[-1] - moments[0]):.2f}"


def _milliseconds(seconds: deque[float]) -> str:
    return f"{1000 * statistics.median(seconds):.1f}" if seconds else ""
