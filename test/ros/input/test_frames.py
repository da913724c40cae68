"""Frames: transforms through tf2 (a stand-in, it is no wheel) or without, and never a guess."""

import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from geometry_msgs.msg import Transform as TransformMessage

from mtml_ros.ros.input.frames import FrameError, Frames

STAMP = Time(sec=7)


def message(x=0.0, y=0.0, z=0.0, w=1.0, translation=(0.0, 0.0, 0.0)):
    t = Vector3(x=translation[0], y=translation[1], z=translation[2])
    return TransformMessage(translation=t, rotation=Quaternion(x=x, y=y, z=z, w=w))


class Tf2(SimpleNamespace):
    """What Frames uses of tf2_ros; `known` maps (target, source, seconds) to transforms."""

    class TransformException(Exception):  # noqa: N818  # tf2's name
        pass

    def __init__(self):
        super().__init__(known={}, cleared=0, listening=False, words="no words")

    def Buffer(self):  # noqa: N802
        return self

    def TransformListener(self, buffer, node, spin_thread):  # noqa: N802
        self.listening = True
        return self

    def lookup_transform(self, target, source, time):
        key = target, source, time.nanoseconds / 1e9
        if key not in self.known:
            raise self.TransformException(self.words)
        return TransformStamped(transform=self.known[key])

    def clear(self):
        self.cleared += 1

    def unregister(self):
        self.listening = False


@pytest.fixture
def tf2(monkeypatch):
    module = Tf2()
    monkeypatch.setitem(sys.modules, "tf2_ros", module)
    return module


@pytest.fixture
def no_tf2(monkeypatch):
    for name in ("tf2_ros", "tf2_msgs.msg"):
        monkeypatch.setitem(sys.modules, name, None)  # import raises


class StandInNode:
    """Keeps the callbacks of subscriptions by topic."""

    def __init__(self):
        self.heard = {}

    def create_subscription(self, type_, topic, callback, profile):
        self.heard[topic] = callback
        return topic

    def destroy_subscription(self, topic):
        del self.heard[topic]


@pytest.fixture
def own(monkeypatch):
    """A node on which Frames listens without tf2_ros; the messages' type may be any."""
    monkeypatch.setitem(sys.modules, "tf2_ros", None)
    monkeypatch.setitem(sys.modules, "tf2_msgs.msg", SimpleNamespace(TFMessage=object))
    return StandInNode()


def tell(node, seconds, translation, topic="/tf", parent="map", child="camera", **rotation):
    entry = TransformStamped(transform=message(translation=translation, **rotation))
    entry.header.frame_id, entry.child_frame_id = parent, child
    entry.header.stamp = Time(sec=seconds)
    node.heard[topic](SimpleNamespace(transforms=[entry]))


def reason(frames, frame, stamp=STAMP):
    with pytest.raises(FrameError) as caught:
        frames.lookup(frame, stamp)
    return caught.value.reason


@pytest.mark.parametrize("frame", ["map", "/map"])
def test_the_map_frame_needs_no_transform(no_tf2, frame):
    frames = Frames(None, "map")
    assert frames.source == "nobody"
    assert frames.lookup(frame, STAMP).origin is None
    np.testing.assert_array_equal(frames.lookup(frame, STAMP).transform.rotation, np.eye(3))


def test_another_frame_without_tf2_is_an_error_and_not_the_identity(no_tf2):
    assert reason(Frames(None, "map"), "camera") == "no_tf2"


@pytest.mark.parametrize("frame", ["", "/"])
def test_an_empty_frame_is_an_error(tf2, frame):
    assert reason(Frames(None, "map"), frame) == "empty_frame"


