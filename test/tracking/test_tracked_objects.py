"""The table of objects; test_tracker.py tests through the tracker that nonsense is refused."""

import numpy as np

from mtml_ros.tracking.tracked_objects import Objects, check_state


def table(*ids: int) -> Objects:
    objects = Objects.empty(len(ids))
    objects.ids[:] = ids
    objects.centroids[:] = np.array(ids)[:, None]
    return objects


def test_rows_are_taken_and_appended_in_all_columns() -> None:
    both = table(1, 2).append(table(5))
    assert both.ids.tolist() == [1, 2, 5]
    last = both.take(np.array([False, False, True]))
    assert (len(last), last.ids.tolist(), last.centroids.tolist()) == (1, [5], [[5.0] * 3])
    assert all(len(values) == 1 for values in vars(last).values())


def test_a_sound_state_is_copied() -> None:
    state = {
        **vars(table(1, 4)),
        "keys": np.array([7, 9]),
        "owner": np.array([4, 1]),
        "counters": np.array([5, 0]),
    }
    objects = check_state(state)
    objects.ids[:] = 99
    assert state["ids"].tolist() == [1, 4]
