"""FolderFile: whole or not at all, below its folder whatever happens there meanwhile, bounded."""

import os
import threading
import time
from pathlib import Path

import pytest

from mtml_ros.mapping import folder_file
from mtml_ros.mapping.folder_file import ABANDONED, FolderFile


def test_content_is_replaced_and_nothing_else_left(tmp_path: Path) -> None:
    place = FolderFile(tmp_path, ("a",))
    for content in (b"one", b"", b"three"):
        place.write(content)
        assert place.read(5) == content
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    with pytest.raises(ValueError, match="5 bytes, more than the 4"):
        place.read(4)


def test_own_path_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "file")
    FolderFile.of(tmp_path / "link").write(b"x")
    assert (tmp_path / "there" / "file").read_bytes() == b"x"
    assert FolderFile.of(str(tmp_path / "link")).read(1) == b"x"


@pytest.mark.parametrize("kind", ["folder", "link", "dangling link", "pipe"])
def test_what_is_there_and_no_file_is_neither_read_nor_replaced(tmp_path: Path, kind: str) -> None:
    folder, victim = tmp_path / "maps", tmp_path / "victim"
    folder.mkdir()
    victim.write_bytes(b"secret")
    there = folder / "a"
    if kind == "folder":
        there.mkdir()
    elif kind == "pipe":
        os.mkfifo(there)  # opened plainly, reading it would wait for ever
    else:
        there.symlink_to(victim if kind == "link" else tmp_path / "none")
    for act in (lambda p: p.read(100), lambda p: p.write(b"x")):
        with pytest.raises((OSError, ValueError)):
            act(FolderFile(folder, ("a",)))
    assert victim.read_bytes() == b"secret"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["maps", "victim"]
    assert [p.name for p in folder.iterdir()] == ["a"]


def test_folder_exchanged_for_a_link_at_any_moment_lets_nothing_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is swapped just before the content is written, where every check is over."""
    folder, outside = tmp_path / "maps", tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    outside.mkdir()
    sync = os.fsync

    def swap(descriptor: int) -> None:
        sync(descriptor)
        if not (folder / "sub").is_symlink():
            (folder / "sub").rename(folder / "was")
            (folder / "sub").symlink_to(outside)

    monkeypatch.setattr(folder_file.os, "fsync", swap)
    FolderFile(folder, ("sub", "a")).write(b"x")
    assert list(outside.iterdir()) == []
    assert (folder / "was" / "a").read_bytes() == b"x"
    with pytest.raises(OSError):
        FolderFile(folder, ("sub", "a")).write(b"x")


def test_folder_exchanged_all_the_time_lets_nothing_outside(tmp_path: Path) -> None:
    folder, outside = tmp_path / "maps", tmp_path / "outside"
    (folder / "real").mkdir(parents=True)
    outside.mkdir()
    (folder / "fake").symlink_to(outside)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for kind in ("real", "fake"):
                os.rename(folder / kind, folder / "sub")
                os.rename(folder / "sub", folder / kind)

    swapper = threading.Thread(target=swap)
    swapper.start()
    written = 0
    until = time.monotonic() + 1
    while time.monotonic() < until:
        try:
            FolderFile(folder, ("sub", "a")).write(b"x")
            written += 1
        except OSError:
            pass
    stop.set()
    swapper.join()
    assert list(outside.iterdir()) == []
    assert (folder / "real" / "a").exists() == (written > 0)


def test_save_removes_what_killed_ones_left_and_nothing_else(tmp_path: Path) -> None:
    names = {
        "killed": f".room.map.{'0' * 16}.tmp",
        "of another file": f".other.{'a' * 16}.tmp",
        "still written": f".room.map.{'1' * 16}.tmp",
        "somebody's": ".mine.tmp",
    }
    for name in names.values():
        (tmp_path / name).touch()
    for name in ("killed", "of another file", "somebody's"):
        old = time.time() - ABANDONED - 5
        os.utime(tmp_path / names[name], (old, old))
    FolderFile(tmp_path, ("room.map",)).write(b"x")
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"room.map", names["still written"], names["somebody's"]}


def test_full_folder_takes_no_new_file_but_new_content(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for parts in (("a",), ("b",), ("sub", "c")):
        FolderFile(tmp_path, parts, max_files=3).write(b"1")
    with pytest.raises(ValueError, match="holds 3 files, the most"):
        FolderFile(tmp_path, ("sub", "d"), max_files=3).write(b"1")
    FolderFile(tmp_path, ("sub", "c"), max_files=3).write(b"2")
    assert FolderFile(tmp_path, ("sub", "c")).read(9) == b"2"
    FolderFile(tmp_path, ("sub", "d"), max_files=4).write(b"1")
    FolderFile(tmp_path, ("e",)).write(b"1")  # no bound


def test_disk_that_is_full_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = FolderFile(tmp_path, ("a",))
    place.write(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder_file.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        place.write(b"new")
    assert place.read(9) == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
