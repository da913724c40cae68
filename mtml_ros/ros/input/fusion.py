"""Fusion: labelled points, where they lie, and what they look like, into the voxel map."""

from __future__ import annotations

import time
from collections.abc import Callable

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.io.sanity import check_map
from mtml_ros.mapping.voxel_map import VoxelMap
from mtml_ros.ros.input.frames import Place
from mtml_ros.ros.input.sensor_input import SensorData
from mtml_ros.ros.output.health import Health
from mtml_ros.ros.parameters.table import Parameters

LOOKED_AT = 20
"""Clouds between two looks at whether unit, axes and label ids can be right: 10 to 30 ms each."""


class Fusion:
    """Brings points into the map; one thread only.

    on_integrated: called with the monotonic time of arrival of what is in the map.
    """

    def __init__(
        self,
        parameters: Callable[[], Parameters],
        taxonomy: Taxonomy,
        voxel_map: VoxelMap,
        health: Health,
        on_integrated: Callable[[float], None],
    ) -> None:
        self._parameters = parameters
        self._taxonomy = taxonomy
        self._map = voxel_map
        self._health = health
        self._on_integrated = on_integrated
        self._map_stamp = 0.0  # newest stamp in the map, since time last jumped back
        self._until_look = 0

    def integrate(self, data: SensorData, stamp: float, place: Place) -> None:
        """Reads the data and fuses it. stamp: seconds. Raises InputError for what is unusable."""
        started = time.monotonic()
        parameters = self._parameters()
        read = data.read()
        points, origin = read, None
        if place.origin is not None:
            points = LabeledPoints(place.transform.apply(read.xyz), read.labels, read.confidence)
            origin = place.origin
        self._map_stamp = max(self._map_stamp, stamp)
        if parameters.map_mode == "replace":
            report = self._map.replace(points, self._map_stamp)
        else:
            report = self._map.integrate(
                points, self._map_stamp, origin, parameters.clear_free_space
            )
        if report.evicted:
            self._health.count(
                "voxels evicted",
                report.evicted,
                "the map is full, old voxels go; see max_voxels",
            )
        self._look()
        self._health.cloud_integrated(time.monotonic() - started)
        self._on_integrated(data.arrived)

    def jump_back(self) -> None:
        """Time has gone back."""
        self._map_stamp = 0.0

    def _look(self) -> None:
        self._until_look -= 1
        if self._until_look <= 0:
            self._until_look = LOOKED_AT
            warned = check_map(self._map.snapshot(), self._taxonomy)
            self._health.suspicions = [w.text for w in warned]
            for text in self._health.suspicions:
                self._health.log("suspicion", text)
