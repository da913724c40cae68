"""What varies between procedural rooms: the generator's settings and its dice."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeVar

import numpy as np

from mtml_ros.simulation.rooms.library import FurnitureLibrary

Choice = TypeVar("Choice")


def _room_types() -> dict[str, float]:
    return {"living": 4, "bedroom": 4, "office": 3, "meeting": 1.5, "kitchen": 4, "bathroom": 3,
            "classroom": 1.5, "corridor": 0.5, "lounge": 2, "library": 1, "storage": 1.5,
            "studio": 3}  # fmt: skip


@dataclass(frozen=True)
class ScanSettings:
    """The simulated depth sensor and the hand or robot that carries it.

    spacing: metres between surface samples. poses_per_square_metre, min_poses, max_poses: how
    many depth images a room gets. heights: camera heights, metres, one is drawn a room.
    robot_share: share of rooms that a robot scans (low camera, level gaze). field_of_view:
    horizontal, degrees. max_range, min_range: metres. noise: standard deviation of a range at
    1 m, metres; it grows with the square of the distance, as structured light and stereo do
    (Khoshelham and Elberink 2012). drift: metres of pose error that build up a scan.
    edge_loss: share of returns missing at depth edges. grazing: cosine of incidence under which
    nothing returns. mixed: share of edge returns that land between front and background.
    copies: how many times at most one surface sample is seen. thin_loss: chance that a scan
    misses an object's bars thinner than 4 cm, as fused scans do. missing_walls: chance that a
    scan leaves out up to half of the walls; low_cut: that it has nothing above 1.4 to 2.2 m;
    partial: that it was broken off after 30 to 90 % of the way.
    """

    spacing: float = 0.04
    poses_per_square_metre: float = 0.75
    min_poses: int = 12
    max_poses: int = 44
    heights: tuple[float, float] = (1.25, 1.75)
    robot_heights: tuple[float, float] = (0.35, 1.3)
    robot_share: float = 0.22
    field_of_view: tuple[float, float] = (58.0, 90.0)
    min_range: float = 0.35
    max_range: tuple[float, float] = (3.2, 6.0)
    noise: tuple[float, float] = (0.0008, 0.003)
    drift: tuple[float, float] = (0.0, 0.04)
    edge_loss: float = 0.4
    grazing: tuple[float, float] = (0.05, 0.2)
    mixed: float = 0.04
    copies: int = 2
    thin_loss: float = 0.35
    missing_walls: float = 0.6
    low_cut: float = 0.2
    partial: float = 0.2


@dataclass(frozen=True)
class RoomSettings:
    """Everything that varies between rooms.

    room_types: name to weight. area: smallest and largest floor, m2; each type has its own range
    inside it. stretch: how far each dimension leaves its real range, as a share of that range's
    bounds. l_shape, chamfer, niche: chances of such floor plans. ceiling: chance that it is
    scanned. crowding: up to how many times its kind's usual furniture a room gets. clutter: things
    a m2 of table, scaled by a draw. strewn: up to how many things a m2 lie about on the floor, all
    unlabelled. unlabelled: chance that an object of a known class was left unlabelled. unannotated:
    up to which share of the walls and floor was, in pieces. other_furniture: chance that a lamp,
    TV, box, bag or plant is annotated as "otherfurniture" and not left out (NYU40 has classes of
    their own for them, outside the 20). separate_cabinets: chance that each cabinet of a kitchen
    row is an instance of its own; separate_wardrobes, double_door_two, curtain_pair_two,
    pane_windows: the same for wardrobes side by side, leaves of a double door, the halves of a
    curtain pair, the panes of a window row. cushions_unlabelled: chance that pillows are outside
    their sofa or bed (NYU40 "pillow"). door_frames: chance that a door's frame is an instance of
    its own, a door as its leaf is. touching: chance that an object has another of its class in
    touch with it: doors and windows side by side or about a corner, leaves of a closet, curtains
    drawn together, bins, tables and cabinets beside each other, desks in an L, chairs and pictures
    close to each other. companions: chance that pictures hang in groups, that
    furniture by a wall has its like or other furniture right beside it, and a desk a cabinet of its
    own under it. odd_desks: chance that a desk is as long as two or three, has shelves on it or
    is a reception's, closed to the front. long: chance that furniture which may be long is: tables
    and counters to 5 m, cabinets, curtains and windows along a whole wall, two sofas in an L that
    are one. messy: standard deviation of chair headings, radians. furniture: real shapes (see
    `library.or_real`). furniture_share: chance that furniture is one of them, where there is one
    of its kind.

    The shares are judgements, from looking at how ScanNet's published scans 0000 to 0004 are
    annotated and from issue 4's statistics, not fits.
    """

    room_types: dict[str, float] = field(default_factory=_room_types)
    area: tuple[float, float] = (6.0, 200.0)
    stretch: float = 0.2
    l_shape: float = 0.25
    chamfer: float = 0.12
    niche: float = 0.2
    wall_height: tuple[float, float] = (2.2, 3.4)
    ceiling: float = 0.45
    crowding: float = 2.2
    clutter: float = 4.0
    strewn: float = 1.0
    unlabelled: float = 0.01
    unannotated: float = 0.35
    other_furniture: float = 0.5
    separate_cabinets: float = 0.2
    separate_wardrobes: float = 0.35
    double_door_two: float = 0.5
    curtain_pair_two: float = 0.6
    pane_windows: float = 0.2
    cushions_unlabelled: float = 0.6
    open_wall: float = 0.15
    door_frames: float = 0.25
    touching: float = 0.4
    companions: float = 0.5
    odd_desks: float = 0.3
    long: float = 0.25
    messy: float = 0.35
    random_yaw: bool = True
    furniture: FurnitureLibrary | None = None
    furniture_share: float = 0.5
    scan: ScanSettings = field(default_factory=ScanSettings)


VALIDATION = RoomSettings(
    room_types={"living": 2, "bedroom": 2.5, "office": 4, "meeting": 2, "kitchen": 3, "bathroom": 3,
                "classroom": 1, "corridor": 1.2, "lounge": 1, "library": 0.6, "storage": 1.2,
                "studio": 3},
    area=(7.0, 150.0),
    stretch=0.08,
    l_shape=0.4,
    chamfer=0.2,
    niche=0.3,
    wall_height=(2.35, 3.0),
    ceiling=0.2,
    crowding=1.4,
    clutter=4.5,
    strewn=0.0,
    unlabelled=0.06,
    unannotated=0.0,
    other_furniture=0.5,
    separate_cabinets=0.4,
    separate_wardrobes=0.5,
    curtain_pair_two=0.5,
    pane_windows=0.3,
    open_wall=0.25,
    door_frames=0.0,
    touching=0.0,
    companions=0.0,
    odd_desks=0.0,
    long=0.0,
    messy=0.5,
    scan=ScanSettings(spacing=0.038, poses_per_square_metre=0.9, max_poses=40,
                      heights=(1.1, 1.6), robot_heights=(0.25, 0.8), robot_share=0.4,
                      field_of_view=(62.0, 80.0), max_range=(3.5, 5.0), noise=(0.001, 0.002),
                      drift=(0.005, 0.05), edge_loss=0.55, thin_loss=0.45, missing_walls=0.4,
                      partial=0.0),
)  # fmt: skip
"""Settings that no training room is drawn from: other proportions, plans and cameras."""


class Dice:
    """Random draws for one room, all from one generator."""

    def __init__(self, rng: np.random.Generator, settings: RoomSettings) -> None:
        self.rng = rng
        self.settings = settings

    def size(self, low: float, high: float) -> float:
        """A dimension: uniform over the real range [low, high] widened by `stretch`."""
        s = self.settings.stretch
        return float(self.rng.uniform(low * (1 - s), high * (1 + s)))

    def uniform(self, low: float, high: float) -> float:
        """Uniform over [low, high], not widened; low where nothing lies between."""
        return float(self.rng.uniform(low, max(low, high)))

    def normal(self, deviation: float) -> float:
        """Normal about 0."""
        return float(self.rng.normal(0.0, deviation))

    def count(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self.rng.random() < probability)

    def companion(self) -> bool:
        """True with the settings' chance of `companions`; no draw where that is 0."""
        return self.settings.companions > 0 and self.chance(self.settings.companions)

    def touching(self) -> bool:
        """The same for `touching`."""
        return self.settings.touching > 0 and self.chance(self.settings.touching)

    def long(self) -> bool:
        """The same for `long`."""
        return self.settings.long > 0 and self.chance(self.settings.long)

    def pick(self, options: Sequence[Choice], weights: Sequence[float] | None = None) -> Choice:
        """One of the options."""
        if weights is None:
            return options[int(self.rng.integers(len(options)))]
        reach = list(accumulate(weights))
        place = bisect_right(reach, float(self.rng.random()) * reach[-1])
        return options[min(place, len(options) - 1)]

    def turn(self) -> float:
        """Any heading, radians."""
        return float(self.rng.uniform(-math.pi, math.pi))
