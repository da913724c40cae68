"""InstanceTracker: each way in which an object can change between two updates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtml_ros.core.errors import MapFileError
from mtml_ros.core.instances import Instance, OrientedBox, Segmentation, make_instance
from mtml_ros.core.voxels import VoxelGrid, pack_keys
from mtml_ros.tracking.tracked_objects import ABSORBED_UPDATES
from mtml_ros.tracking.tracker import MAX_VANISHED_VOXELS, InstanceTracker, TrackedInstance

CHAIR, TABLE = 5, 7


def block(x: int, y: int = 0, z: int = 0, length: int = 4, side: int = 4) -> np.ndarray:
    """(length * side * side, 3) voxels of a box that begins at x, y, z and is long in x."""
    axes = [np.arange(length) + x, np.arange(side) + y, np.arange(side) + z]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def moved(voxels: np.ndarray, x: int) -> np.ndarray:
    """The voxels, x farther along x."""
    return voxels + np.array([x, 0, 0])


def scene(
    *objects: np.ndarray | tuple[np.ndarray, int], others: np.ndarray | None = None
) -> Segmentation:
    """A segmentation with these objects (chairs, or with their class) and voxels of none."""
    parts = [o if isinstance(o, tuple) else (o, CHAIR) for o in objects]
    coordinates = [p for p, _ in parts] + ([others] if others is not None else [])
    everything = np.concatenate([*coordinates, np.zeros((0, 3), dtype=int)])
    keys, row = np.unique(pack_keys(everything), return_index=True)
    coordinates_sorted = everything[row].astype(np.int32)
    instance = np.full(len(keys), -1, dtype=np.int32)
    labels = np.zeros(len(keys), dtype=np.uint8)
    for i, (voxels, label) in enumerate(parts):
        mine = np.searchsorted(keys, pack_keys(voxels))
        instance[mine], labels[mine] = i, label
    grid = VoxelGrid(coordinates_sorted, labels, 0.1)
    instances = [
        make_instance(grid, np.flatnonzero(instance == i), label, 0.9)
        for i, (_, label) in enumerate(parts)
    ]
    return Segmentation(grid, instance, instances, [], labels)


def ids(tracked: list[TrackedInstance]) -> list[int]:
    return [t.id for t in tracked]


def owners(tracked: list[TrackedInstance]) -> dict[int, list[int]]:
    return {t.id: t.instance.voxels.tolist() for t in tracked}


def test_new_objects_get_ids_from_one_up_and_keep_them() -> None:
    tracker = InstanceTracker()
    room = scene(block(0), block(10), block(20))
    assert ids(tracker.update(room, 1.0)) == [1, 2, 3]
    again = tracker.update(room, 2.5)
    assert ids(again) == [1, 2, 3]
    assert [(t.first_seen, t.last_seen) for t in again] == [(1.0, 2.5)] * 3
    assert [t.instance for t in again] == room.instances


def test_object_that_grows_from_a_corner_keeps_its_id() -> None:
    tracker = InstanceTracker()
    for length in (1, 3, 9, 20):
        assert ids(
            tracker.update(scene(block(40, length=30), block(0, length=length)), length)
        ) == [1, 2]


def test_half_seen_object_completed_keeps_its_id_when_an_older_neighbour_bleeds_into_it() -> None:
    tracker = InstanceTracker()
    assert ids(tracker.update(scene(block(0, length=10)), 0)) == [1]
    assert ids(tracker.update(scene(block(0, length=10), block(12, length=2)), 1)) == [1, 2]
    # completed, the second object reaches two slices into the first
    assert ids(tracker.update(scene(block(0, length=8), block(8, length=12)), 2)) == [1, 2]


@pytest.mark.parametrize("first", [1, 2, 9, 18])
def test_merged_pieces_take_the_older_id_whichever_is_larger(first: int) -> None:
    tracker = InstanceTracker()
    older, younger = block(0, length=first), block(first + 1, length=20 - first)
    tracker.update(scene(older), 0)
    assert ids(tracker.update(scene(younger, older), 1)) == [2, 1]
    for stamp in range(2, 30):
        assert ids(tracker.update(scene(block(0, length=21)), stamp)) == [1]


def test_of_pieces_that_appeared_together_the_larger_keeps_its_id() -> None:
    tracker = InstanceTracker()
    first = scene(block(0, length=2), block(3, length=9), block(13, length=4))
    assert ids(tracker.update(first, 0)) == [3, 1, 2]
    assert ids(tracker.update(scene(block(0, length=17)), 1)) == [1]


def test_merge_of_unlike_classes_takes_the_id_of_the_larger_part() -> None:
    tracker = InstanceTracker()
    chair, table = (block(0, length=3), CHAIR), (block(3, length=12), TABLE)
    tracker.update(scene(chair), 0)
    assert ids(tracker.update(scene(chair, table), 1)) == [1, 2]
    assert ids(tracker.update(scene((block(0, length=15), TABLE)), 2)) == [2]


def test_merge_that_flickers_gives_both_ids_back() -> None:
    tracker = InstanceTracker()
    apart = scene(block(0, length=5), block(5, length=9))
    together = scene(block(0, length=14))
    tracker.update(scene(block(0, length=5)), 0)
    tracker.update(apart, 0)
    for stamp in range(1, ABSORBED_UPDATES):
        assert ids(tracker.update(together, stamp)) == [1]
    assert ids(tracker.update(apart, ABSORBED_UPDATES)) == [1, 2]


def test_chair_swallowed_by_the_table_for_eleven_updates_comes_back_with_its_id() -> None:
    tracker = InstanceTracker()
    chair, table = (block(0, length=4), CHAIR), (block(4, length=16), TABLE)
    assert ids(tracker.update(scene(chair, table), 0)) == [2, 1]
    for stamp in range(1, 12):
        assert ids(tracker.update(scene((block(0, length=20), TABLE)), stamp)) == [1]
    assert ids(tracker.update(scene(chair, table), 12)) == [2, 1]


def test_chair_swallowed_by_a_table_that_is_new_comes_back_with_its_id() -> None:
    tracker = InstanceTracker()
    chair = (block(0, length=4), CHAIR)
    assert ids(tracker.update(scene(chair), 0)) == [1]
    assert ids(tracker.update(scene((block(0, length=20), TABLE)), 1)) == [2]
    assert ids(tracker.update(scene(chair, (block(4, length=16), TABLE)), 2)) == [1, 2]


def test_two_chairs_that_merge_hand_no_id_to_the_half_of_a_table_and_get_theirs_back() -> None:
    """The half of the table has two of the first chair's five slices, as many as a chair needs."""
    tracker = InstanceTracker()
    first, second = (block(20, length=5), CHAIR), (block(25, length=5), CHAIR)
    table = (block(0, length=20), TABLE)
    tracker.update(scene(first), 0)
    assert ids(tracker.update(scene(first, second, table), 1)) == [1, 3, 2]
    merged = (block(22, length=8), CHAIR)
    halves = (block(0, length=11), TABLE), (block(11, length=11), TABLE)
    assert ids(tracker.update(scene(merged, *halves), 2)) == [1, 2, 4]
    assert ids(tracker.update(scene(first, second, table), 3)) == [1, 3, 2]


