"""Features of proposals against a slow reading of their names, voxel by voxel; the two layers."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mtml_ros.core.errors import CheckpointError
from mtml_ros.core.voxels import pack_keys
from mtml_ros.segmentation.components import connected_components, neighbor_edges
from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.learned_score import (
    FEATURES,
    LABEL_FEATURES,
    QualityModel,
    mask_features,
)
from mtml_ros.segmentation.proposals import Masks


def random_context(seed: int) -> VoxelContext:
    rng = np.random.default_rng(seed)
    voxels = np.unique(rng.integers(0, 6, (90, 3)), axis=0)
    voxels = voxels[np.argsort(pack_keys(voxels))].astype(np.int32)
    v = len(voxels)
    labels = rng.integers(0, 4, v).astype(np.uint8)
    candidates = (labels > 0) & (rng.random(v) < 0.9)
    direction = rng.normal(size=(v, 3))
    probability = rng.dirichlet(np.ones(3), v)
    given = np.where(labels > 0, probability[np.arange(v), labels.astype(int) - 1], -1)
    return VoxelContext(
        embedding=rng.normal(0, 0.8, (v, 4)).astype(np.float32),
        direction=direction / np.linalg.norm(direction, axis=1, keepdims=True),
        centers=(voxels + 0.5) * 0.1,
        edges=neighbor_edges(voxels),
        candidates=candidates,
        votes=np.zeros((v, 4), np.float32),
        component=connected_components(voxels, np.where(candidates, labels, -1)).astype(np.int64),
        labels=labels,
        probability=probability,
        given=given.astype(np.float32),
    )


def random_masks(seed: int, context: VoxelContext) -> Masks:
    rng = np.random.default_rng(seed)
    inside = np.flatnonzero(context.candidates)
    sizes = [1, 2, 5, 20, len(inside)]
    return Masks.of([np.sort(rng.choice(inside, n, replace=False)) for n in sizes])


def main_share(mask: list[int], group: np.ndarray) -> tuple[float, float]:
    count = Counter(int(group[v]) for v in mask if group[v] >= 0)
    if not count:
        return 0.0, 0.0
    most = max(count.values())
    best = min(g for g, n in count.items() if n == most)
    return most / int((group == best).sum()), most / len(mask)


def slow_features(mask: list[int], c: VoxelContext) -> list[float]:
    x = c.embedding.astype(np.float64)
    mean = np.mean([x[v] for v in mask], axis=0)
    distance = [float(np.linalg.norm(x[v] - mean)) for v in mask]
    middle = np.mean([c.centers[v] for v in mask], axis=0)
    cosines = []
    for v in mask:
        towards = middle - c.centers[v]
        length = np.linalg.norm(towards)
        cosines.append(1.0 if length <= 1e-3 else float(towards @ c.direction[v] / length))
    contacts, jumps = 0, []
    for a, b in c.edges.tolist():
        for one, other in ((a, b), (b, a)):
            if one in mask and c.candidates[one] and c.candidates[other]:
                contacts += 1
                if other not in mask:
                    jumps.append(min(4.0, float(np.linalg.norm(x[one] - x[other]))))
    ball = {v for v in np.flatnonzero(c.candidates).tolist() if np.linalg.norm(x[v] - mean) <= 1}
    covered, pure = main_share(mask, c.component)
    assert c.probability is not None
    return [
        max(0.0, float(np.mean(cosines))),
        float(np.mean([d <= 0.5 for d in distance])),
        float(np.mean([d <= 1.0 for d in distance])),
        float(np.mean(distance)),
        float(np.log(len(mask))),
        covered,
        pure,
        main_share(mask, c.labels.astype(np.int64))[1],
        len(jumps) / max(contacts, 1),
        float(np.mean(jumps)) if jumps else 4.0,
        len(ball & set(mask)) / len(ball | set(mask)),
        float(np.mean([c.probability[v] for v in mask], axis=0).max()),
        *slow_label_agreement(mask, c),
    ]


def slow_label_agreement(mask: list[int], c: VoxelContext) -> list[float]:
    assert c.probability is not None

    def given(voxels: list[int]) -> list[float]:
        return [float(c.probability[v][int(c.labels[v]) - 1]) for v in voxels if c.labels[v] > 0]

    scene = given(np.flatnonzero(c.candidates).tolist())
    return [float(np.mean(given(mask))), float(np.mean(scene)), float(np.mean(c.labels[mask] == 0))]


@pytest.mark.parametrize("seed", range(4))
def test_features_are_what_their_names_say(seed):
    context = random_context(seed)
    masks = random_masks(seed, context)
    found = mask_features(masks, context)
    names = FEATURES + LABEL_FEATURES
    assert found.shape == (masks.count, len(names))
    expected = [slow_features(part.tolist(), context) for part in masks.split()]
    for i, name in enumerate(names):
        np.testing.assert_allclose(
            found[:, i], [row[i] for row in expected], atol=1e-5, err_msg=name
        )


def test_without_probabilities_every_class_is_certain():
    context = random_context(0)
    plain = replace(context, probability=None, given=None)
    found = mask_features(random_masks(0, context), plain)
    assert found.shape[1] == len(FEATURES)
    assert (found[:, -1] == 1).all()


def test_masks_and_scenes_without_a_label_have_no_trusted_one():
    context = random_context(0)
    masks = random_masks(0, context)
    unlabelled = replace(context, given=np.full(len(context.labels), -1, np.float32))
    found = mask_features(masks, unlabelled)[:, len(FEATURES) :]
    assert np.array_equal(found, np.tile([0.0, 0.0, 1.0], (masks.count, 1)))


def test_two_layers_by_hand():
    # standardised: (3 - 1) / 2 = 1 and (0 - 2) / 1 = -2. hidden: relu(1 * 1 + 0.5 * -2 + 1) = 1,
    # relu(-1 * 1 + 0 - 0.5) = 0. out: 2 * 1 + 9 * 0 - 2 = 0, whose sigmoid is 1/2
    model = QualityModel(
        mean=np.array([1.0, 2.0]),
        scale=np.array([2.0, 1.0]),
        weight1=np.array([[1.0, -1.0], [0.5, 0.0]]),
        bias1=np.array([1.0, -0.5]),
        weight2=np.array([2.0, 9.0]),
        bias2=np.array([-2.0]),
    )
    assert model.predict(np.array([[3.0, 0.0]])) == pytest.approx([0.5])


def arrays(f: int, hidden: int = 3) -> dict[str, np.ndarray]:
    shapes = {"mean": f, "scale": f, "weight1": (f, hidden), "bias1": hidden,
              "weight2": hidden, "bias2": 1}  # fmt: skip
    return {name: np.ones(shape, dtype=np.float32) for name, shape in shapes.items()}


def test_the_model_of_a_network_that_judges_labels_has_features_of_labels():
    plain, judging = len(FEATURES), len(FEATURES + LABEL_FEATURES)
    for judges, f in ((False, plain), (True, judging)):
        model = QualityModel.from_arrays(arrays(f), judges)
        assert model.predict(np.zeros((2, f), dtype=np.float32)).shape == (2,)
    with pytest.raises(CheckpointError, match="learned score"):
        QualityModel.from_arrays(arrays(judging), judges_labels=False)


@pytest.mark.parametrize("name", ["bias1", "weight1", "mean"])
def test_a_model_that_lacks_an_array_or_has_another_shape_is_refused(name):
    found = arrays(len(FEATURES))
    with pytest.raises(CheckpointError, match=name):
        QualityModel.from_arrays({**found, name: np.ones((2, 2), dtype=np.float32)}, False)
    del found[name]
    with pytest.raises(CheckpointError, match=name):
        QualityModel.from_arrays(found, False)
