"""The whole method with an oracle in the network's place, and its doors."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mtml_ros.core.errors import CheckpointError, ConfigurationError, InputError
from mtml_ros.core.kernels import kernels
from mtml_ros.core.taxonomy import SemanticClass, Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid, pack_keys
from mtml_ros.evaluation.baselines import components_as_instances
from mtml_ros.network.batch import VoxelBatch
from mtml_ros.network.checkpoint import Checkpoint, build_network, save_checkpoint
from mtml_ros.network.config import NetworkConfig
from mtml_ros.network.heads import NetworkOutput
from mtml_ros.segmentation.label_fusion import LabelFusionSettings
from mtml_ros.segmentation.labelling import LabellingSettings
from mtml_ros.segmentation.naming import name_masks
from mtml_ros.segmentation.paper_score import ScoreSettings
from mtml_ros.segmentation.regions import REGION_VOXELS, divide
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.segmentation.settings import SegmenterSettings
from mtml_ros.simulation.rooms import VALIDATION, generate_room

TAXONOMY = Taxonomy.scannet()
CHAIR, TABLE, FLOOR = (TAXONOMY.index(name) for name in ("chair", "table", "floor"))
CONFIG = NetworkConfig(TAXONOMY.names[1:])
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class Oracle(nn.Module):
    """Knows the instance of each voxel: embeddings `apart` apart, directions to the true centres
    (or, with sign -1, away from them)."""

    def __init__(
        self,
        instance: np.ndarray,
        apart: float = 5.0,
        sign: float = 1.0,
        semantic: Tensor | None = None,
    ):
        super().__init__()
        self.instance = torch.from_numpy(instance).long()
        self.apart = apart
        self.sign = sign
        self.semantic = semantic

    def forward(self, batch: VoxelBatch) -> NetworkOutput:
        xyz = batch.coordinates.float()
        direction = torch.zeros_like(xyz)
        for i in self.instance.unique():
            mine = self.instance == i
            direction[mine] = xyz[mine].mean(0) - xyz[mine]
        direction = torch.nn.functional.normalize(direction, dim=1) * self.sign
        embedding = torch.stack([self.apart * self.instance, torch.zeros(len(xyz))], dim=1)
        return NetworkOutput(embedding, direction, self.semantic)


def block(low: tuple[int, int, int], size: tuple[int, int, int]) -> np.ndarray:
    return np.stack(np.indices(size), axis=-1).reshape(-1, 3) + low


def world(*parts: tuple[np.ndarray, int, int]) -> tuple[VoxelGrid, np.ndarray]:
    """A grid, and the true instance of its voxels, from parts (voxels, label, instance)."""
    voxels = np.concatenate([p for p, _, _ in parts])
    labels = np.concatenate([np.full(len(p), label) for p, label, _ in parts]).astype(np.uint8)
    instance = np.concatenate([np.full(len(p), i) for p, _, i in parts]).astype(np.int32)
    order = np.argsort(pack_keys(voxels))
    return VoxelGrid(voxels[order].astype(np.int32), labels[order], 0.1), instance[order]


def segmenter_for(instance: np.ndarray, settings: SegmenterSettings | None = None, **oracle):
    checkpoint = Checkpoint(Oracle(instance, **oracle), CONFIG)
    return InstanceSegmenter(checkpoint, TAXONOMY, CPU, settings or SegmenterSettings())


def touching_chairs() -> tuple[VoxelGrid, np.ndarray]:
    """Two chairs of 4 x 4 x 4 side by side, a table apart from them, all on a floor."""
    return world(
        (block((0, 0, 0), (20, 12, 1)), FLOOR, -1),
        (block((2, 2, 1), (4, 4, 4)), CHAIR, 0),
        (block((6, 2, 1), (4, 4, 4)), CHAIR, 1),
        (block((14, 4, 1), (5, 5, 3)), TABLE, 2),
    )


def assert_consistent(found, grid: VoxelGrid) -> None:
    """What holds for every segmentation."""
    assert found.instance.shape == found.labels.shape == (len(grid),)
    assert found.instance.dtype == np.int32
    assert found.labels.dtype == np.uint8
    for i, instance in enumerate(found.instances):
        assert np.array_equal(np.flatnonzero(found.instance == i), instance.voxels)
        assert (found.labels[instance.voxels] == instance.label).all()
        assert 0 <= instance.score <= 1
    assert found.instance.max(initial=-1) == len(found.instances) - 1
    untouched = found.instance < 0
    assert np.array_equal(found.labels[untouched], grid.labels[untouched])
    scores = [p.score for p in found.proposals]
    assert scores == sorted(scores, reverse=True)
    for p in found.proposals:
        assert (np.diff(p.voxels) > 0).all()


def objects(found) -> set[tuple[int, ...]]:
    return {tuple(i.voxels.tolist()) for i in found.instances}


def true_objects(instance: np.ndarray) -> set[tuple[int, ...]]:
    ids = np.unique(instance[instance >= 0])
    return {tuple(np.flatnonzero(instance == i).tolist()) for i in ids}


def test_two_touching_chairs_are_told_apart():
    grid, instance = touching_chairs()
    found = segmenter_for(instance).segment(grid)
    assert_consistent(found, grid)
    assert objects(found) == true_objects(instance)
    assert sorted(i.label for i in found.instances) == [CHAIR, CHAIR, TABLE]
    assert objects(components_as_instances(grid, TAXONOMY)) != true_objects(instance)


def test_walls_and_floor_are_no_instances_and_keep_their_labels():
    grid, instance = touching_chairs()
    found = segmenter_for(instance).segment(grid)
    floor = grid.labels == FLOOR
    assert (found.instance[floor] == -1).all()
    assert np.array_equal(found.labels, grid.labels)
    assert not any(np.isin(p.voxels, np.flatnonzero(floor)).any() for p in found.proposals)


def test_identical_objects_far_apart_with_one_embedding_are_two():
    grid, place = world((block((0, 0, 0), (4, 4, 4)), CHAIR, 0),
                        (block((30, 0, 0), (4, 4, 4)), CHAIR, 1))  # fmt: skip
    found = segmenter_for(place, apart=0.0).segment(grid)
    assert objects(found) == true_objects(place)


def test_a_mask_takes_the_class_of_most_of_its_voxels():
    grid, instance = touching_chairs()
    wrong = grid.labels.copy()
    first = np.flatnonzero(instance == 0)
    wrong[first[:20]] = TABLE  # 20 of 64
    mislabelled = VoxelGrid(grid.coordinates, wrong, grid.voxel_size)
    found = segmenter_for(instance).segment(mislabelled)
    assert objects(found) == true_objects(instance)
    assert (found.labels[first] == CHAIR).all()


@pytest.mark.parametrize(("min_voxels", "count"), [(10, 0), (8, 1), (1, 1)])
def test_objects_under_the_least_size_are_left_out(min_voxels, count):
    grid, instance = world((block((0, 0, 0), (2, 2, 2)), CHAIR, 0))
    settings = SegmenterSettings(labelling=LabellingSettings(min_voxels=min_voxels))
    found = segmenter_for(instance, settings).segment(grid)
    assert len(found.instances) == len(found.proposals) == count
    assert_consistent(found, grid)


def test_a_score_threshold_above_all_scores_leaves_proposals_alone():
    grid, instance = touching_chairs()
    found = segmenter_for(
        instance, SegmenterSettings(labelling=LabellingSettings(score_threshold=1.01))
    ).segment(grid)
    assert found.instances == []
    assert len(found.proposals) == 3
    assert (found.instance == -1).all()


def test_directions_away_from_the_centre_score_nothing():
    grid, instance = touching_chairs()
    assert segmenter_for(instance, sign=-1.0).segment(grid).instances == []
    settings = SegmenterSettings(
        score=ScoreSettings(direction_sign=-1.0)
    )  # of weights that were trained so
    assert len(segmenter_for(instance, settings, sign=-1.0).segment(grid).instances) == 3


def test_as_in_the_paper_scores_are_the_three_terms_and_labels_give_no_proposals():
    grid, instance = touching_chairs()
    found = segmenter_for(instance, SegmenterSettings(as_in_the_paper=True)).segment(grid)
    assert objects(found) == true_objects(instance)
    # chairs and table are of regular size, their embeddings and directions perfect
    assert [p.score for p in found.proposals] == pytest.approx([1.0, 1.0, 1.0])
    blind = segmenter_for(np.zeros_like(instance), SegmenterSettings(as_in_the_paper=True))
    relabelled = replace(grid, labels=np.where(instance == 1, TABLE, grid.labels).astype(np.uint8))
    # one cluster of all, and its parts: both chairs, whose labels differ, and the table
    sizes = {len(v) for v in blind.propose(*described(blind, relabelled), 1).masks.split()}
    assert sizes == {64 + 64 + 75, 64 + 64, 75}


def described(segmenter: InstanceSegmenter, grid: VoxelGrid):
    output = segmenter.embed(grid)
    return output, segmenter.describe(grid, output)


def test_thresholds_of_a_call_are_that_calls_alone():
    grid, instance = touching_chairs()
    segmenter = segmenter_for(instance)
    # chairs have 64 voxels, the table 75
    assert [i.label for i in segmenter.segment(grid, min_voxels=70).instances] == [TABLE]
    assert segmenter.segment(grid, score_threshold=1.01).instances == []
    assert len(segmenter.segment(grid).instances) == 3


def test_the_same_grid_gives_the_same_segmentation():
    grid, instance = touching_chairs()
    segmenter = segmenter_for(instance)
    a, b = segmenter.segment(grid), segmenter.segment(grid)
    assert np.array_equal(a.instance, b.instance)
    assert [p.score for p in a.proposals] == [p.score for p in b.proposals]


def test_every_step_is_timed():
    grid, instance = touching_chairs()
    seconds = segmenter_for(instance).segment(grid).seconds
    assert list(seconds) == ["divide", "network", "propose", "score", "suppress", "label", "join"]
    assert all(s >= 0 for s in seconds.values())


def test_an_empty_grid_has_no_instances():
    grid = VoxelGrid(np.zeros((0, 3), np.int32), np.zeros(0, np.uint8), 0.1)
    found = segmenter_for(np.zeros(0)).segment(grid)
    assert_consistent(found, grid)
    assert found.instances == found.proposals == []


@pytest.mark.parametrize("label", [FLOOR, 0])
def test_a_grid_of_stuff_or_of_unknown_voxels_has_no_instances(label):
    grid, instance = world((block((0, 0, 0), (9, 9, 1)), label, 0))
    found = segmenter_for(instance).segment(grid)
    assert_consistent(found, grid)
    assert found.instances == []


class TestSemanticHead:
    """Voxels whose labels err: the network's own opinion of their class."""

    def opinion(self, classes: np.ndarray, certainty: float) -> Tensor:
        """Logits with this probability on the given class (0: none), the rest spread evenly."""
        n = len(CONFIG.classes)
        p = np.full((len(classes), n + 1), (1 - certainty) / n, dtype=np.float32)
        p[np.arange(len(classes)), classes] = certainty
        return torch.from_numpy(np.log(p))

    def test_voxels_without_a_label_are_found(self):
        grid, instance = touching_chairs()
        labels = grid.labels.copy()
        labels[np.flatnonzero(instance == 0)[::2]] = 0
        unlabelled = VoxelGrid(grid.coordinates, labels, 0.1)
        semantic = self.opinion(grid.labels, 0.95)
        found = segmenter_for(instance, semantic=semantic).segment(unlabelled)
        assert_consistent(found, unlabelled)
        assert objects(found) == true_objects(instance)

    def test_a_grid_without_any_label_is_segmented_by_the_networks_own(self):
        grid, instance = touching_chairs()
        blank = VoxelGrid(grid.coordinates, np.zeros_like(grid.labels), 0.1)
        semantic = self.opinion(grid.labels, 0.95)
        found = segmenter_for(instance, semantic=semantic).segment(blank)
        assert objects(found) == true_objects(instance)
        assert sorted(i.label for i in found.instances) == [CHAIR, CHAIR, TABLE]

    def test_less_certainty_will_do_where_no_voxel_has_a_label(self):
        grid, instance = touching_chairs()
        things = self.opinion(grid.labels, 0.95).exp()
        floor = self.opinion(np.full_like(grid.labels, FLOOR), 0.95).exp()
        semantic = (0.7 * things + 0.3 * floor).log()
        settings = SegmenterSettings(label_fusion=LabelFusionSettings(add_from=(0.9, 0.9)))
        segmenter = segmenter_for(instance, settings, semantic=semantic)
        blank = VoxelGrid(grid.coordinates, np.zeros_like(grid.labels), 0.1)
        assert objects(segmenter.segment(blank)) == true_objects(instance)
        labels = blank.labels.copy()
        labels[0] = FLOOR
        hinted = VoxelGrid(grid.coordinates, labels, 0.1)
        assert segmenter.segment(hinted).instances == []

    def test_labels_that_ran_over_the_floor_are_taken_back(self):
        grid, instance = touching_chairs()
        labels = grid.labels.copy()
        spill = np.flatnonzero(instance == -1)[:30]
        labels[spill] = TABLE
        spilled = VoxelGrid(grid.coordinates, labels, 0.1)
        semantic = self.opinion(grid.labels, 0.95)
        found = segmenter_for(instance, semantic=semantic).segment(spilled)
        assert (found.instance[spill] == -1).all()
        assert objects(found) == true_objects(instance)

    @pytest.mark.parametrize(("certainty", "objects_found"), [(0.6, 3), (0.9, 2)])
    def test_more_certainty_is_asked_for_where_labels_are_reliable(self, certainty, objects_found):
        grid, instance = touching_chairs()
        labels = np.where(instance == 0, 0, grid.labels).astype(np.uint8)
        hidden = VoxelGrid(grid.coordinates, labels, 0.1)
        semantic = self.opinion(grid.labels, certainty)  # that reliable the labels are
        semantic[instance == 0] = self.opinion(grid.labels, 0.8)[instance == 0]
        settings = SegmenterSettings(label_fusion=LabelFusionSettings(add_from=(0.7, 1.01)))
        found = segmenter_for(instance, settings, semantic=semantic).segment(hidden)
        assert len(found.instances) == objects_found

    def test_without_any_label_what_may_be_of_no_class_is_found_too(self):
        grid, instance = touching_chairs()
        doubted = 0.3 * self.opinion(grid.labels, 0.95).exp()
        doubted[:, 0] += 0.7  # it may well be of no class; if it is of one, it is this one
        blank = VoxelGrid(grid.coordinates, np.zeros_like(grid.labels), 0.1)
        found = segmenter_for(instance, semantic=doubted.log()).segment(blank)
        assert objects(found) == true_objects(instance)
        denied = 0.02 * self.opinion(grid.labels, 0.95).exp()
        denied[:, 0] += 0.98
        assert segmenter_for(instance, semantic=denied.log()).segment(blank).instances == []

    def test_what_the_network_takes_for_no_object_is_not_found(self):
        grid, instance = touching_chairs()
        labels = np.where(instance == 0, 0, grid.labels).astype(np.uint8)
        hidden = VoxelGrid(grid.coordinates, labels, 0.1)
        clutter = self.opinion(labels, 0.95)  # sure that what has no label is of no class
        found = segmenter_for(instance, semantic=clutter).segment(hidden)
        assert (found.instance[instance == 0] == -1).all()
        assert len(found.instances) == 2

    def test_labels_that_the_network_has_no_word_for_stay(self):
        grid, instance = touching_chairs()
        classes = tuple(replace(c, network_name="unknown") for c in TAXONOMY.classes)
        strangers = Taxonomy(classes)
        nothing = self.opinion(np.zeros_like(grid.labels), 0.99)
        network = Checkpoint(Oracle(instance, semantic=nothing), CONFIG)
        found = InstanceSegmenter(network, strangers, CPU).segment(grid)
        assert objects(found) == true_objects(instance)

    def test_an_unsure_network_leaves_the_labels_alone(self):
        grid, instance = touching_chairs()
        semantic = self.opinion(grid.labels, 1 / (len(CONFIG.classes) + 1))  # all alike
        # things have 18 of 21 channels: their probability together is .86
        unsure = SegmenterSettings(
            label_fusion=LabelFusionSettings(add_from=(0.95, 0.95), keep_from=(0.15, 0.15))
        )
        found = segmenter_for(instance, unsure, semantic=semantic).segment(grid)
        assert objects(found) == true_objects(instance)


