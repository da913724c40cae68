"""Stamps as nanoseconds and as seconds."""

from fractions import Fraction
from types import SimpleNamespace

from mtml_ros.core.stamps import nanoseconds, seconds


def test_a_stamp_in_nanoseconds_is_exact():
    assert nanoseconds(SimpleNamespace(sec=1_600_000_001, nanosec=600_000_001)) == (
        1_600_000_001_600_000_001
    )


def test_seconds_are_the_nearest_float_where_a_product_is_not():
    stamp = 1_600_000_001_600_000_000
    assert seconds(stamp) == 1_600_000_001.6
    assert stamp * 1e-9 != 1_600_000_001.6
    for i in range(1000):  # a camera's, at 30 Hz
        stamp = 1_600_000_000_000_000_000 + round(i * 1e9 / 30)
        assert abs(Fraction(seconds(stamp)) - Fraction(stamp, 10**9)) <= Fraction(1, 2**22)
