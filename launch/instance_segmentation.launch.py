"""Starts the instance segmentation node, and RViz where asked for.

The one thing to say is where the labelled clouds are: `points:=/topic`.
"""

import os
from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

SHARE = Path(__file__).resolve().parent.parent
PARAMETERS = SHARE / "config" / "instance_segmentation.yaml"
RVIZ = SHARE / "rviz" / "instance_segmentation.rviz"
FASTDDS_PROFILE = SHARE / "config" / "fastdds_profile.xml"

ARGUMENTS = (
    ("params_file", str(PARAMETERS), "YAML file with the node's parameters"),
    ("points", "points", "topic of the labelled clouds, sensor_msgs/PointCloud2"),
    ("labels", "labels", "topic of the labels, where parameter labels_source is 'topic'"),
    ("device", "", "auto, cpu or cuda; empty: as the YAML file says"),
    ("weights", "", "path of a .safetensors file; empty: as the YAML file says"),
    ("namespace", "", "namespace of the node and so of its topics"),
    ("use_sim_time", "false", "true with a simulation or a bag that publishes /clock"),
    ("rviz", "false", "true to start RViz with a view of the result"),
    ("log_level", "info", "debug, info, warn, error or fatal"),
)


def large_clouds() -> dict[str, str]:
    """Environment for clouds of many megabytes, unless the user has a Fast DDS profile."""
    names = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
    if any(os.environ.get(name) for name in names):
        return {}
    return {name: str(FASTDDS_PROFILE) for name in names}


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """The processes, once the arguments' values are known."""
    value = {name: LaunchConfiguration(name).perform(context) for name, _, _ in ARGUMENTS}
    overrides = {name: value[name] for name in ("device", "weights") if value[name]}
    use_sim_time = {"use_sim_time": value["use_sim_time"].lower() in ("true", "1")}
    namespace = value["namespace"].strip("/")
    processes = [
        Node(
            package="mtml_ros",
            executable="instance_segmentation_node",
            name="instance_segmentation",
            namespace=namespace,
            output="screen",
            emulate_tty=True,
            parameters=[value["params_file"], {**overrides, **use_sim_time}],
            remappings=[(name, value[name]) for name in ("points", "labels")],
            ros_arguments=["--log-level", value["log_level"]],
            additional_env=large_clouds(),
        )
    ]
    if value["rviz"].lower() in ("true", "1"):
        shown = "/instance_segmentation"
        processes.append(
            Node(
                package="rviz2",
                executable="rviz2",
                arguments=["--display-config", str(RVIZ)],
                parameters=[use_sim_time],
                remappings=[
                    (f"{shown}/{topic}", f"/{namespace}{shown}/{topic}")
                    for topic in ("points", "markers")
                    if namespace
                ],
                additional_env=large_clouds(),
            )
        )
    return processes


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
