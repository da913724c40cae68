"""Id stability: sequences of updates counted by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.core.instances import Instance, OrientedBox
from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.evaluation.baselines import components_as_instances
from mtml_ros.evaluation.stability import (
    IdStability,
    follow_growing_map,
    id_stability,
    voxel_truth,
)
from mtml_ros.mapper import ObjectMapper
from mtml_ros.mapping.voxel_map import VoxelMap
from mtml_ros.tracking.tracker import TrackedInstance

ZERO = np.zeros(3)


def update(truth: list[int], **voxels_of_id: list[int]) -> tuple:
    """An update: the object of each voxel, and the voxels of each id (id7=[...])."""
    tracked = [
        TrackedInstance(
            int(name[2:]),
            Instance(np.array(voxels), 1, 1.0, ZERO, OrientedBox(ZERO, ZERO, 0.0)),
            0.0,
            0.0,
        )
        for name, voxels in voxels_of_id.items()
    ]
    return tracked, np.array(truth, dtype=np.int64)


def test_object_with_one_id_throughout_is_steady() -> None:
    grown = [update([0, 0, -1], id5=[0, 1]), update([0, 0, 0, 0, -1], id5=[0, 1, 2])]
    assert id_stability(grown) == IdStability(1, 1, 1, 0, 0)


def test_every_change_of_id_is_counted_and_the_object_not_steady() -> None:
    truth = [0, 0, 1, 1]
    history = [
        update(truth, id1=[0, 1], id2=[2, 3]),
        update(truth, id3=[0, 1], id2=[2, 3]),
        update(truth, id1=[0, 1], id2=[2, 3]),
    ]
    result = id_stability(history)
    assert result == IdStability(objects=2, followed=2, steady=1, changes=2, shared_ids=0)
    assert result.share == 0.5


def test_object_not_found_in_between_is_steady_if_it_comes_back_with_its_id() -> None:
    truth = [0, 0, 0, 0]
    history = [update(truth, id1=[0, 1, 2]), update(truth), update(truth, id1=[0, 1, 2, 3])]
    assert id_stability(history) == IdStability(1, 1, 1, 0, 0)


def test_iou_of_a_half_finds_nothing_and_of_more_does() -> None:
    half = [update([0, 0, 0, 0], id1=[0, 1])] * 2  # 2 of 4
    assert id_stability(half) == IdStability(objects=1)
    assert id_stability(half).share is None
    spilled = [update([0, 0, -1], id1=[0, 1, 2])] * 2  # 2 of 3
    assert id_stability(spilled).followed == 1


def test_object_found_once_is_not_followed() -> None:
    history = [update([0, 0], id1=[0, 1]), update([0, 0, 1], id1=[0, 1], id2=[2])]
    assert id_stability(history) == IdStability(objects=2, followed=1, steady=1)


def test_id_of_two_objects_is_shared() -> None:
    history = [update([0, 0, 1, 1], id1=[0, 1]), update([0, 0, 1, 1], id1=[2, 3])]
    assert id_stability(history) == IdStability(objects=2, followed=0, shared_ids=1)


def mapper(segment) -> ObjectMapper:
    """One with this in the network's place."""
    segmenter = SimpleNamespace(segment=lambda grid, **_: segment(grid), device="cpu")
    taxonomy = Taxonomy.scannet()
    return ObjectMapper(VoxelMap(0.1, len(taxonomy), 10_000), taxonomy, lambda _: segmenter)


def test_nothing_at_all_gives_nothing() -> None:
    assert id_stability([]) == IdStability()
    assert id_stability([update([])]) == IdStability()
    assert follow_growing_map([], mapper(lambda grid: pytest.fail("no grid"))) == IdStability()


def test_results_of_several_rooms_add_up() -> None:
    total = IdStability(3, 2, 1, 4, 0) + IdStability(1, 2, 2, 0, 1)
    assert total == IdStability(4, 4, 3, 4, 1)
    assert total.share == 0.75


def points(*boxes: tuple[float, float, int, int]) -> Scene:
    """Points in rows along x, 2 cm apart: from, to (metres), class, object."""
    xyz, labels, instance = [], [], []
    for low, high, label, number in boxes:
        x = np.arange(low + 0.01, high, 0.02)
        xyz.append(np.stack([x, 0 * x + 0.05, 0 * x + 0.05], axis=1))
        labels += [label] * len(x)
        instance += [number] * len(x)
    return Scene(
        np.concatenate(xyz).astype(np.float32), np.array(labels, np.uint8), np.array(instance)
    )


def test_voxel_belongs_to_the_object_of_most_of_its_points() -> None:
    # voxel 0: 3 points of object 4, 2 of none; voxel 1: none; voxel 2: 2 of object 1, 3 of none
    scene = points((0, 0.06, 1, 4), (0.06, 0.2, 1, -1), (0.2, 0.24, 1, 1), (0.24, 0.3, 2, -1))
    grid, _ = VoxelGrid.from_points(LabeledPoints(scene.xyz, scene.labels), 0.1)
    assert voxel_truth(scene, grid).tolist() == [4, -1, -1]
    with pytest.raises(InputError, match="voxels"):
        voxel_truth(points((0, 0.1, 1, 0)), grid)


def test_growing_scan_is_followed_through_map_and_tracker() -> None:
    chair, table = (0.0, 0.5, 5, 0), (1.0, 2.0, 7, 1)
    scans = [
        points((0.0, 0.3, 5, 0)),
        points((0.0, 0.3, 5, 0), (0.3, 0.5, 5, 0), (1.0, 1.5, 7, 1)),
        points((0.0, 0.3, 5, 0), (0.3, 0.5, 5, 0), (1.0, 1.5, 7, 1), (1.5, 2.0, 7, 1)),
    ]
    taxonomy = Taxonomy.scannet()
    components = mapper(lambda g: components_as_instances(g, taxonomy))
    assert follow_growing_map(scans, components) == IdStability(objects=2, followed=2, steady=2)
    components.reset()
    with pytest.raises(InputError, match="scan 1"):
        follow_growing_map([points(chair, table), points(chair)], components)


def test_object_that_segmentation_loses_for_once_comes_back_with_its_id() -> None:
    scans = [points((0.0, 1.0, 5, 0))] * 3
    taxonomy, calls = Taxonomy.scannet(), iter([True, False, True])

    def segment(grid: VoxelGrid):
        whole = components_as_instances(grid, taxonomy)
        return whole if next(calls) else components_as_instances(grid, taxonomy, min_voxels=99)

    assert follow_growing_map(scans, mapper(segment)) == IdStability(1, 1, 1)
