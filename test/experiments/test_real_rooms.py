"""The harness for real rooms, on a room that the test furnishes."""

from functools import partial

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.evaluation.baselines import components_as_instances
from mtml_ros.experiments.real_rooms import (
    LEVELS,
    Corruption,
    corrupt,
    evaluate_rooms,
    read_rooms,
    report,
)

TAXONOMY = Taxonomy.scannet()
CHAIR, TABLE, WALL, FLOOR = (TAXONOMY.index(n) for n in ("chair", "table", "wall", "floor"))
NOTHING = Corruption(parts=0.0, largest_part=0.5, bleed=0.0, specks=0.0)


@pytest.fixture(scope="module")
def room():
    """Four chairs and two tables, 0.6 m each and 2 m apart, on a floor: 4 points in a voxel."""
    rng = np.random.default_rng(1)
    points = 900
    corners = [(2.0 * (i % 3), 2.0 * (i // 3), 0.2) for i in range(6)]
    xyz = [np.asarray(c) + 0.6 * rng.random((points, 3)) for c in corners]
    xyz.append(np.column_stack([rng.uniform(-1, 6, (2000, 2)), np.zeros(2000)]))
    labels = np.repeat([CHAIR, CHAIR, CHAIR, CHAIR, TABLE, TABLE, FLOOR], [points] * 6 + [2000])
    instance = np.repeat([0, 1, 2, 3, 4, 5, -1], [points] * 6 + [2000])
    return Scene(
        np.concatenate(xyz).astype(np.float32), labels.astype(np.uint8), instance.astype(np.int32)
    )


def test_true_labels_stay_as_they_are(room):
    np.testing.assert_array_equal(corrupt(room, None, TAXONOMY, 0), room.labels)


def test_the_same_seed_corrupts_alike_and_another_differently(room):
    first, again, other = (corrupt(room, LEVELS["middle"], TAXONOMY, s) for s in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.dtype == np.uint8


def test_parts_of_all_objects_are_taken_for_one_plausible_class_each(room):
    level = Corruption(parts=1.0, largest_part=0.5, bleed=0.0, specks=0.0)
    labels = corrupt(room, level, TAXONOMY, 2)
    for number in range(6):
        inside = labels[room.instance == number]
        wrong = inside[inside != room.labels[room.instance == number][0]]
        assert 0.19 <= len(wrong) / len(inside) <= 0.51
        assert len(np.unique(wrong)) == 1
    np.testing.assert_array_equal(labels[room.instance < 0], FLOOR)


def test_borders_bleed_no_farther_than_they_may(room):
    labels = corrupt(room, Corruption(0.0, 0.5, 0.25, 0.0), TAXONOMY, 3)
    wrong = labels != room.labels
    assert wrong.any()
    # a point's label comes from within .25 m an axis: the floor's wrong points lie near an object
    objects = room.xyz[room.instance >= 0]
    for point in room.xyz[wrong & (room.instance < 0)][::20]:
        assert np.abs(objects - point).max(axis=1).min() < 0.25 + 0.1


def test_specks_have_the_share_asked_for(room):
    labels = corrupt(room, Corruption(0.0, 0.5, 0.0, 0.06), TAXONOMY, 4)
    # a third of the specks get the class that was there, or fall on each other
    assert 0.02 < (labels != room.labels).mean() < 0.09


def test_a_corruption_of_nothing_changes_nothing(room):
    np.testing.assert_array_equal(corrupt(room, NOTHING, TAXONOMY, 0), room.labels)


def test_components_do_worse_the_worse_the_labels_are(room):
    components = partial(components_as_instances, taxonomy=TAXONOMY)
    results = evaluate_rooms({"a": room, "b": room}, {"components": components}, TAXONOMY)
    assert list(results) == ["true labels", "light", "middle", "heavy"]
    assert results["true labels"]["components"].proposals.mean_ap50 == 1.0
    assert results["true labels"]["true masks"].proposals.mean_ap50 == 1.0
    heavy = results["heavy"]
    assert heavy["components"].proposals.mean_ap50 < 0.9
    assert heavy["components"].agnostic_counts.false_positives > 0
    # whatever their labels, the masks are true
    assert heavy["true masks"].agnostic.mean_ap50 == 1.0
    text = report(results, {"a": room, "b": room})
    assert text.splitlines()[2].split()[:2] == ["components", "1.000"]
    assert "chair                    8" in text


def test_what_counts_as_a_region_depends_on_the_unit_and_the_least_size(room):
    rng = np.random.default_rng(2)
    small = np.array([8.0, 8.0, 0.2]) + 0.15 * rng.random((60, 3))  # 8 voxels at most
    scene = Scene(
        np.concatenate([room.xyz, small]).astype(np.float32),
        np.append(room.labels, np.full(60, CHAIR, np.uint8)),
        np.append(room.instance, np.full(60, 6, np.int32)),
    )
    large = partial(components_as_instances, taxonomy=TAXONOMY, min_voxels=10)
    level = {"true labels": None}

    def ap(**how):
        found = evaluate_rooms({"a": scene}, {"large": large}, TAXONOMY, levels=level, **how)
        return found["true labels"]["large"].proposals.ap50["chair"]

    assert ap() < 0.9
    assert ap(min_region=100) == 1.0
    assert ap(unit="voxels") == 1.0
    assert ap(unit="voxels", min_region=1) < 0.9


def test_rooms_are_chosen_by_the_beginning_of_their_names(tmp_path, room):
    for name in ("scene0000_00", "scene0001_02"):
        np.save(tmp_path / f"{name}_vert.npy", room.xyz)
        np.save(tmp_path / f"{name}_sem_label.npy", TAXONOMY.ids[room.labels].astype(np.uint32))
        np.save(tmp_path / f"{name}_ins_label.npy", (room.instance + 1).astype(np.uint32))
    (only,) = read_rooms(tmp_path, ["scene0001_"], TAXONOMY).items()
    assert only[0] == "scene0001_02"
    np.testing.assert_array_equal(only[1].labels, room.labels)
    np.testing.assert_array_equal(only[1].instance, room.instance)
    with pytest.raises(InputError, match="no room whose name begins with scene0002_"):
        read_rooms(tmp_path, ["scene0002_"], TAXONOMY)
