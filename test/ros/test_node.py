"""The node as users run it: a process of its own, spoken to over DDS (network: a stand-in)."""

import array
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import DescribeParameters, SetParameters, SetParametersAtomically
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from mtml_ros.io.point_cloud2 import decode_cloud
from mtml_ros.msg import ObjectInstanceArray, PointsUpdate
from mtml_ros.ros import qos
from mtml_ros.ros.parameters import table
from mtml_ros.ros.tools.followed_voxels import FollowedVoxels, voxels_of
from mtml_ros.srv import GetObject

POLICY = Path(__file__).parents[2] / "security" / "instance_segmentation.policy.xml"
CHAIR, TABLE = 5, 7


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    return tmp_path_factory.mktemp("maps")


@pytest.fixture(scope="module")
def node(start_node, maps):
    """One node for all tests of this file that leave it as it was."""
    return start_node(map_directory=maps, segmentation_rate=20.0, queue_size=50)


@pytest.fixture
def ready(node, robot):
    """The robot, with an active node and an empty map; afterwards the node still lives."""
    robot.wait_active()
    assert robot.trigger("reset_map").success
    robot.until(lambda: not objects(robot), what="an empty map")
    for messages in robot.heard.values():
        messages.clear()
    yield robot
    assert node.alive, node.text


def dropped(robot):
    """Clouds dropped by reason, once all that was sent has been dealt with."""

    def settled():
        values = robot.diagnostics() if robot.heard["diagnostics"] else {}
        done = int(values.get("clouds integrated", 0)) + int(values.get("clouds dropped", 0))
        return values.get("clouds sent") == str(robot.sent) == str(done) and values

    values = robot.until(settled, what="the diagnostics to count all clouds")
    return {k[9:]: int(v) for k, v in values.items() if k.startswith("dropped: ")}


def objects(robot):
    heard = robot.heard["instances"]
    return {i.id: i for i in heard[-1].instances} if heard else {}


def show(robot, *boxes, label=CHAIR):
    """Sends boxes and waits until so many objects are published."""
    robot.send(np.concatenate(boxes), label)
    robot.until(lambda: len(objects(robot)) == len(boxes), what=f"{len(boxes)} objects")
    return objects(robot)


def test_two_chairs_come_out_as_two_objects_on_every_topic(ready, box_points):
    found = show(ready, box_points([0, 0, 0]), box_points([2, 0, 0]))
    by_x = sorted(found.values(), key=lambda o: o.centroid.x)
    assert {o.class_name for o in by_x} == {"chair"}
    assert [o.num_voxels for o in by_x] == [125, 125]
    np.testing.assert_allclose([o.centroid.x for o in by_x], [0.25, 2.25], atol=1e-6)
    assert by_x[0].size.z == pytest.approx(0.5)
    array_ = ready.heard["instances"][-1]
    assert (array_.header.frame_id, round(array_.voxel_size, 6)) == ("map", 0.1)
    ready.until(lambda: ready.heard["points"] and ready.heard["markers"])
    assert ready.heard["points"][-1].width == 250
    assert len([m for m in ready.heard["markers"][-1].markers if m.action == 0]) == 4


def test_who_comes_late_gets_the_newest_result(ready, box_points):
    found = show(ready, box_points([0, 0, 0]))
    ready.spin(0.3)
    ready.listen("late", ObjectInstanceArray, "/instance_segmentation/instances")
    ready.until(lambda: ready.heard["late"])
    assert [i.id for i in ready.heard["late"][-1].instances] == list(found)


def test_who_comes_late_has_the_whole_cloud_by_the_changes_alone(ready, box_points):
    follower, heard = FollowedVoxels(), []
    show(ready, box_points([0, 0, 0]), box_points([2, 0, 0]))

    def take(msg):
        heard.append(msg.complete)
        follower.apply(msg)

    updates = ready.node.create_subscription(
        PointsUpdate, "/instance_segmentation/points_updates", take, qos.CHANGES
    )
    ready.until(lambda: follower.complete, what="all of the map")
    for x in (4, 6, 8):
        found = len(objects(ready))
        ready.send(box_points([x, 0, 0]))
        ready.until(lambda found=found: len(objects(ready)) == found + 1)

    def same():
        whole = ready.heard["points"][-1]
        return whole.width == len(follower.records) == 5 * 125 and np.array_equal(
            voxels_of(whole), follower.records
        )

    ready.until(same, what="the changes to add up to the cloud")
    assert False in heard  # they did not come as whole clouds
    ready.node.destroy_subscription(updates)


