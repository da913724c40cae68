"""Mean-shift against scikit-learn's, and where there is little or nothing to cluster."""

import numpy as np
import pytest
import torch
from sklearn.cluster import MeanShift
from sklearn.metrics import adjusted_rand_score

from mtml_ros.core.kernels import kernels
from mtml_ros.segmentation import mean_shift as module
from mtml_ros.segmentation.mean_shift import mean_shift_in_torch, nearest


@pytest.fixture(params=["compiled", "torch"])
def mean_shift(request):
    """Clusters and modes at one bandwidth, by the kernels and in torch."""
    if request.param == "torch":
        return mean_shift_in_torch
    return lambda points, bandwidth: module.mean_shift(points, [bandwidth])[0]


def blobs(seed: int, dimensions: int, clusters: int = 8, points: int = 60) -> np.ndarray:
    """Embeddings as training leaves them: centres at least 3 apart, radii mostly below 0.3."""
    rng = np.random.default_rng(seed)
    centers: list[np.ndarray] = []
    while len(centers) < clusters:
        new = rng.uniform(-8, 8, dimensions)
        if all(np.linalg.norm(new - c) >= 3 for c in centers):
            centers.append(new)
    spread = 0.3 / np.sqrt(dimensions)
    return np.concatenate([c + rng.normal(0, spread, (points, dimensions)) for c in centers])


@pytest.mark.parametrize("dimensions", [2, 3, 8])
def test_agrees_with_scikit_learn(mean_shift, dimensions):
    points = blobs(dimensions, dimensions)
    theirs = MeanShift(bandwidth=1.0).fit_predict(points)
    ours, modes = mean_shift(torch.from_numpy(points).float(), 1.0)
    assert len(modes) == theirs.max() + 1 == 8
    assert adjusted_rand_score(theirs, ours) == 1.0


def test_agrees_with_scikit_learn_where_clusters_have_tails(mean_shift):
    rng = np.random.default_rng(0)
    points = blobs(0, 3)
    tails = points[rng.integers(0, len(points), 40)] + rng.normal(0, 0.5, (40, 3))
    points = np.concatenate([points, tails])
    theirs = MeanShift(bandwidth=1.0).fit_predict(points)
    ours = mean_shift(torch.from_numpy(points).float(), 1.0)[0]
    assert adjusted_rand_score(theirs, ours) > 0.99


def test_modes_are_means_of_the_points_around_them(mean_shift):
    points = torch.from_numpy(blobs(1, 3)).float()
    for mode in mean_shift(points, 1.0)[1]:
        around = points[(points - mode).norm(dim=1) <= 1.0]
        assert (around.mean(dim=0) - mode).norm() < 2e-3  # the climb ends at steps of 1e-3


def test_the_densest_mode_comes_first(mean_shift):
    points = torch.tensor([[0.0]] * 3 + [[10.0]] * 5 + [[20.0]])
    assert mean_shift(points, 1.0)[1][:, 0].tolist() == [10.0, 0.0, 20.0]


@pytest.mark.parametrize("count", [1, 2, 100])
def test_equal_points_are_one_cluster(mean_shift, count):
    cluster, modes = mean_shift(torch.full((count, 3), 7.0), 1.0)
    assert cluster.tolist() == [0] * count
    assert modes.tolist() == [[7.0, 7.0, 7.0]]


def test_two_points_are_one_cluster_or_two(mean_shift):
    points = torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    assert mean_shift(points, 3.0)[0].tolist() == [0, 0]
    assert mean_shift(points, 1.0)[0].tolist() == [0, 1]


def test_the_same_points_give_the_same_clusters(mean_shift):
    points = torch.from_numpy(blobs(2, 8)).float()
    a, b = mean_shift(points, 0.6), mean_shift(points.clone(), 0.6)
    assert torch.equal(a[0], b[0])
    assert torch.equal(a[1], b[1])


