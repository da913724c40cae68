"""SceneSource: what every data set gives to training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from mtml_ros.core.scene import Scene


class SceneSource(Protocol):
    """Training scenes, and validation scenes that share nothing with them."""

    def draw(self, rng: np.random.Generator) -> Scene:
        """A training scene, at random."""
        ...

    def validation_scenes(self, count: int) -> Iterator[Scene]:
        """The first `count` validation scenes, always the same; all of a folder with fewer.

        Raises ConfigurationError, before the first is made, where a generated set has fewer.
        """
        ...

    def calibration_scenes(self, count: int) -> Iterator[Scene]:
        """`count` scenes, always the same, that neither training nor validation sees.

        Raises ConfigurationError, before the first is made, where there are not so many.
        """
        ...
