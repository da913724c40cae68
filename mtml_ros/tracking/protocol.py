"""What an ObjectMapper asks of a tracker; InstanceTracker is the one that ships."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from mtml_ros.core.instances import Segmentation
from mtml_ros.tracking.tracker import TrackedInstance


class Tracker(Protocol):
    """Gives the instances of one segmentation after another ids that last."""

    def update(self, segmentation: Segmentation, stamp: float) -> list[TrackedInstance]:
        """Each instance with its id, 1 or more; stamp in seconds, of the newest cloud."""
        ...

    def reset(self) -> None:
        """Forgets the objects. Ids already given are never given again."""
        ...

    def state(self) -> dict[str, np.ndarray]:
        """All that is remembered, as arrays to be saved with the map. The mapper sets `first_seen`
        and `last_seen`, stamps an object, back where the clock does, if they are among them."""
        ...

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Takes a state over; MapFileError, nothing changed, where it is malformed."""
        ...
