"""The generated messages and services, as others rely on them."""

import json
import os
import sys
from pathlib import Path

import pytest
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.typesys import Stores, get_typestore

from mtml_ros.core.resources import message_definition
from mtml_ros.io.bag_writer import STORE, learn_types
from mtml_ros.msg import ObjectInstance, ObjectInstanceArray
from mtml_ros.ros.tools.bag_recording import OWN_TYPES
from mtml_ros.srv import MapFile


def test_object_instance_has_the_promised_fields():
    assert ObjectInstance.get_fields_and_field_types() == {
        "id": "uint32",
        "class_id": "uint16",
        "class_name": "string",
        "score": "float",
        "num_voxels": "uint32",
        "centroid": "geometry_msgs/Point",
        "pose": "geometry_msgs/Pose",
        "size": "geometry_msgs/Vector3",
        "first_seen": "builtin_interfaces/Time",
        "last_seen": "builtin_interfaces/Time",
    }


def test_object_instance_array_has_the_promised_fields():
    assert ObjectInstanceArray.get_fields_and_field_types() == {
        "header": "std_msgs/Header",
        "voxel_size": "float",
        "instances": "sequence<mtml_ros/ObjectInstance>",
    }


def test_map_file_has_the_promised_fields():
    assert MapFile.Request.get_fields_and_field_types() == {"filename": "string"}
    assert MapFile.Response.get_fields_and_field_types() == {
        "success": "boolean",
        "message": "string",
    }


def test_messages_survive_the_wire():
    sent = ObjectInstanceArray(voxel_size=0.5)
    sent.header.frame_id = "map"
    sent.instances = [ObjectInstance(id=2**32 - 1, class_id=39, class_name="otherfurniture")]
    sent.instances[0].last_seen.nanosec = 999_999_999
    assert deserialize_message(serialize_message(sent), ObjectInstanceArray) == sent


def test_messages_stay_small_however_large_the_objects_are():
    """One record an object, not one a voxel."""
    objects = [ObjectInstance(id=i, class_name="chair", num_voxels=10**6) for i in range(1000)]
    assert len(serialize_message(ObjectInstanceArray(instances=objects))) < 300_000


def test_tf_messages_have_the_hash_of_tf2s_own():
    """Middlewares that compare hashes of types (REP 2011) match only publishers with this one."""
    pytest.importorskip("tf2_msgs", reason="comes with ROS, or with this project's pip install")
    # what `ros2 topic info --verbose /tf` shows on a Jazzy robot; rosbags computes the same from
    # the definition that it ships
    published = "RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087"
    assert type_hash("tf2_msgs", "TFMessage") == published
    assert get_typestore(Stores.ROS2_JAZZY).hash_rihs01("tf2_msgs/msg/TFMessage") == published


def test_bags_describe_our_messages_as_they_were_built():
    learn_types({f"mtml_ros/msg/{name}": message_definition(name) for name in OWN_TYPES})
    for name in OWN_TYPES:
        assert STORE.hash_rihs01(f"mtml_ros/msg/{name}") == type_hash("mtml_ros", name)


def type_hash(package, name):
    """The hash of a message (REP 2011) as the generator wrote it beside its definition."""
    prefixes = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    files = [Path(p) / "share" / package / "msg" / f"{name}.json" for p in prefixes if p]
    described = json.loads(next(f for f in files if f.is_file()).read_text(encoding="utf-8"))
    hashes = {h["type_name"]: h["hash_string"] for h in described["type_hashes"]}
    return hashes[f"{package}/msg/{name}"]
