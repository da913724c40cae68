"""A scene small enough to know every cube of: two boxes on a floor before a wall."""

import numpy as np
import pytest

from mtml_ros.core.instances import make_instance
from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.visualization.view import Cells

EDGE = 0.1


def block(low: tuple[int, int, int], high: tuple[int, int, int]) -> np.ndarray:
    """(n, 3) all voxel indices from low to high, high excluded."""
    axes = [np.arange(a, b) for a, b in zip(low, high)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


@pytest.fixture
def taxonomy() -> Taxonomy:
    return Taxonomy.scannet()


@pytest.fixture
def scene(taxonomy: Taxonomy) -> tuple[Cells, list[ObjectRecord]]:
    """Floor 30 x 20, a wall, a chair (id 4) and a table (id 9), voxels of 10 cm."""
    parts = [
        (block((0, 0, 0), (30, 20, 1)), "floor", -1),
        (block((0, 20, 0), (30, 21, 15)), "wall", -1),
        (block((4, 5, 1), (9, 10, 6)), "chair", 4),
        (block((16, 5, 1), (26, 12, 6)), "table", 9),
    ]
    coordinates = np.vstack([p for p, _, _ in parts]).astype(np.int32)
    labels = np.concatenate([np.full(len(p), taxonomy.index(name)) for p, name, _ in parts])
    ids = np.concatenate([np.full(len(p), i) for p, _, i in parts])
    centers = ((coordinates + 0.5) * EDGE).astype(np.float32)
    cells = Cells(centers, EDGE, labels.astype(np.uint8), ids.astype(np.int64))
    objects = []
    for score, (part, name, id_) in zip((0.9, 0.6), parts[2:]):
        grid = VoxelGrid(part.astype(np.int32), np.zeros(len(part), np.uint8), EDGE)
        made = make_instance(grid, np.arange(len(part)), taxonomy.index(name), score)
        objects.append(ObjectRecord.of(made, id_, taxonomy))
    return cells, objects
