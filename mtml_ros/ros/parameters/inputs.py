"""The inputs that parameter `input` chooses among; a new sensor is a line here."""

from __future__ import annotations

INPUTS = {
    "points": "mtml_ros.ros.input.points_input.PointsInput",
    "depth": "mtml_ros.ros.input.depth_input.DepthInput",
}
"""Name to the SensorInput's class, by its dotted name, so that only the one in use is imported."""
