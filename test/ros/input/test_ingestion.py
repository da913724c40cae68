"""Ingestion: every cloud is integrated, dropped for a counted reason, or waiting."""

import math
import time
from types import SimpleNamespace

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.transforms import Transform
from mtml_ros.mapping.voxel_map import VoxelMap
from mtml_ros.ros.input.admission import Admission
from mtml_ros.ros.input.frames import FrameError, Place
from mtml_ros.ros.input.fusion import Fusion
from mtml_ros.ros.input.ingestion import Ingestion
from mtml_ros.ros.input.points_input import PointsInput
from mtml_ros.ros.input.sensor_input import InputContext
from mtml_ros.ros.output.health import Health
from mtml_ros.ros.parameters.table import Parameters
from mtml_ros.ros.tools.scene_player import make_cloud

NOW = 1000.0
CHAIR = 5


class StandInFrames:
    """Knows "map" and the frames in `known`; any other is unknown for now."""

    def __init__(self):
        self.known = {}
        self.cleared = 0

    def lookup(self, frame, stamp):
        if frame == "map":
            return Place(Transform.identity(), None)
        if frame == "":
            raise FrameError("empty_frame", "none")
        if frame not in self.known:
            raise FrameError("no_transform", f"of {frame!r}", True, late=0.25)
        return Place(self.known[frame], self.known[frame].translation)

    def clear(self):
        self.cleared += 1


class Bench(SimpleNamespace):
    """An ingestion with what is around it."""

    def __init__(self, **parameters):
        super().__init__(
            parameters=Parameters(**parameters), log=[], map=VoxelMap(0.1, 20, 1000), stamps=[]
        )
        self.health = Health(self.log.append)
        self.frames = StandInFrames()
        taxonomy = Taxonomy.scannet()
        self.jumps = 0

        def parameters():
            return self.parameters

        fusion = Fusion(parameters, taxonomy, self.map, self.health, lambda arrived: None)
        self.now = NOW
        admission = Admission(parameters, lambda: self.now, lambda: self.jump(fusion))
        self.ingestion = Ingestion(parameters, admission, self.frames, fusion, self.health)
        node = SimpleNamespace(resolve_topic_name=lambda name: f"/{name}")
        context = InputContext(node, parameters, taxonomy, self.health, self.ingestion.take)
        self.input = PointsInput(context)

    def jump(self, fusion):
        self.jumps += 1
        fusion.jump_back()

    @property
    def waiting(self):
        return self.input.waiting + self.ingestion.waiting

    def stop(self):
        self.input.close()
        self.ingestion.stop(5.0)

    def settle(self):
        end = time.monotonic() + 20
        while self.waiting and time.monotonic() < end:
            time.sleep(0.005)
        self.check_sum()

    def check_sum(self):
        health = self.health
        done = health.integrated + sum(health.dropped.values())
        assert health.sent == done + self.waiting


@pytest.fixture
def bench():
    made = []

    def make(**parameters):
        made.append(Bench(**parameters))
        made[-1].ingestion.start()
        return made[-1]

    yield make
    for b in made:
        b.stop()
        b.check_sum()
        assert b.waiting == 0


def cloud(x=0.05, stamp=NOW, frame="map", labels=CHAIR, points=1, field="label"):
    xyz = np.zeros((points, 3), np.float32)
    xyz[:, 0] = x
    whole = math.floor(stamp)
    header = Header(frame_id=frame, stamp=Time(sec=whole, nanosec=round((stamp - whole) * 1e9)))
    return make_cloud(xyz, np.full(points, labels, np.int32), field, header)


def test_a_cloud_gets_into_the_map(bench):
    b = bench()
    b.input.receive_points(cloud())
    b.settle()
    assert (b.health.integrated, len(b.map), b.map.stamp) == (1, 1, NOW)
    np.testing.assert_array_equal(b.map.snapshot().labels, [CHAIR])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (cloud(points=0), "empty"),
        (cloud(x=np.nan), "no_finite_points"),
        (cloud(frame=""), "empty_frame"),
        (cloud(stamp=NOW + 5), "future_stamp"),
        (cloud(field="class"), "missing_field"),
    ],
)
def test_a_bad_cloud_is_counted_by_its_reason_and_the_next_good_one_gets_in(bench, bad, reason):
    b = bench()
    b.input.receive_points(bad)
    b.settle()
    assert (b.health.dropped, b.health.integrated) == ({reason: 1}, 0)
    assert len(b.log) == 1
    assert reason in b.log[0]
    b.input.receive_points(cloud(stamp=NOW + 0.1))
    b.settle()
    assert b.health.integrated == 1


@pytest.mark.parametrize("stamp", [Time(sec=1, nanosec=10**9), Time(sec=2**31 - 1)])
def test_a_stamp_that_is_none_is_refused(bench, stamp):
    b = bench(future_tolerance=1e6)
    b.now = 2.0**31
    bad = cloud()
    bad.header.stamp = stamp
    b.input.receive_points(bad)
    b.settle()
    assert b.health.dropped == {"bad_stamp": 1}


