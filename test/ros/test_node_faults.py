"""Bad days of a system, each as long as MTML_TRIAL_MINUTES says: nothing lost, all counted."""

import time
from pathlib import Path

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from lifecycle_msgs.msg import Transition
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Header

from mtml_ros.datasets import SCANS
from mtml_ros.io.point_files import read_points
from mtml_ros.ros.tools.scene_player import make_cloud

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

RESTART = (
    Transition.TRANSITION_DEACTIVATE,
    Transition.TRANSITION_CLEANUP,
    Transition.TRANSITION_CONFIGURE,
    Transition.TRANSITION_ACTIVATE,
)
GIGABYTE = 1 << 30


@pytest.fixture
def start(start_node, robot):
    """Starts nodes that end with the test."""
    nodes = []

    def begin(*words, **parameters):
        nodes.append(start_node(*words, **parameters))
        return nodes[-1]

    yield begin
    for node in nodes:
        if node.alive:
            assert node.stop()[0] == 0, node.text
        assert "Traceback" not in node.text
    robot.until(lambda: not robot.clouds.get_subscription_count(), what="the node's end")
    for heard in robot.heard.values():
        heard.clear()


def places(robot):
    """Ids of the objects of the newest result, by the rounded corner's x."""
    heard = robot.heard["instances"]
    found = heard[-1].instances if heard else []
    return {round(o.centroid.x - 0.25): o.id for o in found}


def ask(service, *what):
    """The answer, asked again where a loaded machine keeps the node busy: it can be done twice."""
    answer = service(*what)
    while answer.message.startswith("busy"):
        answer = service(*what)
    return answer


def forget_all_but_the_newest(robot):
    for heard in robot.heard.values():
        del heard[:-1]


def test_a_manager_restarts_it_once_a_minute(
    start, robot, usage, account, check_flat, trial_seconds
):
    """The network too is loaded anew each time; a short trial restarts it six times."""
    period = min(60.0, trial_seconds / 6)
    file = read_points(SCANS / "office_large.npz")
    node = start(real=True, segmentation_rate=2.0)
    robot.until(lambda: robot.clouds.get_subscription_count() > 0, 180, "the node to be active")
    memory, totals, found, seconds = [], {}, set(), []
    end = time.monotonic() + trial_seconds
    number = 0

    def send():
        nonlocal number
        part = slice(number % 10, None, 10)
        number += 1
        header = Header(frame_id="map", stamp=robot.now())
        robot.publish(make_cloud(file.xyz[part], file.label[part], "label", header))

    while time.monotonic() < end:
        until = time.monotonic() + period
        robot.heard["instances"].clear()
        counted = account(robot)
        while time.monotonic() < until - 2 or robot.sent - counted.sent < 10:
            send()
            robot.spin(0.2)
        counts = counted.settled()
        totals = {key: totals.get(key, 0) + count for key, count in counts.items()}
        robot.until(lambda: robot.trigger("segment").success, 120, "a segmentation in time")
        robot.until(lambda: robot.heard["instances"], what="objects")
        robot.spin(0.5)
        found.add(len(robot.heard["instances"][-1].instances))
        memory.append(usage(node.process))
        forget_all_but_the_newest(robot)
        began = time.monotonic()
        for transition in RESTART:
            send()
            assert robot.change_state(transition), node.text
        robot.wait_active()
        seconds.append(time.monotonic() - began)
    print(f"\n{len(seconds)} restarts, the longest {max(seconds):.1f} s; {totals}; objects {found}")
    check_flat(memory)
    assert totals["clouds dropped"] <= 0.01 * totals["clouds sent"]  # by a queue full under load
    assert max(found) - min(found) <= 2  # near ties depend on when updates fell


