"""Objects that a cut went through are whole again; what the views do not agree on stays apart."""

import numpy as np
import torch
from torch import nn

from mtml_ros.core.instances import Segmentation, make_instance
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid, pack_keys, unpack_keys
from mtml_ros.evaluation.baselines import components_as_instances
from mtml_ros.network.batch import VoxelBatch
from mtml_ros.network.checkpoint import Checkpoint
from mtml_ros.network.config import NetworkConfig
from mtml_ros.network.heads import NetworkOutput
from mtml_ros.segmentation.labelling import LabellingSettings
from mtml_ros.segmentation.paper_score import ScoreSettings
from mtml_ros.segmentation.proposals import ProposalSettings
from mtml_ros.segmentation.region_cache import RegionCache
from mtml_ros.segmentation.regions import Region, divide
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.segmentation.settings import SegmenterSettings
from mtml_ros.segmentation.stitching import RegionResult, joined

TAXONOMY = Taxonomy.scannet()
CHAIR, TABLE, FLOOR = (TAXONOMY.index(name) for name in ("chair", "table", "floor"))
MOST = 12_000


def block(low: tuple[int, int, int], size: tuple[int, int, int]) -> np.ndarray:
    return np.stack(np.indices(size), axis=-1).reshape(-1, 3) + low


def world(*parts: tuple[np.ndarray, int]) -> VoxelGrid:
    """A grid from parts (voxels, label); later ones are put over earlier ones."""
    keys = np.concatenate([pack_keys(p) for p, _ in parts])
    labels = np.concatenate([np.full(len(p), label) for p, label in parts]).astype(np.uint8)
    keys, last = np.unique(keys[::-1], return_index=True)
    return VoxelGrid(unpack_keys(keys), labels[::-1][last], 0.1)


class Blank(nn.Module):
    """Says nothing: what is left are the connected components of the labels."""

    def forward(self, batch: VoxelBatch) -> NetworkOutput:
        zeros = torch.zeros(len(batch), 3)
        return NetworkOutput(zeros, zeros, None)


def components_segmenter() -> InstanceSegmenter:
    checkpoint = Checkpoint(Blank(), NetworkConfig(TAXONOMY.names[1:]))
    settings = SegmenterSettings(
        proposals=ProposalSettings(bandwidths=()),
        score=ScoreSettings(use_direction=False),
        labelling=LabellingSettings(score_threshold=0.0),
    )
    return InstanceSegmenter(checkpoint, TAXONOMY, torch.device("cpu"), settings)


def objects(found: Segmentation) -> set[tuple[int, bytes]]:
    return {(i.label, i.voxels.tobytes()) for i in found.instances}


def hall(rng: np.random.Generator, size: int = 260) -> VoxelGrid:
    """A floor with boxes on it, some of them long, some across cuts."""
    parts = [(block((0, 0, 0), (size, size, 1)), FLOOR)]
    for _ in range(60):
        low = (*rng.integers(0, size - 4, 2).tolist(), 1)
        extent = (int(rng.integers(2, 14)), int(rng.integers(2, 14)), int(rng.integers(2, 12)))
        parts.append((block(low, extent), int(rng.choice([CHAIR, TABLE]))))
    return world(*parts)


def test_objects_across_cuts_are_those_of_the_whole():
    for seed in range(3):
        grid = hall(np.random.default_rng(seed))
        assert len(divide(grid.coordinates, 10, MOST)) > 16
        found = components_segmenter().segment(grid, region_voxels=MOST)
        assert objects(found) == objects(components_as_instances(grid, TAXONOMY, 10))
        assert np.array_equal(found.labels, grid.labels)
        for number, instance in enumerate(found.instances):
            assert np.array_equal(np.flatnonzero(found.instance == number), instance.voxels)
        scores = [i.score for i in found.instances]
        assert scores == sorted(scores, reverse=True)


def test_an_object_longer_than_blocks_and_margins_is_one():
    grid = world((block((0, 0, 0), (400, 60, 1)), FLOOR), (block((3, 30, 1), (390, 3, 2)), TABLE))
    found = components_segmenter().segment(grid, region_voxels=MOST)
    (counter,) = found.instances
    assert len(counter.voxels) == 390 * 3 * 2
    assert np.isclose(counter.box.size[0], 39.0)


def test_a_changed_part_gives_what_all_of_it_anew_would():
    rng = np.random.default_rng(5)
    segmenter, cache = components_segmenter(), RegionCache()
    grid = hall(rng)
    segmenter.segment(grid, region_voxels=MOST, cache=cache)
    assert cache.fresh >= len(grid)
    segmenter.segment(grid, region_voxels=MOST, cache=cache)
    assert cache.fresh == 0
    for _ in range(6):
        center = rng.integers(0, 260, 3) * (1, 1, 0)
        near = (np.abs(grid.coordinates - center) < rng.integers(2, 10)).all(axis=1)
        gone = near & (rng.random(len(grid)) < 0.7)
        changed = VoxelGrid(grid.coordinates[~gone], grid.labels[~gone], 0.1)
        grid = world(
            (changed.coordinates[changed.labels == FLOOR], FLOOR),
            (changed.coordinates[changed.labels == CHAIR], CHAIR),
            (changed.coordinates[changed.labels == TABLE], TABLE),
            (block((*center[:2].tolist(), 1), (5, 4, 6)), CHAIR),
        )
        found = segmenter.segment(grid, region_voxels=MOST, cache=cache)
        assert 0 < cache.fresh < len(grid) / 2
        anew = segmenter.segment(grid, region_voxels=MOST)
        assert objects(found) == objects(anew)
        assert np.array_equal(found.instance, anew.instance)
        assert [p.score for p in found.proposals] == [p.score for p in anew.proposals]


