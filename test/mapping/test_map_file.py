"""Map files: whole or not at all, and refused at any damage."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import mtml_ros
from mtml_ros.core.checksum import content_checksum
from mtml_ros.core.errors import MapFileError
from mtml_ros.core.taxonomy import SemanticClass, Taxonomy
from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.mapping.map_file import inside_folder, read_map, write_map
from mtml_ros.mapping.voxel_map import VoxelMap

TOY = Taxonomy.toy()
SIZE = 0.1


def small_map(seed: int = 0, points: int = 300) -> VoxelMap:
    rng = np.random.default_rng(seed)
    m = VoxelMap(SIZE, 5, 1000)
    xyz = rng.uniform(-0.4, 0.4, (points, 3)).astype(np.float32)
    m.integrate(LabeledPoints(xyz, rng.integers(0, 6, points).astype(np.uint8)), 4.5)
    return m


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "room.map"
    small_map().save(path, TOY, {"ids": np.arange(3)})
    return path


def refused(path: Path, match: str, taxonomy: Taxonomy = TOY, size: float = SIZE) -> None:
    """Loading raises, names the file, and leaves a map as it is."""
    m = VoxelMap(size, len(taxonomy), 1000)
    m.integrate(LabeledPoints(np.ones((1, 3), np.float32), np.ones(1, np.uint8)), 1.0)
    grid, revision = m.snapshot(), m.revision
    with pytest.raises(MapFileError, match=match) as caught:
        m.load(path, taxonomy)
    assert path.name in str(caught.value)
    assert m.snapshot() is grid
    assert (m.revision, m.stamp) == (revision, 1.0)


def parts(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays and metadata of a map file."""
    blob = path.read_bytes()
    header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])
    return safetensors.numpy.load(blob), header["__metadata__"]


def rewrite(path: Path, arrays: dict[str, np.ndarray], **about: str) -> None:
    """A file with these arrays and a checksum that is right, whatever else is wrong."""
    metadata = {**parts(path)[1], **about}
    metadata.pop("checksum")
    metadata["checksum"] = content_checksum(arrays, metadata)
    path.write_bytes(safetensors.numpy.save(arrays, metadata))


def test_every_flipped_byte_is_noticed_or_does_no_harm(saved: Path) -> None:
    blob, expected = saved.read_bytes(), small_map().snapshot()
    header = 8 + int.from_bytes(blob[:8], "little")
    rng = random.Random(0)
    everywhere = [*range(header), *rng.sample(range(header, len(blob)), 400), len(blob) - 1]
    noticed = 0
    for at in everywhere:
        damaged = bytearray(blob)
        damaged[at] ^= 1 << rng.randrange(8)
        saved.write_bytes(damaged)
        m = VoxelMap(SIZE, 5, 1000)
        try:
            extra = m.load(saved, TOY)
        except MapFileError:
            noticed += 1
            continue
        assert np.array_equal(m.snapshot().coordinates, expected.coordinates)
        assert np.array_equal(m.snapshot().labels, expected.labels)
        assert extra["ids"].tolist() == [0, 1, 2]
    assert noticed > 0.9 * len(everywhere)  # all but the spaces that pad the header


def test_every_length_cut_off_is_noticed(saved: Path) -> None:
    blob = saved.read_bytes()
    for length in [*range(0, len(blob), 97), len(blob) - 1]:
        saved.write_bytes(blob[:length])
        refused(saved, "damaged")
    saved.write_bytes(blob + b"\0")
    refused(saved, "damaged")


@pytest.mark.parametrize(
    "blob",
    [b"", b"\0" * 8, b"\xff" * 100, b"\x02" + b"\0" * 7 + b"{}", b"\x02" + b"\0" * 7 + b"[]",
     b"PK\x03\x04 a zip", (200_000).to_bytes(8, "little") + b"[" * 200_000],
    ids=["empty", "zeros", "ones", "no metadata", "a list", "zip", "deep"],
)  # fmt: skip
def test_what_is_no_map_is_refused(tmp_path: Path, blob: bytes) -> None:
    path = tmp_path / "room.map"
    path.write_bytes(blob)
    refused(path, "damaged|not a map")


