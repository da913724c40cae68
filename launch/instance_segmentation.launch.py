"""Starts the instance segmentation node, and RViz where asked for.

The one thing to say is where the labelled clouds are: `points:=/topic`.
"""

from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from mtml_ros.ros.middleware import large_clouds_environment
from mtml_ros.ros.tools.rviz_view import written_view

SHARE = Path(__file__).resolve().parent.parent
PARAMETERS = SHARE / "config" / "instance_segmentation.yaml"
RVIZ = SHARE / "rviz" / "instance_segmentation.rviz"

ARGUMENTS = (
    ("params_file", str(PARAMETERS), "YAML file with the node's parameters"),
    ("input", "", "points or depth; empty: as the YAML file says"),
    ("points", "points", "topic of the labelled clouds, sensor_msgs/PointCloud2"),
    ("labels", "labels", "topic of the labels, where parameter labels_source is 'topic'"),
    ("depth_image", "depth/image", "input depth: topic of the depth images"),
    ("camera_info", "depth/camera_info", "input depth: topic of their calibration"),
    ("label_image", "depth/labels", "input depth: topic of the label images"),
    ("label_field", "", "field of the clouds that holds the labels; empty: as the YAML file says"),
    ("taxonomy", "", "label set, a name or a YAML file; empty: as the parameter file says"),
    ("map_frame", "", "frame of the map; empty: as the YAML file says"),
    ("voxel_size", "", "metres; empty: as the YAML file says"),
    ("device", "", "auto, cpu or cuda; empty: as the YAML file says"),
    ("weights", "", "path of a .safetensors file; empty: as the YAML file says"),
    ("namespace", "", "namespace of the node and so of its topics"),
    ("use_sim_time", "false", "true with a simulation or a bag that publishes /clock"),
    ("rviz", "false", "true to start RViz with a view of the result"),
    ("log_level", "info", "debug, info, warn, error or fatal"),
)
OVERRIDES = ("input", "label_field", "taxonomy", "map_frame", "device", "weights")
TOPICS = {
    "points": "points",
    "labels": "labels",
    "depth_image": "depth/image",
    "camera_info": "depth/camera_info",
    "label_image": "depth/labels",
}


def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """The processes, once the arguments' values are known."""
    value = {name: LaunchConfiguration(name).perform(context) for name, _, _ in ARGUMENTS}
    overrides: dict[str, object] = {name: value[name] for name in OVERRIDES if value[name]}
    if value["voxel_size"]:
        overrides["voxel_size"] = float(value["voxel_size"])
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
            remappings=[(topic, value[name]) for name, topic in TOPICS.items()],
            ros_arguments=["--log-level", value["log_level"]],
        )
    ]
    if value["rviz"].lower() in ("true", "1"):
        shown = "/instance_segmentation"
        view = written_view(RVIZ, Path(value["params_file"]), overrides)
        processes.append(
            Node(
                package="rviz2",
                executable="rviz2",
                arguments=["--display-config", str(view)],
                parameters=[use_sim_time],
                remappings=[
                    (f"{shown}/{topic}", f"/{namespace}{shown}/{topic}")
                    for topic in ("points", "markers")
                    if namespace
                ],
                additional_env=large_clouds_environment(),
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
