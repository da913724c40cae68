"""What is summed over masks and across their borders, against the definitions voxel by voxel."""

import numpy as np
import pytest

from mtml_ros.core.kernels import kernels
from mtml_ros.core.voxels import COORDINATE_BITS, pack_keys

VOXELS = 6000  # more than one task's in the sums over borders


@pytest.fixture(scope="module")
def scene() -> dict[str, np.ndarray]:
    """Voxels of a box and overlapping masks of them, with random values."""
    rng = np.random.default_rng(0)
    places = np.argwhere(rng.random((20, 30, 20)) < 0.5)[:VOXELS]
    parts = [np.flatnonzero(rng.random(VOXELS) < share) for share in (0.01, 0.2, 0.5, 0.97)]
    parts += [np.flatnonzero(places[:, 0] < 10), np.flatnonzero(places[:, 0] >= 10), np.array([7])]
    return {
        "keys": pack_keys(places),
        "places": places,
        "voxel": np.concatenate(parts),
        "starts": np.append(0, np.cumsum([len(p) for p in parts])),
        "values": rng.normal(size=(VOXELS, 5)).astype(np.float32),
        "features": rng.normal(size=(VOXELS, 4)).astype(np.float32),
        "probability": rng.dirichlet(np.ones(4), VOXELS).astype(np.float32)[:, 1:],
        "candidate": rng.random(VOXELS) < 0.8,
        "component": rng.integers(-1, 3, VOXELS),
    }


def masks_of(scene: dict[str, np.ndarray]) -> list[np.ndarray]:
    return np.split(scene["voxel"], scene["starts"][1:-1])


def test_sums_of_rows(scene):
    found = kernels.sums_of_rows(scene["voxel"], scene["starts"], scene["values"])
    wanted = [scene["values"][m].astype(float).sum(axis=0) for m in masks_of(scene)]
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-4)


def test_histogram_with_and_without_weights(scene):
    bins, weights = scene["component"], scene["values"][:, 0].copy()
    at = scene["voxel"], scene["starts"], bins, 3
    for given in (None, weights):
        wanted = []
        for m in masks_of(scene):
            mine = m[bins[m] >= 0]
            w = None if given is None else given[mine]
            wanted.append(np.bincount(bins[mine], weights=w, minlength=3))
        np.testing.assert_allclose(kernels.histogram(*at, given), wanted, rtol=1e-6, atol=1e-9)


def test_spread_about_centers(scene):
    centers = np.arange(35, dtype=float).reshape(7, 5) / 35
    found = kernels.spread(scene["voxel"], scene["starts"], scene["values"], centers, [1.0, 2.0])
    for row, center, m in zip(found, centers, masks_of(scene)):
        away = scene["values"][m] - center
        np.testing.assert_allclose(row[:5], (away**2).sum(axis=0), rtol=1e-6)
        distance = np.linalg.norm(away, axis=1)
        assert row[5:].tolist() == [(distance <= radius).sum() for radius in (1.0, 2.0)]


def test_the_main_bin_is_the_lowest_of_those_that_most_voxels_are_in():
    voxel, starts = np.array([0, 1, 2, 3, 4, 5]), np.array([0, 4, 5, 6])
    bins = np.array([2, 1, 2, 1, -1, 0])
    main, count = kernels.main_bins(voxel, starts, bins, 3)
    assert main.tolist() == [1, 0, 0]
    assert count.tolist() == [2, 0, 1]


def test_the_shape_of_a_turned_plank():
    """Eleven places .1 m apart along a line at 30 degrees, every other one .5 m higher."""
    along = np.arange(11) * 0.1
    height = np.arange(11) % 2 * 0.5
    xyz = np.stack([along * np.cos(np.pi / 6), along * np.sin(np.pi / 6), height], axis=1)
    towards = xyz.mean(axis=0) - xyz
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    found = kernels.shapes(
        np.arange(11), np.array([0, 11]), xyz.astype("f4"), towards.astype("f4"), 2, 0.1
    )[0]
    long, across, tall, low, mean, coherency, lower, upper = found
    assert (long, across, tall, low) == pytest.approx((1.0, 0.0, 0.5, 0.0), abs=1e-6)
    assert mean == pytest.approx(0.5 * 5 / 11)
    assert coherency == pytest.approx(1.0)
    assert (lower, upper) == (6, 5)


