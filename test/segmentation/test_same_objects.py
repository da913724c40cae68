"""Compiled kernels and their references in torch find the same objects, and are as good."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.evaluation.scenes import SceneEvaluation
from mtml_ros.network import sparse_ops
from mtml_ros.segmentation import proposals
from mtml_ros.segmentation.mean_shift import mean_shift_in_torch
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.simulation.label_noise import corrupt_labels
from mtml_ros.simulation.rooms import VALIDATION, generate_room

TAXONOMY = Taxonomy.scannet()


def room(seed: int):
    """A room of unseen settings, and its labels with errors."""
    rng = np.random.default_rng([4712, seed])
    scene = generate_room(rng, VALIDATION)
    return scene, corrupt_labels(scene.xyz, scene.labels, scene.instance, 0.5, rng)


@pytest.mark.parametrize(
    "count", [3, pytest.param(50, marks=pytest.mark.slow)], ids=["few rooms", "fifty rooms"]
)
def test_the_same_objects_are_found_with_kernels_and_with_torch(count, monkeypatch):
    segmenter = InstanceSegmenter.load(device="cpu")
    compiled, torchs = segmenter._forward, segmenter.network
    lattice_of = sparse_ops.Lattice.of
    evaluations = [SceneEvaluation(TAXONOMY) for _ in range(2)]
    agreement = []
    for seed in range(count):
        scene, noisy = room(seed)
        grid, voxel = VoxelGrid.from_points(LabeledPoints(scene.xyz, noisy), segmenter.voxel_size)
        segmenter._forward = compiled
        ours = segmenter.segment(grid)
        with monkeypatch.context() as patched:
            segmenter._forward = torchs
            patched.setattr(sparse_ops.Lattice, "of", lambda batch: lattice_of(batch, False))
            patched.setattr(
                proposals, "mean_shift", lambda e, bands: [mean_shift_in_torch(e, b) for b in bands]
            )
            theirs = segmenter.segment(grid)
        agreement.append(adjusted_rand_score(ours.instance, theirs.instance))
        for evaluation, found in zip(evaluations, (ours, theirs)):
            evaluation.add(found, scene.labels, scene.instance, voxel)
    ours_ap, theirs_ap = (e.result().non_overlapping.mean_ap50 for e in evaluations)
    print(f"{count} rooms: ARI {np.mean(agreement):.5f}, least {min(agreement):.5f},", end=" ")
    print(f"{sum(a == 1 for a in agreement)} equal; AP50 {ours_ap:.4f}, in torch {theirs_ap:.4f}")
    assert np.mean(agreement) >= 0.999
    assert abs(ours_ap - theirs_ap) <= 0.005