class TestInvariants:
    """An untrained network says anything; what comes out is a segmentation all the same."""

    @pytest.fixture
    def untrained(self) -> InstanceSegmenter:
        torch.manual_seed(0)
        config = NetworkConfig(TAXONOMY.names[1:], width=4, semantic=True)
        settings = SegmenterSettings(labelling=LabellingSettings(0.0, min_voxels=3))
        return InstanceSegmenter(Checkpoint(build_network(config), config), TAXONOMY, CPU, settings)

    def random_grid(self, seed: int, voxels: int) -> VoxelGrid:
        rng = np.random.default_rng(seed)
        coordinates = np.unique(rng.integers(-15, 15, (voxels, 3)), axis=0)
        coordinates = coordinates[np.argsort(pack_keys(coordinates))].astype(np.int32)
        return VoxelGrid(coordinates, rng.integers(0, 21, len(coordinates)).astype(np.uint8), 0.1)

    @pytest.mark.parametrize("voxels", [1, 2, 50, 600])
    def test_random_grids_give_consistent_segmentations(self, untrained, voxels):
        for seed in range(2):
            grid = self.random_grid(seed, voxels)
            assert_consistent(untrained.segment(grid), grid)

    def test_a_moved_grid_has_the_same_instances(self, untrained):
        grid = self.random_grid(7, 400)
        moved = replace(grid, coordinates=grid.coordinates + np.array([320, -64, 32], np.int32))
        assert np.array_equal(untrained.segment(grid).instance, untrained.segment(moved).instance)


