"""Labels that err as semantic segmentation networks err, at any level from none to all lost."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from mtml_ros.core.scene import Scene
from mtml_ros.core.sorted_keys import find
from mtml_ros.core.taxonomy import UNKNOWN, Taxonomy
from mtml_ros.core.voxels import count_votes, pack_keys, voxel_keys, winning_labels

VOXEL = 0.10
"""Metres: errors are made on voxels of this size, as the receiving network sees them."""

# What each class is taken for, and how often relative to each other. The pairs are those that
# share a shape and a place (flat on walls; boxes along walls; boards on legs; seats), which is
# where published confusions of ScanNet networks lie; weights are judgements.
_CONFUSIONS: dict[str, dict[str, float]] = {
    "wall": {"picture": 1, "door": 2, "window": 2, "cabinet": 1.5, "curtain": 1,
             "otherfurniture": 2, "bookshelf": 0.7},
    "floor": {"otherfurniture": 1, "wall": 1, "bed": 0.3},
    "cabinet": {"otherfurniture": 3, "counter": 1.5, "refrigerator": 1.2, "bookshelf": 1.2,
                "door": 1, "desk": 1, "wall": 1.5, "table": 0.7},
    "bed": {"sofa": 3, "otherfurniture": 1.5, "table": 0.5, "desk": 0.5},
    "chair": {"sofa": 2.5, "otherfurniture": 2, "table": 1, "bed": 0.3},
    "sofa": {"chair": 3, "bed": 2, "otherfurniture": 1.5},
    "table": {"desk": 4, "otherfurniture": 2, "counter": 1, "cabinet": 1, "chair": 0.6},
    "door": {"wall": 4, "cabinet": 1.5, "window": 1.2, "otherfurniture": 1, "curtain": 0.5,
             "refrigerator": 0.3},
    "window": {"wall": 4, "curtain": 1.5, "door": 1.5, "otherfurniture": 1, "picture": 0.7},
    "bookshelf": {"cabinet": 3, "otherfurniture": 2.5, "wall": 1},
    "picture": {"wall": 6, "window": 0.7, "otherfurniture": 1, "door": 0.3},
    "counter": {"cabinet": 3, "table": 1.5, "desk": 1, "otherfurniture": 1.5, "sink": 0.7},
    "desk": {"table": 5, "cabinet": 1, "otherfurniture": 1.5, "counter": 0.7},
    "curtain": {"wall": 2.5, "window": 2.5, "shower curtain": 1, "otherfurniture": 1, "door": 0.6},
    "refrigerator": {"cabinet": 3, "otherfurniture": 2, "door": 1.2, "wall": 0.5},
    "shower curtain": {"curtain": 3, "wall": 2, "door": 1, "otherfurniture": 0.7},
    "toilet": {"otherfurniture": 2, "chair": 1.5, "sink": 1},
    "sink": {"counter": 4, "otherfurniture": 1.5, "toilet": 0.7, "cabinet": 1},
    "bathtub": {"otherfurniture": 1.5, "wall": 1, "floor": 0.7, "sofa": 0.5, "counter": 0.5},
    "otherfurniture": {"cabinet": 3, "table": 1.5, "chair": 1.5, "wall": 1.5, "bookshelf": 0.7,
                       "refrigerator": 0.5, "sofa": 0.5},
}  # fmt: skip

# How good SparseConvNet's labels are: IoU a class on ScanNet's test set, in percent, as the
# benchmark lists it (Graham, Engelcke and van der Maaten 2018; mean .725). It is the network
# whose labels MTML was given. A class is hit by errors in proportion to 1 - IoU.
_IOU = {
    "wall": 86.5, "floor": 95.5, "cabinet": 72.1, "bed": 82.1, "chair": 86.9, "sofa": 82.3,
    "table": 62.8, "door": 61.4, "window": 68.3, "bookshelf": 84.6, "picture": 32.5,
    "counter": 53.3, "desk": 60.3, "curtain": 75.4, "refrigerator": 71.0, "shower curtain": 87.0,
    "toilet": 93.4, "sink": 72.4, "bathtub": 64.7, "otherfurniture": 57.2,
}  # fmt: skip

CLASSES = len(_CONFUSIONS)


def _tables() -> tuple[np.ndarray, np.ndarray]:
    index = Taxonomy.scannet().index
    confusion = np.zeros((CLASSES + 1, CLASSES + 1))
    confusion[UNKNOWN, index("otherfurniture")] = 1.0
    for name, row in _CONFUSIONS.items():
        for other, weight in row.items():
            confusion[index(name), index(other)] = weight
    confusion /= confusion.sum(axis=1, keepdims=True)
    error = np.full(CLASSES + 1, 30.0)
    for name, iou in _IOU.items():
        error[index(name)] = 100.0 - iou
    return confusion, np.sqrt(error / error[1:].mean())


CONFUSION, FRAGILITY = _tables()
"""(21, 21): rows sum to one, the diagonal is zero. (21,): factor on a class's error rates."""