def test_merge_that_lasts_forgets_the_younger_id_for_good() -> None:
    tracker = InstanceTracker()
    apart = scene(block(0, length=5), block(5, length=9))
    together = scene(block(0, length=14))
    tracker.update(scene(block(0, length=5)), 0)
    tracker.update(apart, 0)
    for stamp in range(ABSORBED_UPDATES + 1):
        assert ids(tracker.update(together, stamp)) == [1]
    # now it is one object that splits: the larger part keeps the id, the other is new
    assert ids(tracker.update(apart, 99)) == [3, 1]


def test_split_leaves_the_id_with_the_larger_part() -> None:
    tracker = InstanceTracker()
    tracker.update(scene(block(0, length=20)), 0)
    tracked = tracker.update(scene(block(0, length=7), block(8, length=12)), 1)
    assert ids(tracked) == [2, 1]
    assert [t.first_seen for t in tracked] == [1, 0]
    assert ids(tracker.update(scene(block(0, length=7), block(8, length=12)), 2)) == [2, 1]


def test_pieces_of_an_object_that_is_being_cleared_away_stay_one_with_it() -> None:
    tracker = InstanceTracker()
    other = block(40)
    tracker.update(scene(block(0, length=12), other), 0.0)
    assert ids(tracker.update(scene(block(0, length=10), other), 1.0)) == [1, 2]
    split = scene(block(0), block(6, length=3), other)
    first, second = tracker.update(split, 2.0)
    assert (first.id, second.id) == (1, 2)
    np.testing.assert_array_equal(first.instance.voxels, np.flatnonzero(split.instance < 2))
    assert first.instance.box.size[0] == pytest.approx(0.9)
    # when the piece that had the id goes, the other has it
    (left, _) = tracker.update(scene(block(6, length=2), other), 3.0)
    assert (left.id, len(left.instance.voxels)) == (1, 32)
    assert ids(tracker.update(scene(other), 4.0)) == [2]
    assert ids(tracker.update(scene(other, block(80)), 5.0)) == [2, 3]


