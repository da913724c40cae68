"""Scenes written and read again are the same; what does not fit is an InputError with the file."""

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.scene_files import read_scene, write_scene
from mtml_ros.datasets.toy import generate_scene
from mtml_ros.io.point_files import read_points

TAXONOMY = Taxonomy.scannet()


@pytest.fixture
def scene() -> Scene:
    rng = np.random.default_rng(0)
    return Scene(
        rng.normal(size=(9, 3)).astype(np.float32),
        np.array([0, 1, 2, 3, 5, 13, 20, 4, 4], dtype=np.uint8),
        np.array([-1, -1, -1, 0, 1, 2, 3, 4, 4], dtype=np.int32),
        np.array([1, 1, 2, 0, 5, 13, 20, 4, 6], dtype=np.uint8),
        rng.normal(size=(9, 2)).astype(np.float32),
    )


def arrays_of(scene: Scene) -> dict[str, np.ndarray]:
    return {"xyz": scene.xyz, "label": TAXONOMY.ids[scene.labels], "instance": scene.instance}


def test_a_scene_comes_back_as_it_was(tmp_path, scene):
    write_scene(tmp_path / "a.npz", scene, TAXONOMY)
    read = read_scene(tmp_path / "a.npz", TAXONOMY)
    for name in ("xyz", "labels", "instance", "noisy_labels", "features"):
        assert np.array_equal(getattr(read, name), getattr(scene, name))
        assert getattr(read, name).dtype == getattr(scene, name).dtype


def test_what_a_scene_lacks_it_lacks_again(tmp_path):
    write_scene(tmp_path / "a.npz", generate_scene(0), Taxonomy.toy())
    read = read_scene(tmp_path / "a.npz", Taxonomy.toy())
    assert read.noisy_labels is None
    assert read.features is None


def test_files_hold_ids_and_are_what_mtml_segment_reads(tmp_path, scene):
    write_scene(tmp_path / "a.npz", scene, TAXONOMY)
    points = read_points(tmp_path / "a.npz")
    assert np.array_equal(points.xyz, scene.xyz)
    assert points.label.tolist() == [0, 1, 2, 3, 5, 14, 39, 4, 4]  # NYU40 ids
    assert np.array_equal(points.instance, scene.instance)


@pytest.mark.parametrize("name", ["xyz", "label", "instance"])
def test_a_missing_array_is_named(tmp_path, scene, name):
    arrays = arrays_of(scene)
    del arrays[name]
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=rf"a\.npz: no array {name}"):
        read_scene(tmp_path / "a.npz", TAXONOMY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("xyz", np.zeros((9, 2), np.float32)),
        ("xyz", np.zeros(9, np.float32)),
        ("xyz", np.float32(3)),
        ("xyz", np.full((9, 3), np.nan, np.float32)),
        ("label", np.zeros(8, np.int32)),
        ("label", np.zeros(9, np.float32)),
        ("instance", np.zeros((9, 1), np.int32)),
        ("instance", np.full(9, 2**31, np.int64)),
        ("noisy_label", np.zeros(3, np.uint16)),
        ("features", np.zeros(9, np.float32)),
        ("features", np.full((9, 2), np.inf, np.float32)),
    ],
)
def test_arrays_that_do_not_fit_are_named_with_their_file(tmp_path, scene, name, value):
    np.savez(tmp_path / "a.npz", **{**arrays_of(scene), name: value})
    with pytest.raises(InputError, match=r"a\.npz: array"):
        read_scene(tmp_path / "a.npz", TAXONOMY)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"no archive"])
def test_a_missing_or_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "a.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npz"):
        read_scene(path, TAXONOMY)
