"""The long trials of the node: hours of abuse in one process, everything accounted for."""

import array
import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest
import rclpy.parameter
from builtin_interfaces.msg import Time
from lifecycle_msgs.msg import Transition
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters

from mtml_ros.io.point_files import write_points
from mtml_ros.ros.parameters import table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

CHAIR = 5
PLAYER = "import sys; from mtml_ros.ros.tools.scene_player import main; sys.exit(main())"


def random_value(rng):
    """Any value that the parameter service can carry, often at an edge."""
    numbers = [0, 1, -1, 2**31, 2**63 - 1, -(2**63), rng.randrange(-100, 100)]
    floats = [0.0, -0.0, 1.0, float("nan"), float("inf"), -float("inf"), 1e308, rng.uniform(-9, 99)]
    texts = ["", "auto", "cpu", "map", "/map", "field", "replace", "x" * 9999, "\n", "ü", "../.."]
    kind = rng.randrange(12)
    value = ParameterValue(type=kind)
    if kind == 1:
        value.bool_value = rng.random() < 0.5
    elif kind == 2:
        value.integer_value = rng.choice(numbers)
    elif kind == 3:
        value.double_value = rng.choice(floats)
    elif kind == 4:
        value.string_value = rng.choice(texts)
    elif kind == 8:
        value.double_array_value = array.array("d", rng.sample(floats, 3))
    elif kind == 9:
        value.string_array_value = rng.sample([*texts, "chair", "table"], rng.randrange(3))
    return value


def fitting_value(rng, name):
    """A value that the table allows."""
    spec, default = table.spec_of(name), table.default_of(name)
    value = default
    if isinstance(default, bool):
        value = rng.random() < 0.5
    elif spec.low is not None:
        between = (rng.randint if isinstance(default, int) else rng.uniform)(spec.low, spec.high)
        value = type(default)(rng.choice([spec.low, spec.high, between]))
    elif isinstance(default, list):
        value = rng.sample(["chair", "table", "sofa"], rng.randint(1, 3))
    else:
        value = rng.choice([default, *(c for c in spec.choices.split(", ") if c.isidentifier())])
    return rclpy.parameter.Parameter(name, value=value).to_parameter_msg().value


def test_random_parameters_are_refused_with_a_reason_or_work(start_node, robot, box_points):
    """2,000 random values, half of them in range, clouds between; then it segments as ever."""
    rng = random.Random(1)
    node = start_node()
    robot.wait_active()
    client = robot.node.create_client(SetParameters, "/instance_segmentation/set_parameters")
    robot.until(client.service_is_ready)
    accepted = refused = 0
    names = [*table.names(), "use_sim_time", "no_such_parameter", ""]
    for step in range(1000):
        pair = [rng.choice(names), rng.choice(table.names())]
        values = [random_value(rng), fitting_value(rng, pair[1])]
        request = SetParameters.Request(
            parameters=[Parameter(name=n, value=v) for n, v in zip(pair, values)]
        )
        if step % 10 == 0:
            robot.send(box_points([step % 7, 0, 0]))
        future = client.call_async(request)
        robot.until(future.done, 20, str(request))
        for result in future.result().results:
            accepted += result.successful
            refused += not result.successful
            assert result.successful or result.reason, request
        assert node.alive, node.text
    assert accepted + refused == 2000
    assert accepted > 500
    defaults = {
        n: table.default_of(n) for n in table.names() if table.spec_of(n).change == "always"
    }
    assert robot.set(use_sim_time=False, segmentation_rate=10.0) == {}
    defaults["segmentation_rate"] = 10.0
    assert robot.set(**defaults) == {}
    robot.send(box_points([0, 0, 0]))
    robot.until(lambda: robot.heard["instances"] and robot.heard["instances"][-1].instances)
    print(f"\n{accepted} accepted, {refused} refused")
    node.stop()


def test_a_hundred_life_cycles_with_clouds_flowing(start_node, robot, box_points, usage):
    node = start_node(segmentation_rate=30.0)
    robot.wait_active()
    up = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
    down = (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP)
    cloud = box_points([0, 0, 0], size=1.0)
    before = None
    for cycle in range(100):
        for transition in (*down, *up):
            for i in range(3):
                robot.send(cloud + np.float32(i))
            assert robot.change_state(transition), node.text
        robot.spin(0.1)
        if cycle == 9:  # the first ones fill pools
            before = usage(node.process)
    after = usage(node.process)
    print(f"\nMB, threads, handles after 10 cycles: {before}, after 100: {after}")
    assert after[0] < before[0] + 20
    assert after[1] <= before[1]
    assert after[2] <= before[2]
    robot.until(lambda: robot.clouds.get_subscription_count() > 0)
    robot.heard["instances"].clear()
    robot.send(cloud)
    robot.until(lambda: robot.heard["instances"] and robot.heard["instances"][-1].instances)
    node.stop()