@dataclass(frozen=True)
class NoiseSettings:
    """The errors at level 1; each but the last three grows in proportion to the level.

    whole: chance that an object is taken for another class altogether. part: chance that a part
    of it is. bleed: metres by which borders move. specks: share of single voxels that are wrong.
    lost: share of the scene in regions without a label. spill: chance that an unlabelled thing
    takes a neighbour's label (networks have no word for "something else"). stuff: patches of
    wall and floor a square metre that are taken for objects. overlooked: chance that an object has
    no label at all. scatter: metres (standard deviation) away from which a voxel takes its label.
    clump: chance that a wrong voxel's neighbours are wrong with it. large: chance that a part is
    most of its object or all of it. blind: share of the confusions that follow no likeness.
    """

    whole: float = 0.16
    part: float = 0.54
    bleed: float = 0.25
    specks: float = 0.05
    lost: float = 0.04
    spill: float = 0.8
    stuff: float = 0.04
    overlooked: float = 0.0
    scatter: float = 0.0
    clump: float = 0.0
    large: float = 0.0
    blind: float = 0.0

    @staticmethod
    def varied(rng: np.random.Generator) -> NoiseSettings:
        """A network of another kind: each error up to twice as frequent, and 1 in 4 never made;
        wrong voxels alone or in clumps, parts small or large, confusions likely or not."""
        usual = {k: v for k, v in asdict(NoiseSettings()).items() if v}
        usual |= {"overlooked": 0.05, "scatter": 0.06}
        factors = rng.uniform(0, 2, len(usual)) * (rng.random(len(usual)) < 0.75)
        drawn = {k: float(v * f) for (k, v), f in zip(usual.items(), factors)}
        clump, large, blind = rng.uniform(0, (0.5, 0.8, 0.5))
        return NoiseSettings(**drawn, clump=clump, large=large, blind=blind)


def with_noise(
    scene: Scene,
    level: float | None,
    rng: np.random.Generator,
    settings: NoiseSettings | None = None,
) -> Scene:
    """The scene with `noisy_labels` at this level (None: no labels at all)."""
    noisy = corrupt_labels(scene.xyz, scene.labels, scene.instance, level, rng, settings)
    return replace(scene, noisy_labels=noisy)


def corrupt_labels(
    xyz: np.ndarray,
    labels: np.ndarray,
    instance: np.ndarray,
    level: float | None,
    rng: np.random.Generator,
    settings: NoiseSettings | None = None,
) -> np.ndarray:
    """(N,) uint8 class indices as a segmentation network might give them.

    xyz: (N, 3) metres; labels: (N,) uint8 true class indices of ScanNet's taxonomy; instance:
    (N,) int, -1 for none. Works on points and on voxels' centres alike.
    level: 0 returns the true labels; at 1 connected components fall to an AP50 of about .25, as
    they do on a real network's labels (MTML, Table 2: .230); None: no label anywhere. Measured on
    100 validation rooms (benchmarks/label_noise.py), AP50 of components at levels 0, .25, .5, .75
    and 1 is .86, .64, .52, .35 and .25.
    """
    if level is None:
        return np.zeros(len(labels), dtype=np.uint8)
    if level <= 0 or not len(labels):
        return labels.astype(np.uint8)
    errors = _Errors(xyz, labels, instance, level, settings or NoiseSettings(), rng)
    return errors.apply()[errors.voxel]