def test_a_sensor_three_times_as_fast_as_the_node(
    start, robot, box_points, usage, account, check_flat, trial_seconds
):
    """30 Hz where 10 are worked on: old clouds go, what is shown is never late, all is counted."""
    cloud = box_points([0, 0, 0], size=2.0, step=0.05)
    # with each cloud farther: a map that does not change is not segmented, and keeps an old stamp
    trail = np.arange(0, 3, 0.1)[:, None] * [0, 0, 1] + [9, 0.05, 0.05]
    node = start(
        {"MTML_TEST_SECONDS": "0.3"}, queue_size=3, segmentation_rate=10.0, max_voxels=20_000
    )
    robot.wait_active()
    counted, memory, lags = account(robot), [], []
    end = time.monotonic() + trial_seconds
    while time.monotonic() < end:
        due = time.monotonic()
        for _ in range(60):
            # back at the start long after the voxels there made room: no map reaches beyond 10 km
            moved = trail + np.array([0.1 * (robot.sent % 10_000), 0, 0])
            robot.send(np.concatenate([cloud, moved.astype(np.float32)]))
            due += 1 / 30
            robot.spin(max(due - time.monotonic(), 1e-3))  # late it hears all the same
        newest, now = robot.heard["instances"][-1].header.stamp, robot.now()
        lags.append(now.sec - newest.sec + 1e-9 * (now.nanosec - newest.nanosec))
        memory.append(usage(node.process))
        forget_all_but_the_newest(robot)
    sent = robot.sent - counted.sent
    counts = counted.settled()
    print(f"\n{sent / trial_seconds:.0f} Hz; {counts}; results at most {max(lags):.2f} s old")
    assert max(lags) < 3.0
    check_flat(memory)


def test_clocks_that_jump(start, robot, box_points, usage, account, check_flat, trial_seconds):
    """Simulated time goes on, stands still, and jumps forwards and backwards; ids and map stay."""
    rng = np.random.default_rng(1)
    clock = robot.node.create_publisher(Clock, "/clock", 10)
    node = start(use_sim_time="true", segmentation_rate=10.0)
    robot.wait_active()
    robot.until(lambda: clock.get_subscription_count() > 0)
    boxes = np.concatenate([box_points((x, 0, 0)) for x in (0, 3, 6)])
    counted, memory, ids = account(robot), [], {}
    now, backwards, jumps = 10_000.0, 0, 0

    def stamp():
        return Time(sec=int(now), nanosec=int(now % 1 * 1e9))

    def play(seconds):
        nonlocal now
        for _ in range(round(seconds / 0.1)):
            clock.publish(Clock(clock=stamp()))
            robot.spin(0.02)
            robot.send(boxes, stamp=stamp())
            robot.spin(0.08)
            now += 0.1

    end = time.monotonic() + trial_seconds
    while time.monotonic() < end:
        before = counted.counts()["clouds integrated"]
        play(2.0)
        integrated = counted.settled()["clouds integrated"]
        assert integrated >= before + 10, (node.text, robot.diagnostics())
        assert len(places(robot)) == 3
        ids = ids or places(robot)
        assert places(robot) == ids, node.text
        memory.append(usage(node.process))
        forget_all_but_the_newest(robot)
        jump = rng.choice([3600.0, -3600.0, 30.0, -30.0, 1.5, -1.5, -0.3, 0.0])
        now = max(now + jump, 1.0)
        backwards, jumps = backwards + (jump < 0), jumps + 1
        robot.spin(0.5)
    counts = counted.settled()
    said = {k: v for k, v in robot.diagnostics().items() if "jump" in k}
    print(f"\n{jumps} jumps, {backwards} of them backwards; {counts}; {said}")
    assert counts["clouds integrated"] > 0.9 * counts["clouds sent"]
    check_flat(memory)