def test_markers_of_objects_that_are_gone_are_deleted(ready, box_points):
    (gone,) = show(ready, box_points([0, 0, 0]))
    assert ready.trigger("reset_map").success
    ready.until(
        lambda: (
            {(m.ns, m.id) for a in ready.heard["markers"] for m in a.markers if m.action == 2}
            >= {("boxes", gone), ("names", gone)}
        )
    )
    ready.until(lambda: ready.heard["instances"][-1].instances == [])


def test_bad_clouds_are_counted_and_the_node_goes_on(ready, node, box_points):
    before = dropped(ready)
    ready.send(np.zeros((0, 3)))
    ready.send(np.full((5, 3), np.nan))
    no_label = ready.send(box_points([9, 9, 0]), frame_id="")
    no_label.header.frame_id = "map"
    no_label.fields = no_label.fields[:3]
    ready.publish(no_label)
    ready.send(box_points([9, 9, 0]), frame_id="camera")
    short = ready.send(np.zeros((0, 3)))
    short.width, short.row_step, short.data = 100, 1600, array.array("B", bytes(10))
    ready.publish(short)
    ready.send(box_points([4, 0, 0]), label=4711)
    found = show(ready, box_points([0, 0, 0]))
    assert len(found) == 1
    after = dropped(ready)
    new = {k: n - before.get(k, 0) for k, n in after.items() if n != before.get(k, 0)}
    assert new == {
        "empty": 2,
        "no_finite_points": 1,
        "empty_frame": 1,
        "missing_field": 1,
        "no_transform" if find_spec("tf2_msgs") else "no_tf2": 1,
        "short_data": 1,
    }
    assert int(ready.diagnostics()["points with unknown label"]) >= 1000
    assert "missing_field" in node.text
    assert "4711" in node.text


def test_of_a_burst_every_cloud_is_accounted_for(ready, box_points):
    before = sum(dropped(ready).values())
    for _ in range(300):
        ready.send(box_points([0, 0, 0]))
    ready.spin(0.5)
    ready.send(box_points([0, 0, 0]))  # whose number shows what was lost before it
    after = sum(dropped(ready).values())  # waits until sent = integrated + dropped
    assert before < after < before + 300


def test_a_class_filter_leaves_other_objects_out_at_once(ready, box_points):
    ready.send(box_points([0, 0, 0]), CHAIR)
    ready.send(box_points([2, 0, 0]), TABLE)
    ready.until(lambda: len(objects(ready)) == 2)
    assert ready.set(classes=["table"]) == {}
    ready.send(box_points([2, 0, 1]), TABLE)
    ready.until(lambda: {o.class_name for o in objects(ready).values()} == {"table"})
    assert "no class 'tabel'" in ready.set(classes=["tabel"])["classes"]
    assert ready.set(classes=[""]) == {}


def test_a_threshold_takes_effect_without_a_new_cloud(ready, box_points):
    show(ready, box_points([0, 0, 0]), box_points([2, 0, 0], size=0.3))
    assert ready.set(min_voxels=100) == {}
    ready.until(lambda: len(objects(ready)) == 1)
    assert ready.set(min_voxels=0) == {}
    ready.until(lambda: len(objects(ready)) == 2)


def test_a_map_is_saved_and_loaded_with_its_ids(ready, box_points, maps):
    found = show(ready, box_points([0, 0, 0]), box_points([2, 0, 0]))
    answer = ready.map_file("save_map", "room.map")
    assert answer.success, answer.message
    assert (maps / "room.map").is_file()
    assert ready.trigger("reset_map").success
    ready.until(lambda: not objects(ready))
    answer = ready.map_file("load_map", "room.map")
    assert answer.success, answer.message
    ready.until(lambda: set(objects(ready)) == set(found))
    before = {k: o.centroid.x for k, o in found.items()}
    assert {k: o.centroid.x for k, o in objects(ready).items()} == before


