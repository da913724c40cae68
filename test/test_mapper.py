"""ObjectMapper: one update, when there is nothing to do, and a device that runs out of memory."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtml_ros.core.errors import MapFileError
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.evaluation.baselines import components_as_instances
from mtml_ros.mapper import BYTES_A_VOXEL, LEAST_REGION, ObjectMapper
from mtml_ros.mapping.voxel_map import VoxelMap
from mtml_ros.segmentation.regions import REGION_VOXELS
from mtml_ros.tracking.settling import CONFIRM
from mtml_ros.tracking.tracker import InstanceTracker

TAXONOMY = Taxonomy.scannet()
CHAIR = TAXONOMY.index("chair")
MEMORY = 20


class StandIn:
    """On the device "cuda" it has memory for MEMORY voxels in regions of the usual size, and for
    twice as many in regions of half of it."""

    def __init__(self, device):
        self.device = device
        self.seen = []

    def segment(
        self,
        grid,
        *,
        score_threshold=None,
        min_voxels=None,
        region_voxels=0,
        cache=None,
        previous=None,
        with_proposals=True,
    ):
        self.previous = previous
        self.seen.append((score_threshold, min_voxels, REGION_VOXELS // region_voxels))
        if self.device == "cuda" and len(grid) * region_voxels > MEMORY * REGION_VOXELS:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return components_as_instances(grid, TAXONOMY, min_voxels or 4)

    @property
    def halved(self):
        """1 with regions of the usual size, 2 with those of half of it, 4 ..."""
        return self.seen[-1][2]


class Bench:
    def __init__(self, device="cpu"):
        self.loaded = []
        self.log = []
        self.map = VoxelMap(0.1, len(TAXONOMY), 1000)
        self.mapper = ObjectMapper(self.map, TAXONOMY, self.load, device, self.log.append)

    def load(self, device):
        self.loaded.append(StandIn(device))
        return self.loaded[-1]

    def bar(self, x, stamp, length=10):
        xyz = np.zeros((length, 3), np.float32)
        xyz[:, 0] = x + 0.05
        xyz[:, 1] = np.arange(length) * 0.1 + 0.05
        self.mapper.integrate(LabeledPoints(xyz, np.full(length, CHAIR, np.uint8)), stamp)


def test_an_unchanged_map_is_not_segmented_again():
    b = Bench()
    assert b.mapper.update() is None  # nothing was ever seen
    b.bar(0, 1.0)
    update = b.mapper.update()
    assert [t.id for t in update.tracked] == [1]
    assert update.stamp == 1.0
    assert b.mapper.update() is None
    assert b.mapper.update(force=True) is not None
    b.bar(0, 2.0)  # the same voxels with the same labels
    assert b.mapper.update() is None
    b.bar(3, 3.0)
    update = b.mapper.update()
    assert [t.id for t in update.tracked] == [1, 2]
    assert update.segmentation.grid.coordinates[update.changes.rows][:, 0].tolist() == [30] * 10
    b.mapper.reset()
    assert len(b.mapper.update().changes.removed) == 20


def test_thresholds_are_the_weights_own_unless_they_are_set():
    b = Bench()
    b.bar(0, 1.0)
    b.mapper.update()
    b.mapper.update(score_threshold=0.0, min_voxels=7)
    b.mapper.update()
    assert b.loaded[0].seen == [(None, None, 1), (0.0, 7, 1), (None, None, 1)]


def test_objects_found_otherwise_are_withheld_until_they_last_or_the_threshold_is_another():
    b = Bench()
    b.bar(0, 1.0)
    first = b.mapper.update().segmentation
    missed = replace(first, instance=np.full(10, -1, np.int32), instances=[])
    b.loaded[0].segment = lambda grid, **options: missed
    # the map is the same, but what is withheld is looked at again
    found = [[t.id for t in b.mapper.update(force=not n).tracked] for n in range(CONFIRM)]
    assert found == [[1]] * (CONFIRM - 1) + [[]]
    assert b.mapper.update() is None
    del b.loaded[0].segment
    assert [t.id for t in b.mapper.update(force=True).tracked] == [1]
    b.loaded[0].segment = lambda grid, **options: missed
    assert b.mapper.update(score_threshold=0.9).tracked == []


@pytest.mark.parametrize(("length", "halved"), [(21, 2), (80, 4), (160, 8)])
def test_when_cuda_runs_out_of_memory_smaller_regions_are_taken_and_kept(length, halved):
    b = Bench("cuda")
    b.bar(0, 1.0, 5)
    b.mapper.update()
    assert (b.loaded[0].halved, b.log, b.mapper.memory_note) == (1, [], "")
    b.bar(0, 2.0, length)
    assert len(b.mapper.update().tracked) == 1
    assert [(s.device, s.halved) for s in b.loaded] == [("cuda", halved)]
    assert len(b.log) == halved.bit_length() - 1
    assert f"{REGION_VOXELS // halved} voxels at once" in b.log[-1]
    assert b.mapper.memory_note == b.log[-1]
    # the next one is in such regions at once
    tries = len(b.loaded[0].seen)
    b.bar(0, 3.0, length + 1 if length < 40 else length - 1)
    b.mapper.update(force=True)
    assert len(b.loaded[0].seen) == tries + 1


def test_after_a_reset_the_grid_is_whole_again():
    b = Bench("cuda")
    b.bar(0, 1.0, 70)
    b.mapper.update()
    b.mapper.reset()
    assert b.mapper.memory_note == ""
    b.bar(0, 2.0, 20)
    assert len(b.mapper.update().tracked) == 1
    assert b.loaded[0].halved == 1


def test_when_small_regions_do_not_help_the_cpu_goes_on_and_says_so():
    b = Bench("cuda")
    b.bar(0, 1.0, 321)
    assert b.mapper.device == "cuda"
    assert len(b.mapper.update().tracked) == 1
    assert [(s.device, s.halved) for s in b.loaded] == [("cuda", 16), ("cpu", 1)]
    assert b.mapper.device == "cpu"
    assert len(b.log) == 5
    assert "CPU" in b.mapper.memory_note
    assert "CPU" in b.log[-1]
    b.mapper.reset()  # a map that is small now changes nothing: the device is short of memory
    b.bar(0, 2.0)
    b.mapper.update()
    assert len(b.loaded) == 2
    assert "CPU" in b.mapper.memory_note


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("CUDA error: out of memory"),  # torch.AcceleratorError, of new versions only
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]
OUT_OF_MEMORY_ON_CPU = [
    MemoryError("std::bad_alloc"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("not enough memory: you tried to allocate 8000000000 bytes."),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_a_device_without_room_for_the_weights_is_left_alone(error):
    class Full(Bench):
        def load(self, device):
            if device == "cuda":
                raise error
            return super().load(device)

    b = Full("cuda")
    b.bar(0, 1.0)
    assert len(b.mapper.update().tracked) == 1
    assert b.mapper.device == "cpu"
    assert "CPU" in b.mapper.memory_note


def test_another_error_while_loading_is_not_hidden():
    class Broken(Bench):
        def load(self, device):
            raise RuntimeError("shape")

    with pytest.raises(RuntimeError, match="shape"):
        Broken("cuda")


@pytest.mark.parametrize("error", OUT_OF_MEMORY + OUT_OF_MEMORY_ON_CPU)
def test_whatever_memory_runs_out_of_last_is_raised_in_the_end(error):
    def fail(grid, **_options):
        raise error

    b = Bench()
    b.bar(0, 1.0)
    b.loaded[0].segment = fail
    with pytest.raises(type(error), match=r"memory|alloc|ALLOC"):
        b.mapper.update()
    assert len(b.log) == 4  # half as many voxels four times, and there is no other device
    assert f"{LEAST_REGION} voxels" in b.log[-1]


@pytest.mark.parametrize("error", OUT_OF_MEMORY_ON_CPU)
def test_on_the_cpu_too_smaller_regions_are_taken(error):
    b = Bench()
    b.bar(0, 1.0)
    segment = b.loaded[0].segment

    def short(grid, *, region_voxels, **options):
        if region_voxels > REGION_VOXELS // 2:
            raise error
        return segment(grid, region_voxels=region_voxels, **options)

    b.loaded[0].segment = short
    assert len(b.mapper.update().tracked) == 1
    assert b.mapper.memory_note == b.log[-1]
    assert len(b.log) == 1


@pytest.mark.parametrize(
    ("megabytes", "expected"),
    [(None, REGION_VOXELS), (1e6, REGION_VOXELS), (500, 500e6 // BYTES_A_VOXEL), (1, LEAST_REGION)],
)
def test_regions_are_as_large_as_memory_allows(megabytes, expected):
    seen = []
    loaded = StandIn("cpu")
    segment = loaded.segment

    def note(grid, *, region_voxels, **options):
        seen.append(region_voxels)
        return segment(grid, region_voxels=region_voxels, **options)

    loaded.segment = note
    voxels = VoxelMap(0.1, len(TAXONOMY), 1000)
    mapper = ObjectMapper(voxels, TAXONOMY, lambda device: loaded, "cpu", max_memory=megabytes)
    mapper.integrate(LabeledPoints(np.zeros((1, 3), np.float32), np.ones(1, np.uint8)), 1.0)
    mapper.update()
    assert seen == [expected]


def test_another_error_is_not_mistaken_for_it():
    b = Bench()
    b.bar(0, 1.0)
    b.loaded[0].segment = lambda grid, **_options: (_ for _ in ()).throw(RuntimeError("shape"))
    with pytest.raises(RuntimeError, match="shape"):
        b.mapper.update()
    assert len(b.loaded) == 1


def test_after_a_jump_back_in_time_nothing_was_seen_later_than_now():
    b = Bench()
    b.bar(0, 100.0)
    b.mapper.update()
    b.bar(3, 50.0)
    first, second = b.mapper.update().tracked
    assert (first.id, first.first_seen, first.last_seen) == (1, 50.0, 50.0)
    assert (second.id, second.first_seen, second.last_seen) == (2, 50.0, 50.0)


def test_ids_go_into_the_file_and_come_back(tmp_path):
    b = Bench()
    for i in range(3):
        b.bar(3 * i, float(i))
        b.mapper.update()
    b.mapper.save(tmp_path / "map")
    other = Bench()
    other.mapper.restore(tmp_path / "map")
    assert {t.id for t in other.mapper.update().tracked} == {1, 2, 3}


def test_a_loaded_map_takes_no_id_back_that_was_given_since(tmp_path):
    b = Bench()
    b.bar(0, 1.0)
    b.mapper.update()
    b.mapper.save(tmp_path / "map")
    b.bar(3, 2.0)
    assert [t.id for t in b.mapper.update().tracked] == [1, 2]
    b.mapper.restore(tmp_path / "map")
    b.bar(6, 3.0)
    assert [t.id for t in b.mapper.update().tracked] == [1, 3]


def test_a_map_whose_objects_make_no_sense_changes_nothing(tmp_path):
    b = Bench()
    b.bar(0, 1.0)
    b.mapper.update()
    b.map.save(tmp_path / "map", TAXONOMY, {"keys": np.zeros(3)})
    b.bar(3, 2.0)
    before = b.map.revision
    with pytest.raises(MapFileError):
        b.mapper.restore(tmp_path / "map")
    assert (b.map.revision, len(b.map)) == (before, 20)
    assert [t.id for t in b.mapper.update().tracked] == [1, 2]


def test_a_reset_forgets_objects_but_not_which_ids_were_given():
    b = Bench()
    b.bar(0, 1.0)
    b.mapper.update()
    b.mapper.reset()
    assert b.mapper.update().tracked == []
    b.bar(0, 2.0)
    assert [t.id for t in b.mapper.update().tracked] == [2]


def test_map_that_is_sound_beside_objects_that_are_not_changes_nothing(tmp_path):
    saved = Bench()
    saved.bar(3, 7.0)
    saved.mapper.update()
    objects = saved.mapper._tracker.state()
    for spoil in ({"counters": np.array([2**32, 1])}, {"last_seen": np.array([np.inf])}):
        saved.map.save(tmp_path / "m", TAXONOMY, {**objects, **spoil})
        b = Bench()
        b.bar(0, 1.0)
        b.mapper.update()
        grid = b.map.snapshot()
        with pytest.raises(MapFileError, match="objects"):
            b.mapper.restore(tmp_path / "m")
        assert b.map.snapshot() is grid
        assert b.map.stamp == 1.0
        b.bar(6, 2.0)
        assert [t.id for t in b.mapper.update().tracked] == [1, 2]


def test_segmenter_is_told_what_was_found_before_in_this_very_map(tmp_path):
    b = Bench()
    b.bar(0, 1.0)
    first = b.mapper.update()
    assert b.loaded[-1].previous is None
    b.bar(3, 2.0)
    b.mapper.update()
    assert b.loaded[-1].previous is first.segmentation
    b.mapper.save(tmp_path / "m")
    b.mapper.restore(tmp_path / "m")
    b.mapper.update()
    assert b.loaded[-1].previous is None
    b.mapper.reset()
    b.bar(0, 3.0)
    b.mapper.update()
    assert b.loaded[-1].previous is None


def test_tracker_that_remembers_nothing_bears_a_clock_that_jumps_back():
    class Forgetful(InstanceTracker):
        def state(self):
            return {}

        def restore(self, state):
            assert state == {}

    b = Bench()
    mapper = ObjectMapper(b.map, TAXONOMY, b.load, "cpu", tracker=Forgetful())
    for stamp in (5.0, 1.0):
        b.bar(stamp, stamp)
        update = mapper.update()
    assert update.stamp == 1.0
