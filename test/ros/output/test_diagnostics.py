"""Health: the judgement that is published, and how often it is logged."""

import pytest
from diagnostic_msgs.msg import DiagnosticStatus

from mtml_ros.ros.output.diagnostics import Health, make_status


class Bench:
    def __init__(self):
        self.time = 100.0
        self.log = []
        self.health = Health(self.log.append, lambda: self.time)


@pytest.fixture
def bench():
    return Bench()


def test_all_is_well_at_first(bench):
    assert bench.health.judge(1.0) == (DiagnosticStatus.OK, "ok")


def test_slower_than_asked_for_is_a_warning(bench):
    bench.health.updated(0.4, None)
    assert bench.health.judge(2.0)[0] == DiagnosticStatus.OK
    bench.health.updated(0.6, None)
    level, message = bench.health.judge(2.0)
    assert level == DiagnosticStatus.WARN
    assert "0.60 s" in message


def test_three_failures_in_a_row_are_an_error_until_one_works(bench):
    for expected in (DiagnosticStatus.WARN, DiagnosticStatus.WARN, DiagnosticStatus.ERROR):
        bench.health.failed("no memory")
        assert bench.health.judge(1.0)[0] == expected
    assert "no memory" in bench.health.judge(1.0)[1]
    bench.health.updated(0.1, None)
    assert bench.health.judge(1.0)[0] == DiagnosticStatus.OK


def test_a_dropped_cloud_is_a_warning_for_a_while(bench):
    bench.health.cloud_dropped("empty", "of no points")
    assert bench.health.judge(1.0)[0] == DiagnosticStatus.WARN
    bench.time += 6
    assert bench.health.judge(1.0)[0] == DiagnosticStatus.OK


def test_each_reason_is_logged_once_in_five_seconds(bench):
    for _ in range(10):
        bench.health.cloud_dropped("empty", "a")
        bench.health.cloud_dropped("short_data", "b")
    assert len(bench.log) == 2
    bench.time += 5
    bench.health.cloud_dropped("empty", "a")
    assert len(bench.log) == 3
    assert bench.health.dropped == {"empty": 11, "short_data": 10}


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


def test_the_status_cuts_texts_of_any_length():
    status = make_status("n", DiagnosticStatus.OK, "x" * 9999, [("k", "y" * 9999)])
    assert len(status.message) == len(status.values[0].value) == 500