@pytest.mark.parametrize("deep", [True, False])
def test_borders_are_the_pairs_that_a_mask_cuts(scene, deep):
    neighbors = kernels.touching(scene["keys"], COORDINATE_BITS)
    features, probability = (scene[n] if deep else None for n in ("features", "probability"))
    within, crossing = kernels.borders(
        scene["voxel"], scene["starts"], neighbors, scene["values"], scene["candidate"],
        scene["component"], features, probability, 2.5,
    )  # fmt: skip
    a, b = neighbors.pairs().T
    jump = np.minimum(np.linalg.norm(scene["values"][a] - scene["values"][b], axis=1), 2.5)
    inside = scene["candidate"][a] & scene["candidate"][b]
    same = inside & (scene["component"][a] == scene["component"][b])
    values = [np.ones(len(a)), inside, same, jump * inside, jump * same, inside & (jump > 1)]
    if deep:
        change = np.linalg.norm(scene["features"][a] - scene["features"][b], axis=1)
        product = (scene["probability"][a] * scene["probability"][b]).sum(axis=1)
        values += [change * inside, change * same, product * inside, product * same]
    pairs = np.stack(values, axis=1)
    for p, m in enumerate(masks_of(scene)):
        mine = np.zeros(VOXELS, dtype=bool)
        mine[m] = True
        both, cut = mine[a] & mine[b], mine[a] != mine[b]
        np.testing.assert_allclose(within[p], [both.sum(), jump[both].sum()], rtol=1e-5)
        np.testing.assert_allclose(crossing[p], pairs[cut].sum(axis=0), rtol=1e-5, atol=1e-5)


def test_sums_over_borders_do_not_depend_on_the_number_of_threads(scene):
    neighbors = kernels.touching(scene["keys"], COORDINATE_BITS)
    before = kernels.get_threads()
    found = []
    for threads in (1, 3):
        kernels.set_threads(threads)
        found.append(kernels.borders(
            scene["voxel"], scene["starts"], neighbors, scene["values"], scene["candidate"],
            scene["component"], scene["features"], None, 2.5,
        ))  # fmt: skip
    kernels.set_threads(before)
    for one, other in zip(*found):
        assert np.array_equal(one, other)


def test_overlaps_are_all_pairs_that_share_voxels(scene):
    masks = [set(m.tolist()) for m in masks_of(scene)]
    found = kernels.overlaps(scene["voxel"], scene["starts"], VOXELS)
    wanted = [(i, j, len(a & b)) for i, a in enumerate(masks) for j, b in enumerate(masks) if a & b]
    assert list(zip(*(f.tolist() for f in found))) == wanted


def test_what_does_not_fit_is_refused(scene):
    at, values = (scene["voxel"], scene["starts"]), scene["values"]
    with pytest.raises(ValueError, match="out of range"):
        kernels.sums_of_rows(*at, values[:50])
    with pytest.raises(ValueError, match="bin: out of range"):
        kernels.histogram(*at, scene["component"], 2)
    with pytest.raises(ValueError, match="weights"):
        kernels.histogram(*at, scene["component"], 3, values[:9, 0].copy())
    with pytest.raises(ValueError, match="centers"):
        kernels.spread(*at, values, np.zeros((7, 4)), [1.0])
    with pytest.raises(ValueError, match="xyz"):
        kernels.shapes(*at, values, values, 5, 0.1)
    with pytest.raises(ValueError, match="gaps"):
        kernels.masks_of_partitions(np.array([[0, 9]]), 1)
    few = kernels.touching(np.arange(3), COORDINATE_BITS)
    with pytest.raises(ValueError, match="out of range"):
        kernels.borders(*at, few, values, scene["candidate"], scene["component"], None, None, 1.0)
