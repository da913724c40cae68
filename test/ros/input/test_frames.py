"""Frames: transforms through tf2 (here a stand-in, it is no wheel), and never a guess."""

import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from geometry_msgs.msg import Transform as TransformMessage

from mtml_ros.ros.input.frames import FrameError, Frames, Transform

STAMP = Time(sec=7)


def message(x=0.0, y=0.0, z=0.0, w=1.0, translation=(0.0, 0.0, 0.0)):
    t = Vector3(x=translation[0], y=translation[1], z=translation[2])
    return TransformMessage(translation=t, rotation=Quaternion(x=x, y=y, z=z, w=w))


class Tf2(SimpleNamespace):
    """What Frames uses of tf2_ros; `known` maps (target, source, seconds) to transforms."""

    class TransformException(Exception):  # noqa: N818  # tf2's name
        pass

    def __init__(self):
        super().__init__(known={}, cleared=0, listening=False)

    def Buffer(self):  # noqa: N802
        return self

    def TransformListener(self, buffer, node, spin_thread):  # noqa: N802
        self.listening = True
        return self

    def lookup_transform(self, target, source, time):
        key = target, source, time.nanoseconds / 1e9
        if key not in self.known:
            raise self.TransformException(str(key))
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
    monkeypatch.setitem(sys.modules, "tf2_ros", None)  # import raises


def reason(frames, frame, stamp=STAMP):
    with pytest.raises(FrameError) as caught:
        frames.lookup(frame, stamp)
    return caught.value.reason


def test_a_quarter_turn_to_the_left_and_a_shift():
    half = math.pi / 4
    transform = Transform.from_message(
        message(z=math.sin(half), w=math.cos(half), translation=(1.0, 2.0, 3.0))
    )
    moved = transform.apply(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32))
    np.testing.assert_allclose(moved, [[1, 3, 3], [0, 2, 3], [1, 2, 4]], atol=1e-6)
    assert moved.dtype == np.float32
    np.testing.assert_array_equal(transform.translation, [1, 2, 3])


@pytest.mark.parametrize(
    ("axis", "image"), [("x", [1, -2, -3]), ("y", [-1, 2, -3]), ("z", [-1, -2, 3])]
)
def test_half_a_turn_about_each_axis(axis, image):
    transform = Transform.from_message(message(**{"w": 0.0, axis: 1.0}))
    moved = transform.apply(np.array([[1, 2, 3]], np.float32))
    np.testing.assert_allclose(moved, [image], atol=1e-6)


@pytest.mark.parametrize(
    "bad",
    [
        message(w=0.0),
        message(w=2.0),
        message(w=math.nan),
        message(x=math.inf),
        message(translation=(0.0, math.nan, 0.0)),
        message(translation=(math.inf, 0.0, 0.0)),
    ],
)
def test_a_transform_that_is_no_rotation_is_refused(bad):
    with pytest.raises(FrameError) as caught:
        Transform.from_message(bad)
    assert caught.value.reason == "bad_transform"


def test_a_quaternion_off_by_rounding_is_made_unit():
    rotation = Transform.from_message(message(w=1.005)).rotation
    np.testing.assert_allclose(rotation, np.eye(3), atol=1e-12)


@pytest.mark.parametrize("frame", ["map", "/map"])
def test_the_map_frame_needs_no_tf2(no_tf2, frame):
    frames = Frames(None, "map")
    assert not frames.has_tf2
    assert frames.lookup(frame, STAMP) == "map"


def test_another_frame_without_tf2_is_an_error_and_not_the_identity(no_tf2):
    assert reason(Frames(None, "map"), "camera") == "no_tf2"


@pytest.mark.parametrize("frame", ["", "/"])
def test_an_empty_frame_is_an_error(tf2, frame):
    assert reason(Frames(None, "map"), frame) == "empty_frame"


def test_a_transform_is_looked_up_at_the_stamp_of_the_cloud(tf2):
    frames = Frames(None, "map")
    assert frames.has_tf2
    tf2.known["map", "camera", 7.0] = message(translation=(1.0, 0.0, 0.0))
    assert frames.lookup("/camera", STAMP).translation[0] == 1
    assert frames.lookup("camera", Time(sec=8)) is None


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
