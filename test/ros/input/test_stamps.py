"""StampGate: stale, future, repeated and out-of-order stamps, and jumps back in time."""

from mtml_ros.ros.input.stamps import StampGate

NOW = 1000.0


def check(gate, stamp, now=NOW, fingerprint=None, max_age=10.0, future_tolerance=1.0):
    return gate.check(stamp, now, fingerprint or object(), max_age, future_tolerance)


def test_rising_stamps_pass():
    gate = StampGate()
    assert [check(gate, s) for s in (990.0, 990.1, 1000.5)] == [None] * 3
    assert gate.newest == 1000.0  # the clock's: a publisher ahead of it makes no other one stale


def test_a_stamp_from_the_future_is_refused_and_leaves_no_trace():
    gate = StampGate()
    assert check(gate, NOW + 1.5) == "future_stamp"
    assert gate.newest is None


def test_without_a_clock_nothing_is_in_the_future():
    assert check(StampGate(), 5000.0, now=0.0) is None


def test_a_negative_stamp_is_refused():
    assert check(StampGate(), -1.0) == "bad_stamp"


def test_the_same_message_twice_is_refused_but_not_another_of_the_same_stamp():
    gate = StampGate()
    assert check(gate, 990.0, fingerprint="a") is None
    assert check(gate, 990.0, fingerprint="a") == "duplicate"
    assert check(gate, 990.0, fingerprint="b") is None


def test_a_late_cloud_passes_while_it_is_young_enough():
    gate = StampGate()
    check(gate, 1000.0)
    assert check(gate, 990.0) is None
    assert check(gate, 989.9) == "stale_stamp"
    assert gate.newest == 1000.0


def test_where_each_cloud_replaces_the_map_any_older_one_is_out_of_order():
    gate = StampGate()
    check(gate, 1000.0, max_age=0.0)
    assert check(gate, 999.9, max_age=0.0) == "out_of_order"
    assert check(gate, 1000.0, max_age=0.0) is None


def test_three_rising_stale_clouds_in_a_row_are_a_jump_back():
    gate = StampGate()
    check(gate, 1000.0)
    assert [check(gate, s) for s in (500.0, 500.1)] == ["stale_stamp"] * 2
    assert gate.jumps == 0
    assert check(gate, 500.2) is None
    assert (gate.jumps, gate.newest) == (1, 500.2)
    assert check(gate, 500.3) is None


def test_stragglers_among_good_clouds_are_no_jump():
    gate = StampGate()
    check(gate, 1000.0)
    for i in range(5):
        assert check(gate, 500.0 + i) == "stale_stamp"
        assert check(gate, 1000.0 + i / 10) is None
    assert gate.jumps == 0


def test_stale_clouds_that_do_not_rise_are_no_jump():
    gate = StampGate()
    check(gate, 1000.0)
    assert {check(gate, s) for s in (500.0, 400.0, 300.0, 200.0)} == {"stale_stamp"}
    assert gate.jumps == 0


def test_after_a_jump_of_the_clock_the_same_clouds_pass_again():
    gate = StampGate()
    check(gate, 990.0, fingerprint="a")
    gate.jump_back()
    assert check(gate, 990.0, fingerprint="a") is None


def test_a_short_bag_that_loops_is_noticed_by_its_repeated_clouds():
    gate = StampGate()
    for s in (995.0, 995.1, 995.2, 995.3):
        assert check(gate, s, fingerprint=s) is None
    assert [check(gate, s, fingerprint=s) for s in (995.0, 995.1)] == ["duplicate"] * 2
    assert check(gate, 995.2, fingerprint=995.2) is None
    assert gate.jumps == 1


def test_one_cloud_sent_again_and_again_is_no_jump():
    gate = StampGate()
    check(gate, 995.0, fingerprint="a")
    assert {check(gate, 995.0, fingerprint="a") for _ in range(9)} == {"duplicate"}
    assert gate.jumps == 0
