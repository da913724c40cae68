"""The doors between ROS messages and arrays: decode on the way in, encode on the way out."""

from mtml_ros.ros.decode import CloudError, DecodedCloud, Reason, decode_cloud, decode_labels

__all__ = [
    "CloudError",
    "DecodedCloud",
    "Reason",
    "decode_cloud",
    "decode_labels",
]