class TestInput:
    """Grids that do not fit the weights."""

    def test_voxels_of_another_size_are_refused(self):
        grid, instance = touching_chairs()
        with pytest.raises(InputError, match=r"0\.05 m wide.*0\.1 m"):
            segmenter_for(instance).segment(replace(grid, voxel_size=0.05))

    @pytest.mark.parametrize(("size", "said"), [(None, "none"), (2, "2")])
    def test_features_missing_or_of_another_number_are_refused(self, size, said):
        config = NetworkConfig(TAXONOMY.names[1:], input="features", feature_size=3, width=4)
        segmenter = InstanceSegmenter(Checkpoint(build_network(config), config), TAXONOMY, CPU)
        grid, _ = touching_chairs()
        features = None if size is None else np.zeros((len(grid), size), np.float32)
        with pytest.raises(InputError, match=f"need 3 features a point, the input has {said}"):
            segmenter.segment(replace(grid, features=features))

    class Spy(Oracle):
        def forward(self, batch: VoxelBatch) -> NetworkOutput:
            self.seen = batch.inputs
            return super().forward(batch)

    def test_features_are_what_the_network_gets(self):
        grid, instance = touching_chairs()
        features = np.random.default_rng(0).random((len(grid), 3)).astype(np.float32)
        config = NetworkConfig(TAXONOMY.names[1:], input="features", feature_size=3)
        spy = self.Spy(instance)
        segmenter = InstanceSegmenter(Checkpoint(spy, config), TAXONOMY, CPU)
        found = segmenter.segment(replace(grid, features=features))
        assert np.array_equal(spy.seen.numpy(), features)
        assert objects(found) == true_objects(instance)

    def test_labels_reach_the_network_in_its_own_channels(self):
        mine = Taxonomy([SemanticClass(7, "stool", "thing", (0, 0, 0), "chair")])
        config = NetworkConfig(("table", "chair"))
        spy = self.Spy(np.zeros(10, np.int64))
        segmenter = InstanceSegmenter(Checkpoint(spy, config), mine, CPU)
        segmenter.segment(VoxelGrid(block((0, 0, 0), (1, 2, 5)), np.ones(10, np.uint8), 0.1))
        assert spy.seen.tolist() == [[0, 0, 1]] * 10


