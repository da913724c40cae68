"""Health: counts, rates that are true, and how often the same is logged."""

import pytest

from mtml_ros.ros.output.health import Health


class Bench:
    def __init__(self):
        self.time = 100.0
        self.log = []
        self.health = Health(self.log.append, lambda: self.time)


@pytest.fixture
def bench():
    return Bench()


def test_each_reason_is_logged_once_in_five_seconds(bench):
    for _ in range(10):
        bench.health.cloud_dropped("empty", "a")
        bench.health.cloud_dropped("short_data", "b")
    assert len(bench.log) == 2
    bench.time += 5
    bench.health.cloud_dropped("empty", "a")
    assert len(bench.log) == 3
    assert bench.health.dropped == {"empty": 11, "short_data": 10}


def test_a_log_line_is_one_line_whatever_is_in_it(bench):
    bench.health.log("a", "field 'x\n[FATAL] forged'" + "y" * 9999)
    assert "\n" not in bench.log[0]
    assert r"x\n[FATAL]" in bench.log[0]
    assert len(bench.log[0]) == 500


def test_values_tell_rates_medians_and_each_reason(bench):
    health = bench.health
    for seconds in (0.010, 0.020, 0.900):
        bench.time += 0.5
        health.cloud_received()
        health.cloud_integrated(seconds)
    health.cloud_received()
    health.cloud_dropped("empty", "")
    values = dict(health.values(waiting=0))
    assert values["clouds sent"] == "4"
    assert values["clouds integrated"] == "3"
    assert values["clouds dropped"] == values["dropped: empty"] == "1"
    assert values["cloud time (ms)"] == "20.0"
    assert values["cloud rate (Hz)"] == "3.00"  # 3 intervals in 1 s: the last two came together
    assert values["segmentation rate (Hz)"] == ""


def test_the_rate_falls_once_nothing_comes(bench):
    for _ in range(11):
        bench.time += 0.2
        bench.health.cloud_received()

    def rate():
        return dict(bench.health.values(0))["cloud rate (Hz)"]

    assert rate() == "5.00"
    bench.time += 4
    assert rate() == "1.00"  # five in the last five seconds
    bench.time += 30
    assert rate() == "0.00"


def test_the_share_of_unknown_ids_is_of_the_points_that_carry_one(bench):
    assert bench.health.share_unknown == 0
    bench.health.labels(1, 4)
    bench.health.labels(2, 2)
    bench.health.labels(0, 0)
    assert bench.health.share_unknown == 0.5
