"""Fits the two small models that follow the network: the learned score and the names of masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.scene import Scene
from mtml_ros.datasets.samples import Sample, voxelize
from mtml_ros.network.checkpoint import (
    Checkpoint,
    find_weights,
    load_checkpoint,
    save_checkpoint,
)
from mtml_ros.network.device import choose_device
from mtml_ros.segmentation.mask_features import (
    appearance_features,
    object_features,
    relation_features,
)
from mtml_ros.segmentation.perceptron import LIMIT, Perceptron
from mtml_ros.segmentation.proposals import Masks
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.training.recipe import Recipe
from mtml_ros.training.sources import make_source

MATCH, SOFTNESS = 0.5, 0.06
"""IoU from which a mask is its object, and over how much less and more that becomes certain."""
BATCH = 1024
MIN_STEPS = 600
"""Where masks are few they are seen more often than a Fit says."""
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-3


@dataclass(frozen=True)
class Fit:
    """How one of the two is fitted: hidden units of its layers, share of them that are left out
    at random, times that each mask is seen, and members that start differently."""

    hidden: tuple[int, int]
    dropout: float
    epochs: int
    members: int


SCORE = Fit((160, 64), 0.1, 4, 6)
NAMING = Fit((192, 96), 0.3, 6, 6)


@dataclass(frozen=True)
class Examples:
    """Masks of scenes and their truth.

    objects: (n, F), relations: (n, G), appearance: (n, A) float32 features. overlap: (n,) float32,
    the greatest IoU with an object. channel: (n,) int64, that object's class in the network, 0 for
    none.
    """

    objects: np.ndarray
    relations: np.ndarray
    appearance: np.ndarray
    overlap: np.ndarray
    channel: np.ndarray


def calibrate_weights(
    recipe: Recipe,
    weights: str | Path,
    out: str | Path,
    device: str = "auto",
    progress: bool = True,
) -> Path:
    """Fits the two models alone, and returns the path of the file with them and the network of
    `weights`, a file or the name of some that ship.

    out: a folder for it. Raises ConfigurationError where the recipe says of no scenes to fit on, or
    describes another network.
    """
    where = choose_device(device)
    checkpoint = load_checkpoint(find_weights(weights), where)
    if not recipe.calibration_scenes:
        raise ConfigurationError("recipe: calibration_scenes is 0: there is nothing to fit on")
    if checkpoint.config != recipe.network_config():
        raise ConfigurationError(f"recipe: {weights} is a network of another configuration")
    path = Path(out) / "weights.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    bare = replace(checkpoint, settings=recipe.settings, models={})
    save_checkpoint(path, calibrated(bare, recipe, where, progress))
    return path


def calibrated(
    checkpoint: Checkpoint, recipe: Recipe, device: torch.device, progress: bool
) -> Checkpoint:
    """The checkpoint with models fitted on the recipe's calibration scenes."""
    segmenter = InstanceSegmenter(checkpoint, recipe.load_taxonomy(), device)
    number = recipe.calibration_scenes
    scenes = make_source(recipe.data).calibration_scenes(number)
    models = calibrate(
        segmenter, tqdm(scenes, "calibration", number, disable=not progress), recipe.seed
    )
    return replace(checkpoint, models={name: vars(model) for name, model in models.items()})


def calibrate(
    segmenter: InstanceSegmenter, scenes: Iterable[Scene], seed: int = 0
) -> dict[str, Perceptron]:
    """The models fitted to the proposals of a segmenter in these scenes, by name: "score", and
    "naming" where the network has a semantic head.

    scenes: at least one, that its network was not trained on; their noisy labels are the input.
    """
    found = [examples(segmenter, voxelize(s, segmenter.voxel_size)) for s in scenes]
    parts = [f for f in found if f is not None]
    names = Examples.__dataclass_fields__
    joined = Examples(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))
    models = {"score": fit_score(joined, seed)}
    if segmenter.config.semantic:
        models["naming"] = fit_naming(joined, len(segmenter.config.classes) + 1, seed)
    return models


