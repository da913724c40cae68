"""InstanceSegmenter: the whole method on one page, each step a named line."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mtml_ros.core.errors import CheckpointError, ConfigurationError, InputError
from mtml_ros.core.instances import Proposal, Segmentation, make_instance
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.network.batch import make_batch, make_input
from mtml_ros.network.checkpoint import Checkpoint, find_weights, load_checkpoint
from mtml_ros.network.heads import NetworkOutput
from mtml_ros.segmentation.components import label_components, neighbor_edges
from mtml_ros.segmentation.labelling import assign_free, label_masks
from mtml_ros.segmentation.learned_score import QualityModel, VoxelContext, mask_features
from mtml_ros.segmentation.paper_score import ScoreSettings, score_masks
from mtml_ros.segmentation.proposals import Masks, propose
from mtml_ros.segmentation.region_cache import RegionCache
from mtml_ros.segmentation.regions import REGION_VOXELS, divide
from mtml_ros.segmentation.stitching import RegionResult, joined
from mtml_ros.segmentation.suppression import coherent_labelling, suppress


@dataclass(frozen=True)
class SegmenterSettings:
    """Post-processing (MTML, section 3.3).

    learned_score: score proposals by the weights' learned estimate of their IoU, if they have one.
    score_threshold: instances are dropped whose score, times the share of them that better ones
        leave, is below it. min_voxels: so are smaller ones, and smaller proposals.
    bandwidths: mean-shift radii in the embedding's units. split: propose connected parts too.
    suppression_iou: proposals that overlap a better one by more are dropped; the score of those
        that stay falls by their overlap (as in soft suppression, Bodla et al. 2017).
    assign_radius: a voxel left over goes to the nearest instance within this in the embedding.
    direction_sign: 1, or -1 for weights whose directions point away from the centre (equation 5).

    For weights that have the semantic head:
    found_threshold: a voxel whose label is no thing's is one from this probability on: where the
        grid's labels are not to be trusted, and where they are.
    lost_threshold: a voxel with a thing's label is none below this one, in the same two cases.
    trust: up to which mean probability of the things' labels they are not to be trusted, and from
        which they are; between, the thresholds are interpolated.
    unlabelled_threshold: where no voxel of the grid has a label at all, a voxel is a thing's from
        the first probability on, if it also is from the second when "none" is left out.
    label_weight: what an input label's vote weighs, the network's own class having 1.
    """

    learned_score: bool = True
    score_threshold: float = 0.35
    min_voxels: int = 10
    bandwidths: tuple[float, ...] = (0.6, 1.0, 1.6)
    split: bool = True
    suppression_iou: float = 0.3
    assign_radius: float = 1.5
    direction_sign: float = 1.0
    found_threshold: tuple[float, float] = (0.6, 0.97)
    lost_threshold: tuple[float, float] = (0.15, 0.05)
    trust: tuple[float, float] = (0.7, 0.8)
    unlabelled_threshold: tuple[float, float] = (0.03, 0.5)
    label_weight: float = 1.0
    score: ScoreSettings = field(default_factory=ScoreSettings)


class InstanceSegmenter:
    """Labelled voxels in, separate objects out.

    Make one with `InstanceSegmenter.load`. It keeps nothing from call to call; who calls it for a
    map that grows hands it a RegionCache.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        taxonomy: Taxonomy,
        device: torch.device,
        settings: SegmenterSettings | None = None,
    ) -> None:
        self.network = checkpoint.network.to(device).eval()
        self.config = checkpoint.config
        quality = checkpoint.models.get("quality")
        self.quality = (
            None if quality is None else QualityModel.from_arrays(quality, self.config.semantic)
        )
        self.taxonomy = taxonomy
        self.device = device
        self.settings = settings or settings_from(checkpoint.settings)
        self._channels = taxonomy.network_channels(self.config.classes)

    @staticmethod
    def load(
        weights: str | Path | None = None,
        taxonomy: Taxonomy | None = None,
        device: str = "auto",
        settings: SegmenterSettings | None = None,
    ) -> InstanceSegmenter:
        """A segmenter with weights from a file, or that ship under a name (None: the default).

        taxonomy: what the grids' class indices mean (None: ScanNet's). settings: None for those
        that were chosen with the weights.
        Raises CheckpointError or ConfigurationError.
        """
        where = choose_device(device)
        checkpoint = load_checkpoint(find_weights(weights), where)
        return InstanceSegmenter(checkpoint, taxonomy or Taxonomy.scannet(), where, settings)

    @property
    def voxel_size(self) -> float:
        """Metres; the grids' must be the same."""
        return self.config.voxel_size

    def segment(
        self,
        grid: VoxelGrid,
        *,
        score_threshold: float | None = None,
        min_voxels: int | None = None,
        region_voxels: int = REGION_VOXELS,
        cache: RegionCache | None = None,
    ) -> Segmentation:
        """The separate objects of a grid; the same grid gives the same objects.

        score_threshold, min_voxels: in place of the settings' own. region_voxels: about how many
        are segmented at once, one region after another (see `divide`); memory follows it. cache:
        of the calls before, so that only regions that have changed are segmented.
        Raises InputError when the grid does not fit the weights.
        """
        s = self.settings
        if score_threshold is not None:
            s = replace(s, score_threshold=score_threshold)
        if min_voxels is not None:
            s = replace(s, min_voxels=min_voxels)
        self._check(grid)
        cache = RegionCache() if cache is None else cache
        seconds: dict[str, float] = {}
        with _timed(seconds, "divide"):
            regions = divide(grid.coordinates, s.min_voxels, region_voxels)
            labelled = bool(grid.labels.any())
            cache.open(grid, (s, labelled))
        results = []
        for region in regions:
            part = cache.part(region)
            result = cache.find(part)
            if result is None:
                found = self._segment_region(part.grid, s, labelled)
                for step, spent in found.seconds.items():
                    seconds[step] = seconds.get(step, 0.0) + spent
                result = cache.keep(part, RegionResult.of(found, region.own))
            results.append(result)
        cache.close()
        with _timed(seconds, "join"):
            segmentation = joined(grid, regions, results, s.min_voxels)
        return replace(segmentation, seconds=seconds)

    def _segment_region(
        self, grid: VoxelGrid, s: SegmenterSettings, labelled: bool
    ) -> Segmentation:
        """The objects of a grid, taken as one. labelled: whether there are labels in the map."""
        seconds: dict[str, float] = {}
        with _timed(seconds, "network"):
            output = self.embed(grid)
            candidates, votes = self.read_labels(grid, output, labelled)
        if not candidates.any():
            nothing = np.full(len(grid), -1, np.int32)
            return Segmentation(grid, nothing, [], [], grid.labels, seconds)
        with _timed(seconds, "propose"):
            context, partitions = self.propose(grid, output, candidates)
            masks = Masks.joined([Masks.of_partition(p) for p in partitions])
            masks = masks.select(np.flatnonzero(masks.sizes >= s.min_voxels))
        with _timed(seconds, "score"):
            scores = self._score(masks, context)
        with _timed(seconds, "suppress"):
            usable = np.flatnonzero(scores > 0)
            masks, scores = masks.select(usable), scores[usable]
            kept, overlap = suppress(masks, scores, len(grid), s.suppression_iou)
            masks, scores = masks.select(kept), scores[kept]
            proposals = self._proposals(masks, scores * (1 - overlap), votes)
        with _timed(seconds, "label"):
            owner = coherent_labelling(masks, scores, len(grid), s.min_voxels, s.score_threshold)
            owner = assign_free(owner, candidates, context.embedding, s.assign_radius)
            segmentation = self._coherent(grid, owner, scores, votes, proposals, s.min_voxels)
        return replace(segmentation, seconds=seconds)

    def propose(
        self, grid: VoxelGrid, output: NetworkOutput, candidates: np.ndarray
    ) -> tuple[VoxelContext, list[np.ndarray]]:
        """What is known of each voxel, and the partitions of the candidates (V,) bool: those of
        `grouping.proposals.propose`, and last the connected components of the labels."""
        s = self.settings
        edges = neighbor_edges(grid.coordinates)
        inside = torch.from_numpy(np.flatnonzero(candidates)).to(output.embedding.device)
        partitions = propose(output.embedding[inside], candidates, edges, s.bandwidths, s.split)
        labels = np.where(candidates, grid.labels.astype(np.int64), -1)
        partitions.append(label_components(edges, labels).astype(np.int64))
        predicted = output.probability
        context = VoxelContext(
            output.embedding.cpu().numpy(),
            s.direction_sign * output.direction.cpu().numpy(),
            grid.centers,
            edges,
            candidates,
            partitions[-1],
            grid.labels,
            predicted,
            None if predicted is None else self._given(predicted, grid.labels),
        )
        return context, partitions

    def _given(self, predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """(V,) float32: the predicted (V, C) probability of each label, -1 where it is no class."""
        channel = self._channels[labels]
        given: np.ndarray = predicted[np.arange(len(labels)), channel - 1]
        return np.where(channel > 0, given, np.float32(-1))

    def _score(self, masks: Masks, context: VoxelContext) -> np.ndarray:
        """(P,) float64 in 0..1: the learned score where the weights have one, else the paper's."""
        if self.quality is not None and self.settings.learned_score:
            return self.quality.predict(mask_features(masks, context))
        c = context
        terms = score_masks(masks, c.embedding, c.direction, c.centers, self.settings.score)
        return terms.score

    def embed(self, grid: VoxelGrid) -> NetworkOutput:
        """The network's output for a grid, taken as one."""
        inputs = make_input(grid, self.config, self._channels)
        batch = make_batch([grid.coordinates], [inputs])
        with torch.inference_mode():
            output: NetworkOutput = self.network(batch.to(self.device))
        return output

    def read_labels(
        self, grid: VoxelGrid, output: NetworkOutput, labelled_map: bool | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(V,) bool, voxels that may belong to an instance; (V, C + 1) float32, their votes for
        its class: the labels', and where the network knows better its own.

        labelled_map: whether the map that the grid is part of has labels (None: it is all).
        """
        is_thing = self.taxonomy.is_thing
        labelled = is_thing[grid.labels]
        votes = np.zeros((len(grid), len(is_thing)), dtype=np.float32)
        votes[labelled, grid.labels[labelled]] = 1
        predicted = output.probability
        if predicted is None:
            return labelled, votes
        s = self.settings
        things = np.flatnonzero(is_thing & (self._channels > 0))
        # two classes of the user's may be one of the network's: only labels tell them apart
        channel, first = np.unique(self._channels[things] - 1, return_index=True)
        probability = predicted[:, channel].sum(axis=1)
        given = self._given(predicted, grid.labels)
        known = labelled & (given >= 0)  # what the network has no word for stays
        trust = given[known].mean() if known.any() else 0.0
        lost = np.interp(trust, s.trust, s.lost_threshold)
        found = np.interp(trust, s.trust, s.found_threshold)
        threshold = np.where(labelled, lost * known, found)
        if not (grid.labels.any() if labelled_map is None else labelled_map):
            least, among_classes = s.unlabelled_threshold
            threshold = np.maximum(least, among_classes * predicted.sum(axis=1))
        votes *= s.label_weight
        votes[:, things[first]] += predicted[:, channel]
        return probability >= threshold, votes

    def _proposals(self, masks: Masks, scores: np.ndarray, votes: np.ndarray) -> list[Proposal]:
        found = [
            Proposal(voxels, int(label), float(score))
            for voxels, label, score in zip(masks.split(), label_masks(masks, votes), scores)
        ]
        return sorted(found, key=lambda p: -p.score)

    def _coherent(
        self,
        grid: VoxelGrid,
        owner: np.ndarray,
        scores: np.ndarray,
        votes: np.ndarray,
        proposals: list[Proposal],
        min_voxels: int,
    ) -> Segmentation:
        owners, compact = np.unique(owner, return_inverse=True)
        masks = Masks.of_partition(compact.reshape(-1) - int(owners[0] == -1))
        masks = masks.select(np.flatnonzero(masks.sizes >= min_voxels))
        labels = label_masks(masks, votes)
        instance = np.full(len(grid), -1, dtype=np.int32)
        final = grid.labels.copy()
        instances = []
        for i, (voxels, label) in enumerate(zip(masks.split(), labels)):
            instances.append(
                make_instance(grid, voxels, int(label), float(scores[owner[voxels[0]]]))
            )
            instance[voxels] = i
            final[voxels] = label
        return Segmentation(grid, instance, instances, proposals, final)

    def _check(self, grid: VoxelGrid) -> None:
        if not np.isclose(grid.voxel_size, self.voxel_size):
            raise InputError(
                f"the grid's voxels are {grid.voxel_size} m wide, the weights need "
                f"{self.voxel_size} m"
            )


def settings_from(values: dict[str, Any]) -> SegmenterSettings:
    """Settings with these values in place of the defaults, as a checkpoint carries them.

    Raises CheckpointError for a name that is none.
    """
    try:
        values = dict(values)
        score = ScoreSettings(**values.pop("score", {}))
        for f in fields(SegmenterSettings):  # JSON and YAML know lists only
            if isinstance(f.default, tuple) and f.name in values:
                values[f.name] = tuple(values[f.name])
        return SegmenterSettings(score=score, **values)
    except TypeError as error:
        names = ", ".join(f.name for f in fields(SegmenterSettings))
        raise CheckpointError(f"settings of the weights: {error}; known: {names}") from None


def choose_device(name: str) -> torch.device:
    """The torch device of "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N".

    Raises ConfigurationError when it is another word, or CUDA that is not there.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,2})?", name):
        raise ConfigurationError(f"device {name!r}: must be auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if count else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ConfigurationError(
            f"device {name}: torch sees {count or 'no'} CUDA devices here; use auto or cpu"
        )
    return device


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[step] = time.perf_counter() - start
