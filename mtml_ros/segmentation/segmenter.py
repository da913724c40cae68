"""InstanceSegmenter: the whole method on one page, each step a named line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mtml_ros.core.errors import CheckpointError, ConfigurationError, InputError
from mtml_ros.core.instances import Proposal, Segmentation, make_instance
from mtml_ros.core.kernels import kernels
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.network.batch import make_batch, make_input
from mtml_ros.network.checkpoint import Checkpoint, find_weights, load_checkpoint
from mtml_ros.network.device import choose_device
from mtml_ros.network.heads import NetworkOutput
from mtml_ros.network.inference import forward_of
from mtml_ros.network.threads import at_work, one_torch_thread
from mtml_ros.segmentation.choice import CONFLICT, ScoredMasks, choose, worth_of
from mtml_ros.segmentation.components import label_components, touching
from mtml_ros.segmentation.context import VoxelContext
from mtml_ros.segmentation.label_fusion import fuse_labels, wholeness
from mtml_ros.segmentation.labelling import (
    LEAST_SHARE,
    LabellingSettings,
    assign_leftovers,
    non_overlapping_labelling,
)
from mtml_ros.segmentation.learned_score import learned_score
from mtml_ros.segmentation.mask_features import appearance_features, object_features
from mtml_ros.segmentation.naming import name_masks
from mtml_ros.segmentation.paper_score import score_masks
from mtml_ros.segmentation.perceptron import Perceptron
from mtml_ros.segmentation.preference import (
    components_preferred,
    instances_before,
    with_preference,
)
from mtml_ros.segmentation.proposals import Masks, Proposals, propose
from mtml_ros.segmentation.region_cache import RegionCache
from mtml_ros.segmentation.regions import REGION_VOXELS, divide
from mtml_ros.segmentation.settings import SegmenterSettings
from mtml_ros.segmentation.stitching import RegionResult, joined
from mtml_ros.segmentation.suppression import suppress


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
        self.taxonomy = taxonomy
        self.device = device
        self.settings = settings or settings_of(checkpoint)
        models = {n: Perceptron.from_arrays(a, n) for n, a in checkpoint.models.items()}
        self._score_model, self._naming_model = models.get("score"), models.get("naming")
        self._learned = self._score_model is not None and self.settings.score.learned
        self.channels = taxonomy.network_channels(self.config.classes)
        self._forward = forward_of(self.network, device)
        self._on_kernels = self._forward is not self.network

    @staticmethod
    def load(
        weights: str | Path | None = None,
        taxonomy: Taxonomy | None = None,
        device: str = "auto",
        settings: SegmenterSettings | None = None,
        as_in_the_paper: bool = False,
    ) -> InstanceSegmenter:
        """A segmenter with weights from a file, or that ship under a name (None: the default).

        taxonomy: what the grids' class indices mean (None: ScanNet's). settings: None for those
        that were chosen with the weights. as_in_the_paper: without what this project adds to the
        paper's post-processing, see SegmenterSettings.
        Raises CheckpointError or ConfigurationError.
        """
        where = choose_device(device)
        checkpoint = load_checkpoint(find_weights(weights), where)
        chosen = settings or settings_of(checkpoint)
        if as_in_the_paper:
            chosen = replace(chosen, as_in_the_paper=True)
        return InstanceSegmenter(checkpoint, taxonomy or Taxonomy.scannet(), where, chosen)

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
        previous: Segmentation | None = None,
        with_proposals: bool = True,
    ) -> Segmentation:
        """The separate objects of a grid; the same grid gives the same objects.

        score_threshold, min_voxels: in place of the settings' own. region_voxels: about how many
        are segmented at once (see `divide`); memory follows it. cache: of the calls before, so
        that only regions that have changed are segmented. previous: what was found in the same
        place just before; when they are chosen, proposals that agree with it score up to
        `preference.PREFERENCE` more, those that contradict it as much less. The scores that are
        given stay their own. with_proposals: without, what is given has none: a building has
        thousands.
        Raises InputError when the grid does not fit the weights.
        """
        s = self.settings
        least = s.labelling
        if score_threshold is not None:
            least = replace(least, score_threshold=score_threshold)
        if min_voxels is not None:
            least = replace(least, min_voxels=min_voxels)
        self._check(grid)
        s = replace(s, labelling=least)
        cache = RegionCache() if cache is None else cache
        seconds: dict[str, float] = {}
        with _timed(seconds, "divide"):
            regions = divide(grid.coordinates, least.min_voxels, region_voxels)
            labelled = bool(grid.labels.any())
            cache.open(grid, (s, labelled, with_proposals))
        parts = [cache.part(region) for region in regions]
        results = [cache.find(part) for part in parts]
        fresh = [i for i, result in enumerate(results) if result is None]

        def segmented(i: int) -> Segmentation:
            part = parts[i].grid
            before = instances_before(part, previous)
            with at_work():
                return self._segment_region(part, s, labelled, before, with_proposals)

        at_once = self._regions_at_once([len(parts[i].rows) for i in fresh], region_voxels)
        with one_torch_thread(self._on_kernels):
            for i, found in zip(fresh, _mapped(segmented, fresh, at_once)):
                for step, spent in found.seconds.items():
                    seconds[step] = seconds.get(step, 0.0) + spent
                results[i] = cache.keep(parts[i], RegionResult.of(found, regions[i].own))
        cache.close()
        with _timed(seconds, "join"):
            done = [result for result in results if result is not None]  # which all are
            segmentation = joined(grid, regions, done, least.min_voxels)
        return replace(segmentation, seconds=seconds)

    def _regions_at_once(self, sizes: list[int], region_voxels: int) -> int:
        """Two where both fit into the memory that one may take: while numpy has one core for the
        first, the kernels have another for the second. On a GPU they would only take turns."""
        largest = sorted(sizes)[-2:]
        fits = len(largest) == 2 and sum(largest) <= region_voxels
        return 2 if fits and self._on_kernels and kernels.get_threads() > 1 else 1

    def _segment_region(
        self,
        grid: VoxelGrid,
        s: SegmenterSettings,
        labelled: bool,
        before: np.ndarray,
        with_proposals: bool,
    ) -> Segmentation:
        """The objects of a grid, taken as one. labelled: whether there are labels in the map.
        before: (V,) as `instances_before` gives it."""
        seconds: dict[str, float] = {}
        least = s.labelling
        with _timed(seconds, "network"):
            output = self.embed(grid)
            context = self.describe(grid, output, labelled)
        if not context.candidates.any():
            nothing = np.full(len(grid), -1, np.int32)
            return Segmentation(grid, nothing, [], [], grid.labels, seconds)
        with _timed(seconds, "propose"):
            proposed = self.propose(output, context, least.min_voxels)
        with _timed(seconds, "score"):
            features = self._look(proposed.masks, context)
            scores = self._score(proposed, features, context)
        with _timed(seconds, "suppress"):
            usable = np.flatnonzero(scores > 0)
            masks, scores = proposed.masks.select(usable), scores[usable]
            added = components_preferred(proposed, context)[usable] if self._learned else 0.0
            preferred = with_preference(scores + added, masks, before)
            surplus = preferred - added - least.score_threshold
            worth = added + worth_of(surplus, context.label_weight)
            kept, overlap = suppress(masks, preferred, len(grid), s.suppression.iou)
            scored = ScoredMasks(masks, scores, preferred, worth).select(kept)
        with _timed(seconds, "label"):
            proposals: list[Proposal] = []
            if with_proposals:
                seen = None if features is None else features[usable[kept]]
                labels, sure = self._name(scored.masks, seen, context)
                final = sure * (scored.score * (1 - overlap if s.suppression.soft else 1))
                every = scored.masks.split()
                proposals = list(map(Proposal, every, labels.tolist(), final.tolist()))
            owner, scores = self._choose(scored, len(grid), least)
            owner = assign_leftovers(
                owner, context.candidates, context.embedding, least.assign_radius
            )
            segmentation = self._labelled(grid, owner, scores, context, proposals, least.min_voxels)
        return replace(segmentation, seconds=seconds)

    def describe(
        self, grid: VoxelGrid, output: NetworkOutput, labelled: bool | None = None
    ) -> VoxelContext:
        """All that is known of each voxel. labelled: whether the map that the grid is part of has
        labels (None: it is all)."""
        neighbors, is_thing = touching(grid.coordinates), self.taxonomy.is_thing
        fused = fuse_labels(
            grid.labels,
            output.probability,
            is_thing,
            self.channels,
            self.settings.label_fusion,
            bool(grid.labels.any()) if labelled is None else labelled,
            wholeness(neighbors, grid.labels, is_thing),
        )
        labels = np.where(fused.candidates, grid.labels.astype(np.int64), -1)
        component = label_components(neighbors, labels)
        return VoxelContext(
            embedding=output.embedding.cpu().numpy(),
            direction=self.settings.score.direction_sign * output.direction.cpu().numpy(),
            centers=grid.centers,
            neighbors=neighbors,
            candidates=fused.candidates,
            votes=fused.votes,
            component=component,
            labels=grid.labels,
            channel=self.channels[grid.labels],
            features=None if output.features is None else output.features.cpu().numpy(),
            probability=output.probability,
            given=fused.given,
            label_weight=fused.label_weight,
        )

    def propose(self, output: NetworkOutput, context: VoxelContext, min_voxels: int) -> Proposals:
        """Candidate instances of min_voxels and more: clusters of the embedding and their
        connected parts, and the connected components of the labels."""
        c, s = context, self.settings.proposals
        inside = torch.from_numpy(np.flatnonzero(c.candidates)).to(output.embedding.device)
        partitions = propose(output.embedding[inside], c.candidates, c.neighbors, s)
        if s.label_components:
            partitions.append(c.component)
        return Proposals.of(partitions, min_voxels)

    def _look(self, masks: Masks, context: VoxelContext) -> np.ndarray | None:
        """(P, F) `object_features` of each mask; None where nothing asks for them."""
        named = self._naming_model is not None and self.settings.label_fusion.enabled
        wanted = (self._learned or named) and masks.count
        return object_features(masks, context) if wanted else None

    def _score(
        self, proposed: Proposals, features: np.ndarray | None, context: VoxelContext
    ) -> np.ndarray:
        """(P,) float64 in 0..1: the learned score where the weights have one, else the paper's."""
        if self._score_model is not None and self._learned and features is not None:
            return learned_score(proposed, features, context, self._score_model)
        return score_masks(proposed.masks, context, self.settings.score).score

    def _name(
        self, masks: Masks, features: np.ndarray | None, context: VoxelContext
    ) -> tuple[np.ndarray, np.ndarray]:
        """(P,) uint8: the class of each mask, learned where the weights have it, else voted for;
        and (P,) float64, the factor on its score: where the score is a probability, the class's."""
        model = self._naming_model if self.settings.label_fusion.enabled else None
        if model is not None and features is not None:
            features = np.concatenate([features, appearance_features(masks, context)], axis=1)
        things = self.taxonomy.is_thing
        labels, probability = name_masks(masks, features, context, model, things, self.channels)
        return labels, probability if self._learned else np.ones(masks.count)

    def _choose(
        self, scored: ScoredMasks, num_voxels: int, least: LabellingSettings
    ) -> tuple[np.ndarray, np.ndarray]:
        """(num_voxels,) the object that each voxel is in, a position in the scores, -1 for none;
        and the scores. The best first, and before that, where the score is learned, those that are
        best together: the paper's scores are no probabilities that could be summed."""
        least_share = LEAST_SHARE
        if self._learned:
            least_share = 1 - CONFLICT
            scored = scored.select(choose(scored.masks, scored.worth, num_voxels))
        owner = non_overlapping_labelling(
            scored.masks,
            scored.preferred,
            num_voxels,
            least.min_voxels,
            least.score_threshold,
            least_share,
        )
        return owner, scored.score

    def embed(self, grid: VoxelGrid) -> NetworkOutput:
        """The network's output for a grid, taken as one."""
        inputs = make_input(grid, self.config, self.channels)
        batch = make_batch([grid.coordinates], [inputs])
        with torch.inference_mode():
            return self._forward(batch.to(self.device))

    def network_features(self, grid: VoxelGrid) -> dict[str, np.ndarray]:
        """What the network gives each voxel, to be looked at: embedding (V, E) float32, and
        direction (V, 3) float32, of unit length towards the centre of the voxel's instance."""
        with one_torch_thread(self._on_kernels):
            output = self.embed(grid)
        return {
            "embedding": output.embedding.cpu().numpy(),
            "direction": self.settings.score.direction_sign * output.direction.cpu().numpy(),
        }

    def _labelled(
        self,
        grid: VoxelGrid,
        owner: np.ndarray,
        scores: np.ndarray,
        context: VoxelContext,
        proposals: list[Proposal],
        min_voxels: int,
    ) -> Segmentation:
        """The objects that the owners (V,) of the voxels (positions in scores) make up."""
        owners, compact = np.unique(owner, return_inverse=True)
        partition = compact.reshape(-1) - int(owners[0] == -1)
        masks = Proposals.of([partition], min_voxels).masks
        labels, sure = self._name(masks, self._look(masks, context), context)
        instance = np.full(len(grid), -1, dtype=np.int32)
        final = grid.labels.copy()
        instances = []
        for i, (voxels, label) in enumerate(zip(masks.split(), labels)):
            score = scores[owner[voxels[0]]] * sure[i]
            instances.append(make_instance(grid, voxels, int(label), float(score)))
            instance[voxels] = i
            final[voxels] = label
        return Segmentation(grid, instance, instances, proposals, final)

    def _check(self, grid: VoxelGrid) -> None:
        if not np.isclose(grid.voxel_size, self.voxel_size):
            raise InputError(
                f"the grid's voxels are {grid.voxel_size} m wide, the weights need "
                f"{self.voxel_size} m"
            )


def settings_of(checkpoint: Checkpoint) -> SegmenterSettings:
    """The settings that were chosen with the weights; CheckpointError where they make no sense."""
    try:
        return SegmenterSettings.from_dict(checkpoint.settings)
    except ConfigurationError as error:
        raise CheckpointError(f"weights: {error}") from None


def _mapped(
    function: Callable[[int], Segmentation], items: Iterable[int], at_once: int
) -> Iterator[Segmentation]:
    """function of each item, in their order, so many at once."""
    if at_once == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(function, items)


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[step] = time.perf_counter() - start
