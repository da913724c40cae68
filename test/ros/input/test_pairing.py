"""StampPairing: clouds and labels from two topics, by exact stamp."""

from types import SimpleNamespace

from mtml_ros.ros.input.pairing import StampPairing


def message(nanosec):
    return SimpleNamespace(header=SimpleNamespace(stamp=SimpleNamespace(sec=5, nanosec=nanosec)))


def test_partners_meet_in_either_order():
    pairing = StampPairing()
    cloud, labels = message(1), message(1)
    assert pairing.add_points(cloud, 5) == (None, [])
    assert pairing.add_labels(labels, 5) == (cloud, [])
    labels = message(2)
    assert pairing.add_labels(labels, 5) == (None, [])
    assert pairing.add_points(message(2), 5) == (labels, [])
    assert pairing.waiting == 0


def test_one_nanosecond_apart_is_apart():
    pairing = StampPairing()
    pairing.add_points(message(1), 5)
    assert pairing.add_labels(message(2), 5) == (None, [])


def test_the_oldest_is_pushed_out():
    pairing = StampPairing()
    clouds = [message(i) for i in range(3)]
    assert [pairing.add_points(c, 2)[1] for c in clouds] == [[], [], [clouds[0]]]
    assert pairing.waiting == 2
    assert pairing.add_labels(message(0), 2) == (None, [])


def test_a_repeated_stamp_pushes_out_its_predecessor():
    pairing = StampPairing()
    first, second = message(1), message(1)
    pairing.add_points(first, 5)
    assert pairing.add_points(second, 5) == (None, [first])
    assert pairing.add_labels(message(1), 5) == (second, [])


def test_clear_counts_what_had_no_partner():
    pairing = StampPairing()
    pairing.add_points(message(1), 5)
    pairing.add_labels(message(2), 5)
    pairing.add_labels(message(3), 5)
    assert pairing.clear() == (1, 2)
    assert pairing.waiting == 0
