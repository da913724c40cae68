"""Rigid transforms and the buffer of them: closed forms, scipy's Slerp, tf2's meaning."""

import threading

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from mtml_ros.core import transforms
from mtml_ros.core.transforms import Transform, TransformBuffer, TransformError

SECOND = 1_000_000_000
NO_TURN = (0.0, 0.0, 0.0, 1.0)
LEFT = (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5))  # a quarter turn about z: x becomes y


def reason_of(buffer: TransformBuffer, target: str, source: str, stamp: int) -> TransformError:
    with pytest.raises(TransformError) as caught:
        buffer.lookup(target, source, stamp)
    return caught.value


def test_a_quarter_turn_moves_points_as_on_paper() -> None:
    transform = Transform.from_quaternion((10, 0, 1), LEFT)
    moved = transform.apply(np.array([[1, 2, 3]], np.float32))
    np.testing.assert_allclose(moved, [[8, 1, 4]], atol=1e-6)
    assert moved.dtype == np.float32
    np.testing.assert_allclose(np.abs(transform.quaternion), LEFT, atol=1e-12)


def test_inverse_and_product_undo_each_other() -> None:
    rng = np.random.default_rng(1)
    a, b = (
        Transform(Rotation.random(random_state=seed).as_matrix(), rng.normal(size=3))
        for seed in (1, 2)
    )
    xyz = rng.normal(size=(20, 3)).astype(np.float32)
    np.testing.assert_allclose((a @ b).apply(xyz), a.apply(b.apply(xyz)), atol=1e-5)
    np.testing.assert_allclose((a.inverse() @ a).rotation, np.eye(3), atol=1e-12)
    np.testing.assert_allclose((a.inverse() @ a).translation, np.zeros(3), atol=1e-12)


@pytest.mark.parametrize(
    ("translation", "quaternion"),
    [
        ((0, 0, 0), (0, 0, 0, 0)),
        ((0, 0, 0), (0, 0, 0, 1.02)),
        ((0, 0, np.nan), NO_TURN),
        ((np.inf, 0, 0), NO_TURN),
        ((0, 0, 0), (np.nan, 0, 0, 1)),
    ],
)
def test_what_is_no_rotation_is_refused(
    translation: tuple[float, ...], quaternion: tuple[float, ...]
) -> None:
    buffer = TransformBuffer()
    with pytest.raises(TransformError, match="a rotation has norm 1") as caught:
        buffer.add("map", "base", 0, translation, quaternion)
    assert caught.value.reason == "bad_transform"
    assert buffer.frames == []


def test_between_two_samples_the_way_is_straight_and_the_turn_even() -> None:
    buffer = TransformBuffer()
    buffer.add("map", "base", 0, (0, 0, 0), NO_TURN)
    buffer.add("map", "base", 4 * SECOND, (4, 0, 2), LEFT)
    found = buffer.lookup("map", "base", 1 * SECOND)
    np.testing.assert_allclose(found.translation, [1, 0, 0.5])
    angle = np.pi / 2 / 4
    np.testing.assert_allclose(
        found.rotation[:2, :2],
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]],
        atol=1e-12,
    )


@pytest.mark.parametrize("flipped", [1, -1])
def test_interpolation_is_scipys_slerp_the_short_way_round(flipped: int) -> None:
    # q and -q are the same rotation; publishers send either
    rotations = Rotation.random(2, random_state=3)
    buffer = TransformBuffer()
    for i, q in enumerate(rotations.as_quat()):
        buffer.add("map", "base", i * SECOND, (0, 0, 0), q * (flipped if i else 1))
    for share in (0.0, 0.1, 0.5, 0.999, 1.0):
        expected = Slerp([0, 1], rotations)(share).as_matrix()
        found = buffer.lookup("map", "base", int(share * SECOND)).rotation
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_chains_are_followed_up_and_down_the_tree() -> None:
    buffer = TransformBuffer()
    buffer.add("map", "odom", 0, (100, 0, 0), LEFT, static=True)
    buffer.add("odom", "base", 0, (1, 0, 0), NO_TURN)
    buffer.add("odom", "base", SECOND, (3, 0, 0), NO_TURN)
    buffer.add("base", "camera", 0, (0, 0, 0.5), NO_TURN, static=True)
    buffer.add("base", "arm", 0, (0, 1, 0), NO_TURN, static=True)
    half = SECOND // 2
    # the camera: 2 m along odom's x, which is the map's y
    np.testing.assert_allclose(
        buffer.lookup("map", "camera", half).translation, [100, 2, 0.5], atol=1e-9
    )
    np.testing.assert_allclose(
        buffer.lookup("camera", "map", half).apply(np.array([[100, 2, 0.5]], np.float32)),
        [[0, 0, 0]],
        atol=1e-5,
    )
    # camera and arm meet at base, whose own place in odom is not needed
    beyond = buffer.lookup("arm", "camera", 50 * SECOND)
    np.testing.assert_allclose(beyond.translation, [0, -1, 0.5])
    assert buffer.lookup("base", "base", 7 * SECOND).translation.tolist() == [0, 0, 0]
    assert buffer.frames == ["arm", "base", "camera", "map", "odom"]


