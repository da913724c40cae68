"""Connected components against cc3d and SciPy on dense grids, 26 neighbours."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from mtml_ros.core.voxels import pack_keys
from mtml_ros.segmentation.components import (
    connected_components,
    label_components,
    number_by_appearance,
    touching,
)

cc3d = pytest.importorskip(
    "cc3d", reason="connected-components-3d comes from pip, rosdep has no key"
)


def random_voxels(seed: int, share: float, box: int = 9) -> np.ndarray:
    """(V, 3) int32 of a random grid, in a VoxelGrid's order (that of numpy's indices)."""
    grid = np.random.default_rng(seed).random((box,) * 3) < share
    return np.argwhere(grid).astype(np.int32)


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(number_by_appearance(a), number_by_appearance(b))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("corner", [0, -4, 900_000])
def test_components_are_scipys(share, corner):
    voxels = random_voxels(1, share)
    dense = np.zeros((9, 9, 9), dtype=bool)
    dense[tuple(voxels.T)] = True
    theirs = ndimage.label(dense, np.ones((3, 3, 3)))[0][tuple(voxels.T)]
    assert same_partition(connected_components(voxels + np.int32(corner)), theirs)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.6])
def test_components_of_labels_are_cc3ds(share):
    voxels = random_voxels(2, share)
    labels = np.random.default_rng(3).integers(1, 4, len(voxels))
    dense = np.zeros((9, 9, 9), dtype=np.uint8)
    dense[tuple(voxels.T)] = labels
    theirs = cc3d.connected_components(dense, connectivity=26)[tuple(voxels.T)]
    assert same_partition(connected_components(voxels, labels), theirs)


@pytest.mark.parametrize(("share", "box"), [(0.1, 9), (0.4, 26)])
def test_pairs_are_those_that_touch_each_once(share, box):
    voxels = random_voxels(4, share, box)  # in the second, more than one thread's part
    wanted = {tuple(p) for p in cKDTree(voxels).query_pairs(1, p=np.inf)}
    pairs = [tuple(p) for p in touching(voxels).pairs().tolist()]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == wanted


def test_neighbours_are_counted_all_those_at_the_same_height_and_those_above_and_below():
    voxels = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 1, 1], [5, 5, 5]], dtype=np.int32)
    counts = touching(voxels).counts()
    assert counts.tolist() == [[3, 1, 1], [3, 1, 1], [3, 1, 0], [3, 1, 0], [0, 0, 0]]


def test_opposite_sides_of_the_key_range_do_not_touch():
    edge = (1 << 20) - 1
    voxels = np.array([[0, 0, edge], [0, 1, -edge]], dtype=np.int32)
    assert np.diff(pack_keys(voxels))[0] > 0
    assert len(touching(voxels).pairs()) == 0


def test_negative_labels_are_in_no_component():
    voxels = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 2]], dtype=np.int32)
    found = label_components(touching(voxels), np.array([0, -1, 0]))
    assert found.tolist() == [0, -1, 1]


def test_several_labellings_are_taken_each_by_itself():
    neighbors = touching(np.array([[0, 0, 0], [0, 0, 1], [0, 0, 2]], dtype=np.int32))
    found = label_components(neighbors, np.array([[0, 0, 0], [1, 1, 0], [0, -1, 5]]))
    assert found.tolist() == [[0, 0, 0], [0, 0, 1], [0, -1, 1]]


def test_components_are_numbered_by_their_first_voxels():
    # two columns that alternate in the order of the keys, the second label first
    voxels = np.array([[0, 0, 0], [0, 5, 0], [1, 0, 0], [1, 5, 0]], dtype=np.int32)
    assert connected_components(voxels).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("count", [0, 1])
def test_no_voxel_and_one(count):
    voxels = np.zeros((count, 3), dtype=np.int32)
    assert connected_components(voxels).tolist() == [0] * count


def test_number_by_appearance():
    assert number_by_appearance(np.array([7, 3, 7, 9, 3])).tolist() == [0, 1, 0, 2, 1]
    assert number_by_appearance(np.zeros(0, dtype=np.int64)).tolist() == []