def examples(segmenter: InstanceSegmenter, sample: Sample) -> Examples | None:
    """The proposals in one scene; None where there are none."""
    output = segmenter.embed(sample.grid)
    context = segmenter.describe(sample.grid, output)
    if not context.candidates.any():
        return None
    least = segmenter.settings.labelling.min_voxels
    proposals = segmenter.propose(output, context, least)
    if not proposals.masks.count:
        return None
    overlap, best = best_overlap(proposals.masks, sample.instance)
    label = sample.labels[np.unique(sample.instance, return_index=True)[1]][best]
    channel = np.where(overlap > 0, segmenter.channels[label], 0)
    return Examples(
        object_features(proposals.masks, context),
        relation_features(proposals, context),
        appearance_features(proposals.masks, context),
        overlap,
        channel,
    )


def best_overlap(masks: Masks, instance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P,) float32: the highest IoU of each mask with a true instance (V,), -1 for none; and (P,)
    which it is, by position in the sorted instance numbers."""
    ids, compact = np.unique(instance, return_inverse=True)
    compact = compact.reshape(-1)
    size = np.bincount(compact)
    pair, shared = np.unique(masks.mask * len(ids) + compact[masks.voxel], return_counts=True)
    mask, thing = pair // len(ids), pair % len(ids)
    iou = np.zeros((masks.count, len(ids)), dtype=np.float32)
    iou[mask, thing] = shared / (masks.sizes[mask] + size[thing] - shared)
    iou[:, ids < 0] = 0
    best = iou.argmax(axis=1)
    return iou[np.arange(masks.count), best], best


def fit_score(found: Examples, seed: int = 0) -> Perceptron:
    """The model of whether a mask is an object: whether its IoU is above MATCH, softly."""
    features = np.concatenate([found.objects, found.relations], axis=1)
    target = 1 / (1 + np.exp((MATCH - found.overlap.astype(np.float64)) / SOFTNESS))
    y = torch.from_numpy(target.astype(np.float32))

    def loss(logits: Tensor, rows: Tensor) -> Tensor:
        wanted = y[rows].expand(len(logits), -1)
        return functional.binary_cross_entropy_with_logits(logits[..., 0], wanted)

    return fit(features, loss, 1, SCORE, seed)


def fit_naming(found: Examples, channels: int, seed: int = 0) -> Perceptron:
    """The model of the class of the masks that are objects, of `channels` with "none"."""
    good = found.overlap > MATCH
    y = torch.from_numpy(found.channel[good].astype(np.int64))

    def loss(logits: Tensor, rows: Tensor) -> Tensor:
        wanted = y[rows].expand(len(logits), -1)
        return functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())

    features = np.concatenate([found.objects[good], found.appearance[good]], axis=1)
    return fit(features, loss, channels, NAMING, seed)


def fit(
    features: np.ndarray,
    loss: Callable[[Tensor, Tensor], Tensor],
    outputs: int,
    settings: Fit,
    seed: int = 0,
) -> Perceptron:
    """The model of least loss over features (n, F) float32, which `loss` is given the logits
    (members, batch, outputs) and the rows (batch,) of. Leaves torch's random state alone."""
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-4
    x = torch.from_numpy(features)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        widths = (features.shape[1], *settings.hidden, outputs)
        parameters = []
        for inputs, out in pairwise(widths):
            shape = (settings.members, inputs, out)
            parameters.append(nn.Parameter((2 * torch.rand(shape) - 1) / inputs**0.5))
            parameters.append(nn.Parameter(torch.zeros(settings.members, 1, out)))
        optimizer = torch.optim.AdamW(parameters, LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        batch = min(BATCH, len(x))
        epochs = max(settings.epochs, MIN_STEPS * batch // len(x))
        steps = epochs * (len(x) // batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, LEARNING_RATE, steps, pct_start=0.1
        )
        average, deviation = torch.from_numpy(mean), torch.from_numpy(scale)
        for _ in range(epochs):
            order = torch.randperm(len(x))[: len(x) // batch * batch]
            for rows in order.reshape(-1, batch):
                hidden = ((x[rows] - average) / deviation).clamp(-LIMIT, LIMIT)
                for weight, bias in zip(parameters[:4:2], parameters[1:4:2]):
                    hidden = functional.dropout((hidden @ weight + bias).relu(), settings.dropout)
                # summed over the members, so that each learns as it would alone
                value = settings.members * loss(hidden @ parameters[4] + parameters[5], rows)
                optimizer.zero_grad()
                value.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
    arrays = (average, deviation, *parameters)
    return Perceptron(*(a.detach().numpy().astype(np.float32) for a in arrays))
