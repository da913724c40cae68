"""ScanNet, for those who hold it, read as it is distributed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.scene import Scene
from mtml_ros.datasets.scannet import ScanNet


@dataclass(frozen=True)
class ScanNetSource:
    """The training scans, and the validation scans to validate on.

    root: the copy of ScanNet, see datasets/scannet.py. labels: folder with a segmentation
    network's label of each vertex; "": the true labels are the input.
    What is trained on ScanNet falls under its terms of use.
    """

    root: str
    labels: str = ""

    @cached_property
    def _dataset(self) -> ScanNet:
        return ScanNet.open(self.root)

    @cached_property
    def _training_scans(self) -> list[str]:
        return self._dataset.scenes("train")

    def draw(self, rng: np.random.Generator) -> Scene:
        scans = self._training_scans
        return self._read(scans[int(rng.integers(len(scans)))])

    def validation_scenes(self, count: int) -> Iterator[Scene]:
        return (self._read(scan) for scan in self._dataset.scenes("val")[:count])

    def calibration_scenes(self, count: int) -> Iterator[Scene]:
        raise ConfigurationError(
            "data: ScanNet has no scans apart for a calibration: set calibration_scenes to 0"
        )

    def _read(self, scan: str) -> Scene:
        return self._dataset.read(scan, self.labels or None)
