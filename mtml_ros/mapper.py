"""ObjectMapper: labelled clouds in, objects with lasting ids out; map, segmenter and tracker."""

from __future__ import annotations

import ctypes
import gc
import math
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mtml_ros.core.instances import Segmentation
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.mapping.folder_file import FolderFile
from mtml_ros.mapping.voxel_map import IntegrationReport, VoxelMap
from mtml_ros.segmentation.region_cache import RegionCache
from mtml_ros.segmentation.regions import REGION_VOXELS
from mtml_ros.tracking.changes import ChangeLog, Changes
from mtml_ros.tracking.protocol import Tracker
from mtml_ros.tracking.settling import Settling
from mtml_ros.tracking.tracker import InstanceTracker, TrackedInstance

if TYPE_CHECKING:
    from mtml_ros.segmentation.segmenter import InstanceSegmenter

BYTES_A_VOXEL = 5000
"""Peak memory of an update for each voxel segmented at once, the most that was seen
(benchmarks/bounded_work.py); beside it the map itself takes some 100 bytes a voxel more."""

LEAST_REGION = 8192
"""Voxels that are segmented at once, at least: where memory does not do for these, another device
is taken, and when that was the last the update fails."""

MAX_VOXELS = 2_000_000


@dataclass(frozen=True)
class Update:
    """What one update found. stamp: seconds, of the newest cloud in the map. changes: what is
    shown otherwise than by the update before. The segmentation comes without its proposals."""

    segmentation: Segmentation
    tracked: list[TrackedInstance]
    stamp: float
    changes: Changes


