"""Label sets: ids, names, colours, what is a countable thing, and how a user's labels map in.

Inside the package a label is a *class index*: 0 is "unknown", 1..C are the taxonomy's classes in
their order. Ids (NYU40's, COCO's, a user's own) exist only at the doors: `Taxonomy.encode` on the
way in, `Taxonomy.ids` on the way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.sorted_keys import find

Kind = Literal["thing", "stuff", "ignore"]

UNKNOWN = 0
"""Class index of a voxel whose label is not in the taxonomy (or has none)."""

MAX_CLASSES = 255  # a class index is a uint8, index 0 is taken
MAX_ID = 65535  # `~/points` publishes ids in a uint16


@dataclass(frozen=True)
class SemanticClass:
    """One class of a taxonomy.

    id: the number that clouds carry (0..65535, as `~/points` publishes it in a uint16).
    kind: "thing" (countable: gets instances), "stuff" (wall, floor) or "ignore".
    color: RGB, 0..255.
    network_name: the class of the network's own label set that this one is fed in as.
    """

    id: int
    name: str
    kind: Kind
    color: tuple[int, int, int]
    network_name: str


class Taxonomy:
    """An ordered set of classes. Immutable.

    Raises ConfigurationError when ids or names repeat, or a value is out of its range.
    """

    def __init__(self, classes: Sequence[SemanticClass]) -> None:
        self.classes = tuple(classes)
        _validate(self.classes)

    def __len__(self) -> int:
        """Number of classes, "unknown" not counted."""
        return len(self.classes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Taxonomy) and self.classes == other.classes

    def __hash__(self) -> int:
        return hash(self.classes)

    @cached_property
    def ids(self) -> np.ndarray:
        """(C + 1,) uint16: class index to id; unknown is 0, or 65535 where a class has the id 0."""
        taken = {c.id for c in self.classes}
        unknown = next(i for i in (0, *range(MAX_ID, 0, -1)) if i not in taken)
        return np.array([unknown, *(c.id for c in self.classes)], dtype=np.uint16)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """C + 1 names by class index; names[0] is "unknown"."""
        return ("unknown", *(c.name for c in self.classes))

    @cached_property
    def colors(self) -> np.ndarray:
        """(C + 1, 3) uint8 RGB by class index; unknown is grey."""
        return np.array([(128, 128, 128), *(c.color for c in self.classes)], dtype=np.uint8)

    @cached_property
    def is_thing(self) -> np.ndarray:
        """(C + 1,) bool by class index."""
        return np.array([False, *(c.kind == "thing" for c in self.classes)])

    @cached_property
    def is_stuff(self) -> np.ndarray:
        """(C + 1,) bool by class index."""
        return np.array([False, *(c.kind == "stuff" for c in self.classes)])

    def index(self, name: str) -> int:
        """Class index of the class with this name; ConfigurationError if there is none."""
        try:
            return self.names.index(name)
        except ValueError:
            raise ConfigurationError(
                f"no class {name!r} in the taxonomy; it has: {', '.join(self.names[1:])}"
            ) from None

    @cached_property
    def _lookup(self) -> tuple[np.ndarray, np.ndarray]:
        ids = np.array([c.id for c in self.classes], dtype=np.int64)
        order = np.argsort(ids)
        return ids[order], (order + 1).astype(np.uint8)

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Class indices (N,) uint8 of integer label ids (N,); ids not in the taxonomy give 0."""
        sorted_ids, indices = self._lookup
        if not labels.size:
            return np.zeros(labels.shape, dtype=np.uint8)
        if labels.dtype.itemsize == 1:  # one look-up a possible value, not a search a point
            values = np.arange(256, dtype=np.uint8).view(labels.dtype)
            table: np.ndarray = self._search(values, sorted_ids, indices)
            return table[labels.view(np.uint8)]
        return self._search(labels, sorted_ids, indices)

    @staticmethod
    def _search(labels: np.ndarray, sorted_ids: np.ndarray, indices: np.ndarray) -> np.ndarray:
        # uint64 ids above int64's range wrap to negatives, which are in no taxonomy either way.
        found, at = find(sorted_ids, labels.astype(np.int64))
        return np.where(found, indices[at], np.uint8(UNKNOWN))

    def network_channels(self, network_names: Sequence[str]) -> np.ndarray:
        """(C + 1,) int64: class index to the network's input channel.

        network_names: the label set the network was trained on; its channel 0 is "unknown".
        Raises ConfigurationError when a class maps to a name that the network does not know.
        """
        channel = {name: i + 1 for i, name in enumerate(network_names)}
        unknown = [c.network_name for c in self.classes
                   if c.network_name not in channel and c.network_name != "unknown"]  # fmt: skip
        if unknown:
            raise ConfigurationError(
                f"taxonomy maps to classes that the weights do not know: {', '.join(unknown)}; "
                f"map each with 'as: NAME' to one of: {', '.join(network_names)}"
            )
        return np.array([0, *(channel.get(c.network_name, 0) for c in self.classes)])

    @staticmethod
    def scannet() -> Taxonomy:
        """ScanNet's 20 benchmark classes with their NYU40 ids; walls and floor are stuff."""
        return Taxonomy([SemanticClass(i, n, k, c, n) for i, n, k, c in _SCANNET])

    @staticmethod
    def toy() -> Taxonomy:
        """The toy set's five box classes (MTML, section 4.1), ids 1..5."""
        palette = ((230, 90, 60), (70, 150, 220), (90, 190, 90), (220, 180, 50), (160, 100, 200))
        return Taxonomy(
            [SemanticClass(i + 1, f"box{i + 1}", "thing", c, f"box{i + 1}")
             for i, c in enumerate(palette)]
        )  # fmt: skip

    @staticmethod
    def load(name_or_path: str | Path) -> Taxonomy:
        """A taxonomy by name (see label_sets.py; `mtml taxonomy` lists them) or from a YAML file.

        Raises ConfigurationError, naming the file and the entry, for anything malformed.
        """
        from mtml_ros.core.label_sets import load_taxonomy

        return load_taxonomy(name_or_path)

    def numbered_from_0(self) -> Taxonomy:
        """The same classes with the ids 0, 1, 2, ... in their order, as networks give them."""
        return Taxonomy([replace(c, id=i) for i, c in enumerate(self.classes)])


