"""Where training scenes come from: a source gives scene after scene, by number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets import toy
from mtml_ros.datasets.scene_files import read_scene


class SceneSource(Protocol):
    """Training scenes, and validation scenes that share nothing with them."""

    def draw(self, rng: np.random.Generator) -> Scene:
        """A training scene, at random."""
        ...

    def validation(self, count: int) -> Iterator[Scene]:
        """The first `count` validation scenes, always the same; all of a folder with fewer.

        Raises ConfigurationError, before the first is made, where a generated set has fewer.
        """
        ...

    def calibration(self, count: int) -> Iterator[Scene]:
        """`count` scenes, always the same, that neither training nor validation sees.

        Raises ConfigurationError, before the first is made, where there are not so many.
        """
        ...


def make_source(options: dict[str, Any]) -> SceneSource:
    """The source of a recipe's `data` options: `set` names it, the rest are its own.

    Raises ConfigurationError for a set or option that there is not.
    """
    options = dict(options)
    name = options.pop("set", None)
    if not isinstance(name, str) or name not in SOURCES:
        raise ConfigurationError(f"data: set must be one of {', '.join(SOURCES)}, not {name!r}")
    try:
        source: SceneSource = SOURCES[name](**options)
    except TypeError as error:
        raise ConfigurationError(f"data: {error}") from None
    return source


class ToySource:
    """The toy set's 900 training scenes. preset: "toy", "toy-shell" or "toy-hard"."""

    def __init__(self, preset: str = "toy") -> None:
        if preset not in toy.PRESETS:
            raise ConfigurationError(f"data: preset must be one of {', '.join(toy.PRESETS)}")
        self.settings = toy.PRESETS[preset]

    def draw(self, rng: np.random.Generator) -> Scene:
        return toy.generate_scene(int(rng.choice(toy.TRAINING_SEEDS)), self.settings)

    def validation(self, count: int) -> Iterator[Scene]:
        return self._scenes(toy.VALIDATION_SEEDS, count, "validation")

    def calibration(self, count: int) -> Iterator[Scene]:
        return self._scenes(toy.CALIBRATION_SEEDS, count, "calibration")

    def _scenes(self, seeds: range, count: int, use: str) -> Iterator[Scene]:
        if count > len(seeds):
            raise ConfigurationError(
                f"data: the toy set has {len(seeds)} scenes for {use}, not {count}: ask for fewer"
            )
        return (toy.generate_scene(seed, self.settings) for seed in seeds[:count])


class RoomSource:
    """Procedural rooms, each made for one step and never seen again, with labels that err.

    noise: least and most level of label noise, see simulation/label_noise.py; in training rooms
    each kind of error has a strength of its own.
    unlabelled, clean: share of the rooms that come without any label, and with true ones.
    validation_noise: the level in validation rooms.
    """

    def __init__(
        self,
        noise: tuple[float, float] = (0.0, 1.0),
        unlabelled: float = 0.1,
        clean: float = 0.0,
        validation_noise: float = 0.5,
    ) -> None:
        self.noise = noise
        self.unlabelled = unlabelled
        self.clean = clean
        self.validation_noise = validation_noise

    def draw(self, rng: np.random.Generator) -> Scene:
        from mtml_ros.simulation.label_noise import NoiseSettings, with_noise
        from mtml_ros.simulation.rooms import generate_room

        fate = rng.random()
        level = None if fate < self.unlabelled else float(rng.uniform(*self.noise))
        if fate > 1 - self.clean:
            level = 0.0
        return with_noise(generate_room(rng), level, rng, NoiseSettings.varied(rng))

    def validation(self, count: int) -> Iterator[Scene]:
        from mtml_ros.simulation.label_noise import with_noise
        from mtml_ros.simulation.rooms import VALIDATION, generate_room

        for i in range(count):
            rng = np.random.default_rng((77_000, i))
            yield with_noise(generate_room(rng, VALIDATION), self.validation_noise, rng)

    def calibration(self, count: int) -> Iterator[Scene]:
        for i in range(count):  # training steps draw from seeds of three numbers
            yield self.draw(np.random.default_rng((88_000, i)))


class FileSource:
    """Scenes in .npz files of two folders, see datasets/scene_files.py.

    train, validation: the folders. taxonomy: what the ids in the files mean.
    """

    def __init__(self, train: str, validation: str, taxonomy: str = "scannet") -> None:
        self.taxonomy = Taxonomy.load(taxonomy)
        self.training_files = _files(train)
        self.validation_files = _files(validation)

    def draw(self, rng: np.random.Generator) -> Scene:
        path = self.training_files[int(rng.integers(len(self.training_files)))]
        return read_scene(path, self.taxonomy)

    def validation(self, count: int) -> Iterator[Scene]:
        for path in self.validation_files[:count]:
            yield read_scene(path, self.taxonomy)

    def calibration(self, count: int) -> Iterator[Scene]:
        raise ConfigurationError("data: files hold no scenes apart for a calibration: set it to 0")


def _files(folder: str) -> list[Path]:
    files = sorted(Path(folder).glob("*.npz"))
    if not files:
        raise ConfigurationError(f"data: no .npz files in {folder!r}")
    return files


SOURCES: dict[str, Callable[..., SceneSource]] = {
    "toy": ToySource,
    "rooms": RoomSource,
    "files": FileSource,
}
"""What a recipe's `data: {set: NAME}` may name; docs/extending.md adds one."""
