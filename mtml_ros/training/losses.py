"""The losses of MTML (section 3.2, equations 1 to 6) and one for the semantic head.

All take voxels of several scenes at once; instances are numbered through the batch, voxels
without an instance are -1 and count for nothing. Every loss of the paper's is an average over the
instances of a scene, then over the scenes that have any; it is zero, with zero gradient, where none
has. The semantic head's is one over all voxels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from mtml_ros.network.heads import NetworkOutput

EPSILON = 1e-12


@dataclass(frozen=True)
class LossSettings:
    """Margins and weights of the losses.

    The paper fixes the weights of L_FE (1, 1, 0.001); the margins are ours, chosen on training
    scenes of the toy set: instances end up 2 * 1.5 apart with nine voxels in ten within 0.3.
    direction_sign: 1: directions point towards the centre, as the paper's text has it; -1: away
    from it, as its equation 5. The settings of the post-processing must have the same.
    """

    variance_margin: float = 0.3
    distance_margin: float = 1.5
    variance_weight: float = 1.0
    distance_weight: float = 1.0
    regularization_weight: float = 0.001
    embedding_weight: float = 1.0
    direction_weight: float = 1.0
    direction_sign: float = 1.0
    semantic_weight: float = 0.5


@dataclass(frozen=True)
class Targets:
    """The truth for a batch of voxels.

    instance: (V,) int64, numbered through the batch without gaps, -1 for none.
    scene_of_instance: (C,) int64, the scene of each instance.
    centers: (C, 3) float32, centre of each instance, in the metres of `positions`.
    positions: (V, 3) float32, metres, voxel centres.
    labels: (V,) int64, channel of the true class, 0 for what is of none.
    """

    instance: Tensor
    scene_of_instance: Tensor
    centers: Tensor
    positions: Tensor
    labels: Tensor


def instance_means(embedding: Tensor, instance: Tensor, num_instances: int) -> Tensor:
    """(C, E): mu_c, the mean embedding of each instance."""
    inside = instance >= 0
    index = instance[inside]
    counts = torch.bincount(index, minlength=num_instances).clamp(min=1)
    sums = embedding.new_zeros(num_instances, embedding.shape[1])
    return sums.index_add(0, index, embedding[inside]) / counts[:, None]


def variance_loss(
    embedding: Tensor, means: Tensor, instance: Tensor, scene_of_instance: Tensor, margin: float
) -> Tensor:
    """L_var: pulls each embedding to within `margin` of its instance's mean (equation 2)."""
    inside = instance >= 0
    index = instance[inside]
    distance = _norm(means[index] - embedding[inside])
    return _mean_over_instances((distance - margin).clamp(min=0).square(), index, scene_of_instance)


def distance_loss(means: Tensor, scene_of_instance: Tensor, margin: float) -> Tensor:
    """L_dist: pushes the means of two instances of a scene to 2 `margin` apart (equation 3).

    A scene of one instance has no pair and gives zero.
    """
    c = len(means)
    same_scene = scene_of_instance[:, None] == scene_of_instance[None, :]
    a, b = torch.triu(same_scene, diagonal=1).nonzero().unbind(1)
    gap = (2 * margin - _norm(means[a] - means[b])).clamp(min=0).square()
    size = torch.bincount(scene_of_instance) if c else scene_of_instance
    scenes = int((size > 0).sum())
    pairs = (size * (size - 1) / 2).clamp(min=1)[scene_of_instance[a]]
    return (gap / pairs).sum() / max(1, scenes)


def regularization_loss(means: Tensor, scene_of_instance: Tensor) -> Tensor:
    """L_reg: keeps the means near the origin (equation 4)."""
    return _mean_over_scenes(_norm(means), scene_of_instance)


def direction_loss(direction: Tensor, targets: Targets) -> Tensor:
    """L_dir: minus the mean cosine between v_i and the unit vector to the centre (equation 5).

    direction: (V, 3) unit vectors that are to point towards the centre. A voxel at its
    instance's centre has no direction and counts as zero.
    """
    inside = targets.instance >= 0
    index = targets.instance[inside]
    towards = targets.centers[index] - targets.positions[inside]
    length = towards.norm(dim=1, keepdim=True)
    unit = torch.where(length > 1e-3, towards / length.clamp(min=1e-3), 0.0)
    cosine = (direction[inside] * unit).sum(1)
    return -_mean_over_instances(cosine, index, targets.scene_of_instance)


def semantic_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy; what the truth leaves without a class is to be told from objects too."""
    return cross_entropy(logits, labels) if len(labels) else logits.sum()


def multi_task_loss(
    output: NetworkOutput, targets: Targets, settings: LossSettings
) -> tuple[Tensor, dict[str, Tensor]]:
    """L = a_FE L_FE + a_dir L_dir (equation 6), and each term by name.

    L_FE = w_var L_var + w_dist L_dist + w_reg L_reg (equation 1). A direction weight
    of 0 is the paper's "FE only".
    """
    owner = targets.scene_of_instance
    means = instance_means(output.embedding, targets.instance, len(owner))
    terms = {
        "variance": variance_loss(
            output.embedding, means, targets.instance, owner, settings.variance_margin
        ),
        "distance": distance_loss(means, owner, settings.distance_margin),
        "regularization": regularization_loss(means, owner),
        "direction": direction_loss(settings.direction_sign * output.direction, targets),
    }
    s = settings
    total = (
        s.embedding_weight
        * (
            s.variance_weight * terms["variance"]
            + s.distance_weight * terms["distance"]
            + s.regularization_weight * terms["regularization"]
        )
        + s.direction_weight * terms["direction"]
    )
    if output.semantic is not None:
        terms["semantic"] = semantic_loss(output.semantic, targets.labels)
        total = total + s.semantic_weight * terms["semantic"]
    return total, {name: value.detach() for name, value in terms.items()}


def _norm(x: Tensor) -> Tensor:
    """(n,) lengths of (n, d); the epsilon keeps the gradient finite at zero."""
    return (x.square().sum(1) + EPSILON).sqrt()


def _mean_over_instances(values: Tensor, index: Tensor, scene_of_instance: Tensor) -> Tensor:
    """Mean within each instance, over the instances of a scene, over the scenes."""
    c = len(scene_of_instance)
    counts = torch.bincount(index, minlength=c).clamp(min=1)
    per_instance = values.new_zeros(c).index_add(0, index, values) / counts
    return _mean_over_scenes(per_instance, scene_of_instance)


def _mean_over_scenes(per_instance: Tensor, scene_of_instance: Tensor) -> Tensor:
    if not len(per_instance):
        return per_instance.sum()
    size = torch.bincount(scene_of_instance)
    weighted = per_instance / size[scene_of_instance]
    return weighted.sum() / int((size > 0).sum())
