"""Subscription: what the middleware lost or mangled, and in which quality of service it hears."""

from types import SimpleNamespace

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from std_msgs.msg import String

from mtml_ros.ros.input.subscription import CLAIMED, Numbering, Subscription

RELIABLE, WEAK = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
CLOUD = serialize_message(String(data="cloud"))


class StandInNode:
    """Remembers the subscriptions made; `offered` are the publishers' profiles."""

    def __init__(self):
        self.offered = [profile()]
        self.made = []

    def resolve_topic_name(self, name):
        return f"/{name}"

    def get_publishers_info_by_topic(self, name):
        return [SimpleNamespace(qos_profile=q) for q in self.offered]

    def create_subscription(self, type_, name, callback, profile, event_callbacks, raw):
        made = SimpleNamespace(profile=profile, callback=callback, events=event_callbacks)
        self.made.append(made)
        return made

    def destroy_subscription(self, subscription):
        subscription.callback = None

    @property
    def heard(self):
        return [s for s in self.made if s.callback is not None]


def profile(reliability=RELIABLE, durability=DurabilityPolicy.VOLATILE):
    return QoSProfile(depth=1, reliability=reliability, durability=durability)


@pytest.fixture
def node():
    return StandInNode()


@pytest.fixture
def bench(node):
    b = SimpleNamespace(node=node, lost=[], taken=[], bad=[], asked=[])
    b.topic = Subscription(
        node, String, "points", lambda m: b.taken.append(m.data), b.lost.append, b.bad.append
    )
    b.match = lambda: b.topic.match("auto", lambda: b.asked.append(1))
    b.match()
    return b


def receive(bench, *numbers, by=0, data=CLOUD):
    for number in numbers:
        info = {"publication_sequence_number": number, "source_timestamp": number}
        bench.node.heard[by].callback(data, info)


def test_gaps_in_the_numbering_are_lost_messages(bench):
    receive(bench, 7, 8, 11, 12)
    assert bench.lost == [2]
    assert bench.taken == ["cloud"] * 4


def test_a_publisher_that_starts_again_has_lost_nothing(bench):
    receive(bench, 7, 8, 1, 2)
    assert bench.lost == []


def test_after_a_publisher_came_or_went_numbers_start_anew(bench):
    receive(bench, 7)
    bench.node.heard[0].events.matched(None)
    receive(bench, 20, 21)
    assert bench.lost == []


def test_a_publisher_that_came_since_the_last_match_is_no_gap(bench):
    """It was counted as 99 lost when the first's next number came."""
    receive(bench, 99, 100)
    bench.node.offered = [profile(), profile()]
    receive(bench, 1, 101, 2, 102)
    assert (bench.lost, bench.topic.num_publishers) == ([], 2)
    receive(bench, 4, 105)
    assert bench.lost == [1, 2]


def test_numbers_of_several_publishers_are_told_apart():
    numbering = Numbering()
    assert [numbering.lost(n, 2) for n in (1, 50, 2, 51, 5, 52, 6)] == [0, 0, 0, 0, 2, 0, 0]


def test_an_idle_publisher_beside_one_that_loses_hides_the_first_gap_alone():
    numbering = Numbering()
    assert [numbering.lost(n, 2) for n in (1, 2, 6, 7, 9)] == [0, 0, 0, 0, 1]


def test_a_middleware_that_does_not_number_is_heard_as_well(bench):
    receive(bench, None, None, 5)
    assert (bench.lost, len(bench.taken)) == ([], 3)


def test_bytes_that_are_no_message_are_told_and_the_next_is_heard(bench):
    receive(bench, 1, data=b"no message")
    assert "10 bytes on /points" in bench.bad[0]
    receive(bench, 2)
    assert (bench.taken, bench.lost) == (["cloud"], [])


def test_it_subscribes_anew_only_where_the_publishers_ask_for_it(bench):
    assert len(bench.node.made) == 1
    bench.node.offered = [profile(), profile()]
    bench.match()
    assert len(bench.node.made) == 1
    bench.node.offered = [profile(WEAK)]
    bench.match()
    assert [s.profile.reliability for s in bench.node.heard] == [WEAK]
    bench.node.offered = []  # it went: its successor will hardly be of another kind
    bench.match()
    assert len(bench.node.made) == 2


def test_a_weak_publisher_beside_a_reliable_one_is_heard_without_making_that_one_weak(bench):
    reliable = bench.node.heard[0]
    bench.node.offered = [profile(), profile(WEAK)]
    bench.match()
    assert [s.profile.reliability for s in bench.node.heard] == [RELIABLE, WEAK]
    assert bench.node.heard[0] is reliable
    receive(bench, 1, by=1)  # the reliable one's comes both ways, and is taken once
    receive(bench, 1, by=0)
    receive(bench, 40, by=1)  # the weak one's own
    receive(bench, 2, by=0)
    assert (len(bench.taken), bench.lost) == (3, [])


def test_of_a_weak_and_a_reliable_publisher_on_one_topic_what_either_loses_is_counted(
    bench, monkeypatch
):
    """The weak one's numbers are told from the reliable one's by what the reliable way brings,
    whichever copy is the first; none of it was counted."""
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    bench.node.offered = [profile(), profile(WEAK)]
    bench.match()
    for reliable, weak in ((1, 101), (2, 102), (5, 107)):  # 2 of the one's and 4 of the other's
        receive(bench, weak, reliable, by=1)
        receive(bench, reliable, by=0)
    # a second copy over the weak way, later than the first
    receive(bench, 6, by=0)
    receive(bench, 6, by=1)
    assert bench.lost == [2]
    now = CLAIMED
    bench.match()
    assert bench.lost == [2, 4]
    assert len(bench.taken) == 7


def test_a_publisher_that_is_not_understood_has_the_match_looked_at_again(bench):
    bench.node.heard[0].events.incompatible_qos(None)
    assert bench.asked == [1]
    assert bench.topic.state.refused
    receive(bench, 1)
    assert not bench.topic.state.refused


def test_silence_counts_from_the_first_publisher_on(bench):
    bench.node.offered = []
    bench.match()
    assert bench.topic.state.silent is None
    bench.node.offered = [profile()]
    bench.match()
    assert 0 <= bench.topic.state.silent < 5
