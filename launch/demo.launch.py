"""Plays a scan that ships to the node, for a look at the result in RViz (rviz:=true).

`make demo` needs no launch and no RViz, and ends with a picture and a page.
"""

from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from mtml_ros.datasets import SCANS

NODE = Path(__file__).resolve().parent / "instance_segmentation.launch.py"

ARGUMENTS = (
    ("scan", str(SCANS / "living_room.npz"), "a .npz, .ply or .pcd file with xyz and label"),
    ("rate", "2.0", "parts of the scan a second, of 20"),
    ("loop", "false", "true to play the scan again and again"),
    ("device", "auto", "auto, cpu or cuda"),
    ("rviz", "false", "true to start RViz with a view of the result"),
)


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """The node and the player, once the arguments' values are known."""
    value = {name: LaunchConfiguration(name).perform(context) for name, _, _ in ARGUMENTS}
    return [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(NODE)),
            launch_arguments=[(name, value[name]) for name in ("device", "rviz")],
        ),
        Node(
            package="mtml_ros",
            executable="scene_player",
            output="screen",
            parameters=[
                {
                    "file": value["scan"],
                    "rate": float(value["rate"]),
                    "loop": value["loop"].lower() in ("true", "1"),
                }
            ],
        ),
    ]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=description)
                for name, default, description in ARGUMENTS
            ),
            OpaqueFunction(function=start),
        ]
    )