class _Errors:
    """One scene's voxels while errors are made on their labels."""

    def __init__(self, xyz: np.ndarray, labels: np.ndarray, instance: np.ndarray, level: float,
                 settings: NoiseSettings, rng: np.random.Generator) -> None:  # fmt: skip
        keys, self.voxel = np.unique(voxel_keys(xyz, VOXEL), return_inverse=True)
        self.voxel = self.voxel.reshape(-1)
        self.level, self.settings, self.rng = level, settings, rng
        self.true = winning_labels(count_votes(self.voxel, labels, len(keys)))
        self.labels = self.true.copy()
        last = np.zeros(len(keys), dtype=np.int64)  # any one point's instance speaks for a voxel
        last[self.voxel] = np.arange(len(labels))
        self.instance = np.asarray(instance)[last]
        lowest = np.floor(xyz.min(axis=0) / VOXEL)
        cells = np.floor(xyz[last] / VOXEL) - lowest + 1
        self.cells = cells.astype(np.int64)
        self.neighbours = self._find_neighbours()

    def _find_neighbours(self) -> np.ndarray:
        """(V, 18) the voxels that share a face or an edge; a missing one is the voxel itself."""
        shape = self.cells.max(axis=0) + 2
        strides = np.array([shape[1] * shape[2], shape[2], 1])
        flat = self.cells @ strides
        own = np.arange(len(flat), dtype=np.int32)
        steps = np.array([(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)
                          if 0 < abs(x) + abs(y) + abs(z) < 3]) @ strides  # fmt: skip
        if shape.prod() < 1 << 26:
            at = np.full(int(shape.prod()), -1, dtype=np.int32)
            at[flat] = own
            found = at[flat[:, None] + steps]
        else:  # too large a box for a table: search the sorted keys
            order = np.argsort(flat)
            there, place = find(flat[order], flat[:, None] + steps)
            found = np.where(there, order[place], -1).astype(np.int32)
        neighbours: np.ndarray = np.where(found >= 0, found, own[:, None])
        return neighbours

    def apply(self) -> np.ndarray:
        """(V,) uint8 labels with all kinds of errors."""
        self._spill()
        self._objects()
        self._patches_of_stuff()
        self._bleed()
        self._scatter()
        self._specks()
        self._lose()
        return self.labels

    def _draw(self, label: int, voxels: np.ndarray) -> int:
        """A class that `label` is taken for; often what stands beside the object."""
        if self.rng.random() < 0.35:
            around = self.true[self.neighbours[voxels]].ravel()
            around = around[(around != label) & (around != UNKNOWN)]
            if len(around):
                return int(around[self.rng.integers(len(around))])
        if self.settings.blind and self.rng.random() < self.settings.blind:
            return int(self.rng.integers(1, CLASSES + 1))
        return int(self.rng.choice(CLASSES + 1, p=CONFUSION[label]))

    def _objects(self) -> None:
        order = np.argsort(self.instance, kind="stable")
        numbers, start = np.unique(self.instance[order], return_index=True)
        for number, voxels in zip(numbers, np.split(order, start[1:])):
            if number < 0:
                continue
            label = int(np.bincount(self.true[voxels]).argmax())
            rate = self.level * FRAGILITY[label]
            if self.settings.overlooked and self.rng.random() < self.settings.overlooked * rate:
                self.labels[voxels] = UNKNOWN
                continue
            if self.rng.random() < self.settings.whole * rate:
                self.labels[voxels] = self._draw(label, voxels)
                if self.rng.random() < 0.5:
                    continue
            for _ in range(self.rng.poisson(self.settings.part * rate)):
                part = self._part(voxels)
                self.labels[part] = self._draw(label, voxels)

    def _part(self, voxels: np.ndarray) -> np.ndarray:
        """The voxels of an object on one side of a plane, or about one of its voxels."""
        cells = self.cells[voxels].astype(np.float64)
        share = self.rng.uniform(0.1, 0.65)
        if self.settings.large and self.rng.random() < self.settings.large:
            share = self.rng.uniform(0.65, 1.0)
        if self.rng.random() < 0.5:
            reach = cells @ self.rng.standard_normal(3)
        else:
            reach = ((cells - cells[self.rng.integers(len(cells))]) ** 2).sum(axis=1)
        part: np.ndarray = voxels[reach <= np.quantile(reach, share)]
        return part

    def _ball(self, center: int, radius: float) -> np.ndarray:
        """The voxels within `radius` metres of a voxel."""
        away = ((self.cells - self.cells[center]) ** 2).sum(axis=1)
        return np.flatnonzero(away <= (radius / VOXEL) ** 2)

    def _spill(self) -> None:
        """Unlabelled things take the label of what they touch, or "otherfurniture"."""
        unknown = self.labels == UNKNOWN
        if not unknown.any() or self.rng.random() > self.settings.spill * self.level:
            return
        block = pack_keys(self.cells // 5)  # things half a metre across err together
        keys, group = np.unique(block, return_inverse=True)
        hit = (self.rng.random(len(keys)) < self.rng.uniform(0.3, 1.0))[group.reshape(-1)]
        rows = np.arange(len(unknown))
        is_object = Taxonomy.scannet().is_thing
        for _ in range(3):
            pick = self.neighbours[
                rows, self.rng.integers(self.neighbours.shape[1], size=len(rows))
            ]
            taken = unknown & hit & (self.labels == UNKNOWN) & is_object[self.true[pick]]
            self.labels[taken] = self.true[pick][taken]
        left = unknown & hit & (self.labels == UNKNOWN)
        other = (self.rng.random(len(keys)) < 0.3)[group.reshape(-1)]
        self.labels[left & other] = Taxonomy.scannet().index("otherfurniture")

    def _patches_of_stuff(self) -> None:
        """Parts of walls and floors that are taken for things."""
        stuff = np.flatnonzero(Taxonomy.scannet().is_stuff[self.true])
        if not len(stuff):
            return
        mean = self.settings.stuff * self.level * len(stuff) * VOXEL**2
        for _ in range(self.rng.poisson(mean)):
            center = int(stuff[self.rng.integers(len(stuff))])
            ball = self._ball(center, self.rng.uniform(0.15, 0.7))
            ball = ball[self.true[ball] == self.true[center]]
            self.labels[ball] = self._draw(int(self.true[center]), ball)

    def _bleed(self) -> None:
        """Moves borders: in each region one of two labels wins, and grows voxel by voxel."""
        reach = self.settings.bleed * self.level * self.rng.uniform(0.7, 1.3) / VOXEL
        steps = int(reach) + int(self.rng.random() < reach % 1)
        if not steps:
            return
        # the strength of each label in each block of 0.8 m decides who grows there
        keys, group = np.unique(pack_keys(self.cells // 8), return_inverse=True)
        strength = self.rng.random((len(keys), CLASSES + 1))
        strength[:, UNKNOWN] *= 0.5
        group = group.reshape(-1)
        rows = np.arange(len(self.labels))
        for _ in range(steps):
            column = self.rng.integers(self.neighbours.shape[1], size=(3, len(rows)))
            before = self.labels.copy()
            for pick in column:
                other = before[self.neighbours[rows, pick]]
                wins = strength[group, other] > strength[group, self.labels]
                self.labels = np.where(wins, other, self.labels)

    def _scatter(self) -> None:
        """Frays borders: each voxel takes the label of the one nearest to a place beside it."""
        if self.settings.scatter:
            from scipy.spatial import cKDTree  # making rooms needs numpy alone

            step = self.rng.normal(scale=self.settings.scatter / VOXEL, size=self.cells.shape)
            self.labels = self.labels[cKDTree(self.cells).query(self.cells + step * self.level)[1]]

    def _specks(self) -> None:
        hit = np.flatnonzero(self.rng.random(len(self.labels)) < self.settings.specks * self.level)
        cumulative = CONFUSION[self.labels[hit]].cumsum(axis=1)
        draw = (self.rng.random((len(hit), 1)) > cumulative).sum(axis=1)
        self.labels[hit] = np.minimum(draw, CLASSES)
        if self.settings.clump:
            near = self.neighbours[hit]
            row, column = np.nonzero(self.rng.random(near.shape) < self.settings.clump)
            self.labels[near[row, column]] = self.labels[hit[row]]

    def _lose(self) -> None:
        wanted = self.settings.lost * self.level * self.rng.uniform(0.0, 2.0) * len(self.labels)
        gone = 0
        while gone < wanted:
            ball = self._ball(int(self.rng.integers(len(self.labels))), self.rng.uniform(0.1, 0.5))
            self.labels[ball] = UNKNOWN
            gone += len(ball)
