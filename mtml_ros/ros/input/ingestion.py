"""Ingestion: a thread that brings each cloud into the map or drops it for a counted reason."""

from __future__ import annotations

import threading
import time
import traceback
import zlib
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.core.taxonomy import UNKNOWN, Taxonomy
from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.mapping.voxel_map import VoxelMap
from mtml_ros.ros.conversions import CloudError, DecodedCloud, decode_cloud, decode_labels
from mtml_ros.ros.input.frames import FrameError, Frames, Transform
from mtml_ros.ros.input.pairing import StampPairing
from mtml_ros.ros.input.stamps import StampGate
from mtml_ros.ros.output.diagnostics import Health
from mtml_ros.ros.parameters.table import Parameters

POLL = 0.02
"""Seconds between two looks for the transforms that held clouds lack."""

SAMPLE = 4096
"""Bytes at either end of a cloud's data by which a duplicate is known."""


@dataclass
class _Cloud:
    """A cloud on its way. stamp: seconds, known once admitted. deadline: monotonic seconds."""

    msg: Any
    labels: Any | None
    arrived: float = field(default_factory=time.monotonic)
    stamp: float = 0.0
    deadline: float = 0.0


class Ingestion:
    """Receives messages on the executor's thread, works on its own.

    So a burst never holds up services and timers, the queue is bounded by the node itself, and
    every cloud that the middleware delivered is accounted for. A cloud whose transform has not
    come yet is held aside, those behind it go on.

    parameters: the present ones. now: the node's clock in seconds (0: not running yet).
    on_integrated: called with the monotonic time of arrival of each cloud that is in the map.
    """

    def __init__(
        self,
        parameters: Callable[[], Parameters],
        taxonomy: Taxonomy,
        voxel_map: VoxelMap,
        frames: Frames,
        health: Health,
        now: Callable[[], float],
        on_integrated: Callable[[float], None],
    ) -> None:
        self._parameters = parameters
        self._taxonomy = taxonomy
        self._map = voxel_map
        self._frames = frames
        self._health = health
        self._now = now
        self._on_integrated = on_integrated
        self._gate = StampGate()
        self._map_stamp = 0.0  # newest stamp in the map, since time last jumped back
        self._pairing = StampPairing()
        self._queue: deque[_Cloud] = deque()
        self._held: list[_Cloud] = []
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
            unpaired, labels = self._pairing.clear()
            waiting = len(self._queue) + len(self._held) + unpaired
            self._queue.clear()
            self._held.clear()
        for _ in range(waiting):
            self._health.cloud_dropped("deactivated", "it still waited when the node stopped")
        if labels:
            self._health.count("labels unmatched", labels)

    @property
    def waiting(self) -> int:
        """Clouds received, but neither integrated nor dropped yet."""
        with self._changed:
            held = len(self._queue) + len(self._held)
            return held + self._pairing.waiting + self._in_hand

    def receive_points(self, msg: Any) -> None:
        """Takes a PointCloud2; returns at once."""
        self._health.cloud_received()
        parameters = self._parameters()
        if parameters.labels_source == "field":
            self._enqueue(msg, None)
            return
        with self._changed:
            labels, pushed_out = self._pairing.add_points(msg, parameters.queue_size)
        for _ in pushed_out:
            self._health.cloud_dropped("no_labels", "no message on 'labels' has its stamp")
        if labels is not None:
            self._enqueue(msg, labels)

    def receive_labels(self, msg: Any) -> None:
        """Takes the labels of a cloud (labels_source: topic); returns at once."""
        with self._changed:
            points, pushed_out = self._pairing.add_labels(msg, self._parameters().queue_size)
        if pushed_out:
            self._health.count(
                "labels unmatched", len(pushed_out), "labels without a cloud of the same stamp"
            )
        if points is not None:
            self._enqueue(points, msg)

    def clock_jumped_back(self) -> None:
        """The node's clock went back: a bag loops, or a simulation starts again."""
        with self._changed:
            self._clock_jumped = True
            self._changed.notify()

    def _enqueue(self, msg: Any, labels: Any | None) -> None:
        parameters = self._parameters()
        replacing = parameters.map_mode == "replace"
        overflow = []
        with self._changed:
            self._queue.append(_Cloud(msg, labels))
            while len(self._queue) > (1 if replacing else parameters.queue_size):
                overflow.append(self._queue.popleft())
            self._changed.notify()
        for _ in overflow:
            if replacing:
                self._health.cloud_dropped("superseded", "a newer cloud replaces the whole map")
            else:
                self._health.cloud_dropped(
                    "queue_full", f"more than queue_size ({parameters.queue_size}) clouds wait"
                )

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._stopping or self._queue or self._held or self._clock_jumped):
                    self._changed.wait()
                if not self._queue and not self._stopping and not self._clock_jumped:
                    self._changed.wait(POLL)  # only held clouds: look again soon
                if self._stopping:
                    return
                jumped, self._clock_jumped = self._clock_jumped, False
                held, self._held = self._held, []
                todo = [*held, *([self._queue.popleft()] if self._queue else [])]
                self._in_hand = len(todo)
            if jumped:
                self._gate.jump_back()
                self._jumped_back()
            for cloud in todo:
                kept = self._guarded(cloud)
                with self._changed:
                    self._in_hand -= 1
                    if kept:
                        self._held.append(cloud)

    def _guarded(self, cloud: _Cloud) -> bool:
        """Works on one cloud; whether it is to be held for its transform."""
        try:
            return self._advance(cloud)
        except (CloudError, FrameError) as error:
            self._health.cloud_dropped(error.reason, str(error))
        except InputError as error:
            self._health.cloud_dropped("bad_points", str(error))
        except Exception as error:
            self._health.cloud_dropped(
                "internal_error", f"{error!r}\n{traceback.format_exc(limit=-3)}"
            )
        return False

    def _advance(self, cloud: _Cloud) -> bool:
        parameters = self._parameters()
        fresh = cloud.deadline == 0
        if fresh and not self._admitted(cloud, parameters):
            return False
        header = cloud.msg.header
        transform = self._frames.lookup(header.frame_id, header.stamp)
        if transform is None:
            if time.monotonic() >= cloud.deadline:
                raise FrameError(
                    "no_transform",
                    f"no transform from {header.frame_id[:80]!r} to {parameters.map_frame!r} at "
                    f"{cloud.stamp:.3f} within {parameters.transform_timeout:g} s",
                )
            self._make_room(parameters.queue_size)
            return True
        self._integrate(cloud, transform, parameters)
        return False

    def _admitted(self, cloud: _Cloud, parameters: Parameters) -> bool:
        now = self._now()
        stamp = cloud.msg.header.stamp
        cloud.stamp = stamp.sec + 1e-9 * stamp.nanosec
        fingerprint: Hashable = _fingerprint(cloud.msg)
        if cloud.stamp == 0:  # not set: it is as good as new, and two of them are no duplicates
            cloud.stamp, fingerprint = now, object()
        jumps = self._gate.jumps
        reason = self._gate.check(
            cloud.stamp,
            now,
            fingerprint,
            parameters.max_cloud_age if parameters.map_mode == "accumulate" else 0.0,
            parameters.future_tolerance,
        )
        if self._gate.jumps != jumps:
            self._jumped_back()
        if reason is not None:
            self._health.cloud_dropped(
                reason,
                f"stamp {cloud.stamp:.3f}, clock {now:.3f}, newest {self._gate.newest or 0:.3f}",
            )
            return False
        cloud.deadline = time.monotonic() + parameters.transform_timeout
        return True

    def _jumped_back(self) -> None:
        self._map_stamp = 0.0
        self._frames.clear()
        self._health.count(
            "jumps back in time", 1, "time has jumped back; the map stays, stamps start again"
        )

    def _make_room(self, capacity: int) -> None:
        with self._changed:
            overflow = self._held[: max(0, len(self._held) + 1 - capacity)]
            del self._held[: len(overflow)]
        for _ in overflow:
            self._health.cloud_dropped("queue_full", "too many clouds wait for their transforms")

    def _integrate(
        self, cloud: _Cloud, transform: Transform | Literal["map"], parameters: Parameters
    ) -> None:
        started = time.monotonic()
        decoded, labels = self._decode(cloud, parameters)
        xyz, origin = decoded.xyz, None
        if transform != "map":
            xyz = transform.apply(xyz)
            origin = transform.translation if parameters.clear_free_space else None
        points = LabeledPoints(xyz, self._encode(labels), decoded.confidence)
        self._map_stamp = max(self._map_stamp, cloud.stamp)
        if parameters.map_mode == "replace":
            report = self._map.replace(points, self._map_stamp)
        else:
            report = self._map.integrate(points, self._map_stamp, origin)
        if report.evicted:
            self._health.count(
                "voxels evicted",
                report.evicted,
                "the map is full, old voxels go; see max_voxels",
            )
        if decoded.num_invalid:
            self._health.count("points dropped as invalid", decoded.num_invalid)
        self._health.cloud_integrated(time.monotonic() - started)
        self._on_integrated(cloud.arrived)

    def _decode(self, cloud: _Cloud, parameters: Parameters) -> tuple[DecodedCloud, np.ndarray]:
        field_name, limit = parameters.label_field, parameters.max_cloud_points
        own = cloud.labels is None
        decoded = decode_cloud(cloud.msg, field_name, require_label=own, max_points=limit)
        if own:
            assert decoded.label is not None  # decode_cloud required it
            return decoded, decoded.label
        return decoded, decode_labels(cloud.labels, decoded.kept, field_name, limit)

    def _encode(self, labels: np.ndarray) -> np.ndarray:
        encoded = self._taxonomy.encode(labels)
        unknown = (encoded == UNKNOWN) & (labels != 0)  # 0 is everyone's "not labelled"
        number = int(np.count_nonzero(unknown))
        if number:
            ids = ", ".join(map(str, np.unique(labels[unknown])[:10].tolist()))
            self._health.count(
                "points with unknown label",
                number,
                f"{number} points have labels that the taxonomy does not know ({ids}); they count "
                "as unknown",
            )
        return encoded


def _fingerprint(msg: Any) -> Hashable:
    data = memoryview(msg.data)
    ends = zlib.crc32(data[:SAMPLE], zlib.crc32(data[-SAMPLE:]))
    stamp = msg.header.stamp
    return msg.header.frame_id, stamp.sec, stamp.nanosec, msg.width, msg.height, len(data), ends
