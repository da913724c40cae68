"""The chair (or another class) nearest to a place of the map: its points, and how it is turned.

ros2 launch mtml_ros demo.launch.py loop:=true &
python3 examples/nearest_object.py chair 1.0 2.0
"""

import math
import sys
from functools import partial

import numpy as np
import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import PointCloud2
from transforms3d.euler import quat2euler

from mtml_ros.msg import ObjectInstanceArray

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def points_of(cloud: PointCloud2, object_id: int) -> np.ndarray:
    """(N, 3), metres in the cloud's frame: the voxels' centres of one object."""
    try:
        from sensor_msgs_py.point_cloud2 import read_points
    except ImportError:  # it comes with ROS, there is no wheel of it
        from mtml_ros.io.point_cloud2 import decode_cloud, decode_labels

        decoded = decode_cloud(cloud)
        return decoded.xyz[decode_labels(cloud, decoded.kept, "instance") == object_id]
    points = read_points(cloud, ["x", "y", "z", "instance"])
    mine = points[points["instance"] == object_id]
    return np.stack([mine["x"], mine["y"], mine["z"]], axis=1)


wanted, x, y = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
rclpy.init()
node = rclpy.create_node("nearest_object")
newest = {}
for topic, kind in (("instances", ObjectInstanceArray), ("points", PointCloud2)):
    name = f"/instance_segmentation/{topic}"
    node.create_subscription(kind, name, partial(newest.__setitem__, topic), LATCHED)
while len(newest) < 2 or newest["instances"].header != newest["points"].header:
    rclpy.spin_once(node)

objects = [o for o in newest["instances"].instances if o.class_name == wanted]
nearest = min(objects, key=lambda o: math.dist((o.centroid.x, o.centroid.y), (x, y)))
points = points_of(newest["points"], nearest.id)
turned = nearest.pose.orientation
yaw = quat2euler((turned.w, turned.x, turned.y, turned.z))[2]
print(
    f"{wanted} {nearest.id}: {len(points)} points, top at {points[:, 2].max():.2f} m, yaw {yaw:.2f}"
)
