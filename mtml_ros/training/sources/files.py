"""Your own scenes, a .npz file each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.scene_files import read_scene

HELD_OUT = 10
"""One file in so many is held out for validation where no folder is given for that."""


@dataclass(frozen=True)
class FileSource:
    """Scenes in .npz files, see datasets/scene_files.py.

    train: their folder. validation: that of others to validate on; "": one file in ten of `train`,
    which training then does not see. taxonomy: what the ids in the files mean.
    """

    train: str
    validation: str = ""
    taxonomy: str = "scannet"

    def __post_init__(self) -> None:
        held_out = self._files  # what is missing shows now
        if not held_out[0]:
            raise ConfigurationError(
                f"data: a single file in {self.train!r} cannot both be trained and validated on: "
                "add files, or name a folder of others with `validation`"
            )

    @cached_property
    def _files(self) -> tuple[list[Path], list[Path]]:
        """Files to train on, and to validate on."""
        files = _files_in(self.train)
        if self.validation:
            return files, _files_in(self.validation)
        held_out = files[::HELD_OUT]
        return [f for f in files if f not in set(held_out)], held_out

    @cached_property
    def _taxonomy(self) -> Taxonomy:
        return Taxonomy.load(self.taxonomy)

    def draw(self, rng: np.random.Generator) -> Scene:
        files = self._files[0]
        return read_scene(files[int(rng.integers(len(files)))], self._taxonomy)

    def validation_scenes(self, count: int) -> Iterator[Scene]:
        return (read_scene(path, self._taxonomy) for path in self._files[1][:count])

    def calibration_scenes(self, count: int) -> Iterator[Scene]:
        raise ConfigurationError(
            "data: files hold no scenes apart for a calibration: set calibration_scenes to 0"
        )


def _files_in(folder: str) -> list[Path]:
    files = sorted(Path(folder).glob("*.npz"))
    if not files:
        raise ConfigurationError(f"data: no .npz files in {folder!r}")
    return files
