"""The launch file starts the real node, hands on what it was given, and ends cleanly."""

import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("launch_ros", reason="launch_ros comes with ROS only, there is no wheel of it")

from rcl_interfaces.srv import GetParameters

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.network.checkpoint import Checkpoint, build_network, save_checkpoint
from mtml_ros.network.config import NetworkConfig

PARAMETERS = """
/**:
  ros__parameters:
    score_threshold: 0.375
    min_voxels: 17
"""


# What `ros2 launch FILE NAME:=VALUE ...` does.
LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
arguments = [argument.split(":=") for argument in sys.argv[2:]]
source = PythonLaunchDescriptionSource(sys.argv[1])
service = LaunchService()
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
)
sys.exit(service.run())
"""


@pytest.fixture
def launched(root, tmp_path, alone_on_dds):
    prefixes = [os.environ.get("AMENT_PREFIX_PATH", ""), sys.prefix]  # where pip installs to
    programs = [os.path.dirname(sys.executable), os.environ["PATH"]]
    environment = {
        **alone_on_dds,
        "AMENT_PREFIX_PATH": os.pathsep.join(filter(None, prefixes)),
        "PATH": os.pathsep.join(programs),
    }
    (tmp_path / "parameters.yaml").write_text(PARAMETERS)
    config = NetworkConfig(Taxonomy.scannet().names[1:], width=8)
    weights = tmp_path / "untrained.safetensors"
    save_checkpoint(weights, Checkpoint(build_network(config), config))
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", LAUNCH),
            str(root / "launch" / "instance_segmentation.launch.py"),
            *(f"params_file:={tmp_path / 'parameters.yaml'}", "device:=cpu", "namespace:=robot"),
            *("points:=/camera/cloud", "use_sim_time:=true", f"weights:={weights}"),
        ],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_parameters_and_remappings_arrive_and_sigint_ends_it(launched, ros_node):
    client = ros_node.create_client(GetParameters, "/robot/instance_segmentation/get_parameters")
    assert client.wait_for_service(timeout_sec=60)
    names = ["score_threshold", "min_voxels", "device", "use_sim_time"]
    future = client.call_async(GetParameters.Request(names=names))
    ros_node.spin_until(future.done, 30)
    threshold, voxels, device, sim_time = future.result().values
    assert threshold.double_value == 0.375
    assert voxels.integer_value == 17
    assert device.string_value == "cpu"
    assert sim_time.bool_value
    ros_node.spin_until(lambda: ros_node.count_subscribers("/camera/cloud") == 1, 60)

    start = time.monotonic()
    launched.send_signal(signal.SIGINT)
    output, _ = launched.communicate(timeout=30)
    assert time.monotonic() - start < 10
    assert launched.returncode == 0
    assert "process has finished cleanly" in output