def test_two_maps_of_one_building_loaded_in_turn(
    start, robot, box_points, usage, account, check_flat, trial_seconds, tmp_path
):
    """By day the chair stands at 6 m, by night at 9 m: each map brings its own objects and ids."""
    node = start(map_directory=tmp_path, segmentation_rate=10.0)
    robot.wait_active()
    ids = {}
    for name, chair in (("day", 6), ("night", 9)):
        for x in (0, 3, chair):
            robot.send(box_points((x, 0, 0)))
        expected = {0, 3, chair}
        robot.until(lambda wanted=expected: set(places(robot)) == wanted, what=f"the map of {name}")
        ids[name] = places(robot)
        assert ask(robot.map_file, "save_map", name).success
        assert ask(robot.trigger, "reset_map").success
        robot.until(lambda: not places(robot))
    assert not set(ids["day"].values()) & set(ids["night"].values())
    counted, memory, loads = account(robot), [], 0
    end = time.monotonic() + trial_seconds
    while time.monotonic() < end:
        for name in ids:
            answer = ask(robot.map_file, "load_map", name)
            assert answer.success, answer.message
            robot.until(lambda wanted=ids[name]: places(robot) == wanted, what=f"the map {name}")
            loads += 1
            for _ in range(5):  # both know these: they stay who they are
                robot.send(np.concatenate([box_points((x, 0, 0)) for x in (0, 3)]))
                robot.spin(0.05)
            assert places(robot) == ids[name]
            forget_all_but_the_newest(robot)
        memory.append(usage(node.process))
    counts = counted.settled()
    print(f"\n{loads} loads; {counts}")
    assert counts["clouds dropped"] == 0
    check_flat(memory)


def test_a_disk_that_is_full_while_maps_are_saved(
    start, robot, box_points, usage, account, check_flat, trial_seconds, tmp_path
):
    """A file system of 1 MB of the node's own, which a map outgrows: the old file stays whole."""
    maps = tmp_path / "maps"
    maps.mkdir()
    words = f'mount -t tmpfs -o size=1m tmpfs "{maps}" && exec "$0" "$@"'
    before = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", words)
    node = start(before=before, map_directory=maps, segmentation_rate=5.0)
    robot.wait_active()
    inside = Path(f"/proc/{node.process.pid}/root{maps}")
    counted, memory, full = account(robot), [], 0
    end = time.monotonic() + trial_seconds
    while time.monotonic() < end:
        assert ask(robot.trigger, "reset_map").success
        robot.until(lambda: not places(robot))  # the answer may overtake what was published
        robot.send(box_points((0, 0, 0)))
        robot.until(lambda: len(places(robot)) == 1)
        ids = places(robot)
        answer = ask(robot.map_file, "save_map", "room")
        assert answer.success, answer.message
        small = (inside / "room").read_bytes()
        robot.send(box_points((3, 0, 0), size=3.0, step=0.1))  # 27,000 voxels: 3 MB
        robot.until(lambda: len(places(robot)) == 2)
        answer = ask(robot.map_file, "save_map", "room")
        assert not answer.success
        assert "No space left" in answer.message
        assert [path.name for path in inside.iterdir()] == ["room"]
        assert (inside / "room").read_bytes() == small
        full += 1
        assert ask(robot.map_file, "load_map", "room").success
        robot.until(lambda wanted=ids: places(robot) == wanted, what="the map as it was saved")
        memory.append(usage(node.process))
        forget_all_but_the_newest(robot)
    counts = counted.settled()
    print(f"\n{full} times full; {counts}")
    assert counts["clouds dropped"] == 0
    check_flat(memory)


def test_in_an_address_space_of_a_gigabyte_it_says_why_it_does_not_run(start, robot):
    """PyTorch's library alone asks for half of that."""
    node = start(real=True, before=("prlimit", f"--as={GIGABYTE}"))
    robot.until(lambda: "cannot configure" in node.text or not node.alive, 120, "the node")
    assert node.alive
    assert robot.state() == "unconfigured"
    assert "memory" in robot.diagnostics()["last error"]


def test_in_an_address_space_of_four_gigabytes_it_runs(start, robot, box_points):
    node = start(real=True, before=("prlimit", f"--as={4 * GIGABYTE}"))
    robot.until(lambda: robot.clouds.get_subscription_count() > 0, 180, "the node to be active")
    robot.send(box_points((0, 0, 0)))
    robot.until(lambda: int(robot.diagnostics()["voxels"]) == 125)
    assert robot.trigger("segment").success, node.text
