"""Label noise: none at level 0, all at None, and more in between, of the kinds that it names."""

from dataclasses import asdict, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest

from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.simulation.label_noise import (
    CONFUSION,
    FRAGILITY,
    NoiseSettings,
    corrupt_labels,
    with_noise,
)
from mtml_ros.simulation.rooms import RoomSettings, generate_room

TAXONOMY = Taxonomy.scannet()
QUIET = NoiseSettings(whole=0, part=0, bleed=0, specks=0, lost=0, spill=0, stuff=0)


@lru_cache
def _rooms() -> tuple[Scene, ...]:
    settings = RoomSettings(area=(8.0, 16.0))
    return tuple(generate_room(np.random.default_rng([5, s]), settings) for s in range(2))


def _slab() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A floor of 40 x 40 voxels with a table of 10 x 10 in its middle, one point a voxel."""
    x, y = np.meshgrid(np.arange(40), np.arange(40), indexing="ij")
    xyz = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3) * 0.1 + 0.05
    inside = ((x >= 15) & (x < 25) & (y >= 15) & (y < 25)).ravel()
    labels = np.where(inside, TAXONOMY.index("table"), TAXONOMY.index("floor")).astype(np.uint8)
    return xyz.astype(np.float32), labels, np.where(inside, 0, -1).astype(np.int32)


def _corrupt(settings: NoiseSettings, level: float = 1.0, seed: int = 0) -> np.ndarray:
    xyz, labels, instance = _slab()
    return corrupt_labels(xyz, labels, instance, level, np.random.default_rng(seed), settings)


def test_tables_are_probabilities_of_other_classes() -> None:
    assert CONFUSION.shape == (21, 21)
    np.testing.assert_allclose(CONFUSION.sum(axis=1), 1.0)
    assert (np.diag(CONFUSION) == 0).all()
    assert (CONFUSION[:, 0] == 0).all()  # networks have no word for unknown
    for one, other in (("chair", "sofa"), ("table", "desk"), ("picture", "wall"),
                       ("bookshelf", "cabinet"), ("shower curtain", "curtain"),
                       ("sink", "counter")):  # fmt: skip
        row = CONFUSION[TAXONOMY.index(one)]
        assert row.argmax() == TAXONOMY.index(other)


def test_classes_that_networks_know_well_err_less() -> None:
    # IoU .934 against .325: sqrt of the ratio of what is missing, 6.6 to 67.5
    ratio = FRAGILITY[TAXONOMY.index("picture")] / FRAGILITY[TAXONOMY.index("toilet")]
    assert ratio == pytest.approx(np.sqrt(67.5 / 6.6))


def test_level_zero_keeps_and_level_none_drops_all_labels() -> None:
    xyz, labels, instance = _slab()
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(corrupt_labels(xyz, labels, instance, 0.0, rng), labels)
    assert not corrupt_labels(xyz, labels, instance, None, rng).any()


def test_same_generator_state_same_errors() -> None:
    np.testing.assert_array_equal(_corrupt(NoiseSettings(), 0.7), _corrupt(NoiseSettings(), 0.7))
    assert (_corrupt(NoiseSettings(), 0.7) != _corrupt(NoiseSettings(), 0.7, seed=1)).any()


def test_no_error_asked_for_none_made() -> None:
    np.testing.assert_array_equal(_corrupt(QUIET), _slab()[1])


def test_more_labels_are_wrong_at_higher_levels() -> None:
    wrong = []
    for level in (0.0, 0.25, 0.5, 0.75, 1.0):
        shares = []
        for k, s in enumerate(_rooms()):
            for seed in range(2):
                rng = np.random.default_rng([seed, k])
                noisy = corrupt_labels(s.xyz, s.labels, s.instance, level, rng)
                shares.append(float((noisy != s.labels).mean()))
        wrong.append(float(np.mean(shares)))
    assert wrong[0] == 0.0
    assert all(b > a for a, b in pairwise(wrong))
    assert wrong[-1] > 0.15


def test_points_of_one_voxel_get_one_label() -> None:
    s = _rooms()[0]
    noisy = corrupt_labels(s.xyz, s.labels, s.instance, 0.8, np.random.default_rng(0))
    _, voxel = np.unique(np.floor(s.xyz.astype(np.float64) / 0.1), axis=0, return_inverse=True)
    low = np.full(voxel.max() + 1, 255)
    high = np.zeros(voxel.max() + 1)
    np.minimum.at(low, voxel.ravel(), noisy)
    np.maximum.at(high, voxel.ravel(), noisy)
    np.testing.assert_array_equal(low, high)


def test_whole_objects_are_taken_for_one_plausible_class() -> None:
    settings = NoiseSettings(whole=9.0, part=0, bleed=0, specks=0, lost=0, spill=0, stuff=0)
    _, labels, instance = _slab()
    noisy = _corrupt(settings)
    taken = np.unique(noisy[instance == 0])
    assert len(taken) == 1
    plausible = CONFUSION[TAXONOMY.index("table"), taken[0]] > 0
    assert plausible or taken[0] == TAXONOMY.index("floor")  # or what it stands on
    np.testing.assert_array_equal(noisy[instance < 0], labels[instance < 0])


def test_parts_of_objects_are_confused_and_nothing_else() -> None:
    settings = NoiseSettings(whole=0, part=3.0, bleed=0, specks=0, lost=0, spill=0, stuff=0)
    _, labels, instance = _slab()
    shares = []
    for seed in range(20):
        noisy = _corrupt(settings, seed=seed)
        np.testing.assert_array_equal(noisy[instance < 0], labels[instance < 0])
        shares.append(float((noisy != labels)[instance == 0].mean()))
    assert 0.2 < np.mean(shares) < 0.95


def test_large_parts_are_most_of_their_object() -> None:
    instance = _slab()[2]
    for seed in range(10):
        noisy = _corrupt(replace(QUIET, part=1.0, large=1.0), seed=seed)
        wrong = noisy[instance == 0] != TAXONOMY.index("table")
        assert not wrong.any() or wrong.mean() > 0.6


def test_blind_confusions_are_also_those_that_likeness_rules_out() -> None:
    wrong = {0.0: set[int](), 1.0: set[int]()}
    for blind, seen in wrong.items():
        for seed in range(60):
            seen |= set(_corrupt(replace(QUIET, whole=9.0, blind=blind), seed=seed).tolist())
    assert TAXONOMY.index("toilet") not in wrong[0.0]
    assert len(wrong[1.0]) > len(wrong[0.0])


def test_scatter_frays_borders_and_leaves_the_middle() -> None:
    _, labels, instance = _slab()
    wrong = (_corrupt(replace(QUIET, scatter=0.1)) != labels).reshape(40, 40)
    middle = instance.reshape(40, 40) == 0
    assert wrong[15].any()
    assert wrong[24].any()
    assert not wrong[20, 20]
    assert not (wrong & ~middle)[:10].any()


def test_bleeding_moves_borders_by_about_the_distance_asked_for() -> None:
    settings = NoiseSettings(whole=0, part=0, bleed=0.2, specks=0, lost=0, spill=0, stuff=0)
    xyz, labels, _ = _slab()
    moved = 0
    for seed in range(10):
        noisy = _corrupt(settings, seed=seed)
        wrong = noisy != labels
        moved += int(wrong.sum())
        # the table reaches half a metre from its middle, which is at (2, 2)
        away = np.abs(xyz[:, :2] - 2.0).max(axis=1)
        assert np.abs(away[wrong] - 0.5).max(initial=0) < 0.2 * 1.3 + 0.1
        assert set(np.unique(noisy)) <= set(np.unique(labels))
    assert moved / 10 > 20  # of 40 voxels around it


def test_specks_hit_their_share_of_voxels() -> None:
    settings = NoiseSettings(whole=0, part=0, bleed=0, specks=0.1, lost=0, spill=0, stuff=0)
    share = (_corrupt(settings) != _slab()[1]).mean()
    assert share == pytest.approx(0.1, abs=0.03)


def test_lost_regions_have_no_label() -> None:
    settings = NoiseSettings(whole=0, part=0, bleed=0, specks=0, lost=0.3, spill=0, stuff=0)
    noisy = np.concatenate([_corrupt(settings, seed=s) for s in range(10)])
    labels = np.tile(_slab()[1], 10)
    assert (noisy[noisy != labels] == 0).all()
    assert 0.1 < (noisy == 0).mean() < 0.6


def test_overlooked_objects_have_no_label() -> None:
    noisy = _corrupt(replace(QUIET, overlooked=9.0))
    _, labels, instance = _slab()
    assert (noisy[instance == 0] == 0).all()
    np.testing.assert_array_equal(noisy[instance < 0], labels[instance < 0])


def test_clumps_make_more_voxels_wrong_and_beside_each_other() -> None:
    labels = _slab()[1].reshape(40, 40)
    pairs, wrong = [], []
    for clump in (0.0, 0.5):
        noisy = _corrupt(replace(QUIET, specks=0.05, clump=clump)).reshape(40, 40)
        wrong.append((noisy != labels).sum())
        pairs.append(((noisy[1:] == noisy[:-1]) & (noisy[1:] != labels[1:])).sum())
    assert wrong[1] > 2 * wrong[0]
    assert pairs[1] > 5 * max(pairs[0], 1)


def test_networks_vary_in_what_they_get_wrong() -> None:
    drawn = [asdict(NoiseSettings.varied(np.random.default_rng(s))) for s in range(400)]
    usual_network = NoiseSettings(overlooked=0.05, scatter=0.06, clump=0.25, large=0.4, blind=0.25)
    for name, usual in asdict(usual_network).items():
        values = np.array([d[name] for d in drawn])
        assert values.min() >= 0
        assert values.max() < 2 * usual + 1e-9
        if name not in ("clump", "large", "blind"):
            assert (values == 0).mean() == pytest.approx(0.25, abs=0.07)
            assert values.mean() == pytest.approx(0.75 * usual, rel=0.15)


def test_unlabelled_things_take_labels_beside_them() -> None:
    xyz, labels, instance = _slab()
    clutter = np.abs(xyz[:, :2] - 2.0).max(axis=1) < 0.3
    labels = np.where(clutter, 0, labels).astype(np.uint8)
    settings = NoiseSettings(whole=0, part=0, bleed=0, specks=0, lost=0, spill=1.0, stuff=0)
    table, other = TAXONOMY.index("table"), TAXONOMY.index("otherfurniture")
    taken: set[int] = set()
    for seed in range(10):
        rng = np.random.default_rng(seed)
        noisy = corrupt_labels(xyz, labels, instance, 1.0, rng, settings)
        np.testing.assert_array_equal(noisy[~clutter], labels[~clutter])
        taken |= set(np.unique(noisy[clutter]).tolist())
    assert taken == {0, table, other}


def test_with_noise_keeps_the_truth() -> None:
    scene = _rooms()[0]
    noisy = with_noise(scene, 0.5, np.random.default_rng(0))
    assert noisy.labels is scene.labels
    assert noisy.noisy_labels is not None
    assert noisy.noisy_labels.dtype == np.uint8
    assert (noisy.noisy_labels != scene.labels).any()
    assert with_noise(scene, None, np.random.default_rng(0)).noisy_labels is not None


def test_empty_and_far_flung_scenes() -> None:
    rng = np.random.default_rng(0)
    none = np.zeros(0)
    assert corrupt_labels(np.zeros((0, 3)), none, none, 0.5, rng).shape == (0,)
    xyz = np.array([[0, 0, 0], [0.1, 0, 0], [5000, -5000, 300]], dtype=np.float32)
    labels = np.array([1, 5, 5], dtype=np.uint8)
    noisy = corrupt_labels(xyz, labels, np.array([-1, 0, 1]), 1.0, rng)
    assert noisy.shape == (3,)
