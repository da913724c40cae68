"""The status: a table of ways to be blind, and what it says of each."""

import re

import pytest
from diagnostic_msgs.msg import DiagnosticStatus

from mtml_ros.ros.input.subscription import TopicState
from mtml_ros.ros.output.diagnostics import Situation, judge, make_status
from mtml_ros.ros.output.health import Health

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


def topic(name="/points", needed=True, publishers=1, received=9, silent=0.1, **more):
    more = {"latched": False, "refused": False, **more}
    return TopicState(name, needed, publishers, received, silent, **more)


class Bench:
    """A node that does well, until a test says otherwise."""

    def __init__(self):
        self.time = 100.0
        self.log = []
        self.health = Health(self.log.append, lambda: self.time, "use /x/fastdds_profile.xml")
        self.situation = {"state": "active", "configured": True, "rate": 1.0, "topics": [topic()]}
        self.well()

    def well(self):
        self.health.cloud_received()
        self.health.cloud_integrated(0.01)
        self.health.labels(0, 100)

    def judge(self):
        return judge(self.health, Situation(**self.situation))

    def drop(self, number, reason, text):
        self.time += 6  # what got in before is forgotten
        for _ in range(number):
            self.health.cloud_received()
            self.health.cloud_dropped(reason, text)


@pytest.fixture
def bench():
    return Bench()


def blind(**situation):
    return lambda b: b.situation.update(situation)


def long_segmentation(b):
    b.health.segmentation_started()
    b.time += 30


def failures(b):
    b.health.failed("no memory")


def half_unknown(b):
    b.health.labels(900, 1000)


def lost(b):
    b.time += 6
    b.health.cloud_received()
    b.health.clouds_lost(23)


def suspicious(b):
    b.health.suspicions = ["it looks like millimetres"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (blind(state="inactive"), "inactive: nothing is segmented"),
        (blind(topics=[topic(publishers=0, received=0, silent=None)]), "nobody publishes /points"),
        (
            blind(topics=[topic(), topic("/depth/labels", publishers=0, silent=None)]),
            "nobody publishes /depth/labels",
        ),
        (
            blind(topics=[topic(received=0, silent=4.0)]),
            r"nothing has come: .* loses what they send; use /x/fastdds_profile\.xml",
        ),
        (blind(topics=[topic(silent=60.0)]), "nothing has come on /points for 60 s"),
        (blind(topics=[topic(received=0, refused=True)]), "quality of service"),
        (blind(clock_runs=False), "nothing has come on /clock"),
        (lost, r"23 as lost_in_transport: .*fastdds_profile\.xml"),
        (
            lambda b: b.drop(7, "no_transform", "no transform has named the frame 'camera'"),
            "all of 7 clouds dropped in 5 s, 7 as no_transform: .*'camera'",
        ),
        (lambda b: b.drop(3, "missing_field", "its fields: x, y"), "missing_field: its fields"),
        (lambda b: b.health.cloud_undecodable("9 bytes"), "1 of 2 .* undecodable: 9 bytes"),
        (half_unknown, "82% of the labels have ids that the label set lacks"),
        (long_segmentation, "running for 30 s"),
        (failures, "1 failures in a row, the last: no memory"),
        (blind(bad_transforms=4), "4 entries of /tf"),
        (suspicious, "millimetres"),
        (lambda b: setattr(b.health, "device_note", "out of memory"), "out of memory"),
        (lambda b: b.health.updated(1.5, None), "takes 1.50 s, slower"),
    ],
)
def test_whatever_makes_it_blind_is_no_ok_and_is_said(bench, what, said):
    assert bench.judge() == (OK, "ok")
    what(bench)
    level, message = bench.judge()
    assert level == WARN
    assert re.search(said, message), message


def test_an_error_while_configuring_is_the_message(bench):
    bench.health.last_error = "no such file"
    bench.situation.update(state="unconfigured", configured=False)
    assert bench.judge() == (ERROR, "no such file")


def test_three_failures_in_a_row_are_an_error_until_one_works(bench):
    for expected in (WARN, WARN, ERROR):
        bench.health.failed("no memory")
        assert bench.judge()[0] == expected
    bench.health.updated(0.1, None)
    assert bench.judge()[0] == OK


def test_a_map_that_was_published_once_and_latched_is_no_silence(bench):
    bench.situation["topics"] = [topic(silent=900.0, latched=True, received=1)]
    assert bench.judge() == (OK, "ok")


def test_what_is_not_needed_may_be_missing(bench):
    bench.situation["topics"] = [topic(needed=False, publishers=0, silent=None)]
    assert bench.judge() == (OK, "ok")


def test_a_sensor_faster_than_its_labels_is_no_fault_while_some_get_in(bench):
    bench.drop(5, "unlabelled", "none near")
    assert bench.judge()[0] == WARN
    bench.well()
    assert bench.judge() == (OK, "ok")


def test_of_several_reasons_the_most_frequent_stands_in_the_message(bench):
    bench.drop(2, "empty", "of no points")
    for _ in range(3):
        bench.health.cloud_dropped("stale_stamp", "an hour old")
    assert "3 as stale_stamp: an hour old" in bench.judge()[1]


def test_a_dropped_cloud_is_a_warning_for_a_while(bench):
    bench.health.cloud_dropped("empty", "of no points")
    assert bench.judge()[0] == WARN
    bench.time += 6
    assert bench.judge()[0] == OK


def test_the_status_cuts_texts_of_any_length():
    status = make_status("n", OK, "x" * 9999, [("k", "y" * 9999)])
    assert len(status.message) == len(status.values[0].value) == 500
