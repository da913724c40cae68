"""The scene player: how it splits a scan, and as a process that is killed and started again."""

import os
import subprocess
import sys

import numpy as np
import pytest
from std_msgs.msg import Header

from mtml_ros.io.point_cloud2 import decode_cloud
from mtml_ros.io.point_files import write_points
from mtml_ros.ros.tools.scene_player import RANGE, make_cloud, split_scan

CHAIR = 5
PROGRAM = "import sys; from mtml_ros.ros.tools.scene_player import main; sys.exit(main())"


@pytest.fixture
def room():
    return np.random.default_rng(0).uniform((0, 0, 0), (12, 6, 3), (5000, 3)).astype(np.float32)


def test_the_parts_are_together_the_whole_scan(room):
    parts = split_scan(room, 8)
    assert len(parts) == 8
    np.testing.assert_array_equal(np.unique(np.concatenate(parts)), np.arange(len(room)))


def test_each_part_is_what_can_be_seen_from_one_place(room):
    for part in split_scan(room[room[:, 0] < 6], 8):
        assert 0 < len(part) < 5000
        assert np.ptp(room[room[:, 0] < 6][part][:, 0]) <= 2 * RANGE


def test_one_part_is_the_scan_as_it_is(room):
    (part,) = split_scan(room, 1)
    np.testing.assert_array_equal(part, np.arange(len(room)))


def test_points_that_are_not_finite_are_played_too(room):
    room[7] = np.nan
    parts = split_scan(room, 4)
    np.testing.assert_array_equal(np.unique(np.concatenate(parts)), np.arange(len(room)))


def test_a_cloud_is_read_back_as_it_was_made(room):

    labels = np.arange(len(room), dtype=np.int32)
    decoded = decode_cloud(make_cloud(room, labels, "class", Header(frame_id="map")), "class")
    np.testing.assert_array_equal(decoded.xyz, room)
    np.testing.assert_array_equal(decoded.label, labels)


@pytest.fixture
def play(dds_environment):
    started = []

    def start(**parameters):

        words = [w for k, v in parameters.items() for w in ("-p", f"{k}:={v}")]
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "--ros-args", *words],
            env={**os.environ, **dds_environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "say which scan or bag"),
        ({"file": "nowhere.npz"}, "there is no such file"),
        ({"file": "nowhere.npz", "rate": "-1.0"}, "rate must be"),
        ({"file": "nowhere.mcap"}, "there is no such bag"),
        ({"file": "nowhere.mcap", "speed": "0.0"}, "speed must be"),
    ],
)
def test_a_wrong_parameter_is_one_line_and_exit_code_2(play, parameters, message):
    process = play(**parameters)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "error: " in output
    assert message in output
    assert "Traceback" not in output


def test_ids_stay_when_the_player_is_killed_and_starts_again(
    start_node, robot, play, box_points, tmp_path
):
    """Real processes: the map grows over two plays, the second one from the start."""
    places = [(0, 0, 0), (3, 0, 0), (6, 0, 0), (0, 4, 0), (3, 4, 0), (6, 4, 0)]
    xyz = np.concatenate([box_points(p) for p in places])
    scan = tmp_path / "scan.npz"
    write_points(scan, xyz, label=np.full(len(xyz), CHAIR))
    node = start_node(segmentation_rate=10.0)
    robot.wait_active()

    first = play(file=scan, rate=5.0, parts=40, loop="true")
    heard = robot.heard["instances"]
    robot.until(lambda: heard and len(heard[-1].instances) >= 2, 60, "two objects")
    first.kill()
    robot.spin(0.5)
    before = {i.id: _center(i) for i in heard[-1].instances}
    assert node.alive

    second = play(file=scan, rate=20.0, parts=40)
    assert second.wait(60) == 0
    robot.until(lambda: len(heard[-1].instances) == len(places), 30, "all objects")
    robot.spin(0.5)
    after = {i.id: _center(i) for i in heard[-1].instances}
    assert node.alive, node.text
    for id_, center in before.items():
        assert np.linalg.norm(np.subtract(after[id_], center)) < 0.5
    ids_seen = {i.id for message in heard for i in message.instances}
    assert ids_seen == set(after)  # no object ever had another id


def _center(instance):
    return instance.centroid.x, instance.centroid.y, instance.centroid.z
