"""Naming: votes without a model; with one its class, labels telling apart what it cannot."""

import numpy as np
import pytest

from mtml_ros.segmentation.components import touching
from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.naming import LABEL_WEIGHT, name_masks, softmax
from mtml_ros.segmentation.perceptron import Perceptron
from mtml_ros.segmentation.proposals import Masks


class Says(Perceptron):
    """A model that finds these probabilities, whatever it sees."""

    def __init__(self, *probability: float) -> None:
        object.__setattr__(self, "probability", probability)

    @property
    def num_outputs(self) -> int:
        return len(self.probability)

    def logits(self, features: np.ndarray) -> np.ndarray:
        return np.tile(np.log(self.probability), (len(features), 1))


THINGS = np.array([False, True, True, True])
CHANNELS = np.array([0, 1, 2, 3])


def scene(
    votes: list[list[float]], channel: list[int], weight: float
) -> tuple[Masks, VoxelContext]:
    """Four voxels, one mask, the votes of each and its label."""
    context = VoxelContext(
        embedding=np.zeros((4, 2)), direction=np.zeros((4, 3)), centers=np.zeros((4, 3)),
        neighbors=touching(np.zeros((1, 3), np.int32)), candidates=np.ones(4, bool),
        votes=np.array(votes, np.float32), component=np.zeros(4, np.int64),
        labels=np.array(channel, np.uint8), channel=np.array(channel), features=None,
        probability=None, given=None, label_weight=weight,
    )  # fmt: skip
    return Masks.of([np.arange(4)]), context


def name(votes, model, is_thing=THINGS, channels=CHANNELS, channel=(0, 0, 0, 0), weight=0.0):
    masks, context = scene(votes, list(channel), weight)
    labels, probability = name_masks(masks, np.zeros((1, 5)), context, model, is_thing, channels)
    return int(labels[0]), float(probability[0])


def test_without_a_model_the_most_voted_class_wins():
    assert name([[0, 1, 0, 0]] * 3 + [[0, 0, 3, 0]], None) == (1, 1.0)


def test_with_a_model_its_class_wins_over_the_votes():
    assert name([[0, 1, 0, 0]] * 4, Says(0.1, 0.2, 0.6, 0.1)) == (2, pytest.approx(0.6))


def test_labels_count_as_far_as_they_decide():
    votes, model = [[0, 1, 0, 0]] * 4, Says(0.1, 0.02, 0.5, 0.38)
    assert name(votes, model, channel=(1, 1, 1, 1), weight=1)[0] == 1  # 0.02 e^4 = 1.09
    assert name(votes, model, channel=(1, 1, 0, 0), weight=1)[0] == 2  # 0.02 e^2 = 0.15
    assert name(votes, model, channel=(1, 1, 1, 1), weight=0.5)[0] == 2
    decided = name(votes, model, channel=(1, 1, 1, 1), weight=1)[1]
    assert decided == pytest.approx(
        0.02 * np.exp(LABEL_WEIGHT) / (0.98 + 0.02 * np.exp(LABEL_WEIGHT))
    )


def test_stuff_and_none_are_no_names():
    things = np.array([False, False, True, True])
    assert name([[0, 1, 0, 0]] * 4, Says(0.5, 0.3, 0.05, 0.15), things)[0] == 3


def test_two_classes_that_are_one_to_the_network_are_told_apart_by_votes():
    channels = np.array([0, 1, 2, 2])
    model = Says(0.1, 0.2, 0.7)
    assert name([[0, 0, 1, 0]] * 3 + [[0, 0, 0, 1]], model, channels=channels)[0] == 2
    assert name([[0, 0, 0, 1]] * 4, model, channels=channels) == (3, pytest.approx(0.7, abs=1e-3))


def test_a_class_that_the_network_has_no_word_for_counts_by_its_labels():
    channels = np.array([0, 1, 2, 0])
    model = Says(0.1, 0.2, 0.7)
    assert name([[0, 0, 0, 1]] * 4, model, channels=channels) == (3, pytest.approx(1.0))
    assert name([[0, 0, 0, 1]] * 2 + [[0, 0, 0, 0]] * 2, model, channels=channels)[0] == 2


def test_softmax_by_hand():
    assert softmax(np.log([[1.0, 3.0]])) == pytest.approx(np.array([[0.25, 0.75]]))
