"""Label ids of messages to class indices; ids that the label set lacks are counted and told."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mtml_ros.core.taxonomy import UNKNOWN, Taxonomy
from mtml_ros.ros.output.health import Health


class LabelEncoder:
    """Class indices of ids, by the taxonomy's ids or by names that came with the images.

    names: id to class name; None: ids are the taxonomy's.
    """

    def __init__(self, taxonomy: Taxonomy, health: Health) -> None:
        self._taxonomy = taxonomy
        self._health = health
        self._names: np.ndarray | None = None

    def use_names(self, names: Mapping[int, str]) -> list[str]:
        """From now on an id means the class of its name; returns names that are no class.

        Names are compared without case, and with spaces, hyphens and underscores alike.
        """
        known = {_plain(name): i for i, name in enumerate(self._taxonomy.names)}
        ids = [i for i in names if i >= 0]
        table = np.zeros(max(ids, default=0) + 1, dtype=np.uint8)
        for id_ in ids:
            table[id_] = known.get(_plain(names[id_]), UNKNOWN)
        self._names = table
        background = {"", "background", "void", "unlabelled", "unlabeled", "unknown"}
        return [n for n in names.values() if _plain(n) not in known and _plain(n) not in background]

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """(N,) uint8 class indices of ids (N,), integers."""
        if self._names is None:
            encoded = self._taxonomy.encode(labels)
        else:
            inside = (labels >= 0) & (labels < len(self._names))
            encoded = np.where(inside, self._names[np.where(inside, labels, 0)], np.uint8(UNKNOWN))
        unknown = (encoded == UNKNOWN) & (labels != 0)  # 0 is everyone's "not labelled"
        number = int(np.count_nonzero(unknown))
        self._health.labels(number, int(np.count_nonzero(labels != 0)))
        if number:
            ids = ", ".join(map(str, np.unique(labels[unknown])[:10].tolist()))
            self._health.count(
                "points with unknown label",
                number,
                f"{number} points have labels that the taxonomy does not know ({ids}); they count "
                "as unknown",
            )
        return encoded


def _plain(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())
