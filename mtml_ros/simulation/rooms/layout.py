"""The plan of a room: its outline and walls, what stands where, what may still be placed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mtml_ros.simulation.rooms.geometry import Model, place
from mtml_ros.simulation.rooms.labels import FLOOR, UNLABELLED, WALL
from mtml_ros.simulation.rooms.settings import Dice

Rectangle = tuple[float, float, float, float, float, float, float]
"""Centre x, centre y, half length x, half length y, yaw, bottom z, top z."""

FLAT = 0.11
"""Metres: what hangs on a wall and is no thicker has no wall behind it."""

SLACK = 0.012
"""Metres by which footprints may overlap: what touches does not collide."""


@dataclass(frozen=True)
class Item:
    """Something placed: the model, where it stands, and its instance (-1: none)."""

    model: Model
    x: float
    y: float
    z: float
    yaw: float
    instance: int
    solid: bool

    @property
    def patches(self) -> np.ndarray:
        """(K, 3, 3) patches in the room's frame."""
        return place(self.model.patches, self.x, self.y, self.z, self.yaw)

    def world(self, x: float, y: float) -> tuple[float, float]:
        """A point of the model's frame in the room's."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        return self.x + c * x - s * y, self.y + s * x + c * y

    def rectangles(self) -> list[Rectangle]:
        """The footprint in the room's frame."""
        return [
            (*self.world(cx, cy), lx / 2, ly / 2, self.yaw, self.z, self.z + self.model.size[2])
            for cx, cy, lx, ly in self.model.footprint
        ]


@dataclass(frozen=True)
class Wall:
    """One side of the outline: from start, `length` metres along yaw; the room is on its left."""

    start: np.ndarray
    length: float
    yaw: float

    def at(self, along: float, away: float) -> tuple[float, float]:
        """The point `along` metres down the wall and `away` metres into the room."""
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        return (
            float(self.start[0]) + c * along - s * away,
            float(self.start[1]) + s * along + c * away,
        )


