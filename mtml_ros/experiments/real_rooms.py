"""How well a segmenter does in real rooms whose labels err: an independent measure.

The rooms are scans in the votenet layout (see datasets/layouts.py), 50,000 points each, e.g. those
of github.com/picwoon/votenet. They are ScanNet's, so nobody may train on them here. Labels are
corrupted in three strengths by this module's own rules, which share nothing with the label noise
that weights are trained with (simulation/label_noise.py):

- a part of some objects, cut off by a plane, is taken for another plausible class;
- borders bleed: each point takes the label found where a smooth random field displaces it to;
- specks: small balls of points of a random class of the room.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.core.instances import Proposal, Segmentation, make_instance
from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.layouts import find_rooms, read_room
from mtml_ros.datasets.samples import Sample, voxelize
from mtml_ros.evaluation.average_precision import GroundTruth
from mtml_ros.evaluation.scenes import SceneEvaluation, Scores, Segment
from mtml_ros.evaluation.tables import Cell, format_table

TRUE_MASKS = "true masks"
MIN_REGION = {"points": 40, "voxels": 10}
"""What a region under is ignored: a scan is a sample of 50,000 of its vertices."""


@dataclass(frozen=True)
class Corruption:
    """How far labels err.

    parts: share of the objects of which a part is confused. largest_part: share of the object
    that it takes at most. bleed: metres by which borders move at most. specks: share of points.
    """

    parts: float
    largest_part: float
    bleed: float
    specks: float


LEVELS: dict[str, Corruption | None] = {
    "true labels": None,
    "light": Corruption(0.12, 0.5, 0.10, 0.01),
    "middle": Corruption(0.25, 0.7, 0.15, 0.03),
    "heavy": Corruption(0.50, 0.7, 0.25, 0.06),
}

_PLAUSIBLE: dict[str, tuple[str, ...]] = {
    "cabinet": ("otherfurniture", "counter", "bookshelf", "refrigerator", "desk", "wall"),
    "bed": ("sofa", "otherfurniture", "table"),
    "chair": ("sofa", "otherfurniture", "table"),
    "sofa": ("chair", "bed", "otherfurniture"),
    "table": ("desk", "counter", "otherfurniture", "chair"),
    "door": ("wall", "cabinet", "otherfurniture", "window"),
    "window": ("wall", "curtain", "picture", "door"),
    "bookshelf": ("cabinet", "otherfurniture", "wall"),
    "picture": ("wall", "window"),
    "counter": ("cabinet", "table", "otherfurniture"),
    "desk": ("table", "cabinet", "otherfurniture"),
    "curtain": ("window", "wall", "shower curtain"),
    "refrigerator": ("cabinet", "otherfurniture", "door"),
    "shower curtain": ("curtain", "wall"),
    "toilet": ("chair", "sink", "otherfurniture"),
    "sink": ("counter", "cabinet", "toilet"),
    "bathtub": ("sink", "floor", "otherfurniture"),
    "otherfurniture": ("cabinet", "table", "chair", "wall"),
}
"""What each class is taken for; our judgement of what looks alike, no measured confusion."""


def corrupt(scene: Scene, level: Corruption | None, taxonomy: Taxonomy, seed: int) -> np.ndarray:
    """(N,) uint8 labels of a scene as a network of this quality might give them."""
    labels = scene.labels.copy()
    if level is None:
        return labels
    rng = np.random.default_rng(seed)
    _confuse_parts(labels, scene, level, taxonomy, rng)
    labels = _bleed(labels, scene.xyz, level.bleed, rng)
    _speckle(labels, scene, level.specks, rng)
    return labels


def _confuse_parts(
    labels: np.ndarray,
    scene: Scene,
    level: Corruption,
    taxonomy: Taxonomy,
    rng: np.random.Generator,
) -> None:
    for number in np.unique(scene.instance[scene.instance >= 0]):
        points = np.flatnonzero(scene.instance == number)
        name = taxonomy.names[scene.labels[points[0]]]
        if rng.random() >= level.parts or name not in _PLAUSIBLE:
            continue
        along = scene.xyz[points] @ rng.normal(size=3)
        cut = np.quantile(along, rng.uniform(0.2, level.largest_part))
        labels[points[along <= cut]] = taxonomy.index(str(rng.choice(_PLAUSIBLE[name])))


def _bleed(
    labels: np.ndarray, xyz: np.ndarray, reach: float, rng: np.random.Generator
) -> np.ndarray:
    from scipy.ndimage import map_coordinates
    from scipy.spatial import cKDTree

    if not reach:
        return labels
    spacing = 4 * reach  # of the random field: borders move in pieces, not point by point
    cell = (xyz - xyz.min(axis=0)) / spacing
    shape = np.ceil(cell.max(axis=0)).astype(int) + 2
    field = rng.uniform(-reach, reach, (3, *shape))
    shift = np.stack([map_coordinates(f, cell.T, order=1) for f in field], axis=1)
    _, nearest = cKDTree(xyz).query(xyz + shift)
    return labels[nearest]


def _speckle(labels: np.ndarray, scene: Scene, share: float, rng: np.random.Generator) -> None:
    from scipy.spatial import cKDTree

    present = np.unique(scene.labels)
    tree = cKDTree(scene.xyz)
    spoilt = 0
    while spoilt < share * len(labels):
        ball = tree.query_ball_point(scene.xyz[rng.integers(len(labels))], rng.uniform(0.05, 0.15))
        labels[ball] = rng.choice(present)
        spoilt += len(ball)


def read_rooms(folder: str | Path, names: Iterable[str], taxonomy: Taxonomy) -> dict[str, Scene]:
    """The scans in a folder whose file names begin with one of `names`, as scenes by file name.

    Walls and floors, which are instances in these files, are none here.
    """
    wanted = tuple(names)
    paths = [p for p in find_rooms(folder) if p.name.startswith(wanted)]
    if not paths:
        raise InputError(f"{folder}: no room whose name begins with {', '.join(wanted)}")
    return {p.name.removesuffix("_vert.npy"): read_room(p, taxonomy) for p in paths}


def evaluate_rooms(
    rooms: Mapping[str, Scene],
    methods: Mapping[str, Segment],
    taxonomy: Taxonomy,
    voxel_size: float = 0.1,
    levels: Mapping[str, Corruption | None] = LEVELS,
    repeats: int = 3,
    progress: Callable[[list[str]], Iterable[str]] = iter,
    unit: str = "points",
    min_region: int | None = None,
) -> dict[str, dict[str, Scores]]:
    """Scores by level and method; the same input gives the same scores.

    methods: name to what segments a grid of this voxel size. "true masks" are added: the true
    objects, each with the most frequent of its corrupted labels: what labels alone cost.
    repeats: times that each room's labels are corrupted anew, since AP of few objects scatters.
    progress: wraps the rooms' names, as tqdm does.
    unit: what masks are compared on, the rooms' "points" or "voxels". min_region: how many of them
    a region needs to count (None: those of MIN_REGION).
    """
    least = MIN_REGION[unit] if min_region is None else min_region
    results: dict[str, dict[str, Scores]] = {}
    for level, corruption in levels.items():
        collected = {n: SceneEvaluation(taxonomy, least) for n in (*methods, TRUE_MASKS)}
        for room in progress(list(rooms)):
            scene = rooms[room]
            for repeat in range(repeats if corruption else 1):
                seed = zlib.crc32(f"{room} {repeat}".encode())
                noisy = corrupt(scene, corruption, taxonomy, seed)
                sample = voxelize(replace(scene, noisy_labels=noisy), voxel_size)
                found = {name: segment(sample.grid) for name, segment in methods.items()}
                found[TRUE_MASKS] = _true_masks(sample, taxonomy)
                truth = (
                    (scene.labels, scene.instance, sample.point_to_voxel)
                    if unit == "points"
                    else (sample.labels, sample.instance, None)
                )
                for name, segmentation in found.items():
                    collected[name].add(segmentation, *truth)
        results[level] = {name: c.result() for name, c in collected.items()}
    return results


def report(results: Mapping[str, Mapping[str, Scores]], rooms: Mapping[str, Scene]) -> str:
    """AP50 of the proposals: means by level, then every class with its number of objects."""
    methods = list(next(iter(results.values())))
    means: list[tuple[str, list[Cell]]] = [
        (m, [results[level][m].proposals.mean_ap50 for level in results]) for m in methods
    ]
    parts = [format_table(("mean AP50", *results), means)]
    objects = _count_objects(rooms)
    for level, by_method in results.items():
        names = [n for n in by_method[methods[0]].proposals.names if n in objects]
        rows: list[tuple[str, list[Cell]]] = [
            (n, [str(objects[n]), *(by_method[m].proposals.ap50[n] for m in methods)])
            for n in sorted(names, key=lambda n: -objects[n])
        ]
        parts.append(format_table((f"AP50, {level}", "objects", *methods), rows))
    return "\n\n".join(parts)


def _true_masks(sample: Sample, taxonomy: Taxonomy) -> Segmentation:
    grid, numbers = sample.grid, np.unique(sample.instance[sample.instance >= 0])
    proposals = []
    for number in numbers:
        voxels = np.flatnonzero(sample.instance == number)
        things = grid.labels[voxels][taxonomy.is_thing[grid.labels[voxels]]]
        votes = np.bincount(things, minlength=1)
        label = int(votes.argmax())
        proposals.append(Proposal(voxels, label, float(votes[label] / len(voxels))))
    instance = np.where(sample.instance >= 0, np.searchsorted(numbers, sample.instance), -1)
    instances = [make_instance(grid, p.voxels, p.label, p.score) for p in proposals]
    return Segmentation(grid, instance.astype(np.int32), instances, proposals, grid.labels)


def _count_objects(rooms: Mapping[str, Scene]) -> dict[str, int]:
    """Objects by class name that are large enough to count."""
    taxonomy, counts = Taxonomy.scannet(), Counter[str]()
    for scene in rooms.values():
        truth = GroundTruth.from_labels(scene.labels, scene.instance, range(1, len(taxonomy) + 1))
        counts.update(taxonomy.names[i] for i in truth.label[truth.size >= MIN_REGION["points"]])
    return dict(counts)
