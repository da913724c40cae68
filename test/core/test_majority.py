"""The most frequent value of each group, against a count by hand and by collections.Counter."""

from collections import Counter

import numpy as np

from mtml_ros.core.majority import most_frequent


def test_by_hand():
    # group 2: 5 twice, 1 once; group 7: 3 and 4 once each, the least of them counts
    groups, value, count = most_frequent(np.array([2, 7, 2, 2, 7]), np.array([5, 4, 1, 5, 3]))
    assert groups.tolist() == [2, 7]
    assert value.tolist() == [5, 3]
    assert count.tolist() == [2, 1]


def test_against_counting():
    rng = np.random.default_rng(0)
    group, value = rng.integers(0, 20, 300), rng.integers(0, 6, 300)
    for g, v, n in zip(*most_frequent(group, value)):
        counted = Counter(value[group == g].tolist())
        assert (v, n) == min(counted.items(), key=lambda item: (-item[1], item[0]))


def test_of_nothing():
    nothing = np.zeros(0, dtype=np.int64)
    assert [a.tolist() for a in most_frequent(nothing, nothing)] == [[], [], []]
