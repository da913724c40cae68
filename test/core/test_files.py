"""Files that others name: regular, and bounded."""

import os
from pathlib import Path

import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.core.files import read_bounded


def test_a_file_within_its_bound_comes_out_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\0" * 100)
    assert read_bounded(tmp_path / "a", 100) == b"\0" * 100
    with pytest.raises(InputError, match="larger than 99 bytes"):
        read_bounded(tmp_path / "a", 99)


@pytest.mark.timeout(20)
def test_pipes_devices_and_folders_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(InputError, match="no regular file"):
            read_bounded(path, 100)


@pytest.mark.parametrize("name", ["missing", "a\0b"])
def test_what_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_bounded(tmp_path / name, 100)


def test_handles_are_closed(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(InputError):
            read_bounded(tmp_path, 100)
    assert len(os.listdir("/proc/self/fd")) == before
