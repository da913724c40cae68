"""The diagnostic status: what of all that is counted makes the node blind, late or wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from mtml_ros.io.sanity import MOST_UNKNOWN
from mtml_ros.ros.input.subscription import TopicState
from mtml_ros.ros.output.health import RECENT, Health

FAILURES_FOR_ERROR = 3

SILENT = 3.0
"""Seconds without a message that are worth a warning."""

LONG = 2.0
"""Seconds that a segmentation may run, at least, before the status says so."""

USUAL = frozenset({"superseded", "unlabelled"})
"""Drops that are no fault while others get in: of a sensor faster than the map or its labels."""


@dataclass(frozen=True)
class Situation:
    """What there is to judge beside Health.

    state: of the life cycle. rate: Hz, the segmentation rate asked for. topics: the inputs.
    clock_runs: false while a simulation's clock is waited for. bad_transforms: entries of /tf left
    out.
    """

    state: str
    configured: bool
    rate: float
    topics: Sequence[TopicState] = ()
    clock_runs: bool = True
    bad_transforms: int = 0


def judge(health: Health, now: Situation) -> tuple[bytes, str]:
    """DiagnosticStatus level and message: "ok" only while clouds get in and objects come out."""
    if not now.configured and health.last_error:
        return DiagnosticStatus.ERROR, health.last_error
    complaints = list(_complaints(health, now))
    if health.consecutive_failures >= FAILURES_FOR_ERROR:
        return DiagnosticStatus.ERROR, "; ".join(complaints)
    level = DiagnosticStatus.WARN if complaints else DiagnosticStatus.OK
    return level, "; ".join(complaints) or "ok"


def _complaints(health: Health, now: Situation) -> Iterator[str]:
    """The gravest first."""
    if now.state != "active":
        yield f"{now.state}: nothing is segmented until the node is activated"
        return
    if health.consecutive_failures:
        yield f"{health.consecutive_failures} failures in a row, the last: {health.last_error}"
    if not now.clock_runs:
        yield "use_sim_time is set and nothing has come on /clock"
    for topic in now.topics:
        if topic.needed:
            yield from _of_topic(topic, health.large_clouds)
    yield from _of_drops(health)
    if now.bad_transforms:
        yield f"{now.bad_transforms} entries of /tf are no transforms, mend their publisher"
    if health.share_unknown > MOST_UNKNOWN:
        yield (
            f"{health.share_unknown:.0%} of the labels have ids that the label set lacks; choose "
            "the one they are of (parameter taxonomy)"
        )
    yield from health.suspicions
    if health.running > max(LONG, 1 / now.rate):
        yield f"a segmentation has been running for {health.running:.0f} s"
    elif health.last_update_seconds > 1 / now.rate:
        yield (
            f"segmentation takes {health.last_update_seconds:.2f} s, slower than "
            f"segmentation_rate {now.rate:g} Hz"
        )
    if health.device_note:
        yield health.device_note


def _of_topic(topic: TopicState, large_clouds: str) -> Iterator[str]:
    if topic.num_publishers == 0:
        yield f"nobody publishes {topic.topic}"
    elif topic.refused and not topic.num_received:
        yield (
            f"the publisher of {topic.topic} offers a quality of service that input_reliability "
            "does not allow to hear"
        )
    elif topic.silent is not None and topic.silent > SILENT:
        if not topic.num_received:
            yield (
                f"{topic.topic} has {topic.num_publishers} publishers and nothing has come: they "
                f"are silent, or the middleware loses what they send; {large_clouds}"
            )
        elif not topic.latched:
            yield f"nothing has come on {topic.topic} for {topic.silent:.0f} s"


def _of_drops(health: Health) -> Iterator[str]:
    recent = health.recent()
    integrated = recent.pop("", 0)
    if integrated:
        for reason in USUAL:
            recent.pop(reason, None)
    if recent:
        reason, most = recent.most_common(1)[0]
        dropped = sum(recent.values())
        yield (
            f"{dropped if integrated else 'all'} of {dropped + integrated} clouds dropped in "
            f"{RECENT:.0f} s, {most} as {reason}: {health.detail(reason)}"
        )


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
