"""Fusion: what looks wrong in clouds is told at the node's door, in the words of the commands."""

import time
from pathlib import Path

import numpy as np
import pytest
from builtin_interfaces.msg import Time

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.transforms import Transform
from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.io.sanity import check_geometry, check_labels
from mtml_ros.mapping.voxel_map import VoxelMap
from mtml_ros.ros.input.frames import Place
from mtml_ros.ros.input.fusion import Fusion
from mtml_ros.ros.input.sensor_input import SensorData
from mtml_ros.ros.output.health import Health
from mtml_ros.ros.parameters.table import Parameters

SCANNET = Taxonomy.scannet()
SCAN = Path(__file__).parents[3] / "mtml_ros" / "datasets" / "scans" / "living_room.npz"
AT_HOME = Place(Transform.identity(), None)


@pytest.fixture(scope="module")
def room():
    with np.load(SCAN) as scan:
        return scan["xyz"], scan["label"].astype(np.int64)


def seen(xyz, ids):
    """What the diagnostics are told after one cloud, and the log."""
    log = []
    health = Health(log.append)
    voxel_map = VoxelMap(0.1, len(SCANNET), 1_000_000)
    fusion = Fusion(Parameters, SCANNET, voxel_map, health, lambda arrived: None)
    points = LabeledPoints(xyz, SCANNET.encode(ids))
    stamp = Time(sec=1)
    data = SensorData("/points", "map", stamp, lambda: points, lambda: 0, time.monotonic())
    fusion.integrate(data, 1.0, AT_HOME)
    return health.suspicions, log


def test_a_room_as_it_is_rouses_no_suspicion(room):
    assert seen(*room) == ([], [])


def test_ids_shifted_by_one_are_told(room):
    xyz, ids = room
    (text,), (logged,) = seen(xyz, ids - 1)
    told = [w for w in check_labels(ids - 1, SCANNET, xyz) if w.kind == "shifted_ids"]
    assert text == told[0].text
    assert text in logged


def test_another_axis_up_is_told(room):
    xyz, ids = room
    turned = np.ascontiguousarray(xyz[:, [0, 2, 1]]) * np.array([1, 1, -1], np.float32)
    (text,), _ = seen(turned, ids)
    assert "--up y" in text


def test_millimetres_are_told(room):
    xyz, ids = room
    (text,), _ = seen(xyz * 1000, ids)
    assert text == check_geometry(xyz * 1000)[0].text
