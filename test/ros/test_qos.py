"""The subscriptions' quality of service, from what the publishers offer."""

from types import SimpleNamespace

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from mtml_ros.ros import qos

RELIABLE, WEAK = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
LATCHED, VOLATILE = DurabilityPolicy.TRANSIENT_LOCAL, DurabilityPolicy.VOLATILE


def publishers(*offered):
    return [
        SimpleNamespace(qos_profile=QoSProfile(depth=1, reliability=r, durability=d))
        for r, d in offered
    ]


@pytest.mark.parametrize(
    ("setting", "offered", "reliability", "durability"),
    [
        ("auto", [], RELIABLE, VOLATILE),
        ("auto", [(RELIABLE, VOLATILE)], RELIABLE, VOLATILE),
        ("auto", [(WEAK, VOLATILE)], WEAK, VOLATILE),
        ("auto", [(RELIABLE, LATCHED)], RELIABLE, LATCHED),
        ("auto", [(RELIABLE, LATCHED), (RELIABLE, VOLATILE)], RELIABLE, VOLATILE),
        ("auto", [(WEAK, LATCHED)], WEAK, VOLATILE),
        ("reliable", [(WEAK, VOLATILE)], RELIABLE, VOLATILE),
        ("best_effort", [(RELIABLE, LATCHED)], WEAK, VOLATILE),
    ],
)
def test_input_matches_the_publishers(setting, offered, reliability, durability):
    (profile,) = qos.for_input(setting, publishers(*offered))
    assert (profile.reliability, profile.durability) == (reliability, durability)


def test_where_both_kinds_publish_each_is_heard_in_its_own():
    found = qos.for_input("auto", publishers((RELIABLE, LATCHED), (WEAK, VOLATILE)))
    assert [(p.reliability, p.durability) for p in found] == [
        (RELIABLE, VOLATILE),
        (WEAK, VOLATILE),
    ]


def test_output_is_latched():
    assert (qos.OUTPUT.reliability, qos.OUTPUT.durability) == (RELIABLE, LATCHED)
    assert qos.OUTPUT.depth == 1
