"""Rigid transforms, and a buffer of them over time that answers as tf2's does, without ROS."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from mtml_ros.core.errors import InputError

TransformReason = Literal[
    "bad_transform", "unknown_frame", "not_connected", "too_early", "too_late"
]

UNIT_TOLERANCE = 0.01
"""How far from 1 a quaternion's norm may be: rounding, not a mistake."""

HISTORY_NS = 10_000_000_000
"""Nanoseconds that a buffer remembers: tf2's default."""

MAX_FRAMES = 10_000
MAX_SAMPLES = 20_000  # of one frame: 2 kHz for ten seconds
MAX_DEPTH = 1_000  # frames from one to its root; more is a loop


class TransformError(InputError):
    """A transform that cannot be used, or is not known.

    reason: "bad_transform" (not finite, not a rotation, or of a frame to itself),
        "unknown_frame" (nobody has named it yet), "not_connected" (both frames are known, nothing
        links them), "too_early" (the stamp is older than what is remembered), "too_late" (newer
        than the newest; waiting helps as long as its publisher lives).
    seconds: by how much it is too early or too late; else 0.
    """

    def __init__(self, reason: TransformReason, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.reason: TransformReason = reason
        self.seconds = seconds


@dataclass(frozen=True)
class Transform:
    """From a source frame to a target frame: x_target = rotation @ x_source + translation.

    rotation: (3, 3) float64. translation: (3,) float64, metres: the source's origin in the target.
    """

    rotation: np.ndarray
    translation: np.ndarray

    @staticmethod
    def identity() -> Transform:
        return Transform(np.eye(3), np.zeros(3))

    @staticmethod
    def from_quaternion(translation: Sequence[float], quaternion: Sequence[float]) -> Transform:
        """translation: x y z, metres. quaternion: x y z w, as ROS orders it, of norm 1.

        Raises TransformError ("bad_transform") where a number is not finite, or the norm is not 1.
        """
        t = np.asarray(translation, dtype=np.float64)
        q = np.asarray(quaternion, dtype=np.float64)
        norm = float(np.linalg.norm(q)) if np.isfinite(q).all() else math.nan
        if not abs(norm - 1) <= UNIT_TOLERANCE or not np.isfinite(t).all():
            raise TransformError(
                "bad_transform",
                f"transform with quaternion {q.tolist()} (x y z w) of norm {norm:.4g} and "
                f"translation {t.tolist()}: a rotation has norm 1; mend its publisher",
            )
        return Transform(Rotation.from_quat(q).as_matrix(), t)

    @property
    def quaternion(self) -> np.ndarray:
        """(4,) float64: x y z w."""
        found: np.ndarray = Rotation.from_matrix(self.rotation).as_quat()
        return found

    def apply(self, xyz: np.ndarray) -> np.ndarray:
        """(N, 3) float32 of points (N, 3) float32; the sum is taken in float64."""
        moved: np.ndarray = (xyz @ self.rotation.T + self.translation).astype(np.float32)
        return moved

    def inverse(self) -> Transform:
        return Transform(self.rotation.T, -self.rotation.T @ self.translation)

    def __matmul__(self, other: Transform) -> Transform:
        """First `other`, then this one."""
        return Transform(
            self.rotation @ other.rotation, self.rotation @ other.translation + self.translation
        )


@dataclass
class _Track:
    """What is known of one frame's place in its parent, by ascending stamp; a static one has one
    sample that holds at any time."""

    static: bool
    stamps: list[int] = field(default_factory=list)
    samples: list[tuple[str, np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, stamp: int, sample: tuple[str, np.ndarray, np.ndarray], history: int) -> None:
        if self.stamps and stamp < self.stamps[-1] - history:
            return  # older than what is remembered
        at = bisect_left(self.stamps, stamp)
        if self.static:
            self.stamps, self.samples = [stamp], [sample]
        elif at < len(self.stamps) and self.stamps[at] == stamp:
            self.samples[at] = sample
        else:
            self.stamps.insert(at, stamp)
            self.samples.insert(at, sample)
        old = bisect_left(self.stamps, self.stamps[-1] - history)
        old = max(old, len(self.stamps) - MAX_SAMPLES)
        del self.stamps[:old], self.samples[:old]

    def at(self, stamp: int, frame: str) -> tuple[str, Transform]:
        """The parent and the transform to it at this stamp."""
        if self.static:
            return self._sample(0)
        if stamp < self.stamps[0]:
            before = (self.stamps[0] - stamp) * 1e-9
            raise TransformError(
                "too_early",
                f"the transform of {frame[:80]!r} at {stamp * 1e-9:.3f} is asked for, "
                f"{before:.3f} s before the oldest that is remembered",
                before,
            )
        if stamp > self.stamps[-1]:
            after = (stamp - self.stamps[-1]) * 1e-9
            raise TransformError(
                "too_late",
                f"the transform of {frame[:80]!r} at {stamp * 1e-9:.3f} is asked for, "
                f"{after:.3f} s after the newest that came",
                after,
            )
        i = bisect_right(self.stamps, stamp) - 1  # the newest that is not later
        if self.stamps[i] == stamp:
            return self._sample(i)
        parent, t0, q0 = self.samples[i]
        other, t1, q1 = self.samples[i + 1]
        if parent != other:  # nothing lies between two parents
            return self._sample(i)
        share = (stamp - self.stamps[i]) / (self.stamps[i + 1] - self.stamps[i])
        turn = Slerp([0.0, 1.0], Rotation.from_quat([q0, q1]))(share)
        return parent, Transform(turn.as_matrix(), t0 + share * (t1 - t0))

    def _sample(self, i: int) -> tuple[str, Transform]:
        parent, t, q = self.samples[i]
        return parent, Transform(Rotation.from_quat(q).as_matrix(), t)


class TransformBuffer:
    """Transforms between frames over time, as /tf and /tf_static bring them; thread-safe.

    The meaning is tf2's: a frame has one parent; between two samples the translation is
    interpolated along a line, the rotation spherically; nothing is extrapolated; static transforms
    hold at any time; `history_ns` before a frame's newest sample is forgotten.
    """

    def __init__(self, history_ns: int = HISTORY_NS) -> None:
        self._history = history_ns
        self._tracks: dict[str, _Track] = {}
        self._parents: set[str] = set()
        self._lock = threading.Lock()

    @property
    def frames(self) -> list[str]:
        """The names of all frames heard of, sorted."""
        with self._lock:
            return sorted({*self._tracks, *self._parents})

    def add(
        self,
        parent: str,
        child: str,
        stamp_ns: int,
        translation: Sequence[float],
        quaternion: Sequence[float],
        static: bool = False,
    ) -> None:
        """Adds where `child` lies in `parent`: one entry of a tf2_msgs/TFMessage.

        stamp_ns: nanoseconds. translation: x y z, metres. quaternion: x y z w.
        Raises TransformError ("bad_transform"), nothing changed, for what cannot be a transform.
        """
        parent, child = parent.removeprefix("/"), child.removeprefix("/")
        Transform.from_quaternion(translation, quaternion)  # refuses what is none
        if not parent or not child or parent == child:
            raise TransformError(
                "bad_transform",
                f"transform of {child[:80]!r} in {parent[:80]!r}: two frames with names that "
                "differ are needed",
            )
        sample = parent, np.array(translation, np.float64), np.array(quaternion, np.float64)
        with self._lock:
            track = self._tracks.get(child)
            if (child not in self._tracks and len(self._tracks) >= MAX_FRAMES) or (
                parent not in self._parents and len(self._parents) >= MAX_FRAMES
            ):
                raise TransformError(
                    "bad_transform", f"more than {MAX_FRAMES} frames; {child[:80]!r} is left out"
                )
            if track is None or track.static != static:
                track = self._tracks[child] = _Track(static)
            self._parents.add(parent)
            track.add(stamp_ns, sample, self._history)

    def lookup(self, target: str, source: str, stamp_ns: int) -> Transform:
        """From `source` to `target` at a stamp: where source's points lie in target.

        Raises TransformError: "unknown_frame", "not_connected", "too_early" or "too_late".
        """
        target, source = target.removeprefix("/"), source.removeprefix("/")
        if target == source:
            return Transform.identity()
        with self._lock:
            for frame in (target, source):
                if frame not in self._tracks and frame not in self._parents:
                    known = ", ".join(sorted({*self._tracks, *self._parents})[:10]) or "none"
                    raise TransformError(
                        "unknown_frame",
                        f"no transform has named the frame {frame[:80]!r}; known: {known[:400]}",
                    )
            down, failed = self._way_up(target, stamp_ns)
            up, also_failed = self._way_up(source, stamp_ns)
        for frame, transform in up.items():
            if frame in down:
                return down[frame].inverse() @ transform
        error = failed or also_failed
        if error is not None:
            raise error
        raise TransformError(
            "not_connected",
            f"{source[:80]!r} and {target[:80]!r} are in two trees, below {list(up)[-1][:80]!r} "
            f"and {list(down)[-1][:80]!r}: no transform links them",
        )

    def clear(self) -> None:
        """Forgets what changes over time, after time has jumped back; static transforms stay."""
        with self._lock:
            self._tracks = {name: track for name, track in self._tracks.items() if track.static}
            self._parents = {track.samples[0][0] for track in self._tracks.values()}

    def _way_up(self, frame: str, stamp: int) -> tuple[dict[str, Transform], TransformError | None]:
        """From a frame to itself and to each frame above it, in this order; why it ended."""
        way = {frame: Transform.identity()}
        for _ in range(MAX_DEPTH):
            track = self._tracks.get(frame)
            if track is None:
                return way, None
            try:
                parent, step = track.at(stamp, frame)
            except TransformError as error:
                return way, error
            if parent in way:
                break
            way[parent] = step @ way[frame]
            frame = parent
        return way, TransformError(
            "not_connected", f"the transforms above {frame[:80]!r} form a loop; mend a publisher"
        )