def test_the_points_of_one_object_are_had_by_its_id(ready, box_points):
    found = show(ready, box_points([0, 0, 0]), box_points([2, 0, 0]))
    id_ = next(i for i, o in found.items() if o.centroid.x > 1)
    answer = ready.call(GetObject, "get_object", GetObject.Request(id=id_))
    assert answer.success
    assert answer.object == found[id_]
    assert (answer.header.frame_id, answer.points.width) == ("map", found[id_].num_voxels)
    xyz = decode_cloud(answer.points, require_label=False).xyz
    np.testing.assert_allclose(xyz.mean(axis=0), [2.25, 0.25, 0.25], atol=1e-4)
    answer = ready.call(GetObject, "get_object", GetObject.Request(id=4711))
    assert (answer.success, "4711" in answer.message) == (False, True)


@pytest.mark.parametrize("service", ["save_map", "load_map"])
@pytest.mark.parametrize("name", ["", ".", "..", "../room", "/etc/passwd", "out/room", "a/../../b"])
def test_no_name_leads_out_of_the_map_folder(ready, maps, service, name, tmp_path):
    if not (maps / "out").exists():
        (maps / "out").symlink_to(tmp_path)
    answer = ready.map_file(service, name)
    assert not answer.success
    assert answer.message
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_map_is_refused_and_the_one_in_memory_stays(ready, box_points, maps):
    found = show(ready, box_points([0, 0, 0]))
    (maps / "damaged").write_bytes(b"no map")
    answer = ready.map_file("load_map", "damaged")
    assert not answer.success
    assert "damaged" in answer.message
    assert ready.trigger("segment").message == "1 objects"
    assert objects(ready).keys() == found.keys()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"segmentation_rate": float("nan")}, "out of range"),
        ({"segmentation_rate": 1}, "type"),
        ({"segmentation_rate": "fast"}, "type"),
        ({"map_mode": "fuse"}, "accumulate, replace"),
        ({"queue_size": -1}, "out of range"),
        ({"voxel_size": 0.2}, "unconfigured"),
        ({"map_directory": "/"}, "read-only"),
        ({"no_such": 1}, "undeclared"),
    ],
)
def test_a_parameter_is_refused_with_the_reason(ready, values, reason):
    (name,) = values
    assert reason in ready.set(**values)[name]


def test_a_parameter_of_no_known_type_is_refused_with_the_reason(ready):
    odd = Parameter(name="queue_size", value=ParameterValue(type=99))
    request = SetParameters.Request(parameters=[odd, odd])
    results = ready.call(SetParameters, "set_parameters", request).results
    assert [r.successful for r in results] == [False, False]
    assert "99" in results[0].reason
    request = SetParametersAtomically.Request(parameters=[odd])
    result = ready.call(SetParametersAtomically, "set_parameters_atomically", request).result
    assert not result.successful
    assert "99" in result.reason


def test_every_parameter_is_described_with_its_range(ready):
    request = DescribeParameters.Request(names=list(table.names()))
    for d in ready.call(DescribeParameters, "describe_parameters", request).descriptors:
        spec = table.spec_of(d.name)
        assert d.description == spec.description
        assert d.read_only == (spec.change == "never")
        ranges = [*d.integer_range, *d.floating_point_range]
        assert [(r.from_value, r.to_value) for r in ranges] == (
            [] if spec.low is None else [(spec.low, spec.high)]
        )


def test_an_impossible_transition_is_refused_and_survived(ready):
    for number in (Transition.TRANSITION_CONFIGURE, 77):
        request = ChangeState.Request(transition=Transition(id=number))
        assert not ready.call(ChangeState, "change_state", request).success
    assert ready.state() == "active"


def test_best_effort_publishers_are_heard(ready, box_points):
    weak = ready.publisher("points", QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT))
    ready.until(lambda: weak.get_subscription_count() > 0, what="a matching subscription")
    ready.send(box_points([0, 0, 0]), publisher=weak)
    ready.until(lambda: len(objects(ready)) == 1)
    ready.node.destroy_publisher(weak)


