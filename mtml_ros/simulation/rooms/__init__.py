"""Procedural indoor rooms and a simulated depth sensor that scans them."""

from mtml_ros.simulation.rooms.generate import (
    Scan,
    complete_room,
    generate_room,
    partial_scans,
    scan_room,
)
from mtml_ros.simulation.rooms.settings import VALIDATION, RoomSettings, ScanSettings

__all__ = [
    "VALIDATION",
    "RoomSettings",
    "Scan",
    "ScanSettings",
    "complete_room",
    "generate_room",
    "partial_scans",
    "scan_room",
]