def test_other_settings_make_the_cache_anew():
    segmenter, cache = components_segmenter(), RegionCache()
    grid = world((block((0, 0, 0), (4, 4, 4)), CHAIR))
    assert len(segmenter.segment(grid, cache=cache).instances) == 1
    assert segmenter.segment(grid, cache=cache, min_voxels=65).instances == []
    assert len(segmenter.segment(grid, cache=cache).instances) == 1


def two_views(left: list[int], right: list[int]) -> tuple[VoxelGrid, list[Region], list]:
    """A line of 40 voxels cut at 20, each side with a margin of ten; each one's instances."""
    grid = world((block((0, 0, 0), (40, 1, 1)), TABLE))
    rows = [np.arange(30), np.arange(10, 40)]
    regions = [Region(rows[0], rows[0] < 20), Region(rows[1], rows[1] >= 20)]
    results = []
    for region, instance in zip(regions, (left, right)):
        part = VoxelGrid(grid.coordinates[region.rows], grid.labels[region.rows], 0.1)
        ids = np.array(instance, dtype=np.int32)
        instances = [
            make_instance(part, np.flatnonzero(ids == i), TABLE, 0.5 + 0.25 * i)
            for i in range(ids.max() + 1)
        ]
        found = Segmentation(part, ids, instances, [], part.labels)
        results.append(RegionResult.of(found, region.own))
    return grid, regions, results


def sizes(grid: VoxelGrid, regions: list[Region], results: list) -> list[int]:
    return sorted(len(i.voxels) for i in joined(grid, regions, results, 1).instances)


def test_views_that_agree_on_more_than_half_of_what_both_see_are_one_object():
    agreed = two_views([0] * 30, [0] * 19 + [-1] * 11)
    assert sizes(*agreed) == [29]
    half = two_views([0] * 30, [-1] * 10 + [0] * 20)  # ten of the twenty that both see
    assert sizes(*half) == [20, 20]


def test_objects_that_meet_at_the_cut_stay_two_when_both_views_say_so():
    views = two_views([0] * 20 + [1] * 10, [0] * 10 + [1] * 20)
    assert sizes(*views) == [20, 20]


def test_a_joined_object_has_its_largest_parts_class_and_the_mean_score():
    grid, regions, results = two_views([0] * 30, [-1] * 2 + [0] * 28)
    results[0] = RegionResult(results[0].instance, results[0].instances, [])
    (whole,) = joined(grid, regions, results, 1).instances
    assert whole.label == TABLE
    assert np.isclose(whole.score, 0.5)
    assert len(whole.voxels) == 40


def test_what_a_cut_leaves_too_small_is_dropped():
    views = two_views([0] * 12 + [1] * 4 + [-1] * 14, [0] * 10 + [1] * 20)
    grid, regions, results = views
    found = joined(grid, regions, results, 13)
    assert [len(i.voxels) for i in found.instances] == [20]


def two_rooms(labels: tuple[int, int], contact: int) -> list[int]:
    """Sizes of what is found of two objects that are four voxels wide, each in a room, when
    `contact` of these lie side by side."""
    parts = [block((0, 0, 0), (20, 4, 1)), block((20, 4 - contact, 0), (30, 4, 1))]
    grid = world(*zip(parts, labels))
    left = grid.coordinates[:, 0] < 20
    regions, results = [], []
    for rows, label in zip((np.flatnonzero(left), np.flatnonzero(~left)), labels):
        regions.append(Region(rows, None, np.isin(grid.coordinates[rows, 0], [19, 20])))
        part = VoxelGrid(grid.coordinates[rows], grid.labels[rows], 0.1)
        whole = make_instance(part, np.arange(len(rows)), label, 0.5)
        found = Segmentation(part, np.zeros(len(rows), np.int32), [whole], [], part.labels)
        results.append(RegionResult.of(found, None))
    return sizes(grid, regions, results)


def test_an_object_that_goes_on_in_the_next_room_is_one():
    assert two_rooms((TABLE, TABLE), 4) == [200]
    assert two_rooms((TABLE, CHAIR), 4) == [80, 120]


def test_what_most_of_an_object_meets_is_what_it_goes_on_in():
    grid = world((block((0, 0, 0), (4, 9, 1)), TABLE), (block((4, 0, 0), (4, 9, 1)), TABLE))
    rows = [np.flatnonzero(grid.coordinates[:, 0] // 4 == i) for i in range(2)]
    regions = [Region(r, None, np.ones(len(r), bool)) for r in rows]
    results = []
    # on one side a wide and a narrow object, on the other the wide one alone, a little narrower
    for r, ends in zip(rows, ((6, 9), (5,))):
        part = VoxelGrid(grid.coordinates[r], grid.labels[r], 0.1)
        ids = np.searchsorted(ends, part.coordinates[:, 1], side="right").astype(np.int32)
        ids[ids == len(ends)] = -1
        instances = [
            make_instance(part, np.flatnonzero(ids == i), TABLE, 0.5) for i in range(len(ends))
        ]
        results.append(RegionResult.of(Segmentation(part, ids, instances, [], part.labels), None))
    assert sizes(grid, regions, results) == [12, 44]
