"""Health: what the node counts and times; any thread may report, any thread may read."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

WINDOW = 50
"""Clouds or updates that rates and times are taken over."""

LOG_INTERVAL = 5.0
"""Seconds between two log lines about the same thing."""

RECENT = 5.0
"""Seconds that the status looks back over."""

MAX_KEYS = 1000

MAX_TEXT = 500
"""Characters of a log line: names in messages may be of any length."""

Clock = Callable[[], float]


class Health:
    """Counts, times and the last error.

    Every cloud (or depth image) that was sent, as far as that can be known, is integrated, dropped
    for one reason, or still waiting: the three always add up.

    warn: called with a log line, at most once in LOG_INTERVAL for each reason.
    clock: monotonic seconds. suspicions: what in the newest clouds speaks for a wrong unit or axis.
    large_clouds: what to do where the middleware loses clouds.
    """

    def __init__(
        self,
        warn: Callable[[str], object],
        clock: Clock = time.monotonic,
        large_clouds: str = "see README on large clouds",
    ) -> None:
        self._warn = warn
        self.clock = clock
        self.large_clouds = large_clouds
        self._lock = threading.Lock()
        self._logged: dict[str, float] = {}
        self.sent = 0
        self.integrated = 0
        self.dropped: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.suspicions: list[str] = []
        self._details: dict[str, str] = {}
        self._outcomes: deque[tuple[float, str, int]] = deque(maxlen=1000)
        self._labels: deque[tuple[int, int]] = deque(maxlen=WINDOW)
        self._arrivals: deque[float] = deque(maxlen=WINDOW)
        self._cloud_seconds: deque[float] = deque(maxlen=WINDOW)
        self._updates: deque[float] = deque(maxlen=WINDOW)
        self._update_seconds: deque[float] = deque(maxlen=WINDOW)
        self._latencies: deque[float] = deque(maxlen=WINDOW)
        self._running_since: float | None = None
        self.last_error = ""
        self.consecutive_failures = 0
        self.device = ""
        self.device_note = ""

    def cloud_received(self) -> None:
        with self._lock:
            self.sent += 1
            self._arrivals.append(self.clock())

    def clouds_lost(self, number: int) -> None:
        """So many clouds were sent, as the publisher's numbering shows, but never came."""
        with self._lock:
            self.sent += number
        message = f"the middleware lost it; {self.large_clouds}"
        self.cloud_dropped("lost_in_transport", message, number)

    def cloud_undecodable(self, message: str) -> None:
        """Bytes came that are no message."""
        self.cloud_received()
        self.cloud_dropped("undecodable", message)

    def cloud_integrated(self, seconds: float) -> None:
        """seconds: from taking the cloud up to its being in the map."""
        with self._lock:
            self.integrated += 1
            self._cloud_seconds.append(seconds)
            self._outcomes.append((self.clock(), "", 1))

    def cloud_dropped(self, reason: str, message: str, number: int = 1) -> None:
        with self._lock:
            self.dropped[reason] += number
            self._details[reason] = one_line(message)
            self._outcomes.append((self.clock(), reason, number))
        self.log(reason, f"cloud dropped ({reason}): {message}")

    def labels(self, unknown: int, labelled: int) -> None:
        """Of the newest cloud: points with an id that the label set lacks, and with any id."""
        with self._lock:
            self._labels.append((unknown, labelled))

    def count(self, what: str, number: int = 1, message: str = "") -> None:
        """Adds to a further count; with a message it is logged too."""
        with self._lock:
            self.counts[what] += number
        if message:
            self.log(what, message)

    def segmentation_started(self) -> None:
        with self._lock:
            self._running_since = self.clock()

    def segmentation_ended(self) -> None:
        with self._lock:
            self._running_since = None

    def updated(self, seconds: float, latency: float | None) -> None:
        """A segmentation was published. latency: from the last cloud's arrival, seconds."""
        with self._lock:
            self._updates.append(self.clock())
            self._update_seconds.append(seconds)
            if latency is not None:
                self._latencies.append(latency)
            self.consecutive_failures = 0

    def failed(self, message: str) -> None:
        """A segmentation, save or load failed."""
        with self._lock:
            self.consecutive_failures += 1
            self.last_error = one_line(message)
        self.log("failed", message)

    def log(self, key: str, message: str, interval: float = LOG_INTERVAL) -> None:
        """Logs unless something under the same key was logged less than `interval` seconds ago."""
        now = self.clock()
        with self._lock:
            if now - self._logged.get(key, -1e9) < interval:
                return
            if len(self._logged) > MAX_KEYS:
                self._logged.clear()
            self._logged[key] = now
        self._warn(one_line(message))

    @property
    def running(self) -> float:
        """Seconds that the present segmentation has taken; 0 where none runs."""
        since = self._running_since
        return 0.0 if since is None else self.clock() - since

    @property
    def last_update_seconds(self) -> float:
        return self._update_seconds[-1] if self._update_seconds else 0.0

    @property
    def share_unknown(self) -> float:
        """Of the labels that came lately, those whose id the label set lacks."""
        with self._lock:
            unknown, labelled = (sum(n) for n in zip(*self._labels, (0, 0), strict=True))
        return unknown / labelled if labelled else 0.0

    def recent(self) -> Counter[str]:
        """Clouds that the last seconds dealt with: by reason of their drop, "" those integrated."""
        with self._lock:
            since = self.clock() - RECENT
            found: Counter[str] = Counter()
            for moment, reason, number in self._outcomes:
                if moment >= since:
                    found[reason] += number
            return found

    def detail(self, reason: str) -> str:
        """What was said when a cloud was last dropped for a reason."""
        return self._details.get(reason, "")

    def values(self, waiting: int) -> list[tuple[str, str]]:
        """Keys and values of the status. waiting: clouds received but not done with yet."""
        unknown = self.share_unknown
        with self._lock:
            return [
                ("clouds sent", str(self.sent)),
                ("clouds integrated", str(self.integrated)),
                ("clouds waiting", str(waiting)),
                ("clouds dropped", str(sum(self.dropped.values()))),
                *((f"dropped: {k}", str(n)) for k, n in sorted(self.dropped.items())),
                *((k, str(n)) for k, n in sorted(self.counts.items())),
                ("unknown labels (%)", f"{100 * unknown:.0f}"),
                ("cloud rate (Hz)", _rate(self._arrivals, self.clock())),
                ("cloud time (ms)", _milliseconds(self._cloud_seconds)),
                ("segmentation rate (Hz)", _rate(self._updates, self.clock())),
                ("segmentation time (ms)", _milliseconds(self._update_seconds)),
                ("segmentation running for (s)", f"{self.running:.1f}"),
                ("latency cloud to instances (ms)", _milliseconds(self._latencies)),
                ("device", self.device),
                ("consecutive failures", str(self.consecutive_failures)),
                ("last error", self.last_error),
            ]


def one_line(text: str) -> str:
    """As one line of bounded length: a name in a message may hold a line break, to forge a log."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= MAX_TEXT else shown[: MAX_TEXT - 3] + "..."


def _rate(moments: deque[float], now: float) -> str:
    """Hz, of now: it falls once nothing comes any more."""
    if len(moments) < 2 or moments[-1] <= moments[0]:
        return ""
    period = (moments[-1] - moments[0]) / (len(moments) - 1)
    if now - moments[-1] <= max(1.0, 2 * period):
        return f"{1 / period:.2f}"
    window = max(RECENT, 3 * period)
    return f"{sum(m > now - window for m in moments) / window:.2f}"


def _milliseconds(seconds: deque[float]) -> str:
    return f"{1000 * statistics.median(seconds):.1f}" if seconds else ""
