"""Recorded sequences: clouds in order, as a camera sees them, and labels that err."""

import numpy as np
import pytest

from mtml_ros.simulation.sequence import Frame, record, with_errors


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return record(np.random.default_rng(2), frames=20)


def test_every_cloud_has_labels_and_objects_and_is_seen_from_where_the_camera_was(frames) -> None:
    assert len(frames) == 20
    for frame in frames:
        assert len(frame.points) == len(frame.points.labels) == len(frame.instance)
        distance = np.linalg.norm(frame.points.xyz - frame.origin, axis=1)
        assert distance.max(initial=0) < 8
        # an object has one label
        for number in np.unique(frame.instance[frame.instance >= 0]):
            assert len(np.unique(frame.points.labels[frame.instance == number])) == 1
    steps = np.linalg.norm(np.diff([f.origin for f in frames], axis=0), axis=1)
    assert steps.max() < 1.0


def test_same_generator_gives_the_same_sequence(frames) -> None:
    again = record(np.random.default_rng(2), frames=20)
    for one, other in zip(frames, again):
        np.testing.assert_array_equal(one.points.xyz, other.points.xyz)
        np.testing.assert_array_equal(one.points.labels, other.points.labels)


def test_labels_that_err_do_so_in_some_points_and_differently_each_time(frames) -> None:
    rng = np.random.default_rng(0)
    shares = []
    for frame in frames:
        one, other = with_errors(frame, rng), with_errors(frame, rng)
        np.testing.assert_array_equal(one.xyz, frame.points.xyz)
        if len(frame.points) > 200:
            shares.append(np.mean(one.labels != frame.points.labels))
            assert np.any(one.labels != other.labels)
    assert 0.02 < np.mean(shares) < 0.4