def test_of_two_that_were_one_with_what_was_carried_away_each_has_an_id_in_the_end() -> None:
    tracker = InstanceTracker()
    tracker.update(scene(block(0, length=12)), 0.0)
    for number in range(1, 30):
        tracked = tracker.update(scene(block(0), block(9, length=3)), float(number))
        if len(tracked) == 2:
            break
        (whole,) = tracked
        assert (whole.id, len(whole.instance.voxels)) == (1, 112)
    assert ids(tracked) == [1, 2]
    assert number == 27  # 5/7 of what is left, a tenth less each time, is under VANISHING_SHARE


def test_an_object_beside_one_that_is_being_cleared_away_gets_its_id_at_once() -> None:
    tracker = InstanceTracker()
    tracker.update(scene(block(0, length=12)), 0.0)
    assert ids(tracker.update(scene(block(0, length=6), block(9, length=9)), 1.0)) == [1, 2]


def test_object_swallowed_in_part_by_an_instance_keeps_its_id_and_the_other_too() -> None:
    tracker = InstanceTracker()
    tracker.update(scene(block(0, length=5)), 0)
    assert ids(tracker.update(scene(block(0, length=5), block(5, length=30)), 1)) == [1, 2]
    # the younger now covers three fifths of the older
    assert ids(tracker.update(scene(block(0, length=2), block(2, length=33)), 2)) == [1, 2]


def test_unseen_object_comes_back_with_its_id() -> None:
    tracker = InstanceTracker()
    both, one = scene(block(0), block(10)), scene(block(10), others=block(0))
    assert ids(tracker.update(both, 0)) == [1, 2]
    for stamp in range(1, 40):
        assert ids(tracker.update(one, stamp)) == [2]
    back = tracker.update(both, 3600.0)
    assert ids(back) == [1, 2]
    assert (back[0].first_seen, back[0].last_seen) == (0, 3600.0)


def test_object_that_left_the_map_and_comes_back_has_its_id() -> None:
    tracker = InstanceTracker()
    tracker.update(scene(block(0), block(10)), 0)
    tracker.update(scene(block(10)), 1)
    assert ids(tracker.update(scene(block(0), block(10)), 2)) == [1, 2]


@pytest.mark.parametrize("length", [5, 10, 2])
def test_class_change_keeps_the_id_also_when_it_is_seen_better_or_worse(length: int) -> None:
    tracker = InstanceTracker()
    tracker.update(scene((block(0, length=5), CHAIR)), 0)
    assert ids(tracker.update(scene((block(0, length=length), TABLE)), 1)) == [1]


def test_old_mistake_does_not_rename_the_object_in_its_place() -> None:
    tracker = InstanceTracker()
    tracker.update(scene(block(0, length=2)), 0)
    table = scene(block(4, length=16), others=block(0, length=4))
    for stamp in range(1, 20):
        assert ids(tracker.update(table, stamp)) == [2]
    assert ids(tracker.update(scene(block(0, length=20)), 20)) == [2]


def test_moved_object_is_found_by_its_centroid_only_within_the_gate() -> None:
    tracker = InstanceTracker(centroid_gate=0.3)
    thin = block(0, length=1)
    tracker.update(scene(thin), 0)
    assert ids(tracker.update(scene(moved(thin, 2)), 1)) == [1]  # 0.2 m
    assert ids(tracker.update(scene(moved(thin, 7)), 2)) == [2]  # 0.5 m
    assert ids(tracker.update(scene((moved(thin, 9), TABLE)), 3)) == [3]  # of another class


def test_centroid_does_not_rename_an_object_whose_voxels_are_still_there() -> None:
    tracker = InstanceTracker(centroid_gate=0.3)
    thin = block(0, length=1)
    tracker.update(scene(thin), 0)
    assert ids(tracker.update(scene(moved(thin, 2), others=thin), 1)) == [2]


def test_two_objects_that_both_move_take_the_nearest_once_each() -> None:
    tracker = InstanceTracker(centroid_gate=0.31)
    thin = block(0, length=1)
    tracker.update(scene(thin, moved(thin, 5)), 0)
    # 0.3 m from the first and 0.2 m from the second; 0.1 m from the second
    assert ids(tracker.update(scene(moved(thin, 3), moved(thin, 6)), 1)) == [1, 2]