class Plan:
    """A room being furnished. Everything is placed once and stays where it is."""

    def __init__(self, outline: np.ndarray, height: float, dice: Dice) -> None:
        """outline: (V, 2) corners, counter-clockwise, metres. height: of the walls, metres."""
        self.outline, self.height, self.dice = outline, height, dice
        ends = np.roll(outline, -1, axis=0)
        self.walls = [
            Wall(a, float(np.linalg.norm(b - a)), math.atan2(b[1] - a[1], b[0] - a[0]))
            for a, b in zip(outline, ends)
        ]
        self._edges = list(zip(outline.tolist(), ends.tolist()))
        self.items: list[Item] = []
        self.instances = 0
        self._solid: list[Rectangle] = []
        self._owner: list[int] = []
        self._openings: list[list[tuple[float, float, float, float]]] = [[] for _ in self.walls]
        self._mounted: list[list[tuple[float, float, float, float]]] = [[] for _ in self.walls]

    @property
    def area(self) -> float:
        """Floor, square metres (shoelace formula)."""
        x, y = self.outline.T
        return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2

    def contains(self, points: np.ndarray) -> np.ndarray:
        """(N,) bool: which of (N, 2) points lie inside the outline (crossing number)."""
        x, y = points[:, :1], points[:, 1:]
        a, b = self.outline, np.roll(self.outline, -1, axis=0)
        crosses = (a[:, 1] > y) != (b[:, 1] > y)
        rise = np.where(b[:, 1] == a[:, 1], 1.0, b[:, 1] - a[:, 1])
        left = x < (b[:, 0] - a[:, 0]) * (y - a[:, 1]) / rise + a[:, 0]
        inside: np.ndarray = (crosses & left).sum(axis=1) % 2 == 1
        return inside

    def _contains(self, x: float, y: float) -> bool:
        """The same of one point, which numpy takes ten times as long for."""
        inside = False
        for (x0, y0), (x1, y1) in self._edges:
            if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
                inside = not inside
        return inside

    def fits(self, rectangles: list[Rectangle], ignore: tuple[int, ...] = ()) -> bool:
        """Whether footprints lie inside the walls and clear of all that is solid.

        ignore: positions in `items` that may be entered (a table by its chairs).
        """
        for rectangle in rectangles:
            if not self._inside(rectangle):
                return False
            if self._solid and self._collides(rectangle, ignore):
                return False
        return True

    def _inside(self, rectangle: Rectangle) -> bool:
        x, y, hx, hy, yaw, _, _ = rectangle
        hx, hy = max(hx - SLACK, 0.005), max(hy - SLACK, 0.005)
        c, s = math.cos(yaw), math.sin(yaw)
        for i, j in _RIM:
            if not self._contains(x + i * hx * c - j * hy * s, y + i * hx * s + j * hy * c):
                return False
        for (x0, y0), _ in self._edges:
            dx, dy = x0 - x, y0 - y
            if abs(dx * c + dy * s) < hx and abs(dy * c - dx * s) < hy:
                return False
        return True

    def _collides(self, rectangle: Rectangle, ignore: tuple[int, ...]) -> bool:
        others = np.array(self._solid)
        near = (np.abs(others[:, 0] - rectangle[0]) + np.abs(others[:, 1] - rectangle[1])
                < 1.5 * (others[:, 2] + others[:, 3] + rectangle[2] + rectangle[3]))  # fmt: skip
        near &= (others[:, 5] < rectangle[6] - SLACK) & (others[:, 6] > rectangle[5] + SLACK)
        for i in ignore:
            near &= np.array(self._owner) != i
        return any(_overlap(rectangle, other) for other in others[near])

    def add(self, model: Model, x: float, y: float, yaw: float, z: float = 0.0, *,
            solid: bool = True) -> int:  # fmt: skip
        """Places a model for good; its position in `items`. Some things stay unlabelled."""
        if model.counted and self.dice.chance(self.dice.settings.unlabelled):
            model = model.as_label(UNLABELLED, counted=False)
        instance = -1
        if model.counted:
            instance, self.instances = self.instances, self.instances + 1
        item = Item(model, x, y, z, yaw, instance, solid)
        self.items.append(item)
        if solid:
            rectangles = item.rectangles()
            self._solid += rectangles
            self._owner += [len(self.items) - 1] * len(rectangles)
        return len(self.items) - 1

    def try_add(self, model: Model, x: float, y: float, yaw: float, z: float = 0.0,
                ignore: tuple[int, ...] = (), margin: float = 0.0) -> int | None:  # fmt: skip
        """As `add`, if the model fits there with so much room around it; else None."""
        probe = Item(model, x, y, z, yaw, -1, True)
        wide = [(cx, cy, hx + margin, hy + margin, t, low, high)
                for cx, cy, hx, hy, t, low, high in probe.rectangles()]  # fmt: skip
        return self.add(model, x, y, yaw, z) if self.fits(wide, ignore) else None

    def keep_clear(self, x: float, y: float, lx: float, ly: float, yaw: float) -> None:
        """Marks floor (centre, lengths) where nothing may stand: before doors, for walking."""
        self._solid.append((x, y, lx / 2, ly / 2, yaw, 0.0, 2.0))
        self._owner.append(-1)

    def against_wall(self, model: Model, tries: int = 10, gap: float | None = None,
                     z: float = 0.0, wall: int | None = None) -> int | None:  # fmt: skip
        """Stands a model with its back to a wall, often in a corner; its item, or None."""
        d = self.dice
        lengths = [w.length for w in self.walls]
        for _ in range(tries):
            i = d.pick(range(len(self.walls)), lengths) if wall is None else wall
            side, half = self.walls[i], model.size[0] / 2
            if side.length < model.size[0]:
                continue
            along = d.uniform(half, side.length - half)
            if d.chance(0.3):
                along = d.pick((half, side.length - half))
            away = d.uniform(0.0, 0.08) if gap is None else gap
            if not self.wall_free(i, along - half, along + half, z + 0.9, z + model.size[2]):
                continue
            x, y = side.at(along, away + model.size[1] / 2)
            yaw = side.yaw + (d.normal(0.02) if gap is None else 0.0)
            item = self.try_add(model, x, y, yaw, z)
            if item is not None:
                return item
        return None

    def free_standing(self, model: Model, tries: int = 10, margin: float = 0.1,
                      yaw: float | None = None) -> int | None:  # fmt: skip
        """Stands a model anywhere on the floor; headings prefer the walls'."""
        d = self.dice
        low, high = self.outline.min(axis=0), self.outline.max(axis=0)
        for _ in range(tries):
            x, y = d.uniform(low[0], high[0]), d.uniform(low[1], high[1])
            turn = d.count(0, 3) * math.pi / 2 + d.normal(0.1) if d.chance(0.7) else d.turn()
            item = self.try_add(model, x, y, turn if yaw is None else yaw, margin=margin)
            if item is not None:
                return item
        return None

    def wall_free(self, wall: int, start: float, end: float, low: float, high: float) -> bool:
        """Whether nothing is cut into or hangs on this part of a wall."""
        taken = self._openings[wall] + self._mounted[wall]
        return not any(start < t[1] and end > t[0] and low < t[3] and high > t[2] for t in taken)

    def furniture_free(self, wall: int, start: float, end: float, low: float, high: float) -> bool:
        """Whether no furniture stands before this part of a wall."""
        x, y = self.walls[wall].at((start + end) / 2, 0.08)
        probe = (x, y, (end - start) / 2, 0.06, self.walls[wall].yaw, low, high)
        return not self._solid or not self._collides(probe, ())

    def mount(self, model: Model, wall: int, along: float, z: float, away: float = 0.0, *,
              low: float | None = None) -> int:  # fmt: skip
        """Hangs a model on a wall with its frame's z = 0 at height z."""
        half = model.size[0] / 2
        low = z if low is None else low
        taken = (along - half, along + half, low, z + model.size[2])
        # what lies flat on a wall replaces it: no ray reaches the wall behind
        (self._openings if model.size[1] < FLAT else self._mounted)[wall].append(taken)
        x, y = self.walls[wall].at(along, away)
        return self.add(model, x, y, self.walls[wall].yaw, z, solid=False)

    def reserve(self, wall: int, start: float, end: float, low: float, high: float) -> None:
        """Keeps a rectangle of a wall free of all that is hung or cut later."""
        self._mounted[wall].append((start, end, low, high))

    def open_wall(self, wall: int, start: float, end: float, low: float, high: float) -> None:
        """Cuts a rectangle (metres along and up) out of a wall."""
        self._openings[wall].append((start, end, low, high))

    def _tiles(self) -> tuple[np.ndarray, np.ndarray]:
        """Floor and ceiling in tiles; the floor goes on behind doors and open walls."""
        low, high = self.outline.min(axis=0) - 1.2, self.outline.max(axis=0) + 1.2
        steps = np.ceil((high - low) / TILE).astype(int)
        size = (high - low) / steps
        corner = low + np.stack(np.meshgrid(*map(np.arange, steps), indexing="ij"), -1) * size
        corner = corner.reshape(-1, 2)
        lattice = np.stack(np.meshgrid(*[np.linspace(0, 1, 4)] * 2), -1).reshape(1, -1, 2) * size
        spots = corner[:, None] + lattice
        inside = self.contains(spots.reshape(-1, 2)).reshape(spots.shape[:2]).any(axis=1)
        outside = np.zeros(len(corner), dtype=bool)
        for wall, openings in zip(self.walls, self._openings):
            for start, end, bottom, _ in openings:
                if bottom < 0.1:
                    door = np.array(wall.at((start + end) / 2, -0.6))
                    outside |= np.abs(corner + size / 2 - door).max(axis=1) < 1.2
        floor = np.zeros((int((inside | outside).sum()), 3, 3), dtype=np.float32)
        floor[:, 0, :2] = corner[inside | outside]
        floor[:, 1, 0], floor[:, 2, 1] = size
        ceiling = np.zeros((int(inside.sum()), 3, 3), dtype=np.float32)
        ceiling[:, 0, :2], ceiling[:, 0, 2] = corner[inside], self.height
        ceiling[:, 2, 0], ceiling[:, 1, 1] = size
        return floor, ceiling

    def shell(self) -> list[tuple[np.ndarray, int]]:
        """The floor, ceiling and walls: (K, 3, 3) patches with their label."""
        floor, ceiling = self._tiles()
        rows = []
        for wall, openings in zip(self.walls, self._openings):
            cuts = sorted({0.0, wall.length, *(t for o in openings for t in o[:2])})
            for start, end in pairwise(cuts):
                at = [o for o in openings if o[0] < (start + end) / 2 < o[1]]
                edges = [
                    0.0,
                    *(z for o in sorted(at, key=lambda o: o[2]) for z in o[2:]),
                    self.height,
                ]
                for bottom, top in zip(edges[::2], edges[1::2]):
                    if top - bottom > 0.01:
                        rows += _panels(wall, start, end, bottom, top)
        # up x along the wall points into the room, which lies on the wall's left
        walls = np.array(rows, dtype=np.float32).reshape(-1, 3, 3)
        return [(floor, FLOOR), (ceiling, UNLABELLED), (walls, WALL)]


