"""The doors between ROS messages and arrays: decode on the way in, encode on the way out."""

from mtml_ros.io.point_cloud2 import CloudError, DecodedCloud, Reason, decode_cloud, decode_labels
from mtml_ros.ros.output.encode import (
    encode_detection,
    encode_detections,
    encode_instance,
    encode_instances,
    encode_marker,
    encode_markers,
    encode_points_update,
    encode_voxel_cloud,
    to_time,
)

__all__ = [
    "CloudError",
    "DecodedCloud",
    "Reason",
    "decode_cloud",
    "decode_labels",
    "encode_detection",
    "encode_detections",
    "encode_instance",
    "encode_instances",
    "encode_marker",
    "encode_markers",
    "encode_points_update",
    "encode_voxel_cloud",
    "to_time",
]
