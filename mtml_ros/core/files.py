"""Files that others name: only regular ones are read, and nobody ever finds half a written one."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from mtml_ros.core.errors import InputError


def read_bounded(path: Path, limit: int) -> bytes:
    """The whole content of a regular file of at most `limit` bytes.

    A pipe, which may never end or never begin, and a device are refused without being read.
    Raises InputError, naming the file.
    """
    try:
        # a pipe without a writer would block at being opened
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise InputError(f"{path}: cannot be read: it is no regular file")
            with open(handle, "rb", closefd=False) as file:
                content = file.read(limit + 1)
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise InputError(f"{path}: cannot be read: {error}") from error
    if len(content) > limit:
        raise InputError(f"{path}: larger than {limit} bytes")
    return content


def write_aside(path: Path, write: Callable[[Path], None]) -> None:
    """Has a file written aside and renamed, so that nobody ever finds half a file."""
    handle, name = tempfile.mkstemp(path.suffix.lower(), f".{path.stem}.", path.parent)
    os.close(handle)
    try:
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp's file is private, an ordinary one is not
        write(Path(name))
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