def test_a_transform_is_looked_up_at_the_stamp_of_the_cloud(tf2):
    frames = Frames(None, "map")
    assert frames.source == "tf2_ros"
    tf2.known["map", "camera", 7.0] = message(translation=(1.0, 0.0, 0.0))
    place = frames.lookup("/camera", STAMP)
    np.testing.assert_array_equal(place.origin, [1, 0, 0])
    np.testing.assert_array_equal(place.transform.apply(np.zeros((1, 3), np.float32)), [[1, 0, 0]])


def test_without_a_stamp_there_is_no_transform(tf2):
    frames = Frames(None, "map")
    tf2.known["map", "camera", 0.0] = message()  # tf2 takes 0 for "the latest"
    assert reason(frames, "camera", Time()) == "zero_stamp"


def test_closing_ends_the_subscriptions(tf2):
    frames = Frames(None, "map")
    assert tf2.listening
    frames.clear()
    frames.close()
    assert (tf2.cleared, tf2.listening) == (1, False)


@pytest.mark.parametrize(
    ("words", "helps"),
    [
        ('"camera" passed to lookupTransform argument source_frame does not exist.', True),
        ("Lookup would require extrapolation into the future. Requested time 7 but ...", True),
        ("Lookup would require extrapolation into the past. Requested time 7 but ...", False),
    ],
)
def test_tf2s_own_words_are_handed_on(tf2, words, helps):
    tf2.words = words
    with pytest.raises(FrameError) as caught:
        Frames(None, "map").lookup("camera", STAMP)
    assert words in str(caught.value)
    assert (caught.value.reason, caught.value.waiting_helps) == ("no_transform", helps)


def test_a_transform_that_is_no_rotation_is_refused(tf2):
    tf2.known["map", "camera", 7.0] = message(w=2.0)
    assert reason(Frames(None, "map"), "camera") == "bad_transform"


def test_without_tf2_ros_transforms_are_heard_and_interpolated(own):
    frames = Frames(own, "map")
    assert frames.source == "mtml_ros"
    tell(own, 6, (1.0, 0.0, 0.0))
    tell(own, 8, (3.0, 0.0, 0.0), z=math.sin(math.pi / 4), w=math.cos(math.pi / 4))
    tell(own, 0, (0.0, 0.0, 1.0), "/tf_static", "camera", "lens")
    place = frames.lookup("lens", STAMP)  # half way: 2 m along x, an eighth of a turn to the left
    np.testing.assert_allclose(place.origin, [2, 0, 1], atol=1e-9)
    moved = place.transform.apply(np.array([[1, 0, 0]], np.float32))
    np.testing.assert_allclose(moved, [[2 + math.sqrt(0.5), math.sqrt(0.5), 1]], atol=1e-6)


def test_without_tf2_ros_what_is_missing_is_said_too(own):
    frames = Frames(own, "map")
    with pytest.raises(FrameError, match=r"camera.*known: none") as caught:
        frames.lookup("camera", STAMP)
    assert caught.value.waiting_helps
    tell(own, 6, (1.0, 0.0, 0.0))
    with pytest.raises(FrameError) as caught:
        frames.lookup("camera", STAMP)
    assert caught.value.waiting_helps
    assert caught.value.late == pytest.approx(1.0)
    with pytest.raises(FrameError) as caught:
        frames.lookup("camera", Time(sec=5))
    assert not caught.value.waiting_helps


def test_entries_that_are_no_transform_are_counted_and_the_others_count(own):
    frames = Frames(own, "map")
    tell(own, 7, (math.nan, 0.0, 0.0))
    tell(own, 7, (1.0, 0.0, 0.0), child="map")
    tell(own, 7, (1.0, 0.0, 0.0))
    assert frames.num_bad == 2
    assert frames.lookup("camera", STAMP).origin[0] == 1


def test_after_time_has_jumped_back_what_moves_is_forgotten(own):
    frames = Frames(own, "map")
    tell(own, 7, (1.0, 0.0, 0.0))
    frames.clear()
    assert reason(frames, "camera") == "no_transform"
    frames.close()
    assert own.heard == {}
