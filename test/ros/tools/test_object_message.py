"""Records from messages."""

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3

from mtml_ros.msg import ObjectInstance
from mtml_ros.ros.conversions import to_time
from mtml_ros.ros.tools.object_message import record_of


def test_a_record_holds_what_the_message_says():
    half = np.pi / 12  # of a turn by 30 degrees
    pose = Pose(
        position=Point(x=1.0, y=2.0, z=0.5),
        orientation=Quaternion(z=np.sin(half), w=np.cos(half)),
    )
    record = record_of(
        ObjectInstance(
            id=3, class_id=5, class_name="chair", score=0.75, num_voxels=12, pose=pose,
            size=Vector3(x=0.4, y=0.5, z=0.9), centroid=Point(x=1.1, y=2.0, z=0.4),
            first_seen=to_time(1.25), last_seen=to_time(2.5),
        )
    )  # fmt: skip
    assert (record.id, record.class_id, record.class_name, record.num_voxels) == (3, 5, "chair", 12)
    assert (record.score, record.first_seen, record.last_seen) == (0.75, 1.25, 2.5)
    np.testing.assert_allclose(record.centroid, [1.1, 2.0, 0.4])
    np.testing.assert_allclose(record.box.center, [1.0, 2.0, 0.5])
    np.testing.assert_allclose(record.box.size, [0.4, 0.5, 0.9])
    np.testing.assert_allclose(record.box.yaw, np.pi / 6)
