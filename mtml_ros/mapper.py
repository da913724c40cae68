"""Pipeline: one update of the objects: map -> grid -> segmentation -> tracked instances."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mtml_ros.core.instances import Segmentation
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.mapping.voxel_map import VoxelMap
from mtml_ros.ros.output.diagnostics import Health
from mtml_ros.ros.parameters.table import Parameters
from mtml_ros.tracking.tracker import InstanceTracker, TrackedInstance

if TYPE_CHECKING:
    from mtml_ros.segmentation.segmenter import InstanceSegmenter


MAX_PIECES = 8
"""Parts that the network runs over one after another, at most, before the CPU is taken."""


@dataclass(frozen=True)
class Update:
    """What one update found. stamp: seconds, of the newest cloud in the map."""

    segmentation: Segmentation
    tracked: list[TrackedInstance]
    stamp: float


class Pipeline:
    """Owns the segmenter and the tracker; its methods exclude each other, whatever the thread.

    load: makes a segmenter for a device ("auto", "cpu", "cuda").
    """

    def __init__(
        self,
        voxel_map: VoxelMap,
        taxonomy: Taxonomy,
        load: Callable[[str], InstanceSegmenter],
        device: str,
        health: Health,
    ) -> None:
        self._map = voxel_map
        self._taxonomy = taxonomy
        self._load = load
        self._tracker = InstanceTracker()
        self._health = health
        self._lock = threading.Lock()
        self._done: tuple[int, float, int] | None = None
        self._stamp = 0.0
        self._on_last_resort = False
        health.device_note = ""
        try:
            self._take(load(device))
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            self._go_to_cpu()

    def update(self, parameters: Parameters, force: bool = False) -> Update | None:
        """Segments the map as it is now; None if neither it nor a threshold has changed."""
        with self._lock:
            # read before the snapshot: a cloud in between costs one update more, never one less
            wanted = self._map.revision, parameters.score_threshold, parameters.min_voxels
            if self._map.stamp is None or (wanted == self._done and not force):
                return None
            grid, stamp = self._map.snapshot(), self._map.stamp
            segmentation = self._segment(grid, parameters)
            if stamp < self._stamp:
                self._rewind(stamp)
            self._stamp = stamp
            tracked = self._tracker.update(segmentation, stamp)
            self._done = wanted
            return Update(segmentation, tracked, stamp)

    def reset(self) -> None:
        """Empties the map and forgets the objects; their ids are not given again. Grids are
        segmented whole again; on the CPU, where that was the last resort, until the next start."""
        with self._lock:
            self._map.reset()
            self._tracker.reset()
            if not self._on_last_resort:
                self._segmenter.pieces = 1
                self._health.device_note = ""

    def save(self, path: Path) -> None:
        """Saves the map with its objects' ids; MapFileError when that fails."""
        with self._lock:
            self._map.save(path, self._taxonomy, self._tracker.state())

    def load(self, path: Path) -> None:
        """Takes over a saved map and its ids; MapFileError, nothing changed, when that fails."""
        with self._lock:
            # first into a map and a tracker of their own: both are good, or neither is taken
            trial = VoxelMap(self._map.voxel_size, self._map.num_classes, self._map.max_voxels)
            objects = trial.load(path, self._taxonomy)
            InstanceTracker().restore(objects)
            self._map.load(path, self._taxonomy)
            self._tracker.restore(objects)

    def _rewind(self, stamp: float) -> None:
        """After a jump back in time nothing was seen later than now."""
        objects = self._tracker.state()
        for name in ("first_seen", "last_seen"):
            objects[name] = np.minimum(objects[name], stamp)
        self._tracker.restore(objects)

    def _segment(self, grid: VoxelGrid, parameters: Parameters) -> Segmentation:
        while True:
            try:
                return self._tuned(parameters).segment(grid)
            except RuntimeError as error:
                if self._on_last_resort or not _is_out_of_memory(error):
                    raise
            self._use_less_memory()  # here, where the traceback holds no tensors any more

    def _use_less_memory(self) -> None:
        """The network in twice as many pieces, and when they are too many, on the CPU."""
        if self._segmenter.pieces < MAX_PIECES:
            self._segmenter.pieces *= 2
            self._say_out_of_memory(f"segmenting in {self._segmenter.pieces} pieces")
        else:
            self._go_to_cpu()

    def _go_to_cpu(self) -> None:
        self._on_last_resort = True
        self._take(self._load("cpu"))
        self._say_out_of_memory("segmenting on the CPU")

    def _say_out_of_memory(self, remedy: str) -> None:
        free_memory()
        self._health.count("CUDA out of memory")
        self._health.device_note = f"CUDA ran out of memory, {remedy} since"
        self._health.log(remedy, self._health.device_note)

    def _take(self, segmenter: InstanceSegmenter) -> None:
        self._segmenter = segmenter
        self._chosen = segmenter.settings  # with the weights
        self._health.device = str(segmenter.device)

    def _tuned(self, parameters: Parameters) -> InstanceSegmenter:
        threshold, voxels = parameters.score_threshold, parameters.min_voxels
        self._segmenter.settings = replace(
            self._chosen,
            score_threshold=threshold if threshold >= 0 else self._chosen.score_threshold,
            min_voxels=voxels or self._chosen.min_voxels,
        )
        return self._segmenter


def _is_out_of_memory(error: RuntimeError) -> bool:
    # known by their words: torch's, CUDA's and cuBLAS' are of three types, all RuntimeErrors
    return any(words in str(error) for words in ("out of memory", "CUBLAS_STATUS_ALLOC_FAILED"))


def free_memory() -> None:
    """Gives back what was freed but is kept for later: torch's GPU memory, and glibc's arenas,
    of which each worker thread that there ever was may have filled one."""
    gc.collect()
    torch = sys.modules.get("torch")  # who never loaded it has no GPU memory to free
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if trim is not None:
        trim(0)