def test_scores_count_how_sure_the_class_is(monkeypatch):
    """And what is chosen does not depend on that."""
    segmenter = InstanceSegmenter.load(device="cpu")
    scene = generate_room(np.random.default_rng(0), VALIDATION)
    grid, _ = VoxelGrid.from_points(LabeledPoints(scene.xyz, scene.labels), segmenter.voxel_size)
    found = []
    for sure in (1.0, 0.25):

        def named(masks, *rest, sure=sure):
            return name_masks(masks, *rest)[0], np.full(masks.count, sure)

        monkeypatch.setattr("mtml_ros.segmentation.segmenter.name_masks", named)
        found.append(segmenter.segment(grid))
    certain, unsure = found
    assert np.array_equal(certain.instance, unsure.instance)
    for ours in ("instances", "proposals"):
        one, other = ([o.score for o in getattr(f, ours)] for f in found)
        np.testing.assert_allclose(np.multiply(one, 0.25), other)
    without = segmenter.segment(grid, with_proposals=False)
    assert not without.proposals
    assert np.array_equal(without.instance, unsure.instance)


class TestLoading:
    """Weights, taxonomy, device, settings."""

    @pytest.fixture
    def file(self, tmp_path):
        config = NetworkConfig(TAXONOMY.names[1:], width=1)
        chosen = {
            "labelling": {"min_voxels": 17},
            "proposals": {"bandwidths": [0.7]},
            "score": {"radius": 2},
        }
        path = tmp_path / "w.safetensors"
        save_checkpoint(path, Checkpoint(build_network(config), config, chosen))
        return path

    def test_settings_come_with_the_weights(self, file):
        loaded = InstanceSegmenter.load(file, device="cpu")
        assert loaded.settings.labelling.min_voxels == 17
        assert loaded.settings.proposals.bandwidths == (0.7,)
        assert loaded.settings.score.radius == 2.0
        assert loaded.taxonomy == TAXONOMY
        assert loaded.voxel_size == 0.1
        assert loaded.device == CPU

    def test_given_settings_go_before_those_of_the_weights(self, file):
        mine = SegmenterSettings(labelling=LabellingSettings(min_voxels=3))
        assert InstanceSegmenter.load(file, device="cpu", settings=mine).settings == mine

    def test_as_in_the_paper_nothing_is_added(self, file):
        settings = InstanceSegmenter.load(file, device="cpu", as_in_the_paper=True).settings
        assert settings.proposals.bandwidths == (0.7,)  # the paper's own choices stay the weights'
        assert not settings.label_fusion.enabled
        assert not settings.proposals.label_components
        assert not settings.score.learned
        assert not settings.suppression.soft
        assert settings.labelling.assign_radius == 0

    def test_a_taxonomy_that_the_weights_do_not_know_is_refused(self, file):
        with pytest.raises(ConfigurationError, match="box1"):
            InstanceSegmenter.load(file, Taxonomy.toy(), "cpu")

    def test_weights_that_there_are_not_are_refused(self):
        with pytest.raises(CheckpointError, match="no weights 'nothing'"):
            InstanceSegmenter.load("nothing", device="cpu")

    @pytest.mark.parametrize(
        ("settings", "named"),
        [
            ({"min_voxels": 3}, "unknown option 'min_voxels'"),
            ({"score": {"radios": 1}}, "unknown option 'radios'"),
            ({"proposals": {"bandwidths": [0.6, "1"]}}, r"bandwidths\[1\] must be float"),
            ({"labelling": {"min_voxels": 2.5}}, "min_voxels must be int"),
            ({"suppression": {"iou": 1.5}}, "iou"),
        ],
    )
    def test_settings_of_weights_that_make_no_sense_are_refused(self, tmp_path, settings, named):
        config = NetworkConfig(TAXONOMY.names[1:], width=1)
        path = tmp_path / "w.safetensors"
        save_checkpoint(path, Checkpoint(build_network(config), config, settings))
        with pytest.raises(CheckpointError, match=named):
            InstanceSegmenter.load(path, device="cpu")


