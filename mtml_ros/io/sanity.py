"""Checks at the door: what in a cloud speaks for a wrong unit, frame, axis or label set.

Each function looks at arrays alone, so that the command line, a bag and the node warn of the same
things in the same words. A warning is a guess: it never changes or refuses data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mtml_ros.core.taxonomy import UNKNOWN, Taxonomy
from mtml_ros.core.voxels import VoxelGrid, occupied_voxels, unpack_keys, voxel_keys

Kind = Literal["unit", "up", "origin", "unknown_ids", "shifted_ids", "one_id"]

SAMPLE = 200_000
"""Points that are looked at, at most, evenly over the cloud: 10 to 30 ms."""

CELL = 0.1  # metres: the layers and neighbours that are counted
MIN_POINTS = 1_000  # fewer say nothing
LARGE = 100.0  # metres: larger than a room, smaller than one in centimetres
FAR = 2_000.0  # metres: where a float32 is good to 0.1 mm still; a local frame is never so far off
MOST_UNKNOWN = 0.5
SLAB = 0.3  # metres: a floor with its noise and its slope within a room


@dataclass(frozen=True)
class Warned:
    """One thing that looks wrong. kind: a short key, for counting. text: what, and what to do."""

    kind: Kind
    text: str


def check_geometry(xyz: np.ndarray, floor: np.ndarray | None = None) -> list[Warned]:
    """What the coordinates alone speak for.

    xyz: (N, 3) finite; taken to be metres with z up. floor: (N,) bool, the points labelled as
    floor, by which "up" is judged (walls are as flat as floors); None: it is not judged.
    """
    if len(xyz) < MIN_POINTS:
        return []
    step = -(-len(xyz) // SAMPLE)
    xyz = np.asarray(xyz[::step], dtype=np.float64)
    middle = np.median(xyz, axis=0)
    extent = np.percentile(xyz, 99, axis=0) - np.percentile(xyz, 1, axis=0)
    found = []
    far = float(np.abs(middle).max())
    if far > FAR and far > 5 * extent.max():
        found.append(
            Warned(
                "origin",
                f"the cloud lies {far:,.0f} m from the origin of its coordinates, where a float32 "
                f"is good to {np.spacing(np.float32(far)):.2g} m; move it to the origin "
                "(--recenter), or use a local frame",
            )
        )
    local = xyz - middle
    if extent.max() > LARGE and _share_with_neighbour(local) < 0.05:
        found.append(
            Warned(
                "unit",
                f"the cloud is {extent[0]:,.0f} x {extent[1]:,.0f} x {extent[2]:,.0f} m and its "
                "points are far apart: it looks like millimetres or centimetres (--scale 0.001 "
                "or 0.01)",
            )
        )
        return found  # layers of 10 cm say nothing of it
    up = "z" if floor is None else _up_of_floor(local, floor[::step])
    if up != "z":
        found.append(
            Warned(
                "up",
                f"the floor looks as if {up} were up, and z has to be (--up {up}, or publish in a "
                "frame with z up)",
            )
        )
    return found


@dataclass(frozen=True)
class LabelReport:
    """What the label ids of a cloud are.

    classes: name to number of points, the most frequent first. unlabelled: points with the id 0
    (where it is no class). unknown: those with another id that the taxonomy lacks.
    unknown_ids: id to number of points, the most frequent first, ten at most.
    """

    classes: dict[str, int]
    unlabelled: int
    unknown: int
    unknown_ids: dict[int, int]

    @property
    def share_unknown(self) -> float:
        """Of the points that carry a label."""
        labelled = self.unknown + sum(self.classes.values())
        return self.unknown / labelled if labelled else 0.0

    def summary(self, most: int = 6) -> str:
        """One line: the most frequent classes with their shares, and what is unknown."""
        total = max(1, self.unlabelled + self.unknown + sum(self.classes.values()))
        shown = [f"{name} {n / total:.0%}" for name, n in list(self.classes.items())[:most]]
        rest = len(self.classes) - len(shown)
        shown += [f"{rest} more"] if rest > 0 else []
        for word, number in (("unlabelled", self.unlabelled), ("unknown ids", self.unknown)):
            shown += [f"{word} {number / total:.0%}"] if number else []
        return ", ".join(shown)


def count_labels(ids: np.ndarray, taxonomy: Taxonomy) -> LabelReport:
    """The histogram of label ids (N,) of any integer type."""
    values, counts = np.unique(ids, return_counts=True)
    encoded = taxonomy.encode(values)
    order = np.argsort(-counts, kind="stable")
    classes: dict[str, int] = {}
    unknown_ids: dict[int, int] = {}
    unlabelled = 0
    for i in order:
        value, count = int(values[i]), int(counts[i])
        if encoded[i] != UNKNOWN:
            classes[taxonomy.names[encoded[i]]] = count
        elif value == 0:
            unlabelled = count
        else:
            unknown_ids[value] = count
    unknown = sum(unknown_ids.values())
    return LabelReport(classes, unlabelled, unknown, dict(list(unknown_ids.items())[:10]))


def check_labels(
    ids: np.ndarray, taxonomy: Taxonomy, xyz: np.ndarray | None = None
) -> list[Warned]:
    """What label ids (N,) speak for.

    xyz: (N, 3) finite metres, z up, of the same points: what lies flat at the bottom should be
    floor. None: that is not looked at.
    """
    report = count_labels(ids, taxonomy)
    found = []
    if report.share_unknown > MOST_UNKNOWN:
        listed = ", ".join(f"{i} ({n:,} points)" for i, n in report.unknown_ids.items())
        found.append(
            Warned(
                "unknown_ids",
                f"{report.share_unknown:.0%} of the labels are ids that the taxonomy lacks: "
                f"{listed}; choose the label set that they are of (--taxonomy; `mtml taxonomy` "
                "lists those that ship)",
            )
        )
    if len(ids) >= MIN_POINTS and (ids == ids[0]).all():
        found.append(
            Warned(
                "one_id",
                f"all {len(ids):,} points have the label {int(ids[0])}: is this the right field "
                "(--label-field)?",
            )
        )
    shift = 0 if xyz is None else _shift(ids, taxonomy, xyz)
    if shift:
        remedy = "take the label set that counts from 0 (--taxonomy NAME_from_0)"
        found.append(
            Warned(
                "shifted_ids",
                f"what lies flat at the bottom carries the id next to the taxonomy's floor: the "
                f"ids look shifted by one; {remedy if shift > 0 else 'subtract 1 from them'}",
            )
        )
    return found


def check_cloud(xyz: np.ndarray, ids: np.ndarray, taxonomy: Taxonomy) -> list[Warned]:
    """All that coordinates (N, 3), finite, and label ids (N,) speak for together.

    Ids shifted by one name the wrong things floor, and another axis up puts the wrong things at the
    bottom: where both seem to be so, that one is told which explains the other.
    """
    is_floor = floor_classes(taxonomy)
    floor = is_floor[taxonomy.encode(ids)]
    geometry, labels = check_geometry(xyz, floor), check_labels(ids, taxonomy, xyz)
    if "up" in (w.kind for w in geometry) and (shift := _shift(ids, taxonomy, xyz)):
        other = is_floor[taxonomy.encode(ids + shift)]
        shifted = _thickness(xyz[other]) < _thickness(xyz[floor])  # nothing is as flat as a floor
        geometry = [w for w in geometry if w.kind != "up" or not shifted]
        labels = [w for w in labels if w.kind != "shifted_ids" or shifted]
    return [*geometry, *labels]


def check_map(grid: VoxelGrid, taxonomy: Taxonomy) -> list[Warned]:
    """What the voxels of a map speak for. Ids that the taxonomy lacks are in no map; they are
    counted where they come in."""
    step = -(-len(grid) // SAMPLE) or 1
    some = VoxelGrid(grid.coordinates[::step], grid.labels[::step], grid.voxel_size)
    ids = taxonomy.ids[some.labels].astype(np.int64)
    return [w for w in check_cloud(some.centers, ids, taxonomy) if w.kind != "unknown_ids"]


def floor_classes(taxonomy: Taxonomy) -> np.ndarray:
    """(C + 1,) bool by class index: what is floor to the network."""
    return np.array([False, *(c.network_name == "floor" for c in taxonomy.classes)])


def _shift(ids: np.ndarray, taxonomy: Taxonomy, xyz: np.ndarray) -> int:
    """What must be added to ids so that the floor is labelled so: 0, 1 or -1."""
    if len(ids) < MIN_POINTS:
        return 0
    z = xyz[:, 2]
    low = np.percentile(z, 0.5)
    is_floor = floor_classes(taxonomy)
    values, counts = np.unique(ids, return_counts=True)
    for i in np.argsort(-counts)[:6]:
        value, heights = int(values[i]), z[ids == values[i]]
        flat = np.count_nonzero(np.abs(heights - low) <= SLAB) >= 0.9 * counts[i]
        if flat and counts[i] >= 0.05 * len(ids):
            at, above, below = is_floor[taxonomy.encode(np.array([value, value + 1, value - 1]))]
            return 0 if at else int(above) - int(below)
    return 0


def _thickness(xyz: np.ndarray) -> float:
    """Metres across what is flat: its least extent."""
    low, high = np.percentile(xyz, (10, 90), axis=0)
    return float((high - low).min())


def _share_with_neighbour(xyz: np.ndarray) -> float:
    """Share of the occupied cells that have one beside them."""
    keys, _ = occupied_voxels(xyz, CELL)
    cells = unpack_keys(keys)
    near = np.zeros(len(cells), dtype=bool)
    for axis in range(3):
        for side in (-1, 1):
            beside = (cells + side * np.eye(3, dtype=np.int32)[axis] + 0.5) * CELL
            near |= np.isin(voxel_keys(beside, CELL), keys, assume_unique=True)
    return float(near.mean())


def _up_of_floor(xyz: np.ndarray, floor: np.ndarray) -> str:
    """The axis across which the floor is thin, "-" before it where the rest is below the floor."""
    if np.count_nonzero(floor) < 200:
        return "z"
    spread = np.percentile(xyz[floor], 90, axis=0) - np.percentile(xyz[floor], 10, axis=0)
    axis = int(spread.argmin())
    if spread[axis] > 0.5 * spread[2] and axis != 2:
        return "z"  # stairs, slopes, wrong labels: no clear answer
    rest = xyz[~floor] if not floor.all() else xyz
    above = np.median(rest[:, axis]) >= np.median(xyz[floor, axis])
    return ("" if above else "-") + "xyz"[axis]