def _validate(classes: tuple[SemanticClass, ...]) -> None:
    if not 1 <= len(classes) <= MAX_CLASSES:
        raise ConfigurationError(f"a taxonomy has 1 to {MAX_CLASSES} classes, not {len(classes)}")
    for what, values in (
        ("id", [str(c.id) for c in classes]),
        ("name", [c.name for c in classes]),
    ):
        repeated = sorted({v for v in values if values.count(v) > 1})
        if repeated:
            raise ConfigurationError(f"taxonomy: {what} given twice: {', '.join(repeated)}")
    for c in classes:
        if not 0 <= c.id <= MAX_ID:
            raise ConfigurationError(f"taxonomy: id {c.id} of {c.name!r} is outside 0..{MAX_ID}")
        if not (c.name + c.network_name).isprintable():
            raise ConfigurationError(
                f"taxonomy: name {c.name!r} of class {c.id} holds a character that cannot be shown"
            )
        if not c.name or c.name == "unknown":
            raise ConfigurationError(f"taxonomy: class {c.id} needs a name other than 'unknown'")


# Ids and names: ScanNet benchmark, "scannetv2-labels.combined.tsv" (nyu40id); colours: the
# benchmark's palette. The two stuff classes are those that the benchmark gives no instances.
_SCANNET: tuple[tuple[int, str, Kind, tuple[int, int, int]], ...] = (
    (1, "wall", "stuff", (174, 199, 232)),
    (2, "floor", "stuff", (152, 223, 138)),
    (3, "cabinet", "thing", (31, 119, 180)),
    (4, "bed", "thing", (255, 187, 120)),
    (5, "chair", "thing", (188, 189, 34)),
    (6, "sofa", "thing", (140, 86, 75)),
    (7, "table", "thing", (255, 152, 150)),
    (8, "door", "thing", (214, 39, 40)),
    (9, "window", "thing", (197, 176, 213)),
    (10, "bookshelf", "thing", (148, 103, 189)),
    (11, "picture", "thing", (196, 156, 148)),
    (12, "counter", "thing", (23, 190, 207)),
    (14, "desk", "thing", (247, 182, 210)),
    (16, "curtain", "thing", (219, 219, 141)),
    (24, "refrigerator", "thing", (255, 127, 14)),
    (28, "shower curtain", "thing", (158, 218, 229)),
    (33, "toilet", "thing", (44, 160, 44)),
    (34, "sink", "thing", (112, 128, 144)),
    (36, "bathtub", "thing", (227, 119, 194)),
    (39, "otherfurniture", "thing", (82, 84, 163)),
)
