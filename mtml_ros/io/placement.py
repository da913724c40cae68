"""Where a file's coordinates are to lie: metres, z up, near the origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtml_ros.core.errors import ConfigurationError

# what becomes x, y and z; each a turn, none a mirror
_TURNS = {
    "z": np.eye(3),
    "-z": np.diag([1.0, -1.0, -1.0]),
    "y": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
    "-y": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "x": np.array([[0, 1.0, 0], [0, 0, 1], [1, 0, 0]]),
    "-x": np.array([[0, 1.0, 0], [0, 0, -1], [-1, 0, 0]]),
}
UPS = tuple(_TURNS)


@dataclass(frozen=True)
class Placement:
    """How a file's coordinates become metres with z up.

    scale: metres a unit. up: the file's axis that points up, one of UPS. recenter: whether the
    median of the coordinates becomes the origin.
    Raises ConfigurationError for a scale that is not above 0.
    """

    scale: float = 1.0
    up: str = "z"
    recenter: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ConfigurationError(f"the scale must be above 0, not {self.scale}")
        if self.up not in UPS:
            raise ConfigurationError(f"up must be one of {', '.join(UPS)}, not {self.up!r}")

    def apply(self, xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, 3) float32 metres and (3,) float64 metres, what was subtracted from each point.

        xyz: (N, 3) as the file has them; worked on in float64, before anything is rounded.
        """
        if self == AS_IT_IS:
            with np.errstate(over="ignore", invalid="ignore"):  # beyond float32: infinite
                return xyz.astype(np.float32, copy=False), np.zeros(3)
        moved = xyz.astype(np.float64) * self.scale @ _TURNS[self.up].T
        origin = np.zeros(3)
        finite = np.isfinite(moved).all(axis=1)
        if self.recenter and finite.any():
            origin = np.round(np.median(moved[finite], axis=0))
        with np.errstate(over="ignore", invalid="ignore"):
            return (moved - origin).astype(np.float32), origin


AS_IT_IS = Placement()
