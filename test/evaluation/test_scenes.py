"""Scoring a segmenter on scenes: input, way back to the points, and the figures."""

from functools import partial

import numpy as np
import pytest

from mtml_ros.core.instances import Proposal
from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.evaluation.baselines import components_as_instances, labels_as_instances
from mtml_ros.evaluation.scenes import SceneEvaluation, evaluate_segmenter, predictions_on_points

TAXONOMY = Taxonomy.scannet()
CHAIR, TABLE = TAXONOMY.index("chair"), TAXONOMY.index("table")


def box(corner, label, instance, points=400, edge=0.5):
    rng = np.random.default_rng(instance)
    xyz = np.asarray(corner) + rng.random((points, 3)) * edge
    return Scene(
        xyz.astype(np.float32),
        np.full(points, label, np.uint8),
        np.full(points, instance, np.int32),
    )


def join(*parts, noisy=None):
    return Scene(
        *(np.concatenate([getattr(p, f) for p in parts]) for f in ("xyz", "labels", "instance")),
        noisy_labels=noisy,
    )


def test_masks_go_back_to_the_points_of_their_voxels():
    rng = np.random.default_rng(3)
    point_to_voxel = rng.integers(0, 7, 50)
    proposals = [Proposal(np.array(v, dtype=np.int64), 5, 0.5) for v in ([0, 2, 6], [1], [])]
    found = predictions_on_points(proposals, 8, point_to_voxel)
    for proposal, prediction in zip(proposals, found, strict=True):
        expected = np.flatnonzero(np.isin(point_to_voxel, proposal.voxels))
        assert prediction.mask.tolist() == expected.tolist()
    assert predictions_on_points(proposals, 8)[0].mask.tolist() == [0, 2, 6]


def test_components_are_perfect_on_boxes_apart_and_labels_are_not():
    scene = join(box((0, 0, 0), CHAIR, 0), box((2, 0, 0), CHAIR, 1), box((0, 2, 0), TABLE, 2))
    components = partial(components_as_instances, taxonomy=TAXONOMY)
    scores = evaluate_segmenter([scene, scene], components, TAXONOMY, 0.1)
    assert scores.summary() == {
        "ap": 1.0,
        "ap50": 1.0,
        "ap25": 1.0,
        "non_overlapping_ap50": 1.0,
        "non_overlapping_ap75": 1.0,
        "agnostic_ap50": 1.0,
        "precision": 1.0,
        "recall": 1.0,
        "false_positives_per_100": 0.0,
    }
    labels = partial(labels_as_instances, taxonomy=TAXONOMY)
    scores = evaluate_segmenter([scene], labels, TAXONOMY, 0.1)
    # both chairs as one: IoU 1/2 with each, which is not above .5; the table is right
    assert scores.proposals.ap50["chair"] == 0.0
    assert scores.proposals.ap50["table"] == 1.0
    assert scores.proposals.ap25["chair"] == pytest.approx(0.5)
    assert (scores.counts.false_positives, scores.counts.misses) == (1, 2)
    assert scores.to_json()["summary"]["recall"] == pytest.approx(1 / 3)


def test_noisy_labels_are_the_input_and_true_ones_the_measure():
    scene = join(box((0, 0, 0), CHAIR, 0), box((2, 0, 0), TABLE, 1))
    noisy = scene.labels.copy()
    noisy[scene.instance == 1] = CHAIR
    wrong = join(box((0, 0, 0), CHAIR, 0), box((2, 0, 0), TABLE, 1), noisy=noisy)
    components = partial(components_as_instances, taxonomy=TAXONOMY)
    scores = evaluate_segmenter([wrong], components, TAXONOMY, 0.1)
    assert scores.proposals.ap50["table"] == 0.0
    assert scores.counts.matched == 1
    assert scores.agnostic_counts.matched == 2
    assert scores.agnostic.mean_ap50 == 1.0


def test_voxels_can_be_measured_themselves():
    scene = box((0, 0, 0), CHAIR, 0)
    grid, point_to_voxel = VoxelGrid.from_points(LabeledPoints(scene.xyz, scene.labels), 0.1)
    found = components_as_instances(grid, TAXONOMY)
    collected = SceneEvaluation(TAXONOMY, min_region=1)
    collected.add(found, grid.labels, np.zeros(len(grid), np.int32))
    assert collected.result([0.95, 0.95]).proposals.at(0.95)["chair"] == 1.0
    assert len(point_to_voxel) == 400


def test_no_scene_gives_undefined_figures():
    scores = SceneEvaluation(TAXONOMY).result()
    assert all(value is None for value in scores.to_json()["summary"].values())