def test_new_object_that_touches_an_old_one_a_little_gets_a_new_id() -> None:
    tracker = InstanceTracker(centroid_gate=0)
    tracker.update(scene(block(0, length=10)), 0)
    # 2 of 10 slices are common: under a quarter
    assert ids(tracker.update(scene(block(8, length=10)), 1)) == [2]


def test_new_instance_made_of_scraps_of_several_objects_is_stable() -> None:
    tracker = InstanceTracker()
    tracker.update(scene(*(block(10 * i, length=10) for i in range(5))), 0)
    scraps = np.concatenate([block(10 * i, length=2) for i in range(5)])
    first = ids(tracker.update(scene(scraps), 1))
    assert ids(tracker.update(scene(scraps), 2)) == first


def test_empty_segmentations_are_no_trouble_and_forget_nothing() -> None:
    tracker = InstanceTracker()
    assert tracker.update(scene(), 0) == []
    tracker.update(scene(block(0)), 1)
    assert tracker.update(scene(), 2) == []
    assert ids(tracker.update(scene(block(0)), 3)) == [1]


def test_time_that_jumps_back_leaves_first_seen_before_last_seen() -> None:
    tracker = InstanceTracker()
    tracker.update(scene(block(0)), 100.0)
    tracked = tracker.update(scene(block(0)), 3.0)[0]
    assert (tracked.id, tracked.first_seen, tracked.last_seen) == (1, 3.0, 3.0)


def test_ids_are_never_given_again() -> None:
    tracker = InstanceTracker(centroid_gate=0)
    tracker.update(scene(block(0)), 0)
    tracker.reset()
    assert ids(tracker.update(scene(block(0)), 1)) == [2]


def test_memory_of_vanished_objects_is_bounded_and_the_longest_unseen_go_first() -> None:
    tracker = InstanceTracker(centroid_gate=0)
    side = 40
    per_object = side**3
    fit = MAX_VANISHED_VOXELS // per_object  # objects that are remembered whole
    for i in range(fit + 3):
        tracker.update(scene(block(i * side, length=side, side=side)), i)
    assert len(tracker.state()["keys"]) <= MAX_VANISHED_VOXELS + per_object
    last, first = fit + 1, 0
    known = ids(tracker.update(scene(block(last * side, length=side, side=side)), 100))
    assert known == [last + 1]
    forgotten = ids(tracker.update(scene(block(first * side, length=side, side=side)), 101))
    assert forgotten == [fit + 4]


def test_that_an_object_is_vanishing_is_saved() -> None:
    tracker, restored = InstanceTracker(), InstanceTracker()
    tracker.update(scene(block(0, length=12)), 0.0)
    tracker.update(scene(block(0, length=9)), 1.0)
    restored.restore(tracker.state())
    split = scene(block(0), block(6, length=3), others=block(4, length=2))
    assert ids(restored.update(split, 2.0)) == [1]


def test_state_restored_in_a_new_tracker_continues_as_the_old_one() -> None:
    old, new = InstanceTracker(), InstanceTracker()
    old.update(scene(block(0), block(10)), 1.0)
    old.update(scene(block(10), others=block(0)), 2.0)
    new.update(scene(block(0, y=50)), 0.0)
    new.restore(old.state())
    room = scene(block(0), block(10), block(20))
    expected = old.update(room, 3.0)
    assert new.update(room, 3.0) == expected
    assert ids(expected) == [1, 2, 3]


def test_restored_tracker_gives_none_of_the_ids_it_gave_before() -> None:
    old, new = InstanceTracker(), InstanceTracker()
    old.update(scene(block(0)), 1.0)
    new.update(scene(block(0, y=50), block(10, y=50), block(20, y=50)), 0.0)
    new.restore(old.state())
    assert ids(new.update(scene(block(0), block(10)), 2.0)) == [1, 4]


def _spoil(state: dict[str, np.ndarray], name: str, how: str) -> dict[str, np.ndarray]:
    values = state[name].copy()
    if how == "missing":
        return {k: v for k, v in state.items() if k != name}
    if how == "type":
        values = values.astype(np.complex64)
    elif how == "shape":
        values = values[:-1]
    elif how == "dimensions":
        values = values[None]
    elif how == "sign":
        values = -values - 1
    elif how == "nan":
        values[...] = np.nan
    elif how == "equal":
        values[...] = values[0]
    elif how == "infinite":
        values[...] = np.inf
    elif how == "an id too much":
        values[0] = 2**32
    elif how == "huge":
        values[...] = np.iinfo(values.dtype).max
    return {**state, name: values}


