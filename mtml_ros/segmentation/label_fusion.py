"""Label fusion: which voxels belong to objects, from labels that may err and the network's own.

The semantic head gives each voxel a probability p(c) of each class c (what is missing to 1 is "of
no class"). What the labels are worth in a scene shows in how far the head agrees with them:

    reliability = mean of p(label) over the voxels whose label is an object's

A voxel may belong to an instance, is a *candidate*, where p(object) = sum of p(c) over the object
classes reaches a threshold. One that is labelled as an object needs little (`keep_from`), one that
is not needs much (`add_from`). Both thresholds are given for labels that are not to be relied on
and for those that are, and interpolated between:

    w = clip((reliability - unreliable) / (reliable - unreliable), 0, 1)
    threshold = (1 - w) * threshold of unreliable labels + w * threshold of reliable labels

The network is less sure of true labels in rooms that look unlike those it was trained on; but
labels that err leave specks, and true ones none (`wholeness`). As far as labels are both relied on
and whole they decide: what is labelled as an object is a candidate, what is labelled as something
else is none, and the network is asked about voxels without a label alone.

The class of an instance is voted for by its voxels: one vote for the label, p(c) for each class.
Nothing of this is in the paper, whose labels are taken as they are; so they are without the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtml_ros.core.kernels import kernels
from mtml_ros.core.options import require
from mtml_ros.segmentation.components import label_components

SPECK, TORN = 5, 0.03
"""Voxels under which a component of labels is a speck, and the share of specks in labels that are
worth nothing: .002 with true labels of real rooms, .01 with those of procedural ones, whose scans
have holes, and .02 to .1 with labels that err."""
NEVER = 1.01
"""No sum of probabilities is above it."""


@dataclass(frozen=True)
class LabelFusionSettings:
    """Thresholds of the label fusion, probabilities all.

    enabled: fuse, where the weights have a semantic head; else the labels alone count.
    unreliable, reliable: labels of this reliability and less are not relied on, of this and more
        are fully.
    add_from: p(object) from which a voxel becomes a candidate though it is not labelled as an
        object: with unreliable labels, with reliable ones.
    keep_from: p(object) under which a voxel is none though it is labelled as one; likewise.
    unlabelled_from, unlabelled_share: in a map without any label a voxel is a candidate from this
        p(object) on, if that also is this share of the sum over all classes.
    """

    enabled: bool = True
    unreliable: float = 0.7
    reliable: float = 0.8
    add_from: tuple[float, float] = (0.6, 0.97)
    keep_from: tuple[float, float] = (0.15, 0.05)
    unlabelled_from: float = 0.03
    unlabelled_share: float = 0.5

    def __post_init__(self) -> None:
        checks = {"reliable": self.unreliable < self.reliable}
        require("label fusion", checks, self)


@dataclass(frozen=True)
class FusedLabels:
    """What the labels and the network say together.

    candidates: (V,) bool, voxels that may belong to an instance.
    votes: (V, C + 1) float32 by class index, each voxel's votes for the class of its instance.
    given: (V,) float32, p(label), -1 where the network has no class for the label; or None.
    label_weight: how far the labels decide, 0 to 1: w, less what shows that they are torn; 0
        without labels or the head.
    """

    candidates: np.ndarray
    votes: np.ndarray
    given: np.ndarray | None
    label_weight: float = 0.0


def fuse_labels(
    labels: np.ndarray,
    probability: np.ndarray | None,
    is_thing: np.ndarray,
    channels: np.ndarray,
    settings: LabelFusionSettings,
    any_label: bool,
    whole: float = 1.0,
) -> FusedLabels:
    """Candidates and votes of a grid's voxels.

    labels: (V,) class indices. probability: (V, N) float32 of the network's N classes, or None.
    is_thing: (C + 1,) bool, channels: (C + 1,) the network's class, from 1, or 0 for none; both by
    class index. any_label: whether the map that the grid is part of has labels at all. whole: the
    labels' `wholeness`.
    """
    s = settings
    labelled = is_thing[labels]
    votes = np.zeros((len(labels), len(is_thing)), dtype=np.float32)
    votes[labelled, labels[labelled]] = 1
    if probability is None:
        return FusedLabels(labelled, votes, None)
    given = probability_of_labels(labels, probability, channels)
    if not s.enabled:
        return FusedLabels(labelled, votes, given)
    things = np.flatnonzero(is_thing & (channels > 0))
    # two classes of the user's may be one of the network's: only labels tell them apart
    channel, first = np.unique(channels[things] - 1, return_index=True)
    of_class = np.zeros((probability.shape[1], len(is_thing)), dtype=np.float32)
    of_class[channel, things[first]] = 1
    object_probability = _product(probability, of_class.sum(axis=1)[:, None])[:, 0]
    known = labelled & (given >= 0)  # what the network has no class for stays
    decide = 0.0
    if any_label:
        reliability = given[known].mean() if known.any() else 0.0
        w = float(np.interp(reliability, (s.unreliable, s.reliable), (0.0, 1.0)))
        decide = w * whole
        keep_from, add_from = ((1 - w) * a + w * b for a, b in (s.keep_from, s.add_from))
        keep_from *= 1 - decide
        never = add_from + decide * (NEVER - add_from)
        threshold = np.where(labelled, keep_from * known, np.where(labels > 0, never, add_from))
    else:
        threshold = np.maximum(s.unlabelled_from, s.unlabelled_share * probability.sum(axis=1))
    votes += _product(probability, of_class)
    return FusedLabels(object_probability >= threshold, votes, given, decide)


def wholeness(neighbors: kernels.Neighbors, labels: np.ndarray, is_thing: np.ndarray) -> float:
    """1 for labels that are not torn, 0 where TORN of the voxels that are labelled as objects are
    in components of fewer than SPECK of equal labels, and between in proportion; 0 without any.

    neighbors: which voxels touch. labels: (V,) class indices. is_thing: (C + 1,) bool.
    """
    component = label_components(neighbors, np.where(is_thing[labels], labels.astype(int), -1))
    size = np.bincount(component[component >= 0])
    torn = size[size < SPECK].sum() / max(int(size.sum()), 1)
    return max(0.0, 1 - float(torn) / TORN) if size.any() else 0.0


def probability_of_labels(
    labels: np.ndarray, probability: np.ndarray, channels: np.ndarray
) -> np.ndarray:
    """(V,) float32: p(label) of each voxel, -1 where the network has no class for the label."""
    channel = channels[labels]
    given: np.ndarray = probability[np.arange(len(labels)), channel - 1]
    return np.where(channel > 0, given, np.float32(-1))


def _product(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """x (n, C) @ weight (C, D), float32, on the kernels' threads: numpy's wait spinning, which was
    seen to treble the time of a room."""
    out = np.empty((len(x), weight.shape[1]), np.float32)
    kernels.convolve(x, np.ascontiguousarray(weight[None], dtype=np.float32), None, out)
    return out
