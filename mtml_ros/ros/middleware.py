"""Fast DDS set up for large clouds: the profile that ships, and when a process takes it up."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mtml_ros.core.errors import MtmlError
from mtml_ros.core.resources import config_file

VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
"""Jazzy's name and Kilted's."""

SHARED_MEMORY = Path("/dev/shm")
NEEDED = 1 << 28
"""Bytes of shared memory that must be free: twice the segment of the profile."""


def profile() -> Path | None:
    """The profile that ships, or None where this installation lacks it."""
    try:
        return config_file("fastdds_profile.xml")
    except MtmlError:
        return None


def large_clouds_environment(free: int | None = None) -> dict[str, str]:
    """Variables for a process whose clouds are of many megabytes; empty where the user has a
    profile, another middleware, or too little shared memory. free: bytes, None: looked up."""
    if any(os.environ.get(name) for name in VARIABLES):
        return {}
    if "fastrtps" not in os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp"):
        return {}
    if free is None:
        free = shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else 0
    path = profile()
    if free < NEEDED or path is None:
        return {}
    return {name: str(path) for name in VARIABLES}


def large_clouds_remedy() -> str:
    """What to do where clouds get lost on the way."""
    path = profile()
    return (
        f"for large clouds start the publisher with {VARIABLES[0]}={path or 'fastdds_profile.xml'} "
        "or let it publish reliably"
    )