def test_safetensors_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    safetensors.numpy.save_file({"map.keys": np.arange(3)}, path, {"format": "pt"})
    refused(path, "not a map")


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.map", "cannot be read")
    refused(tmp_path, "cannot be read")


def test_newer_version_is_refused(saved: Path) -> None:
    rewrite(saved, parts(saved)[0], version="2")
    refused(saved, "version 2; this program reads version 1")


def test_other_voxel_size_is_refused(saved: Path) -> None:
    refused(saved, r"voxel size 0\.1 m, this map's is 0\.05 m", size=0.05)


def test_other_classes_are_refused(saved: Path) -> None:
    other = Taxonomy([
        SemanticClass(i, f"box{i + 1}", "thing", (0, 0, 0), f"box{i + 1}") for i in range(5)
    ])  # fmt: skip
    refused(saved, "other classes", other)


def test_file_larger_than_any_map_is_refused_unread(saved: Path) -> None:
    with open(saved, "r+b") as file:
        file.truncate(1 << 40)  # a hole, no disk
    refused(saved, "more than the [0-9]+ allowed")


NONSENSE = {
    "no keys": lambda a: a.pop("map.keys"),
    "keys of a wrong type": lambda a: a.update({"map.keys": a["map.keys"].astype(np.uint64)}),
    "keys in two dimensions": lambda a: a.update({"map.keys": a["map.keys"][None]}),
    "unsorted keys": lambda a: a.update({"map.keys": a["map.keys"][::-1].copy()}),
    "a key twice": lambda a: a["map.keys"].__setitem__(1, a["map.keys"][0]),
    "a negative key": lambda a: a["map.keys"].__setitem__(0, -5),
    "no votes": lambda a: a.pop("map.votes"),
    "votes of fewer voxels": lambda a: a.update({"map.votes": a["map.votes"][1:]}),
    "votes of fewer classes": lambda a: a.update({"map.votes": a["map.votes"][:, 1:].copy()}),
    "votes of a wrong type": lambda a: a.update({"map.votes": a["map.votes"].astype(np.float64)}),
    "votes that are NaN": lambda a: a["map.votes"].__setitem__((2, 2), np.nan),
    "votes below 0": lambda a: a["map.votes"].__setitem__((2, 2), -1),
    "infinite votes": lambda a: a["map.votes"].__setitem__((2, 2), np.inf),
    "too many clouds": lambda a: a["map.clouds"].__setitem__(0, 65),
    "seen before the first cloud": lambda a: a["map.seen"].__setitem__(0, -1),
    "seen after all clouds": lambda a: a["map.seen"].__setitem__(0, 2**62),
    "no miss left": lambda a: a["map.misses_left"].__setitem__(0, 0),
    "no stamp": lambda a: a.pop("map.stamp"),
    "an infinite stamp": lambda a: a["map.stamp"].__setitem__(0, np.inf),
    "a stamp that ROS has no time for": lambda a: a["map.stamp"].__setitem__(0, 2.0**31),
    "two stamps": lambda a: a.update({"map.stamp": np.zeros(2)}),
}


@pytest.mark.parametrize("spoil", NONSENSE.values(), ids=NONSENSE)
def test_file_that_is_whole_but_senseless_is_refused(saved: Path, spoil) -> None:
    arrays = {name: a.copy() for name, a in parts(saved)[0].items()}
    rewrite(saved, arrays)
    VoxelMap(SIZE, 5, 1000).load(saved, TOY)  # the rewriting itself does no harm
    spoil(arrays)
    rewrite(saved, arrays)
    refused(saved, "holds|missing")


