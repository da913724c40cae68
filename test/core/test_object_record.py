"""ObjectRecord: one object, told the same in every form."""

import json
import math

import numpy as np

from mtml_ros.core.instances import Instance, OrientedBox
from mtml_ros.core.object_record import ObjectRecord, table
from mtml_ros.core.taxonomy import Taxonomy

TAXONOMY = Taxonomy.scannet()
BOX = OrientedBox(np.array([1.25, 0.25, 1.0]), np.array([0.75, 0.5, 1.0]), math.pi / 6)
INSTANCE = Instance(
    np.array([2, 3]), TAXONOMY.index("chair"), np.float32(0.7), np.array([1.0, 0.0, 0.5]), BOX
)


def test_a_record_survives_json_and_back():
    record = ObjectRecord.of(INSTANCE, 7, TAXONOMY, num_points=40, first_seen=1.5, last_seen=2.5)
    told = json.loads(json.dumps(record.as_dict()))
    assert ObjectRecord.from_dict(told).as_dict() == told
    assert (told["id"], told["class_id"], told["class_name"]) == (7, 5, "chair")  # NYU40's chair
    assert told["box"] == {
        "center": [1.25, 0.25, 1.0],
        "size": [0.75, 0.5, 1.0],
        "yaw": math.pi / 6,
    }


def test_what_is_not_known_is_left_out():
    told = ObjectRecord.of(INSTANCE, 7, TAXONOMY).as_dict()
    assert not {"num_points", "first_seen", "last_seen"} & told.keys()


def test_a_float32_score_has_no_digits_that_it_does_not_hold():
    assert ObjectRecord.of(INSTANCE, 7, TAXONOMY).as_dict()["score"] == 0.7


def test_the_table_has_a_line_an_object():
    head, line = table([ObjectRecord.of(INSTANCE, 7, TAXONOMY).as_dict()], "voxels").splitlines()
    assert head.split()[:4] == ["id", "class", "score", "voxels"]
    assert line.split()[:4] == ["7", "chair", "0.70", "2"]
    assert "0.75 x 0.50 x 1.00" in line
