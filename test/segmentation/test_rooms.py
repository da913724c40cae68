"""rooms: cut at walls and doorways alone, and nothing far away moves a cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtml_ros.core.voxels import pack_keys, unpack_keys
from mtml_ros.segmentation.regions import divide
from mtml_ros.segmentation.rooms import NARROWEST, SIDE, STOREY, rooms

WIDE, DEEP, HIGH = 50, 40, 24
MOST = 6_000
"""One room has fewer voxels, two have more."""


def block(low: tuple[int, int, int], size: tuple[int, int, int]) -> np.ndarray:
    return np.stack(np.indices(size), axis=-1).reshape(-1, 3) + low


def grid(*parts: np.ndarray) -> np.ndarray:
    return unpack_keys(np.unique(pack_keys(np.concatenate(parts))))


def walled(x: int, y: int, low: int = 0) -> np.ndarray:
    """A room: its floor and, within it, four walls."""
    whole = block((x, y, low), (WIDE, DEEP, HIGH))
    wall = ((whole[:, :2] == [x, y]) | (whole[:, :2] == [x + WIDE - 1, y + DEEP - 1])).any(axis=1)
    return whole[wall | (whole[:, 2] == low)]


def building(side: int, doors: bool = False) -> np.ndarray:
    """Rooms wall to wall; doors: a doorway of ten voxels from each to the next along x."""
    cells = grid(*(walled(WIDE * i, DEEP * j) for i in range(side) for j in range(side)))
    if doors:
        gap = (np.abs(cells[:, 1] % DEEP - DEEP / 2 + 0.5) < 5) & (cells[:, 2] > 0)
        gap &= (cells[:, 0] >= WIDE - 1) & (cells[:, 0] <= WIDE * (side - 1))
        cells = cells[~gap]
    return cells


def contents(coordinates: np.ndarray, room: np.ndarray) -> set[bytes]:
    return {coordinates[room == i].tobytes() for i in range(room.max() + 1)}


@pytest.mark.parametrize("corner", [(0, 0, 0), (-7, 3, 11)])
def test_rooms_wall_to_wall_have_their_own_walls(corner):
    cells = building(3) + np.array(corner, np.int32)
    room, border = rooms(cells, MOST)
    assert contents(cells, room) == {
        grid(walled(WIDE * i, DEEP * j) + corner).tobytes() for i in range(3) for j in range(3)
    }
    meets = np.isin(cells[:, 0] - corner[0], [WIDE - 1, WIDE, 2 * WIDE - 1, 2 * WIDE])
    meets |= np.isin(cells[:, 1] - corner[1], [DEEP - 1, DEEP, 2 * DEEP - 1, 2 * DEEP])
    assert np.array_equal(border, meets)


def test_a_doorway_parts_rooms_and_a_wider_passage_does_not():
    cells = building(3, doors=True)
    room, _ = rooms(cells, MOST)
    assert room.max() == 8
    for i in range(9):  # of the doorway each has its own half
        x, y = cells[room == i][:, 0] // WIDE, cells[room == i][:, 1] // DEEP
        assert (x == x[0]).all()
        assert (y == y[0]).all()
    open_ = np.abs(cells[:, 1] % DEEP - DEEP / 2 + 0.5) < NARROWEST + 1
    wider = cells[~(open_ & (cells[:, 2] > 0))]
    assert rooms(wider, MOST)[0].max() == 2  # three rows


def test_what_is_no_larger_than_a_room_is_not_cut():
    cells = building(2)
    room, border = rooms(cells, len(cells))
    assert not room.any()
    assert not border.any()
    assert rooms(cells, len(cells) - 1)[0].max() == 3


@pytest.mark.parametrize("size", [(200, 200, 2), (60, 60, 60), (4, 4, 2_000), (9_000, 3, 1)])
def test_without_walls_nothing_is_cut(size):
    assert not rooms(block((0, 0, 0), size).astype(np.int32), 1_000)[0].any()


def test_furniture_stays_with_the_room_whose_wall_it_stands_at():
    """Four columns deep, where the other side of the wall is bare."""
    cupboard = block((WIDE + 1, 5, 0), (4, 20, 11))
    cells = grid(building(2), cupboard)
    room, _ = rooms(cells, MOST + len(cupboard))
    assert grid(walled(WIDE, 0), cupboard).tobytes() in contents(cells, room)


def test_a_closet_is_no_room():
    closet = SIDE - 1
    assert closet > 2 * NARROWEST
    shell = block((0, 0, 0), (closet + 2, closet + 2, HIGH))
    inside = ((shell[:, :2] > 0) & (shell[:, :2] <= closet)).all(axis=1) & (shell[:, 2] > 0)
    cells = grid(shell[~inside], walled(closet + 2, 0))
    assert not rooms(cells, MOST)[0].any()


def test_walls_of_one_storey_cut_no_room_of_another():
    apart = block((0, 0, 0), (2 * WIDE, DEEP, 1))
    above = grid(apart, walled(0, 0, STOREY), walled(WIDE, 0, STOREY), block((0, 0, 0), (1, 1, 60)))
    assert not rooms(above, MOST)[0].any()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.2))
def test_what_changes_in_a_room_moves_no_cut_elsewhere(seed, share):
    cells = building(3, doors=True)
    before = contents(cells, rooms(cells, MOST)[0])
    rng = np.random.default_rng(seed)
    # what is near a doorway has a say in where it is cut
    inside = ((cells[:, :2] >= 10) & (cells[:, :2] < [WIDE - 10, DEEP - 10])).all(axis=1)
    gone = inside & (rng.random(len(cells)) < share)
    thing = block((*rng.integers(10, 16, 2).tolist(), 1), tuple(rng.integers(1, 15, 3).tolist()))
    changed = grid(cells[~gone], thing)
    after = contents(changed, rooms(changed, MOST)[0])
    assert len(before & after) >= 8
    # nor does what is built on to the other end
    longer = grid(cells, walled(3 * WIDE, 0), walled(4 * WIDE, 0))
    assert before <= contents(longer, rooms(longer, MOST)[0])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 5_000))
def test_each_voxel_is_in_one_room_whatever_the_shape(seed, parts, most):
    rng = np.random.default_rng(seed)
    low, size = rng.integers(-60, 60, (parts, 3)), rng.integers(1, 40, (parts, 3))
    cells = grid(*(block(tuple(a), tuple(b)) for a, b in zip(low.tolist(), size.tolist())))
    room, border = rooms(cells, most)
    assert np.array_equal(np.unique(room), np.arange(room.max() + 1))
    assert border.any() <= (room.max() > 0)
    assert sorted(np.concatenate([r.owned for r in divide(cells, 1, most)]).tolist()) == list(
        range(len(cells))
    )
