"""Procedural rooms with labels that err."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mtml_ros.core.options import require
from mtml_ros.core.scene import Scene
from mtml_ros.datasets.furniture import read_furniture
from mtml_ros.simulation.label_noise import NoiseSettings, with_noise
from mtml_ros.simulation.rooms import VALIDATION, RoomSettings, generate_room


@dataclass(frozen=True)
class RoomSource:
    """Procedural rooms, each made for one step and never seen again, with labels that err.

    noise: least and most level of label noise, see simulation/label_noise.py; in training rooms
    each kind of error has a strength of its own.
    unlabelled, clean: share of the rooms that come without any label, and with true ones.
    validation_noise: the level in validation rooms.
    furniture: a folder of furniture catalogues (docs/training.md) whose shapes stand in the rooms;
    none where empty. furniture_share: chance that a piece of furniture is one of them.
    furniture_cache: folder that keeps the shapes made of them; ~/.cache/mtml_ros where empty.
    Validation rooms have none, so that figures of both can be compared.
    """

    noise: tuple[float, float] = (0.0, 1.0)
    unlabelled: float = 0.1
    clean: float = 0.0
    validation_noise: float = 0.5
    furniture: str = ""
    furniture_share: float = 0.5
    furniture_cache: str = ""

    def __post_init__(self) -> None:
        require("data", {"furniture_share": 0 <= self.furniture_share <= 1}, self)
        _ = self.settings  # a missing folder shows now

    @cached_property
    def settings(self) -> RoomSettings:
        """What the training rooms are drawn from."""
        library = read_furniture(self.furniture, self.furniture_cache) if self.furniture else None
        return RoomSettings(furniture=library, furniture_share=self.furniture_share)

    def draw(self, rng: np.random.Generator) -> Scene:
        fate = rng.random()
        level = None if fate < self.unlabelled else float(rng.uniform(*self.noise))
        if fate > 1 - self.clean:
            level = 0.0
        return with_noise(generate_room(rng, self.settings), level, rng, NoiseSettings.varied(rng))

    def validation_scenes(self, count: int) -> Iterator[Scene]:
        for i in range(count):
            rng = np.random.default_rng((77_000, i))
            yield with_noise(generate_room(rng, VALIDATION), self.validation_noise, rng)

    def calibration_scenes(self, count: int) -> Iterator[Scene]:
        for i in range(count):  # training steps draw from seeds of three numbers
            yield self.draw(np.random.default_rng((88_000, i)))