ARRAYS = ["keys", "owner", "counters", "ids", "updates", "absorbed", "first_seen", "last_seen",
          "labels", "centroids", "lost"]  # fmt: skip
SPOILT = [
    *((name, how) for name in ARRAYS for how in ("missing", "type", "shape", "dimensions")),
    *((name, "sign") for name in ("keys", "owner", "counters", "ids", "updates", "absorbed")),
    *((name, "huge") for name in ("owner", "counters", "ids", "updates", "absorbed")),
    *((name, "nan") for name in ("first_seen", "last_seen", "lost", "centroids")),
    *((name, "infinite") for name in ("first_seen", "last_seen")),
    ("lost", "sign"),
    ("counters", "an id too much"),
    *((name, "equal") for name in ("keys", "ids")),
]


@pytest.mark.parametrize(("name", "how"), SPOILT)
def test_restore_refuses_nonsense_and_stays_as_it_was(name: str, how: str) -> None:
    tracker = InstanceTracker()
    tracker.update(scene(block(0), block(10)), 1.0)
    before = tracker.state()
    with pytest.raises(MapFileError, match="objects"):
        tracker.restore(_spoil(before, name, how))
    after = tracker.state()
    assert all(np.array_equal(after[k], before[k]) for k in before)
    assert ids(tracker.update(scene(block(0), block(10)), 2.0)) == [1, 2]


def _row_of_voxels(cells: bytes) -> Segmentation:
    """Up to six instances in a row of voxels, by a byte each: 0 no voxel, 1 a voxel of none."""
    part = np.frombuffer(cells, dtype=np.uint8).astype(int) % 8 - 2
    x = np.flatnonzero(part > -2).astype(np.int32)
    part = part[x]
    present = np.unique(part[part >= 0])
    instance = np.where(part >= 0, np.searchsorted(present, part), -1).astype(np.int32)
    grid = VoxelGrid(np.stack([x, 0 * x, 0 * x], axis=1), np.ones(len(x), np.uint8), 0.1)
    instances = []
    for i, p in enumerate(present):
        voxels = np.flatnonzero(instance == i)
        centroid = grid.centers[voxels].mean(axis=0, dtype=np.float64)
        label = int(p + len(voxels)) % 3 + 1
        instances.append(Instance(voxels, label, 0.5, centroid, OrientedBox(centroid, centroid, 0)))
    return Segmentation(grid, instance, instances, [], grid.labels)


histories = st.lists(
    st.binary(min_size=8, max_size=40).map(lambda b: _row_of_voxels(bytes(np.repeat(list(b), 2)))),
    min_size=1,
    max_size=8,
)


def _shuffled(segmentation: Segmentation, order: list[int]) -> Segmentation:
    """The same instances in another order: position i holds what was at order[i]."""
    instances: list[Instance] = [segmentation.instances[i] for i in order]
    place = np.append(np.argsort(order), -1).astype(np.int32)
    return Segmentation(
        segmentation.grid, place[segmentation.instance], instances, [], segmentation.labels
    )


@settings(max_examples=150, deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_whatever_comes_ids_are_unique_stable_and_blind_to_order(history, random) -> None:
    tracker, other = InstanceTracker(), InstanceTracker()
    highest = 0
    for stamp, segmentation in enumerate(history):
        copy = InstanceTracker()
        copy.restore(tracker.state())
        tracked = tracker.update(segmentation, stamp)
        given_ids = ids(tracked)
        assert len(set(given_ids)) == len(given_ids)
        # whatever is an instance is an object's, and nothing else is
        voxels = np.concatenate([np.zeros(0, int), *(t.instance.voxels for t in tracked)])
        np.testing.assert_array_equal(np.sort(voxels), np.flatnonzero(segmentation.instance >= 0))
        fresh = [i for i in given_ids if i > highest]
        assert len(fresh) == len(range(highest, max([highest, *given_ids])))  # no id left out
        highest = max([highest, *given_ids])

        order = list(range(len(segmentation.instances)))
        random.shuffle(order)
        shuffled = other.update(_shuffled(segmentation, order), stamp)
        assert owners(shuffled) == owners(tracked)

        assert owners(copy.update(segmentation, stamp)) == owners(tracked)