def test_no_more_maps_are_saved_than_the_folder_may_hold(ready, box_points):
    show(ready, box_points([0, 0, 0]))
    assert ready.map_file("save_map", "the_last").success
    assert ready.set(max_map_files=1) == {}
    answer = ready.map_file("save_map", "one_too_many")
    assert not answer.success
    assert "the most that are allowed" in answer.message
    assert ready.map_file("save_map", "the_last").success
    assert ready.set(max_map_files=100) == {}


def test_a_map_that_was_published_once_and_latched_is_heard(ready, box_points):
    ready.node.destroy_publisher(ready.clouds)
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    ready.clouds = ready.publisher("points", latched)
    ready.send(box_points([0, 0, 0]))
    ready.until(lambda: len(objects(ready)) == 1)


def test_a_simulation_that_starts_again_is_followed(ready, box_points):
    clock = ready.node.create_publisher(Clock, "/clock", 10)
    assert ready.set(use_sim_time=True) == {}
    try:
        for start, x in ((5000, 0), (3000, 3)):  # the second time an hour earlier
            for seconds in range(3):
                for _ in range(5):
                    clock.publish(Clock(clock=Time(sec=start + seconds)))
                    ready.spin(0.05)
                stamp = Time(sec=start + seconds)
                ready.send(box_points([x + seconds, 0, 0], size=0.4), stamp=stamp)
            ready.until(lambda x=x: len(objects(ready)) == x + 3)
            ready.until(lambda start=start: stamp_of(ready) == start + 2)
        assert max(o.last_seen.sec for o in objects(ready).values()) == 3002
        ready.until(lambda: ready.heard["diagnostics"] and told_of_jump(ready))
    finally:
        assert ready.set(use_sim_time=False) == {}
        ready.node.destroy_publisher(clock)


def told_of_jump(robot):
    return int(robot.diagnostics().get("jumps back in time", 0)) >= 1


def stamp_of(robot):
    return robot.heard["instances"][-1].header.stamp.sec


def test_the_whole_life_cycle_and_back(ready, box_points):
    show(ready, box_points([0, 0, 0]))
    assert ready.change_state(Transition.TRANSITION_DEACTIVATE)
    assert ready.clouds.get_subscription_count() == 0
    assert ready.trigger("segment").message == "the node is not active"
    assert ready.change_state(Transition.TRANSITION_ACTIVATE)
    assert ready.trigger("segment").message == "1 objects"  # the map has stayed
    assert ready.change_state(Transition.TRANSITION_DEACTIVATE)
    assert ready.change_state(Transition.TRANSITION_CLEANUP)
    assert ready.state() == "unconfigured"
    assert ready.set(weights="nowhere", taxonomy="/nowhere.yaml") == {}
    assert not ready.change_state(Transition.TRANSITION_CONFIGURE)
    assert ready.state() == "unconfigured"
    assert ready.set(weights="", taxonomy="scannet") == {}
    assert ready.change_state(Transition.TRANSITION_CONFIGURE)
    assert ready.change_state(Transition.TRANSITION_ACTIVATE)
    ready.wait_active()
    ready.heard["instances"].clear()  # what comes now is of the new map
    show(ready, box_points([0, 0, 0]))


def test_the_security_policy_allows_what_the_node_has_and_nothing_else(ready):
    """SROS2 denies what is not named; what only some installations have is named too."""
    tree = ElementTree.parse(POLICY)
    (profile,) = tree.findall("./enclaves/enclave/profiles/profile")
    assert (profile.get("ns"), profile.get("node")) == ("/", "instance_segmentation")

    def allowed(path):
        return {e.text for e in profile.findall(path)}

    def present(what):
        rows = getattr(ready.node, f"get_{what}_names_and_types_by_node")
        return {name for name, _ in rows("instance_segmentation", "/")}

    depth = {f"/depth/{n}" for n in ("image", "camera_info", "labels", "confidence", "label_info")}
    optional = {"/labels", "/tf", "/tf_static", "/clock", *depth}
    assert allowed("topics[@subscribe='ALLOW']/topic") == present("subscriber") | optional
    detections = {"/instance_segmentation/detections"}
    assert allowed("topics[@publish='ALLOW']/topic") == present("publisher") | detections
    assert allowed("services[@reply='ALLOW']/service") == present("service")
    assert allowed("services[@request='ALLOW']/service") == present("client") == set()
