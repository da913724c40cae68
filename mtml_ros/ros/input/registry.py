"""The inputs that parameter `input` chooses among; a new sensor is a line here."""

from __future__ import annotations

from collections.abc import Callable

from mtml_ros.ros.input.depth_input import DepthInput
from mtml_ros.ros.input.points_input import PointsInput
from mtml_ros.ros.input.sensor_input import InputContext, SensorInput

INPUTS: dict[str, Callable[[InputContext], SensorInput]] = {
    "points": PointsInput,
    "depth": DepthInput,
}