def test_clouds_of_one_stamp_that_differ_in_the_middle_alone_are_no_duplicates(bench):
    b = bench()
    for x in (1.05, 2.05, 3.05):
        xyz = np.full((4000, 3), np.nan, np.float32)
        xyz[2000] = (x, 0, 0)
        labels = np.full(len(xyz), CHAIR, np.int32)
        b.input.receive_points(make_cloud(xyz, labels, "label", cloud().header))
        b.settle()
    assert (b.health.integrated, b.health.dropped) == (3, {})
    b.input.receive_points(make_cloud(xyz, labels, "label", cloud().header))
    b.settle()
    assert b.health.dropped == {"duplicate": 1}


def test_a_publisher_whose_clock_is_ahead_does_not_starve_another(bench):
    b = bench(map_mode="replace")
    for i in range(10):
        b.now = NOW + i
        b.input.receive_points(cloud(stamp=b.now - 0.01 + i * 1e-4))
        b.settle()
        b.now += 0.5
        b.input.receive_points(cloud(stamp=b.now + 0.95))
        b.settle()
    assert (b.health.integrated, b.health.dropped) == (20, {})


def test_a_line_break_in_a_name_forges_no_log_line(bench):
    b = bench()
    forged = cloud(field="class\n[ERROR] all is lost")
    b.input.receive_points(forged)
    b.settle()
    assert "\n" not in b.log[0]
    assert "class\\n[ERROR]" in b.log[0]


def test_the_same_complaint_is_not_logged_again_at_once(bench):
    b = bench(queue_size=50)
    for _ in range(20):
        b.input.receive_points(cloud(points=0, stamp=0.0))
    b.settle()
    assert b.health.dropped == {"empty": 20}
    assert len(b.log) == 1


def test_an_exception_nobody_thought_of_is_a_counted_reason_too(bench):
    b = bench()
    broken = cloud()
    broken.fields = None
    b.input.receive_points(broken)
    b.settle()
    assert b.health.dropped == {"internal_error": 1}
    b.input.receive_points(cloud(stamp=NOW + 0.1))
    b.settle()
    assert b.health.integrated == 1


def test_points_with_unknown_labels_are_unknown_counted_and_told(bench):
    b = bench()
    b.input.receive_points(cloud(labels=4711, points=3))
    b.settle()
    assert b.health.counts["points with unknown label"] == 3
    assert "4711" in b.log[0]
    np.testing.assert_array_equal(b.map.snapshot().labels, [0])


def test_zero_is_not_labelled_and_nothing_to_tell(bench):
    b = bench()
    b.input.receive_points(cloud(labels=0))
    b.settle()
    assert b.log == []


def test_clouds_without_a_stamp_are_taken_as_now_and_are_no_duplicates(bench):
    b = bench()
    for _ in range(3):
        b.input.receive_points(cloud(stamp=0.0))
        b.settle()
    assert b.health.integrated == 3
    assert b.map.stamp == NOW


def test_a_burst_drops_the_oldest(bench):
    b = Bench(queue_size=3)  # not started: nothing is taken off the queue
    for i in range(10):
        b.input.receive_points(cloud(x=i + 0.05, stamp=NOW - 10 + i))
    assert b.health.dropped == {"queue_full": 7}
    assert b.waiting == 3
    b.ingestion.start()
    b.settle()
    b.stop()
    np.testing.assert_array_equal(b.map.snapshot().coordinates[:, 0], [70, 80, 90])


def test_in_replace_mode_only_the_newest_waits(bench):
    b = Bench(map_mode="replace")
    for i in range(3):
        b.input.receive_points(cloud(x=i + 0.05, stamp=NOW - 10 + i))
    b.ingestion.start()
    b.settle()
    b.input.receive_points(cloud(stamp=NOW - 9))
    b.settle()
    b.stop()
    assert b.health.dropped == {"superseded": 2, "out_of_order": 1}
    np.testing.assert_array_equal(b.map.snapshot().coordinates, [[20, 0, 0]])


def test_a_cloud_waits_for_its_transform_and_those_behind_it_do_not(bench):
    b = bench(transform_timeout=30.0)
    b.input.receive_points(cloud(frame="camera", stamp=NOW - 1))
    for i in range(3):
        b.input.receive_points(cloud(stamp=NOW - 0.5 + i / 10))
    end = time.monotonic() + 20
    while b.health.integrated < 3 and time.monotonic() < end:
        time.sleep(0.005)
    assert (b.health.integrated, b.waiting) == (3, 1)
    b.frames.known["camera"] = Transform(np.eye(3), np.array([5.0, 0.0, 0.0]))
    b.settle()
    assert b.health.integrated == 4
    assert [50, 0, 0] in b.map.snapshot().coordinates.tolist()


def test_a_transform_that_never_comes_is_a_counted_reason(bench):
    b = bench(transform_timeout=0.05)
    b.input.receive_points(cloud(frame="camera"))
    b.settle()
    assert b.health.dropped == {"no_transform": 1}
    assert "'camera' (waited 0.05 s; transform_timeout of 0.4 s would have done)" in b.log[0]
    assert len(b.map) == 0


