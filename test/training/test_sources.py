"""Where scenes come from: known sets with known options, training apart from validation."""

import numpy as np
import pytest

from mtml_ros.core.errors import ConfigurationError, InputError
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets import toy
from mtml_ros.datasets.scene_files import write_scene
from mtml_ros.simulation.rooms import generate_room
from mtml_ros.simulation.rooms.library import FurnitureLibrary
from mtml_ros.training.sources import make_source, rooms, scannet


def test_toy_draws_training_scenes_and_validates_on_others(monkeypatch):
    drawn = []

    def record(seed, settings):
        drawn.append((seed, settings))

    monkeypatch.setattr(toy, "generate_scene", record)
    source = make_source({"set": "toy", "preset": "toy-hard"})
    for seed in range(50):
        source.draw(np.random.default_rng(seed))
    assert {s for s, _ in drawn} <= set(toy.TRAINING_SEEDS)
    assert len({s for s, _ in drawn}) > 40
    drawn.clear()
    assert len(list(source.validation_scenes(7))) == 7
    assert [s for s, _ in drawn] == list(toy.VALIDATION_SEEDS[:7])
    assert all(settings == toy.PRESETS["toy-hard"] for _, settings in drawn)


def test_files_are_drawn_from_one_folder_and_validated_from_the_other(scene_folder, tiny_scene):
    source = make_source(
        {"set": "files", "train": str(scene_folder / "train"), "taxonomy": "toy",
         "validation": str(scene_folder / "validation")}
    )  # fmt: skip
    seen = {source.draw(np.random.default_rng(s)).xyz.tobytes() for s in range(40)}
    assert seen == {tiny_scene(s).xyz.tobytes() for s in range(4)}
    (validation,) = source.validation_scenes(5)
    assert np.array_equal(validation.xyz, tiny_scene(9).xyz)
    assert np.array_equal(validation.labels, tiny_scene(9).labels)


def test_one_file_in_ten_is_held_out_where_no_folder_to_validate_on_is_named(tmp_path, tiny_scene):
    for seed in range(12):
        write_scene(tmp_path / f"{seed:02}.npz", tiny_scene(seed), Taxonomy.toy())
    source = make_source({"set": "files", "train": str(tmp_path), "taxonomy": "toy"})
    held_out = [s.xyz.tobytes() for s in source.validation_scenes(9)]
    assert held_out == [tiny_scene(s).xyz.tobytes() for s in (0, 10)]
    drawn = {source.draw(np.random.default_rng(s)).xyz.tobytes() for s in range(200)}
    assert drawn == {tiny_scene(s).xyz.tobytes() for s in range(12) if s not in (0, 10)}


def test_a_single_file_cannot_be_held_out(tmp_path, tiny_scene):
    write_scene(tmp_path / "0.npz", tiny_scene(0), Taxonomy.toy())
    with pytest.raises(ConfigurationError, match="single file"):
        make_source({"set": "files", "train": str(tmp_path), "taxonomy": "toy"})


def test_scannet_trains_on_its_training_scans_and_validates_on_the_others(monkeypatch):
    class Copy:
        def scenes(self, split):
            return {"train": ["scene0000_00", "scene0001_00"], "val": ["scene0002_00"]}[split]

        def read(self, scan, labels):
            return scan, labels

    monkeypatch.setattr(scannet.ScanNet, "open", lambda root: Copy())
    source = make_source({"set": "scannet", "root": "copy", "labels": "predicted"})
    drawn = {source.draw(np.random.default_rng(s)) for s in range(20)}
    assert drawn == {("scene0000_00", "predicted"), ("scene0001_00", "predicted")}
    assert list(source.validation_scenes(5)) == [("scene0002_00", "predicted")]
    true_labels = make_source({"set": "scannet", "root": "copy"})
    assert list(true_labels.validation_scenes(1)) == [("scene0002_00", None)]


@pytest.mark.parametrize("name", ["files", "scannet"])
def test_where_no_scenes_are_kept_apart_there_is_no_calibration(name, scene_folder):
    folder = {"files": "train", "scannet": "root"}[name]
    source = make_source({"set": name, folder: str(scene_folder / "train")})
    with pytest.raises(ConfigurationError, match="calibration_scenes to 0"):
        source.calibration_scenes(1)


def test_rooms_have_labels_that_err_and_the_same_validation_rooms_each_time():
    source = make_source({"set": "rooms", "unlabelled": 0.0})
    (a,), (b,) = source.validation_scenes(1), source.validation_scenes(1)
    assert np.array_equal(a.xyz, b.xyz)
    assert np.array_equal(a.noisy_labels, b.noisy_labels)
    assert (a.noisy_labels != a.labels).any()


def test_training_rooms_have_the_furniture_of_a_folder_and_validation_rooms_have_none(monkeypatch):
    library, read = FurnitureLibrary([]), []
    monkeypatch.setattr(rooms, "read_furniture", lambda *asked: read.append(asked) or library)
    drawn = []

    def record(rng, settings):
        drawn.append(settings)
        return generate_room(rng, settings)

    monkeypatch.setattr(rooms, "generate_room", record)
    source = make_source({"set": "rooms", "furniture": "here", "furniture_share": 0.3})
    assert read == [("here", "")]
    source.draw(np.random.default_rng(0))
    list(source.validation_scenes(1))
    assert [(s.furniture, s.furniture_share) for s in drawn] == [(library, 0.3), (None, 0.5)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "set must be one of"),
        ({"set": "kitti"}, "kitti"),
        ({"set": ["toy"]}, "set must be"),
        ({"set": "toy", "preset": "toy-easy"}, "preset"),
        ({"set": "toy", "count": 3}, "count"),
        ({"set": "files", "train": "nowhere", "validation": "nowhere"}, "no .npz files"),
        ({"set": "files"}, "train"),
        ({"set": "rooms", "furniture": "nowhere"}, "no folder nowhere; install"),
        ({"set": "rooms", "furniture_share": 1.5}, "furniture_share"),
    ],
)
def test_unknown_sets_and_options_are_named(options, message):
    with pytest.raises(ConfigurationError, match=message):
        make_source(options)


def test_a_damaged_file_is_named(scene_folder):
    (scene_folder / "train" / "0.npz").write_bytes(b"PK")
    source = make_source(
        {"set": "files", "train": str(scene_folder / "train"), "taxonomy": "toy",
         "validation": str(scene_folder / "validation")}
    )  # fmt: skip
    first = next(s for s in range(99) if np.random.default_rng(s).integers(4) == 0)
    with pytest.raises(InputError, match=r"0\.npz"):
        source.draw(np.random.default_rng(first))


@pytest.mark.parametrize(("use", "held"), [("validation", 50), ("calibration", 1000)])
def test_more_toy_scenes_than_there_are_is_an_error_that_says_how_many(use: str, held: int):
    source = make_source({"set": "toy"})
    with pytest.raises(ConfigurationError, match=f"{held} scenes for {use}, not {held + 1}"):
        next(getattr(source, f"{use}_scenes")(held + 1))


def test_calibration_scenes_are_seen_by_nothing_else():
    seeds = [toy.TRAINING_SEEDS, toy.VALIDATION_SEEDS, toy.TEST_SEEDS, toy.CALIBRATION_SEEDS]
    assert len(set().union(*seeds)) == sum(map(len, seeds))
    first = next(make_source({"set": "toy"}).calibration_scenes(1))
    np.testing.assert_array_equal(first.xyz, toy.generate_scene(toy.CALIBRATION_SEEDS[0]).xyz)
