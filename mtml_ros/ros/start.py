"""Where the executables begin: help, signals from the first moment on, Fast DDS for large clouds.

Imports no ROS at the top: that takes a fifth of a second, in which a signal must end the process
without a traceback.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module

_HELP = """{about}
usage: {name} [--ros-args [-p NAME:=VALUE ...] [--params-file FILE] [-r FROM:=TO ...]]

parameters:
{parameters}"""


def instance_segmentation_node() -> int:
    """Runs the node; see node.main."""
    return _run("instance_segmentation_node", "mtml_ros.ros.node")


def scene_player() -> int:
    """Plays a scan file; see scene_player.main."""
    return _run("scene_player", "mtml_ros.ros.tools.scene_player")


def instance_recorder() -> int:
    """Writes the node's last result to files; see recorder.main."""
    return _run("instance_recorder", "mtml_ros.ros.tools.recorder")


def _run(name: str, module: str) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    from mtml_ros.ros.middleware import large_clouds_environment

    if {"-h", "--help"} & set(sys.argv[1:]):
        loaded = import_module(module)
        print(_HELP.format(name=name, about=loaded.__doc__, parameters=loaded.parameter_text()))
        return 0
    os.environ.update(large_clouds_environment())
    main: Callable[[], int] = import_module(module).main
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        return main()
    except KeyboardInterrupt:
        return 0