def test_where_waiting_does_not_help_nothing_waits(bench):
    b = bench(transform_timeout=30.0)
    b.frames.lookup = lambda frame, stamp: (_ for _ in ()).throw(FrameError("no_transform", "old"))
    b.input.receive_points(cloud(frame="camera"))
    b.settle()
    assert b.health.dropped == {"no_transform": 1}


def test_only_so_many_clouds_wait_for_transforms(bench):
    b = bench(transform_timeout=30.0, queue_size=2)
    for i in range(5):
        b.input.receive_points(cloud(frame="camera", stamp=NOW - 5 + i))
        time.sleep(0.05)
    assert b.health.dropped == {"queue_full": 3}
    assert b.waiting == 2
    b.stop()
    assert b.health.dropped == {"queue_full": 3, "deactivated": 2}


def test_free_space_is_cleared_from_where_the_sensor_was(bench):
    b = bench()
    b.input.receive_points(cloud(x=1.05, stamp=NOW - 9))
    b.frames.known["camera"] = Transform(np.eye(3), np.array([0.05, 0.05, 0.05]))
    for i in range(12):  # looks along x through the voxel at 1 m to a wall at 2 m
        b.input.receive_points(cloud(x=2.0, stamp=NOW - 5 + i / 5, frame="camera"))
        b.settle()
    np.testing.assert_array_equal(b.map.snapshot().coordinates, [[20, 0, 0]])


def test_free_space_stays_where_that_is_turned_off(bench):
    b = bench(clear_free_space=False)
    b.input.receive_points(cloud(x=1.05, stamp=NOW - 9))
    b.frames.known["camera"] = Transform(np.eye(3), np.array([0.05, 0.05, 0.05]))
    for i in range(12):
        b.input.receive_points(cloud(x=2.0, stamp=NOW - 5 + i / 5, frame="camera"))
        b.settle()
    assert len(b.map) == 2


@pytest.mark.parametrize("mode", ["accumulate", "replace"])
def test_voxels_that_a_full_map_has_no_room_for_are_counted_and_told(bench, mode):
    b = bench(map_mode=mode)
    b.map.max_voxels = 1
    both = make_cloud(
        np.array([[0.05, 0, 0], [1.05, 0, 0]], np.float32),
        np.full(2, CHAIR, np.int32),
        "label",
        cloud().header,
    )
    b.input.receive_points(both)
    b.settle()
    assert len(b.map) == 1
    assert b.health.counts["voxels evicted"] == 1
    assert "max_voxels" in b.log[0]


def test_labels_of_another_topic_meet_their_cloud_by_the_stamp(bench):
    b = bench(labels_source="topic")
    b.input.receive_points(cloud(stamp=NOW - 3, labels=0))
    b.input.receive_labels(cloud(stamp=NOW - 3, labels=CHAIR))
    b.settle()
    assert b.health.integrated == 1
    np.testing.assert_array_equal(b.map.snapshot().labels, [CHAIR])


def test_labels_of_another_number_of_points_are_refused(bench):
    b = bench(labels_source="topic")
    b.input.receive_labels(cloud(stamp=NOW - 3, points=2))
    b.input.receive_points(cloud(stamp=NOW - 3, points=3))
    b.settle()
    assert b.health.dropped == {"size_mismatch": 1}


def test_clouds_whose_labels_never_come_are_counted_and_so_are_stray_labels(bench):
    b = bench(labels_source="topic", queue_size=2)
    for i in range(5):
        b.input.receive_points(cloud(stamp=NOW - 9 + i))
    for i in range(4):
        b.input.receive_labels(cloud(stamp=NOW - 20 + i))
    assert b.health.dropped == {"no_labels": 3}
    assert b.health.counts["labels unmatched"] == 2
    b.stop()
    assert b.health.dropped == {"no_labels": 3, "deactivated": 2}
    assert b.health.counts["labels unmatched"] == 4


def test_a_bag_that_loops_is_played_again_onto_the_same_map(bench):
    b = bench()
    for _ in range(2):
        for i in range(6):
            b.input.receive_points(cloud(x=i + 0.05, stamp=100.0 + 5 * i))
            b.settle()
    # the first two clouds of the second round are not yet known to be a jump
    assert b.health.dropped == {"stale_stamp": 2}
    assert b.jumps == 1
    assert (len(b.map), b.map.stamp) == (6, 125.0)


def test_when_the_clock_jumps_back_no_cloud_is_stale(bench):
    b = bench()
    for _ in range(2):
        for i in range(6):
            b.input.receive_points(cloud(x=i + 0.05, stamp=100.0 + 5 * i))
            b.settle()
        b.ingestion.clock_jumped_back()
        time.sleep(0.1)
    assert b.health.dropped == {}
    assert b.health.integrated == 12


def test_what_waits_when_it_stops_is_counted(bench):
    b = Bench()
    for i in range(3):
        b.input.receive_points(cloud(stamp=NOW - 5 + i))
    b.stop()
    assert b.health.dropped == {"deactivated": 3}
    b.check_sum()
