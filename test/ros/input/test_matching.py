"""StampMatcher: what belongs together is found by its stamps, in any order of arrival."""

from types import SimpleNamespace

import pytest

from mtml_ros.ros.input.matching import StampMatcher

NO_CONFIDENCE = frozenset({"confidence"})


def message(milliseconds, nanosec=0):
    sec, rest = divmod(milliseconds, 1000)
    stamp = SimpleNamespace(sec=sec, nanosec=rest * 1_000_000 + nanosec)
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp))


def test_partners_meet_in_either_order():
    matcher = StampMatcher("points", "labels")
    cloud, labels = message(1), message(1)
    assert matcher.add("points", cloud, 5) == (None, [])
    assert matcher.add("labels", labels, 5) == ({"points": cloud, "labels": labels}, [])
    labels, cloud = message(2), message(2)
    assert matcher.add("labels", labels, 5) == (None, [])
    assert matcher.add("points", cloud, 5) == ({"points": cloud, "labels": labels}, [])
    assert matcher.waiting == 0


def test_without_a_tolerance_one_nanosecond_apart_is_apart():
    matcher = StampMatcher("points", "labels")
    matcher.add("points", message(1), 5)
    assert matcher.add("labels", message(1, nanosec=1), 5) == (None, [])


def test_within_the_tolerance_the_nearest_is_taken():
    matcher = StampMatcher("depth", "labels")
    images = [message(100 + 33 * i) for i in range(3)]
    for image in images:
        matcher.add("depth", image, 5, 0.02)
    labels = message(140)  # 7 ms after the second, 26 ms before the third
    found, given_up = matcher.add("labels", labels, 5, 0.02)
    assert found == {"depth": images[1], "labels": labels}
    # its labels would have come before these
    assert [u.msg for u in given_up] == [images[0]]
    assert matcher.waiting == 1


def test_beyond_the_tolerance_nothing_is_taken_and_it_says_how_far_off():
    matcher = StampMatcher("depth", "labels")
    matcher.add("labels", message(150), 1, 0.02)
    first = message(100)
    assert matcher.add("depth", first, 1, 0.02) == (None, [])
    _, (given_up,) = matcher.add("depth", message(110), 1, 0.02)
    assert (given_up.kind, given_up.msg) == ("depth", first)
    assert given_up.off == pytest.approx(0.05)


def test_where_no_partner_ever_came_there_is_no_distance():
    matcher = StampMatcher("points", "labels")
    clouds = [message(i) for i in range(3)]
    given_up = [matcher.add("points", c, 2)[1] for c in clouds]
    assert [[(u.msg, u.off) for u in g] for g in given_up] == [[], [], [(clouds[0], None)]]
    assert matcher.waiting == 2


def test_what_is_optional_is_not_waited_for_and_taken_where_it_is_there():
    matcher = StampMatcher("depth", "labels", "confidence")
    matcher.add("depth", message(1), 5)
    found, _ = matcher.add("labels", message(1), 5, optional=NO_CONFIDENCE)
    assert set(found) == {"depth", "labels"}
    for kind in ("confidence", "depth"):
        matcher.add(kind, message(2), 5, optional=NO_CONFIDENCE)
    found, _ = matcher.add("labels", message(2), 5, optional=NO_CONFIDENCE)
    assert set(found) == {"depth", "labels", "confidence"}


def test_three_kinds_are_waited_for():
    matcher = StampMatcher("depth", "labels", "confidence")
    assert matcher.add("depth", message(1), 5) == (None, [])
    assert matcher.add("labels", message(1), 5) == (None, [])
    found, _ = matcher.add("confidence", message(1), 5)
    assert set(found) == {"depth", "labels", "confidence"}


def test_a_repeated_stamp_pushes_out_its_predecessor():
    matcher = StampMatcher("points", "labels")
    first, second = message(1), message(1)
    matcher.add("points", first, 5)
    found, (given_up,) = matcher.add("points", second, 5)
    assert (found, given_up.msg) == (None, first)
    assert matcher.add("labels", message(1), 5)[0]["points"] is second


def test_clear_counts_what_had_no_partner():
    matcher = StampMatcher("points", "labels")
    matcher.add("points", message(1), 5)
    matcher.add("labels", message(2), 5)
    matcher.add("labels", message(3), 5)
    assert matcher.clear() == {"points": 1, "labels": 2}
    assert matcher.waiting == 0