TILE = 1.6
"""Metres: floor and walls are cut to such pieces, so that a camera need not look at all."""


def _panels(wall: Wall, start: float, end: float, bottom: float, top: float) -> list[list]:
    """A wall's rectangle as patches; up x along points into the room, on the wall's left."""
    pieces = np.linspace(start, end, max(1, math.ceil((end - start) / TILE)) + 1)
    along = np.array([math.cos(wall.yaw), math.sin(wall.yaw), 0])
    return [
        [[*wall.at(a, 0), bottom], [0, 0, top - bottom], (b - a) * along]
        for a, b in pairwise(pieces)
    ]


_RIM = [(-1, -1), (-1, 1), (1, -1), (1, 1), (0, -1), (0, 1), (-1, 0), (1, 0)]


def _overlap(a: Rectangle, b: np.ndarray) -> bool:
    """Whether two turned rectangles overlap by more than SLACK (separating axes)."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    turn = b[4] - a[4]
    c, s = abs(math.cos(turn)), abs(math.sin(turn))
    for yaw, own, other in ((a[4], a, b), (b[4], b, a)):
        cy, sy = math.cos(yaw), math.sin(yaw)
        along, across = abs(dx * cy + dy * sy), abs(-dx * sy + dy * cy)
        if along >= own[2] + other[2] * c + other[3] * s - SLACK:
            return False
        if across >= own[3] + other[2] * s + other[3] * c - SLACK:
            return False
    return True