def test_regions_side_by_side_are_as_one_after_another(monkeypatch):
    """And no more voxels are segmented at once than may be."""
    segmenter = InstanceSegmenter.load(device="cpu")
    rooms = [generate_room(np.random.default_rng([4713, i]), VALIDATION) for i in range(3)]
    xyz = np.concatenate([r.xyz + np.float32([30 * i, 0, 0]) for i, r in enumerate(rooms)])
    points = LabeledPoints(xyz, np.concatenate([r.labels for r in rooms]).astype(np.uint8))
    grid, _ = VoxelGrid.from_points(points, segmenter.voxel_size)
    sizes = sorted(len(region.rows) for region in divide(grid.coordinates, 5, REGION_VOXELS))
    assert len(sizes) == 3
    now, most = [], []
    segment = segmenter._segment_region

    def watched(part, *others):
        now.append(len(part))
        most.append(sum(now))
        time.sleep(0.05)  # so that a second one begins meanwhile
        found = segment(part, *others)
        now.remove(len(part))
        return found

    monkeypatch.setattr(segmenter, "_segment_region", watched)
    threads = kernels.get_threads()
    found = []
    try:
        for count, region_voxels in ((1, REGION_VOXELS), (2, REGION_VOXELS), (2, sizes[-1])):
            kernels.set_threads(count)
            most.clear()
            found.append(segmenter.segment(grid, region_voxels=region_voxels))
            side_by_side = count == 2 and region_voxels == REGION_VOXELS
            assert (max(most) > sizes[-1]) == side_by_side
            assert max(most) <= region_voxels
    finally:
        kernels.set_threads(threads)
    for other in found[1:]:
        assert np.array_equal(other.instance, found[0].instance)
        assert [i.score for i in other.instances] == [i.score for i in found[0].instances]
