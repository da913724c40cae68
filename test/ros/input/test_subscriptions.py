"""Inputs: what the middleware lost, by the publisher's numbering; and when to subscribe anew."""

from types import SimpleNamespace

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from mtml_ros.ros.input.subscriptions import _Topic


class StandInNode:
    """Remembers the subscriptions made; `offered` are the publishers' profiles."""

    def __init__(self):
        self.offered = []
        self.made = []
        self.publisher_count = 1

    def resolve_topic_name(self, name):
        return f"/{name}"

    def get_publishers_info_by_topic(self, name):
        return [SimpleNamespace(qos_profile=q) for q in self.offered]

    def create_subscription(self, type_, name, callback, profile, event_callbacks):
        self.made.append(
            SimpleNamespace(
                profile=profile,
                callback=callback,
                events=event_callbacks,
                get_publisher_count=lambda: self.publisher_count,
            )
        )
        return self.made[-1]

    def destroy_subscription(self, subscription):
        subscription.callback = None


@pytest.fixture
def node():
    return StandInNode()


@pytest.fixture
def bench(node):
    lost, taken = [], []
    topic = _Topic(node, "points", taken.append, lost.append)
    topic.match("auto", lambda: None)
    return SimpleNamespace(node=node, topic=topic, lost=lost, taken=taken)


def receive(bench, *numbers):
    for number in numbers:
        bench.node.made[-1].callback("cloud", {"publication_sequence_number": number})


def profile(reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.VOLATILE):
    return QoSProfile(depth=1, reliability=reliability, durability=durability)


def test_gaps_in_the_numbering_are_lost_messages(bench):
    receive(bench, 7, 8, 11, 12)
    assert bench.lost == [2]
    assert len(bench.taken) == 4


def test_a_publisher_that_starts_again_has_lost_nothing(bench):
    receive(bench, 7, 8, 1, 2)
    assert bench.lost == []


def test_after_a_publisher_came_or_went_numbers_start_anew(bench):
    receive(bench, 7)
    bench.node.made[-1].events.matched(None)
    receive(bench, 20, 21)
    assert bench.lost == []


def test_numbers_of_several_publishers_tell_nothing(bench):
    bench.node.publisher_count = 2
    receive(bench, 1, 50, 2, 51)
    assert bench.lost == []


def test_a_middleware_that_does_not_number_is_heard_as_well(bench):
    receive(bench, None, None, 5)
    assert (bench.lost, len(bench.taken)) == ([], 3)


def test_it_subscribes_anew_only_where_the_publishers_ask_for_it(bench):
    assert len(bench.node.made) == 1
    bench.node.offered = [profile()]
    bench.topic.match("auto", lambda: None)
    assert len(bench.node.made) == 1
    bench.node.offered = [profile(ReliabilityPolicy.BEST_EFFORT)]
    bench.topic.match("auto", lambda: None)
    assert [s.profile.reliability for s in bench.node.made] == [
        ReliabilityPolicy.RELIABLE,
        ReliabilityPolicy.BEST_EFFORT,
    ]
    assert bench.node.made[0].callback is None
    bench.node.offered = []  # it went: its successor will hardly be of another kind
    bench.topic.match("auto", lambda: None)
    assert len(bench.node.made) == 2


def test_a_publisher_that_is_not_understood_has_the_match_looked_at_again(node):
    asked = []
    topic = _Topic(node, "points", print, print)
    topic.match("auto", lambda: asked.append(1))
    node.made[-1].events.incompatible_qos(None)
    assert asked == [1]