class Soak:
    """Things that happen to a node in the field, one after another."""

    def __init__(self, robot, box_points, scan, environment, maps):
        self.robot, self.maps = robot, maps
        self.environment = {**os.environ, **environment}
        self.scan = scan
        self.static = np.concatenate([box_points((x, 0, 0)) for x in (0, 3, 6)])
        self.player = None
        self.rng = random.Random(2)

    def burst(self):
        for _ in range(60):
            self.robot.send(self.static)

    def malformed(self):
        good = self.robot.send(self.static)
        for change in (
            {"width": 2**31},
            {"point_step": 0},
            {"data": array.array("B")},
            {"fields": []},
            {"height": 7},
        ):
            for name, value in change.items():
                old = getattr(good, name)
                setattr(good, name, value)
                good.header.stamp = self.robot.now()
                self.robot.publish(good)
                setattr(good, name, old)
        self.robot.send(np.full((50, 3), np.nan))
        self.robot.send(self.static, frame_id="nowhere")
        self.robot.send(self.static, frame_id="")
        self.robot.send(self.static, label=4711)

    def time_jump(self):
        past = self.robot.now()
        for i in range(6):
            stamp = Time(sec=past.sec - 3600 + i, nanosec=0)
            self.robot.send(self.static, stamp=stamp)
            self.robot.spin(0.05)
        self.robot.send(self.static, stamp=Time(sec=past.sec + 3600))

    def save_and_load(self):
        name = f"map{self.rng.randrange(3)}"
        assert self.robot.map_file("save_map", name).success
        answer = self.robot.map_file("load_map", name)
        assert answer.success, answer.message
        assert not self.robot.map_file("load_map", "../etc").success

    def player_restart(self):
        if self.player is not None:
            self.player.kill()
            self.player.wait()
        words = [sys.executable, "-c", PLAYER, "--ros-args", "-p", f"file:={self.scan}"]
        self.player = subprocess.Popen(
            [*words, "-p", "rate:=5.0", "-p", "loop:=true", "-r", "points:=/played"],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def steady(self):
        for _ in range(20):
            self.robot.send(self.static)
            self.robot.spin(0.1)

    def ids_by_place(self, message):
        """Of the static boxes, by their corner's x, and of the player's, once it is complete."""
        places = {
            "scan" if i.num_voxels == 27_000 else round(i.centroid.x - 0.25): i.id
            for i in message.instances
            if i.centroid.x > 0 or i.num_voxels == 27_000
        }
        assert {0, 3, 6} <= set(places), message
        return places

    def close(self):
        if self.player is not None:
            self.player.kill()
            self.player.wait()


def test_a_soak(
    start_node, robot, box_points, dds_environment, tmp_path, request, usage, trial_seconds
):
    """Alive, memory flat, ids stable, every cloud accounted for."""
    scan = tmp_path / "scan.npz"
    xyz = box_points((-6, 0, 0), size=3.0, step=0.1)  # apart from the static boxes
    write_points(scan, xyz, label=np.full(len(xyz), CHAIR))
    node = start_node(map_directory=tmp_path / "maps", queue_size=5, segmentation_rate=5.0)
    robot.wait_active()
    soak = Soak(robot, box_points, scan, dds_environment, tmp_path / "maps")
    request.addfinalizer(soak.close)
    # the player's clouds are heard and sent on, so that all that was sent is known
    relay = robot.node.create_subscription(
        type(robot.send(soak.static)), "/played", robot.publish, 10
    )
    robot.until(lambda: robot.heard["instances"] and len(robot.heard["instances"][-1].instances))
    ids, memory, events = {}, [], 0
    end = time.monotonic() + trial_seconds
    actions = (soak.burst, soak.malformed, soak.time_jump, soak.save_and_load, soak.steady)
    while time.monotonic() < end:
        soak.rng.choice(actions)()
        events += 1
        if events % 40 == 1:
            soak.player_restart()
        robot.spin(0.5)
        assert node.alive, node.text
        memory.append(usage(node.process))
        for message in robot.heard["instances"]:
            here = soak.ids_by_place(message)
            assert {**here, **ids} == here, (events, ids, message)
            ids = here
        for key in ("instances", "markers", "points"):
            del robot.heard[key][:-1]
        del robot.heard["diagnostics"][:-3]
    soak.close()
    robot.node.destroy_subscription(relay)
    robot.spin(1.0)
    robot.send(soak.static)  # whose number shows what was lost before it

    def accounted():
        values = robot.diagnostics()
        done = int(values["clouds integrated"]) + int(values["clouds dropped"])
        return int(values["clouds sent"]) == done == robot.sent

    robot.until(accounted, 30, f"{robot.sent} clouds to be accounted for: {robot.diagnostics()}")
    early, late = memory[len(memory) // 4], memory[-1]
    print(f"\n{events} events, {robot.sent} clouds; MB, threads, handles: {early} -> {late}")
    print(robot.diagnostics())
    assert late[0] < early[0] + 30
    assert late[1] <= early[1] + 1
    assert late[2] <= early[2] + 2
    code, seconds = node.stop()
    assert (code, seconds < 2.0) == (0, True)
