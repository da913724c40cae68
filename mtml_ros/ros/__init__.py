"""The ROS 2 node and what it needs; no algorithm lives here."""