@pytest.mark.parametrize("far", [1e3, 1e4])
def test_far_outliers_take_nothing_from_the_others(mean_shift, far):
    points = np.concatenate([blobs(3, 3), [[far, 0, 0]], [[0, -far, far]]])
    cluster = mean_shift(torch.from_numpy(points).float(), 1.0)[0].numpy()
    truth = np.concatenate([np.repeat(np.arange(8), 60), [8, 9]])
    assert adjusted_rand_score(truth, cluster) == 1.0


def test_a_map_hundreds_of_metres_from_the_mean_is_clustered_like_one_near_it(mean_shift):
    """Positions enter the embedding: 250 m from the scene's mean, times a scale of 2."""
    points = blobs(4, 3)
    moved = torch.from_numpy(points + np.array([500.0, -500.0, 0.0])).float()
    here = mean_shift(torch.from_numpy(points).float(), 1.0)[0]
    assert adjusted_rand_score(here, mean_shift(moved, 1.0)[0]) == 1.0


def test_more_points_than_are_sampled_are_all_assigned(mean_shift, monkeypatch):
    points = blobs(5, 3, points=100)
    monkeypatch.setattr(module, "SAMPLE", 200)  # every fourth point
    cluster = mean_shift(torch.from_numpy(points).float(), 1.0)[0].numpy()
    assert adjusted_rand_score(np.repeat(np.arange(8), 100), cluster) == 1.0


def test_as_many_modes_as_allowed_still_claim_every_point(mean_shift, monkeypatch):
    monkeypatch.setattr(module, "MAX_ROUNDS", 1)
    monkeypatch.setattr(module, "SEEDS", 3)  # every second point of six
    points = 10.0 * torch.arange(6.0)[:, None]
    cluster, modes = mean_shift(points, 1.0)
    assert modes[:, 0].tolist() == [0, 20, 40]
    assert cluster.tolist() == [0, 0, 1, 1, 2, 2]


def test_nearest_is_the_nearest_and_ties_go_to_the_first():
    centers = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    points = torch.tensor([[0.9, 5.0], [1.1, 0.0], [1.0, 0.0]])
    assert nearest(points, centers).tolist() == [0, 1, 0]


@pytest.mark.parametrize("dimensions", [2, 8])
def test_the_kernels_find_what_torch_finds_where_clusters_run_into_each_other(dimensions):
    rng = np.random.default_rng(6)
    points = torch.from_numpy(rng.uniform(-3, 3, (3000, dimensions))).float()
    bandwidths = (0.7, 1.5, 4.0)
    for bandwidth, ours in zip(bandwidths, module.mean_shift(points, bandwidths)):
        theirs = mean_shift_in_torch(points, bandwidth)
        assert abs(len(ours[1]) - len(theirs[1])) <= 0.02 * len(theirs[1])
        if dimensions == 2:
            assert adjusted_rand_score(theirs[0], ours[0]) > 0.9


@pytest.mark.parametrize("instructions", kernels.instruction_sets())
def test_the_number_of_threads_changes_nothing_and_instructions_only_rounding(instructions):
    points = torch.from_numpy(blobs(7, 5, points=300)).float()
    before, threads = module.mean_shift(points, [0.6, 2.0]), kernels.get_threads()
    kernels.use_instruction_set(instructions)
    try:
        kernels.set_threads(1)
        alone = module.mean_shift(points, [0.6, 2.0])
        kernels.set_threads(3)
        shared = module.mean_shift(points, [0.6, 2.0])
    finally:
        kernels.set_threads(threads)
        kernels.use_instruction_set(kernels.instruction_sets()[0])
    for first, a, b in zip(before, alone, shared):
        assert torch.equal(a[0], b[0])
        assert torch.equal(a[1], b[1])
        assert torch.equal(first[0], a[0])
        torch.testing.assert_close(first[1], a[1])


def test_points_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        module.mean_shift(torch.tensor([[0.0], [np.nan]]), [1.0])
