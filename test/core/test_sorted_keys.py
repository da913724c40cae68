"""Look-up in ascending keys."""

import numpy as np

from mtml_ros.core.sorted_keys import find, is_in

NOTHING = np.zeros(0, dtype=np.int64)


def test_values_are_found_at_their_position():
    found, position = find(np.array([3, 7, 9]), np.array([[3, 5], [9, 10]]))
    assert found.tolist() == [[True, False], [True, False]]
    assert position[found].tolist() == [0, 2]
    assert position.max() < 3  # where nothing is found it can still be indexed with


def test_nothing_is_found_in_an_empty_array():
    found, position = find(NOTHING, np.array([1, 2]))
    assert (found.tolist(), position.tolist()) == ([False, False], [0, 0])


def test_membership_of_ascending_keys():
    assert is_in(np.array([3, 5, 9, -1, 7]), np.array([3, 7, 9])).tolist() == [
        True, False, True, False, True,
    ]  # fmt: skip
    assert is_in(np.array([1]), NOTHING).tolist() == [False]
    assert is_in(NOTHING, np.array([1])).tolist() == []