def test_map_that_cannot_be_written_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MapFileError, match="cannot be written"):
        write_map(tmp_path / "none" / "room.map", {}, SIZE, TOY)
    with pytest.raises(MapFileError, match="cannot be written"):
        write_map(tmp_path, {}, SIZE, TOY)  # a folder is in its place
    with pytest.raises(MapFileError, match="cannot be written"):
        write_map(tmp_path / "a\0b", {}, SIZE, TOY)
    assert list(tmp_path.iterdir()) == []


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    arrays = {
        "empty": np.zeros((0, 3), np.float64),
        "flags": np.array([True, False]),
        "not contiguous": np.arange(12, dtype=np.int32).reshape(3, 4)[:, ::2],
    }
    write_map(tmp_path / "x", arrays, SIZE, TOY)
    back = read_map(tmp_path / "x", SIZE, TOY, 10**6)
    assert back.keys() == arrays.keys()
    for name, values in arrays.items():
        assert back[name].dtype == values.dtype
        assert np.array_equal(back[name], values)


def test_only_files_inside_the_folder_are_named(tmp_path: Path) -> None:
    assert str(inside_folder(tmp_path, "room.map")) == str(tmp_path / "room.map")
    assert str(inside_folder(tmp_path, "sub/room.map")) == str(tmp_path / "sub" / "room.map")
    for name in ["", ".", "..", "../outside/x", str(tmp_path / "x"), "/etc/passwd", "a//b", "sub/",
                 "a\0b", "sub/../../maps/../outside/x", "sub/../x", "./x"]:  # fmt: skip
        with pytest.raises(MapFileError, match="map folder"):
            inside_folder(tmp_path, name)


def test_map_is_saved_and_loaded_below_a_folder_and_not_through_links(tmp_path: Path) -> None:
    folder, outside = tmp_path / "maps", tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    outside.mkdir()
    (folder / "link").symlink_to(outside)
    small_map().save(inside_folder(folder, "sub/room.map"), TOY)
    assert VoxelMap(SIZE, 5, 1000).load(inside_folder(folder, "sub/room.map"), TOY) == {}
    for name in ("link/room.map", "none/room.map", "sub", "x" * 5000):
        with pytest.raises(MapFileError, match="cannot be written"):
            small_map().save(inside_folder(folder, name), TOY)
        with pytest.raises(MapFileError, match="cannot be read"):
            VoxelMap(SIZE, 5, 1000).load(inside_folder(folder, name), TOY)
    assert list(outside.iterdir()) == []


SAVER = """
import os, sys
import numpy as np
from mtml_ros.mapping.map_file import write_map
from mtml_ros.core.taxonomy import Taxonomy
path, number, toy = sys.argv[1], 0, Taxonomy.toy()
for line in sys.stdin:  # each line asks for a process that saves until it is killed
    number += 1000
    child = os.fork()
    while child == 0:
        number += 1
        write_map(path, {"map": np.full(200_000, number)}, 0.1, toy)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_kill_at_any_moment_of_a_save_leaves_the_old_or_the_new_map(
    tmp_path: Path, kills: int
) -> None:
    path, rng = tmp_path / "room.map", random.Random(0)
    environment = {**os.environ, "PYTHONPATH": str(Path(mtml_ros.__file__).parents[1])}
    saver = subprocess.Popen(
        [sys.executable, "-c", SAVER, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert saver.stdin is not None
    assert saver.stdout is not None
    began = time.perf_counter()
    write_map(path, {"map": np.full(200_000, 0)}, SIZE, TOY)
    save = time.perf_counter() - began
    last = finished = cut_short = 0
    done = 0
    # at least so many, and on until some saves were finished and some cut short
    while done < kills or not (finished and cut_short):
        done += 1
        assert done <= 20 * kills
        print("start", file=saver.stdin, flush=True)
        child = int(saver.stdout.readline())
        time.sleep(rng.uniform(0, 6 * save))
        os.kill(child, signal.SIGKILL)
        assert saver.stdout.readline() == "ended\n"
        (number,) = np.unique(read_map(path, SIZE, TOY, 10**8)["map"])  # one map, whole
        assert number >= last
        finished += number > last
        last = number
        for aside in (p for p in tmp_path.iterdir() if p != path):
            cut_short += 1
            aside.unlink()
    saver.stdin.close()
    saver.wait()
    saver.stdout.close()
