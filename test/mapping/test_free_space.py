"""cast_rays: which voxels a ray says are empty, and which it must leave alone."""

import numpy as np

from mtml_ros.core.voxels import pack_keys, unpack_keys
from mtml_ros.mapping.free_space import MAX_RANGE, cast_rays, without_hit_neighbor
from mtml_ros.mapping.voxel_store import Slots, VoxelStore

SIZE = 0.1
ORIGIN = np.array([0.05, 0.05, 0.05])


def missed(occupied: list[tuple[int, int, int]], *ends: tuple[float, float, float]) -> list[list]:
    """The occupied voxels that rays from voxel 0, 0, 0 to these ends pass through."""
    keys = np.sort(pack_keys(np.array(occupied, dtype=np.int32).reshape(-1, 3)))
    rows = cast_rays(keys, ORIGIN, np.array(ends, dtype=np.float32).reshape(-1, 3), SIZE)
    return unpack_keys(keys[rows]).tolist()


def test_voxel_in_the_middle_of_a_ray_is_seen_through_and_those_beside_it_are_not() -> None:
    occupied = [(10, 0, 0), (10, 1, 0), (10, 0, -1), (20, 0, 0)]
    assert missed(occupied, (2.05, 0.05, 0.05)) == [[10, 0, 0]]


def test_every_direction_is_followed() -> None:
    ends = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 0, -1], [1, 1, 0], [-1, 1, -1]]) * 20
    occupied = [tuple(e // 2) for e in ends] + [tuple(e) for e in ends]
    points = [tuple((e + 0.5) * SIZE) for e in ends]
    assert missed(occupied, *points) == sorted((ends // 2).tolist())


def test_voxels_joined_to_the_end_of_the_ray_are_left_alone() -> None:
    wall = [(x, 0, 0) for x in range(17, 21)]
    assert missed([*wall, (8, 0, 0)], (2.05, 0.05, 0.05)) == [[8, 0, 0]]
    # with a gap in it, what lies before the gap is not joined any more
    assert missed([(15, 0, 0), (16, 0, 0), *wall[2:]], (2.05, 0.05, 0.05)) == [
        [15, 0, 0],
        [16, 0, 0],
    ]


def test_floor_seen_at_a_grazing_angle_is_left_alone() -> None:
    floor = [(x, 0, -10) for x in range(60)]
    ends = [(x, 0.05, -0.95) for x in np.arange(1.0, 5.9, 0.05)]
    assert missed(floor, *ends) == []
    # something that stands on it, seen through from end to end, is not
    assert missed([*floor, (20, 0, -9), (20, 0, -8)], *ends) == [[20, 0, -9], [20, 0, -8]]


def test_last_voxel_and_a_half_of_a_ray_says_nothing() -> None:
    assert missed([(19, 0, 0)], (2.01, 0.05, 0.05)) == []
    assert missed([(18, 0, 0)], (2.01, 0.05, 0.05)) == []  # the ray counts from 1.86 m back
    assert missed([(17, 0, 0)], (2.01, 0.05, 0.05)) == [[17, 0, 0]]


def test_ray_through_the_corner_of_a_voxel_says_nothing() -> None:
    assert missed([(10, 0, 0)], (2.05, 0.11, 0.05)) == [[10, 0, 0]]
    # y is 0.098 there: inside voxel 0, but at its edge
    assert missed([(10, 0, 0)], (2.05, 0.146, 0.05)) == []


def test_only_what_lies_within_range_is_cleared() -> None:
    reach = int(MAX_RANGE / SIZE)
    occupied = [(reach - 5, 0, 0), (reach + 5, 0, 0)]
    assert missed(occupied, ((reach + 20) * SIZE, 0.05, 0.05)) == [[reach - 5, 0, 0]]


def test_nothing_to_look_at_gives_nothing() -> None:
    assert missed([], (2.0, 0.0, 0.0)) == []
    assert missed([(1, 0, 0)]) == []
    assert missed([(1, 0, 0)], (0.1, 0.05, 0.05)) == []  # shorter than the margin
    assert missed([(0, 50, 0)], (2.0, 0.05, 0.05)) == []


def test_rays_at_the_ends_of_the_key_range_are_no_trouble() -> None:
    far = np.array([[1_048_570, -1_048_570, 1_048_570]], dtype=np.int32)
    keys = pack_keys(far)
    end = (far[0] + 0.5) * SIZE
    three = np.array([3.0, 0, 0])
    start = end - three
    assert cast_rays(keys, start, end[None], SIZE).tolist() == []
    assert cast_rays(keys, start, (end + three)[None], SIZE).tolist() == [0]


def test_miss_beside_a_hit_of_the_same_label_is_none() -> None:
    """Voxels 0 to 5 in a row; 0 and 1 are a floor, the others a chair, of which 3 is hit."""
    voxels = np.stack([np.arange(6), np.zeros(6, int), np.zeros(6, int)], axis=1)
    slots = Slots.empty(6, 20)
    slots.label[:] = [2, 2, 5, 5, 5, 5]
    store = VoxelStore.of(pack_keys(voxels), slots, 10)
    missed, none = np.array([0, 1, 2, 4, 5]), np.zeros(0, dtype=np.int64)
    assert without_hit_neighbor(store, missed, np.array([3])).tolist() == [0, 1, 5]
    # the floor is hit beside the chair, which stands on it: that says nothing for the chair
    assert without_hit_neighbor(store, np.array([2, 3]), np.array([0, 1])).tolist() == [2, 3]
    assert without_hit_neighbor(store, missed, none).tolist() == missed.tolist()
    assert without_hit_neighbor(store, none, missed).tolist() == []
