"""divide: every voxel once, what lies apart apart, far content without a say, sizes bounded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtml_ros.core.voxels import pack_keys, unpack_keys
from mtml_ros.segmentation.regions import (
    BLOCK,
    MARGIN,
    ROOM_VOXELS,
    SMALL,
    Region,
    divide,
)

LEAST = 5


def block(low: tuple[int, int, int], size: tuple[int, int, int]) -> np.ndarray:
    return np.stack(np.indices(size), axis=-1).reshape(-1, 3) + low


def grid(*parts: np.ndarray) -> np.ndarray:
    return unpack_keys(np.unique(pack_keys(np.concatenate(parts))))


def contents(coordinates: np.ndarray, regions: list[Region]) -> set[bytes]:
    """Each region's voxels, and which are its own: the same wherever they stand in a grid."""
    found = set()
    for r in regions:
        own = np.ones(len(r.rows), bool) if r.own is None else r.own
        found.add(np.column_stack([coordinates[r.rows], own]).tobytes())
    return found


def owned(coordinates: np.ndarray, regions: list[Region]) -> np.ndarray:
    times = np.zeros(len(coordinates), dtype=int)
    for r in regions:
        assert (np.diff(r.rows) > 0).all()
        times[r.rows if r.own is None else r.rows[r.own]] += 1
    return times


def test_nothing_has_no_regions():
    assert divide(np.zeros((0, 3), np.int32), LEAST) == []


def test_a_room_with_gaps_below_sixteen_voxels_is_one_region():
    coordinates = grid(block((0, 0, 0), (40, 40, 1)), block((5, 5, 16), (4, 4, 4)))
    (region,) = divide(coordinates, LEAST)
    assert region.own is None
    assert len(region.rows) == len(coordinates)


@pytest.mark.parametrize("corner", [(0, 0, 0), (-7, 3, 11)])
def test_a_gap_of_32_voxels_separates_whatever_the_corner(corner):
    one, two = block((0, 0, 0), (20, 20, 10)), block((52, 0, 0), (20, 20, 10))
    assert len(divide(grid(one + corner, two + corner), LEAST)) == 2


def test_rooms_a_metre_apart_are_one_each_where_together_they_exceed_a_room():
    room = block((0, 0, 0), (32, 32, 20))
    rooms = [block((42 * i, 0, 0), (32, 32, 20)) for i in range(4)]
    assert 4 * len(room) > ROOM_VOXELS
    coordinates = grid(*rooms)
    regions = divide(coordinates, LEAST)
    assert [len(r.rows) for r in regions] == [len(room)] * 4
    assert contents(coordinates, regions) == {
        content for r in rooms for content in contents(grid(r), divide(grid(r), LEAST))
    }


def test_specks_are_in_no_region_and_change_none():
    room = block((0, 0, 0), (40, 40, 3))
    alone = grid(room)
    expected = contents(alone, divide(alone, LEAST))
    for speck in ([[20, 20, -28]], [[100, 3, 0], [100, 3, 1]], block((0, 0, 60), (1, 2, 2))):
        coordinates = grid(room, np.array(speck))
        assert contents(coordinates, divide(coordinates, LEAST)) == expected


def test_many_small_islands_are_few_regions():
    islands = [block((40 * x, 40 * y, 0), (2, 2, 3)) for x in range(30) for y in range(30)]
    coordinates = grid(*islands)
    regions = divide(coordinates, LEAST)
    assert (owned(coordinates, regions) == 1).all()
    assert len(regions) <= (30 * 40 / 128 + 1) ** 2
    assert SMALL > 12


@pytest.mark.parametrize("size", [(79, 79, 79), (700, 700, 1), (4, 4, 20_000)])
def test_what_is_seen_at_once_is_bounded(size):
    most = 20_000
    coordinates = grid(block((-13, 5, 2), size))
    regions = divide(coordinates, LEAST, most)
    assert (owned(coordinates, regions) == 1).all()
    assert max(len(r.rows) for r in regions) <= most
    # a margin of a quarter of the block's width around it
    assert sum(len(r.rows) for r in regions) <= (1 + 2 * MARGIN) ** 3 * len(coordinates)


def test_a_cut_region_sees_its_block_and_the_margin_around_it():
    coordinates = grid(block((0, 0, 0), (200, 200, 1)))
    regions = divide(coordinates, LEAST, 10_000)
    assert len(regions) == 16
    for r in regions:
        low = coordinates[r.rows[r.own]].min(axis=0)
        assert (low[:2] % BLOCK == 0).all()
        seen = coordinates[r.rows]
        near = np.all(
            (coordinates >= low - BLOCK // 4) & (coordinates < low + BLOCK + BLOCK // 4), axis=1
        )
        assert len(seen) == near.sum()


@pytest.mark.parametrize("bottom", [-1, 0, 63])
def test_a_floor_is_cut_alike_at_every_height(bottom):
    """One that lies some centimetres below 0 makes no further layer of blocks."""
    coordinates = grid(block((0, 0, bottom), (200, 200, 2)))
    assert len(divide(coordinates, LEAST, 20_000)) == 16


voxels = st.lists(st.tuples(*[st.integers(-60, 60)] * 3), min_size=1, max_size=60)


@settings(deadline=None, max_examples=60)
@given(voxels, st.integers(0, 6), st.sampled_from([16, 200, 131_072]))
def test_each_voxel_is_one_regions_own_or_a_speck(seeds, grown, most):
    coordinates = grid(*(block(s, (1 + grown, 2, 3)) for s in seeds))
    times = owned(coordinates, divide(coordinates, LEAST, most))
    assert (times <= 1).all()
    assert times.all() or grown < LEAST  # a speck has fewer than LEAST voxels


@settings(deadline=None, max_examples=60)
@given(voxels, voxels, st.sampled_from([16, 200, 131_072]))
def test_far_content_changes_no_region(seeds, others, most):
    near = grid(*(block(s, (3, 2, 3)) for s in seeds))
    far = np.array(others, dtype=np.int32) + np.array([0, 5000, 0])
    both = grid(near, far)
    regions = divide(both, LEAST, most)
    here = [r for r in regions if (both[r.rows][:, 1] < 1000).any()]
    assert contents(both, here) == contents(near, divide(near, LEAST, most))


def test_content_beyond_the_margins_changes_no_cut_region():
    hall = block((0, 0, 0), (300, 100, 1))
    before = grid(hall)
    after = grid(hall[hall[:, 0] < 250])
    kept = contents(before, divide(before, LEAST, 10_000)) & contents(
        after, divide(after, LEAST, 10_000)
    )
    # blocks of 64 voxels in five columns of two; what changed is seen by the last two columns
    assert len(kept) == 6


def test_the_rows_of_a_region_are_ascending():
    coordinates = grid(block((0, 0, 0), (90, 90, 2)))
    for r in divide(coordinates, LEAST, 4_000):
        assert (np.diff(pack_keys(coordinates[r.rows])) > 0).all()