class ObjectMapper:
    """One robot's map and the objects in it; safe to use from several threads.

    Clouds are fused while a segmentation runs; updates, resets, saving and loading exclude each
    other. `ObjectMapper.load` makes one from weights.

    voxel_map: what clouds are fused into. load_segmenter: makes a segmenter for a device ("auto",
    "cpu", "cuda"). on_less_memory: called with what is done about it whenever memory runs out.
    max_memory: megabytes that an update may take beside the map itself (None: no more than it
        needs anyway); large regions are cut accordingly, down to LEAST_REGION voxels.
    tracker: what gives the ids (None: an InstanceTracker).
    """

    def __init__(
        self,
        voxel_map: VoxelMap,
        taxonomy: Taxonomy,
        load_segmenter: Callable[[str], InstanceSegmenter],
        device: str = "auto",
        on_less_memory: Callable[[str], None] = lambda remedy: None,
        max_memory: float | None = None,
        tracker: Tracker | None = None,
    ) -> None:
        self.map = voxel_map
        self.taxonomy = taxonomy
        self._load_segmenter = load_segmenter
        self._on_less_memory = on_less_memory
        self._tracker: Tracker = InstanceTracker() if tracker is None else tracker
        self._log = ChangeLog()
        self._lock = threading.Lock()
        self._done: tuple[int, float | None, int | None] | None = None
        self._stamp = 0.0
        self._previous: Segmentation | None = None
        self._settling = Settling()
        fits = math.inf if max_memory is None else max_memory * 1e6 / BYTES_A_VOXEL
        self._allowed = int(max(LEAST_REGION, min(REGION_VOXELS, fits)))
        self._region_voxels = self._allowed
        self._cache = RegionCache()
        self._on_last_resort = False
        try:
            self._segmenter = load_segmenter(device)
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            self._go_to_cpu()

    @staticmethod
    def load(
        weights: str | Path | None = None,
        taxonomy: Taxonomy | None = None,
        device: str = "auto",
        max_voxels: int = MAX_VOXELS,
        map_radius: float = math.inf,
        max_memory: float | None = None,
    ) -> ObjectMapper:
        """A mapper with an empty map, at the voxel size of the weights.

        weights: a file, or the name of weights that ship (None: the default ones). taxonomy: what
        the clouds' class indices mean (None: ScanNet's). max_voxels, map_radius (metres about the
        sensor): bounds on the map. max_memory: megabytes, bound on an update.
        Raises CheckpointError or ConfigurationError.
        """
        from mtml_ros.segmentation.segmenter import InstanceSegmenter

        labels = taxonomy or Taxonomy.scannet()
        first = InstanceSegmenter.load(weights, labels, device)
        voxel_map = VoxelMap(first.voxel_size, len(labels), max_voxels, map_radius=map_radius)

        def load_segmenter(name: str) -> InstanceSegmenter:
            return first if name == device else InstanceSegmenter.load(weights, labels, name)

        return ObjectMapper(voxel_map, labels, load_segmenter, device, max_memory=max_memory)

    @property
    def device(self) -> str:
        """Where the network runs: "cpu", "cuda"."""
        return str(self._segmenter.device)

    def integrate(
        self, points: LabeledPoints, stamp: float, sensor_origin: np.ndarray | None = None
    ) -> IntegrationReport:
        """Fuses a cloud into the map; see VoxelMap.integrate."""
        return self.map.integrate(points, stamp, sensor_origin)

    def update(
        self,
        score_threshold: float | None = None,
        min_voxels: int | None = None,
        force: bool = False,
    ) -> Update | None:
        """Segments the map as it is now, and gives each object its id.

        score_threshold, min_voxels: in place of those chosen with the weights.
        Returns None if neither the map nor a threshold has changed and all that was found is shown
        (see Settling), unless forced.
        """
        with self._lock:
            # read before the snapshot: a cloud in between costs one update more, never one less
            wanted = self.map.revision, score_threshold, min_voxels
            known = wanted == self._done and not self._settling.withholds
            if self.map.stamp is None or (known and not force):
                return None
            grid, stamp = self.map.snapshot(), self.map.stamp
            if self._done is not None and self._done[1:] != wanted[1:]:
                self._settling.reset()  # another threshold is news
            segmentation = self._settling.settle(self._segment(grid, score_threshold, min_voxels))
            self._previous = segmentation
            if stamp < self._stamp:
                self._rewind(stamp)
            self._stamp = stamp
            tracked = self._tracker.update(segmentation, stamp)
            self._done = wanted
            changes = self._log.update(segmentation, tracked)
            return Update(segmentation, tracked, stamp, changes)

    def reset(self) -> None:
        """Empties the map and forgets the objects; their ids are not given again. Regions are as
        large as at the start again; from the CPU, the last resort, there is no way back."""
        with self._lock:
            self.map.reset()
            self._tracker.reset()
            self._previous = None
            self._settling.reset()
            self._cache = RegionCache()
            if not self._on_last_resort:
                self._region_voxels = self._allowed

    def save(self, path: str | Path | FolderFile) -> None:
        """Saves the map with its objects' ids; MapFileError when that fails."""
        with self._lock:
            self.map.save(path, self.taxonomy, self._tracker.state())

    def restore(self, path: str | Path | FolderFile) -> None:
        """Takes over a saved map and its ids; MapFileError, nothing changed, when that fails."""
        with self._lock:
            saved = self.map.read(path, self.taxonomy)
            self._tracker.restore(saved.extra)  # which changes nothing either if it refuses
            self.map.become(saved)
            self._previous = None
            self._settling.reset()

    @property
    def fresh_voxels(self) -> int:
        """Voxels that the last update had to segment anew, margins included."""
        return self._cache.fresh

    @property
    def memory_note(self) -> str:
        """What is done since memory ran out; empty while it has not."""
        notes = []
        if self._on_last_resort:
            notes.append("out of memory on the device, segmenting on the CPU since")
        if self._region_voxels < self._allowed:
            notes.append(f"out of memory, segmenting {self._region_voxels} voxels at once since")
        return "; ".join(notes)

    def _rewind(self, stamp: float) -> None:
        """After a jump back in time nothing was seen later than now."""
        objects = self._tracker.state()
        for name in {"first_seen", "last_seen"} & objects.keys():
            objects[name] = np.minimum(objects[name], stamp)
        self._tracker.restore(objects)

    def _segment(
        self, grid: VoxelGrid, score_threshold: float | None, min_voxels: int | None
    ) -> Segmentation:
        while True:
            try:
                return self._segmenter.segment(
                    grid,
                    score_threshold=score_threshold,
                    min_voxels=min_voxels,
                    region_voxels=self._region_voxels,
                    cache=self._cache,
                    previous=self._previous,
                    with_proposals=False,
                )
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error) or not self._can_use_less_memory():
                    raise
            self._use_less_memory()  # here, where the traceback holds no tensors any more

    def _can_use_less_memory(self) -> bool:
        return self._region_voxels > LEAST_REGION or self.device != "cpu"

    def _use_less_memory(self) -> None:
        """Half as many voxels at once, and when they are too few, on the CPU."""
        if self._region_voxels > LEAST_REGION:
            self._region_voxels = max(LEAST_REGION, self._region_voxels // 2)
            free_memory()
            self._on_less_memory(self.memory_note)
        else:
            self._go_to_cpu()

    def _go_to_cpu(self) -> None:
        self._on_last_resort = True
        self._region_voxels = self._allowed
        self._cache = RegionCache()
        self._segmenter = self._load_segmenter("cpu")
        free_memory()
        self._on_less_memory(self.memory_note)


_OUT_OF_MEMORY = (
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "not enough memory",
    "DefaultCPUAllocator",
    "std::bad_alloc",
)


def _is_out_of_memory(error: RuntimeError | MemoryError) -> bool:
    # known by their words: torch's, CUDA's and cuBLAS' are of several types, all RuntimeErrors
    return isinstance(error, MemoryError) or any(w in str(error) for w in _OUT_OF_MEMORY)


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
