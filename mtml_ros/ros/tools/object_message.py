"""What an ObjectInstance says, as a record: the way back from output/encode.py."""

from __future__ import annotations

import math

import numpy as np

from mtml_ros.core.instances import OrientedBox
from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.stamps import nanoseconds, seconds
from mtml_ros.msg import ObjectInstance


def record_of(msg: ObjectInstance) -> ObjectRecord:
    """The record that a message holds."""
    position, q, size = msg.pose.position, msg.pose.orientation, msg.size
    return ObjectRecord(
        msg.id,
        msg.class_id,
        msg.class_name,
        msg.score,
        msg.num_voxels,
        np.array([msg.centroid.x, msg.centroid.y, msg.centroid.z]),
        OrientedBox(
            np.array([position.x, position.y, position.z]),
            np.array([size.x, size.y, size.z]),
            2.0 * math.atan2(q.z, q.w),
        ),
        first_seen=seconds(nanoseconds(msg.first_seen)),
        last_seen=seconds(nanoseconds(msg.last_seen)),
    )
