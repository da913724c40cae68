"""The toy set (MTML, section 4.1), generated scene by scene."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.scene import Scene
from mtml_ros.datasets import toy


@dataclass(frozen=True)
class ToySource:
    """The toy set's 900 training scenes. preset: "toy", "toy-shell" or "toy-hard"."""

    preset: str = "toy"

    def __post_init__(self) -> None:
        if self.preset not in toy.PRESETS:
            raise ConfigurationError(f"data: preset must be one of {', '.join(toy.PRESETS)}")

    @property
    def settings(self) -> toy.ToySettings:
        return toy.PRESETS[self.preset]

    def draw(self, rng: np.random.Generator) -> Scene:
        return toy.generate_scene(int(rng.choice(toy.TRAINING_SEEDS)), self.settings)

    def validation_scenes(self, count: int) -> Iterator[Scene]:
        return self._scenes(toy.VALIDATION_SEEDS, count, "validation")

    def calibration_scenes(self, count: int) -> Iterator[Scene]:
        return self._scenes(toy.CALIBRATION_SEEDS, count, "calibration")

    def _scenes(self, seeds: range, count: int, use: str) -> Iterator[Scene]:
        if count > len(seeds):
            raise ConfigurationError(
                f"data: the toy set has {len(seeds)} scenes for {use}, not {count}: ask for fewer"
            )
        return (toy.generate_scene(seed, self.settings) for seed in seeds[:count])