def test_a_leading_slash_is_that_of_ros_1() -> None:
    buffer = TransformBuffer()
    buffer.add("/map", "/base", 0, (1, 0, 0), NO_TURN, static=True)
    assert buffer.lookup("map", "/base", 0).translation[0] == 1


def test_the_four_reasons_for_no_answer() -> None:
    buffer = TransformBuffer()
    buffer.add("map", "base", 5 * SECOND, (0, 0, 0), NO_TURN)
    buffer.add("map", "base", 6 * SECOND, (0, 0, 0), NO_TURN)
    buffer.add("world", "camera", 0, (0, 0, 0), NO_TURN, static=True)

    early = reason_of(buffer, "map", "base", int(4.75 * SECOND))
    assert (early.reason, early.seconds) == ("too_early", pytest.approx(0.25))
    assert "0.250 s before the oldest" in str(early)
    late = reason_of(buffer, "map", "base", int(6.5 * SECOND))
    assert (late.reason, late.seconds) == ("too_late", pytest.approx(0.5))
    assert "0.500 s after the newest" in str(late)
    apart = reason_of(buffer, "map", "camera", 5 * SECOND)
    assert apart.reason == "not_connected"
    assert "'world'" in str(apart)
    unknown = reason_of(buffer, "map", "lidar", 5 * SECOND)
    assert unknown.reason == "unknown_frame"
    assert "base, camera, map, world" in str(unknown)


def test_one_sample_answers_for_its_own_stamp_alone() -> None:
    buffer = TransformBuffer()
    buffer.add("map", "base", SECOND, (1, 0, 0), NO_TURN)
    assert buffer.lookup("map", "base", SECOND).translation[0] == 1
    assert reason_of(buffer, "map", "base", SECOND + 1).reason == "too_late"
    assert reason_of(buffer, "map", "base", SECOND - 1).reason == "too_early"


def test_history_is_finite_and_late_comers_find_their_place() -> None:
    buffer = TransformBuffer(history_ns=10 * SECOND)
    for t in (0, 4, 12, 8):  # the last one comes late
        buffer.add("map", "base", t * SECOND, (t, 0, 0), NO_TURN)
    buffer.add("map", "base", 1 * SECOND, (99, 0, 0), NO_TURN)  # too old to be taken
    assert buffer.lookup("map", "base", 10 * SECOND).translation[0] == 10
    assert buffer.lookup("map", "base", 6 * SECOND).translation[0] == 6
    assert reason_of(buffer, "map", "base", 3 * SECOND).reason == "too_early"


def test_a_frame_that_changes_its_parent_keeps_the_older_one_in_between() -> None:
    # tf2: cache.cpp, getData; between two parents nothing is interpolated
    buffer = TransformBuffer()
    buffer.add("table", "cup", 0, (1, 0, 0), NO_TURN)
    buffer.add("hand", "cup", 2 * SECOND, (5, 0, 0), NO_TURN)
    assert buffer.lookup("table", "cup", SECOND).translation[0] == 1
    assert buffer.lookup("hand", "cup", 2 * SECOND).translation[0] == 5


def test_clear_keeps_what_is_static() -> None:
    buffer = TransformBuffer()
    buffer.add("map", "base", 0, (0, 0, 0), NO_TURN)
    buffer.add("base", "camera", 0, (0, 0, 1), NO_TURN, static=True)
    buffer.clear()
    assert buffer.lookup("base", "camera", 9 * SECOND).translation[2] == 1
    assert reason_of(buffer, "map", "camera", 0).reason == "unknown_frame"


def test_a_loop_is_told_not_walked_for_ever() -> None:
    buffer = TransformBuffer()
    buffer.add("b", "a", 0, (0, 0, 0), NO_TURN, static=True)
    buffer.add("a", "b", 0, (0, 0, 0), NO_TURN, static=True)
    buffer.add("map", "c", 0, (0, 0, 0), NO_TURN, static=True)
    assert "loop" in str(reason_of(buffer, "map", "a", 0))


@pytest.mark.parametrize(("parent", "child"), [("map", "map"), ("", "base"), ("map", "")])
def test_a_transform_needs_two_frames(parent: str, child: str) -> None:
    with pytest.raises(TransformError, match="two frames"):
        TransformBuffer().add(parent, child, 0, (0, 0, 0), NO_TURN)


def test_the_number_of_frames_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transforms, "MAX_FRAMES", 3)
    buffer = TransformBuffer()
    for child in ("a", "b", "c"):
        buffer.add("map", child, 0, (0, 0, 0), NO_TURN, static=True)
    with pytest.raises(TransformError, match="more than 3 frames; 'd' is left out"):
        buffer.add("map", "d", 0, (0, 0, 0), NO_TURN, static=True)
    assert buffer.frames == ["a", "b", "c", "map"]


def test_threads_may_add_and_look_up_at_once() -> None:
    buffer = TransformBuffer()
    buffer.add("map", "base", 0, (0, 0, 0), NO_TURN)
    done = threading.Event()

    def publish() -> None:
        for i in range(1, 2000):
            buffer.add("map", "base", i * 1_000_000, (i, 0, 0), NO_TURN)
        done.set()

    thread = threading.Thread(target=publish)
    thread.start()
    while not done.is_set():
        buffer.lookup("map", "base", 0)
    thread.join()
    assert buffer.lookup("map", "base", 1_500_500_000).translation[0] == pytest.approx(1500.5)
