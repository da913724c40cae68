"""Rooms in the layouts that people pass around, written here on a few points."""

import pickle

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.layouts import find_rooms, read_npy, read_room
from mtml_ros.io.point_files import write_points

TAXONOMY = Taxonomy.scannet()
CHAIR, FLOOR = TAXONOMY.index("chair"), TAXONOMY.index("floor")
XYZ = np.array([[0.0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]], np.float32)
IDS = np.array([5, 5, 2, 40])


def votenet(folder, instances=(1, 7, 3, 0)):
    np.save(folder / "scene0000_00_vert.npy", np.hstack([XYZ, np.full((4, 3), 255.0)]))
    np.save(folder / "scene0000_00_sem_label.npy", IDS.astype(np.uint32))
    np.save(folder / "scene0000_00_ins_label.npy", np.array(instances, np.uint32))
    return folder / "scene0000_00_vert.npy"


def arrays(
    folder, labels=IDS, instance=(0, 6, 2, -1), names=("coords", "sem_labels", "instance_labels")
):
    room = folder / "room"
    room.mkdir()
    for name, values in zip(names, (XYZ, labels, instance)):
        np.save(room / f"{name}.npy", np.asarray(values))
    np.save(room / "colors.npy", np.zeros((4, 3), np.uint8))
    return room


def check(scene):
    np.testing.assert_array_equal(scene.xyz, XYZ)
    assert scene.labels.tolist() == [CHAIR, CHAIR, FLOOR, 0]
    # the floor is an instance in some of these files; a floor is no object
    assert scene.instance.tolist() == [0, 6, -1, -1]


def test_votenet_counts_instances_from_one(tmp_path):
    path = votenet(tmp_path)
    check(read_room(path, TAXONOMY))
    check(read_room(tmp_path / "scene0000_00", TAXONOMY))


@pytest.mark.parametrize(
    "names",
    [("coords", "sem_labels", "instance_labels"), ("coord", "segment", "instance"),
     ("coord", "semantic_label", "ins_label")],
)  # fmt: skip
def test_a_folder_of_arrays(tmp_path, names):
    check(read_room(arrays(tmp_path, names=names), TAXONOMY))


def test_labels_as_floats_and_as_positions_in_the_classes(tmp_path):
    # positions from 0: chair is the fifth of the twenty, floor the second, -100 and 255 are none
    position = np.array([CHAIR - 1, CHAIR - 1, FLOOR - 1, -100.0])
    room = arrays(tmp_path, labels=position)
    check(read_room(room, TAXONOMY, labels_are_indices=True))
    np.save(room / "sem_labels.npy", np.where(position < 0, 255, position))
    check(read_room(room, TAXONOMY, labels_are_indices=True))


@pytest.mark.parametrize("suffix", [".ply", ".npz"])
def test_point_files_with_label_and_instance(tmp_path, suffix):
    path = tmp_path / f"room{suffix}"
    write_points(path, XYZ, label=IDS, instance=np.array([0, 6, 2, -1], np.int32))
    check(read_room(path, TAXONOMY))
    write_points(path, XYZ, label=IDS)
    with pytest.raises(InputError, match="needs the fields label and instance"):
        read_room(path, TAXONOMY)


def test_rooms_in_a_folder_are_found_in_order(tmp_path):
    votenet(tmp_path)
    room = arrays(tmp_path)
    write_points(tmp_path / "a.ply", XYZ)
    (tmp_path / "notes.txt").write_text("no room")
    (tmp_path / "empty").mkdir()
    vertices = tmp_path / "scene0000_00_vert.npy"
    assert find_rooms(tmp_path) == [tmp_path / "a.ply", room, vertices]
    with pytest.raises(InputError, match="no room in it"):
        find_rooms(tmp_path / "empty")
    with pytest.raises(InputError, match="no such folder"):
        find_rooms(tmp_path / "absent")


class Bomb:
    """What a pickle can do."""

    def __reduce__(self):
        return (open, ("exploded", "w"))


def test_pickles_are_refused_with_the_reason_and_never_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "pickles"
    folder.mkdir()
    (folder / "scene.pth").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="can run any code"):
        read_room(folder / "scene.pth", TAXONOMY)
    with pytest.raises(InputError, match="can run any code"):
        find_rooms(folder)
    np.save(folder / "objects.npy", np.array([Bomb()]), allow_pickle=True)
    (folder / "bare.npy").write_bytes(pickle.dumps(Bomb()))
    for name in ("objects.npy", "bare.npy"):
        with pytest.raises(InputError, match=r"is no \.npy array of numbers"):
            read_npy(folder / name)
    assert not (tmp_path / "exploded").exists()


def test_an_array_that_announces_more_than_it_has_is_refused(tmp_path):
    path = tmp_path / "huge.npy"
    np.save(path, np.zeros(4))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"(4,), }      ", b"(400000000,)}"))
    with pytest.raises(InputError, match=r"is no \.npy array"):
        read_npy(path)
    path.write_bytes(b"")
    with pytest.raises(InputError):
        read_npy(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_npy(tmp_path / "absent.npy")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("coords", np.zeros((4, 2)), r"coordinates are \(N, 3\)"),
        ("coords", np.zeros((0, 3)), r"coordinates are \(N, 3\)"),
        ("coords", np.full((4, 3), np.nan), "not finite"),
        ("sem_labels", np.zeros(3), "4 integers are needed"),
        ("sem_labels", np.full(4, 0.5), "integers"),
        ("sem_labels", np.full(4, np.nan), "integers"),
        ("sem_labels", np.full(4, "chair"), "4 integers are needed"),
        ("instance_labels", np.zeros((4, 2), int), "4 integers are needed"),
        ("instance_labels", np.full(4, 1 << 40), "too large"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, name, values, message):
    room = arrays(tmp_path)
    np.save(room / f"{name}.npy", values)
    with pytest.raises(InputError, match=message):
        read_room(room, TAXONOMY)


def test_a_folder_without_instances_says_which_file_it_lacks(tmp_path):
    room = arrays(tmp_path)
    (room / "instance_labels.npy").unlink()
    with pytest.raises(InputError, match=r"needs one of instance\.npy"):
        read_room(room, TAXONOMY)
