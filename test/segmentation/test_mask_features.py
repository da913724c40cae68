"""Features of masks: by hand on two boards side by side, and what must not change them."""

from dataclasses import replace

import numpy as np
import pytest

from mtml_ros.core.voxels import pack_keys
from mtml_ros.segmentation.components import connected_components, touching
from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.learned_score import learned_score
from mtml_ros.segmentation.mask_features import (
    appearance_features,
    object_features,
    relation_features,
)
from mtml_ros.segmentation.perceptron import Perceptron
from mtml_ros.segmentation.proposals import Masks, Proposals


def board_context(shift: tuple[int, int, int] = (0, 0, 0), deep: bool = True) -> VoxelContext:
    """A board of 10 x 4 voxels, the left half labelled 1, the right half 2, all candidates."""
    voxels = np.stack(np.indices((10, 4, 1)), axis=-1).reshape(-1, 3) + np.array(shift)
    voxels = voxels[np.argsort(pack_keys(voxels))].astype(np.int32)
    v = len(voxels)
    rng = np.random.default_rng(0)
    left = voxels[:, 0] - shift[0] < 5
    labels = np.where(left, 1, 2).astype(np.uint8)
    direction = rng.normal(size=(v, 3))
    probability = rng.dirichlet(np.ones(3), v).astype(np.float32)
    return VoxelContext(
        embedding=np.where(left[:, None], 0.0, 3.0) + np.zeros((v, 4), np.float32),
        direction=direction / np.linalg.norm(direction, axis=1, keepdims=True),
        centers=(voxels + 0.5) * 0.1,
        neighbors=touching(voxels),
        candidates=np.ones(v, dtype=bool),
        votes=np.zeros((v, 4), np.float32),
        component=connected_components(voxels, labels).astype(np.int64),
        labels=labels,
        channel=labels.astype(np.int64),
        features=rng.normal(size=(v, 3)).astype(np.float32) if deep else None,
        probability=probability if deep else None,
        given=probability[np.arange(v), labels.astype(int) - 1] if deep else None,
    )


def halves(context: VoxelContext) -> np.ndarray:
    return (context.labels == 2).astype(np.int64)


def whole(context: VoxelContext) -> np.ndarray:
    return np.zeros(len(context.labels), dtype=np.int64)


def masks_of(*partitions: np.ndarray) -> Masks:
    return Proposals.of(partitions).masks


def test_a_masks_look_does_not_depend_on_other_masks_or_on_where_the_map_begins():
    context, moved = board_context(), board_context((320, -64, 32))
    for features in (object_features, appearance_features):
        alone = features(masks_of(whole(context)), context)
        among = features(masks_of(halves(context), whole(context)), context)
        np.testing.assert_allclose(among[2], alone[0], rtol=1e-5)
        elsewhere = features(masks_of(whole(moved)), moved)
        np.testing.assert_allclose(elsewhere, alone, atol=2e-3)


def test_deep_features_and_probabilities_are_pooled():
    context = board_context()
    found = appearance_features(masks_of(halves(context)), context)
    assert context.features is not None
    assert context.probability is not None
    for i in (0, 1):
        mine = context.labels == i + 1
        np.testing.assert_allclose(found[i, :3], context.features[mine].mean(0), rtol=1e-5)
        np.testing.assert_allclose(found[i, 3:6], context.probability[mine].mean(0), rtol=1e-5)
        assert found[i, 6:10].tolist() == [0, 1 - i, i, 0]  # the labels, 0: none


def test_extents_are_those_of_the_board():
    context = board_context(deep=False)
    found = object_features(masks_of(whole(context)), context)[0]
    # after two numbers of the labels, 5 of spread and 4 shares within a radius
    _, along, across, tall = found[11:15]
    assert np.exp([along, across, tall]) == pytest.approx([1.0, 0.4, 0.1], abs=1e-3)


def test_a_whole_component_covers_itself_and_leaves_nothing():
    context = board_context()
    proposals = Proposals.of([halves(context), whole(context)])
    left, right, both = relation_features(proposals, context)[:, :5]
    for half in (left, right):
        assert half[:3].tolist() == [1, 1, 1]  # all of its component, nothing else, both
        assert half[3:].tolist() == pytest.approx([np.log(20), 0])
    assert both[:3].tolist() == [1, 0.5, 0]


def test_half_a_component_is_half_of_it():
    context = replace(board_context(), component=np.zeros(40, dtype=np.int64))
    features = relation_features(Proposals.of([halves(context)]), context)
    assert features[:, 0].tolist() == [0.5, 0.5]
    assert features[:, 4] == pytest.approx([np.log(21)] * 2)


def test_torn_labels_show_without_the_network():
    context = board_context(deep=False)
    component, left = context.component.copy(), np.flatnonzero(context.labels == 1)
    component[left[:4]], component[left[4:14]] = 2, 3  # of 20 voxels 6 are left
    for given, number, under_5, under_15 in (
        (context, 2, 0, 0),
        (replace(context, component=component), 4, 4 / 40, 20 / 40),
    ):
        found = object_features(masks_of(whole(context)), given)[0, -3:]
        assert found == pytest.approx([np.log1p(100 * number / 40), under_5, under_15])


def test_stability_counts_partitions_with_the_same_mask():
    context = board_context()
    proposals = Proposals.of([halves(context), whole(context), halves(context)])
    share, mean, least, last, best_of_last = relation_features(proposals, context)[:, -9:-4].T
    assert share == pytest.approx([2 / 3, 2 / 3, 1 / 3])
    assert mean == pytest.approx([(1 + 0.5 + 1) / 3] * 2 + [(0.5 + 1 + 0.5) / 3])
    assert least.tolist() == [0.5, 0.5, 0.5]
    assert last.tolist() == [1, 1, 0]
    assert best_of_last.tolist() == [1, 1, 0.5]


def test_networks_without_semantic_head_or_features_have_fewer():
    with_head, without = board_context(), board_context(deep=False)
    proposals = Proposals.of([halves(with_head)])
    for features in (object_features, appearance_features):
        more, fewer = features(proposals.masks, with_head), features(proposals.masks, without)
        assert np.isfinite(fewer).all()
        assert fewer.shape[1] < more.shape[1]


def test_the_score_is_a_probability_of_all_features():
    context = board_context()
    proposals = Proposals.of([halves(context), whole(context)])
    features = object_features(proposals.masks, context)
    width = features.shape[1] + relation_features(proposals, context).shape[1]
    zero = {"mean": np.zeros(width), "scale": np.ones(width), "weight1": np.zeros((1, width, 2)),
            "bias1": np.zeros((1, 1, 2)), "weight2": np.zeros((1, 2, 2)),
            "bias2": np.zeros((1, 1, 2)), "weight3": np.zeros((1, 2, 1)),
            "bias3": np.full((1, 1, 1), np.log(3.0))}  # fmt: skip
    model = Perceptron.from_arrays({n: a.astype(np.float32) for n, a in zero.items()}, "score")
    assert learned_score(proposals, features, context, model) == pytest.approx([0.75] * 3)
