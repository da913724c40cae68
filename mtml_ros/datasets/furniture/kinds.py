"""What a catalogue's pieces may stand for in rooms: by name, category and size."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mtml_ros.datasets.furniture.catalogue import Entry
from mtml_ros.simulation.rooms.labels import (
    BATHTUB,
    BED,
    BOOKSHELF,
    CABINET,
    CHAIR,
    DESK,
    OTHER_FURNITURE,
    REFRIGERATOR,
    SINK,
    SOFA,
    TABLE,
    TOILET,
)

Range = tuple[float, float]
ANY: Range = (0.0, math.inf)


@dataclass(frozen=True)
class Kind:
    """A kind of furniture as the makers of `simulation/rooms` name it.

    names: of pieces, lower case; nothing is guessed from parts of names. width, depth, height:
    metres, what a thing of this kind measures. categories: only pieces of these; any where empty.
    without: none of these. top: whether it must have one that things stand on.
    """

    label: int
    names: tuple[str, ...]
    width: Range = ANY
    depth: Range = ANY
    height: Range = ANY
    categories: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    top: bool = False

    def takes(self, entry: Entry) -> bool:
        """Whether a piece is of this kind, by all but its top."""
        if entry.name.lower() not in self.names or entry.category in self.without:
            return False
        if self.categories and entry.category not in self.categories:
            return False
        ranges = (self.width, self.depth, self.height)
        return all(low <= size <= high for size, (low, high) in zip(entry.size, ranges))


_TABLES = ("table", "black table", "glass table", "oak table", "round table", "folding table",
           "table with tablecloth", "table on trestles", "cafe table", "wooden table",
           "wooden alder table", "wooden teak table", "coffee table", "rattan table",
           "children table")  # fmt: skip
_CABINETS = ("filing cabinet", "chest", "cupboard", "dresser with drawers", "drawers cabinet",
             "lower cabinet", "small lower cabinet", "tv stand", "television cabinet",
             "island")  # fmt: skip

KINDS: dict[str, Kind] = {
    "chair": Kind(CHAIR, ("chair", "chair with cushion", "cafe chair", "folding chair",
                          "oak chair", "osaka chair", "plastic chair", "ryokan chair",
                          "child chair", "children chair", "teck chair"),
                  (0.25, 0.7), (0.25, 0.72), (0.4, 1.25), without=("Office",)),
    "office chair": Kind(CHAIR, ("chair", "armchair"), (0.4, 0.75), (0.4, 0.75), (0.75, 1.3),
                         ("Office",)),
    "stool": Kind(CHAIR, ("stool", "bar stool", "bar chair", "baby high chair")),
    "armchair": Kind(CHAIR, ("armchair", "modern armchair", "rattan armchair", "chair",
                             "winchester armchair"), (0.54, 1.2), (0.5, 1.0), (0.6, 1.1)),
    "sofa": Kind(SOFA, ("sofa", "sofa 2 seats", "sofa 3 seats", "burlap sofa", "clear sofa",
                        "couch", "corner sofa", "futon couch", "winchester sofa", "rattan sofa",
                        "convertible sofa bz")),
    "bed": Kind(BED, ("bed", "child bed", "bunk bed", "captain's bed", "day bed", "hospital bed",
                      "iron bed", "futon", "mezzanine bed"), top=True),
    "ottoman": Kind(OTHER_FURNITURE, ("puff", "bench", "piano bench"), categories=("Living room",)),
    "dining table": Kind(TABLE, _TABLES, (0.75, 3.0), (0.55, 1.6), (0.6, 0.95), top=True),
    "conference table": Kind(TABLE, _TABLES, (1.5, 3.0), (0.75, 1.6), (0.68, 0.82), top=True),
    "cafe table": Kind(TABLE, (*_TABLES, "bar table"), (0.5, 0.9), (0.5, 0.9), (0.6, 1.1),
                       top=True),
    "coffee table": Kind(TABLE, _TABLES, (0.5, 1.6), (0.35, 0.9), (0.3, 0.6), top=True),
    "side table": Kind(TABLE, (*_TABLES, "bedside table"), (0.3, 0.7), (0.3, 0.7), (0.35, 0.7),
                       top=True),
    "desk": Kind(DESK, ("desk", "desk table", "wooden desk"), top=True),
    "cabinet": Kind(CABINET, _CABINETS, (0.35, 2.6), (0.25, 0.8), (0.45, 1.6)),
    "low cabinet": Kind(CABINET, _CABINETS, (0.8, 2.2), (0.3, 0.7), (0.35, 0.95), top=True),
    "wardrobe": Kind(CABINET, ("wardrobe", "cupboard", "high cabinet"), height=(1.4, 2.5)),
    "nightstand": Kind(CABINET, ("bedside table",), top=True),
    "bookshelf": Kind(BOOKSHELF, ("bookcase", "full bookcase", "shelves", "vertical shelves")),
    "refrigerator": Kind(REFRIGERATOR, ("fridge", "large fridge", "refrigerator")),
    "toilet": Kind(TOILET, ("toilets unit",)),
    "bathtub": Kind(BATHTUB, ("bath", "corner bathtub"), height=(0.4, 0.9)),
    "washbasin": Kind(SINK, ("washbasin", "small lavatory"), height=(0.2, 1.1)),
    "appliance": Kind(OTHER_FURNITURE, ("clothes washing machine", "washing machine",
                                        "dryer machine"), top=True),
    "machine": Kind(OTHER_FURNITURE, ("upright piano", "fireplace", "water cooler", "furnace",
                                      "flipper", "electric water heater"), height=(0.4, 2.0)),
    "floor lamp": Kind(OTHER_FURNITURE, ("lamp",), height=(1.2, 2.0)),
    "desk lamp": Kind(OTHER_FURNITURE, ("lamp", "little lamp", "desk lamp", "pedestal vase lamp"),
                      height=(0.3, 0.85)),
    "plant": Kind(OTHER_FURNITURE, ("ficus", "decorative plant", "indoor plant", "plant", "yucca",
                                    "spathiphyllum", "christmas tree", "spider plant",
                                    "bonsai tree", "tulips", "orchids", "white lily"),
                  height=(0.3, 2.2), categories=("Living room",)),
    "bin": Kind(OTHER_FURNITURE, ("dustbin", "bullet trash can", "residential trashcan",
                                  "recycling bin", "clothes basket")),
    "box": Kind(OTHER_FURNITURE, ("cardboard box", "open cardboard box", "crate", "trunck", "box",
                                  "barrel"), categories=("Miscellaneous",)),
    "bag": Kind(OTHER_FURNITURE, ("backpack", "handbag", "briefcase", "shopping basket")),
    "suitcase": Kind(OTHER_FURNITURE, ("suitcase",)),
    "television": Kind(OTHER_FURNITURE, ("tv", "tv 16:9", "wall flat tv")),
}  # fmt: skip
"""By the name that makers ask for. Left out: what two classes claim (benches of a park, bidets,
urinals, cots, vanities with their sinks, dressing tables), what says nothing ("box" of a living
room), what walls hold (doors, windows, wall cabinets), what hangs, lies or is worn, and what no
room has (people, vehicles, stairs, gardens)."""

RAISED = ("washbasin",)
"""Kinds that hang at their catalogue's height; all others stand on the floor or on a top."""


def kinds_of(entry: Entry) -> list[str]:
    """The kinds that a piece may stand for, those that need a top among them."""
    return [name for name, kind in KINDS.items() if kind.takes(entry)]
