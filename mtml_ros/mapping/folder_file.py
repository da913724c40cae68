"""FolderFile: a file below a folder, read and replaced without following a link on the way."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ABANDONED = 600.0
"""Seconds after which a file that was to replace another belongs to a save that was killed."""

_ASIDE = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")


@dataclass(frozen=True)
class FolderFile:
    """A place for a file.

    folder: trusted; links that lead to it are followed. parts: the names below it, the last one
        the file's. The folders between are opened one from the other (openat), so that none of
        them can be exchanged for a link to elsewhere between a check and its use.
    max_files: with so many files in the folder a new one is refused; None: no bound.

    Raises OSError or ValueError for what cannot be done.
    """

    folder: Path
    parts: tuple[str, ...]
    max_files: int | None = None

    @staticmethod
    def of(path: str | Path | FolderFile) -> FolderFile:
        """The place that a path of one's own names; links are followed."""
        if isinstance(path, FolderFile):
            return path
        path = Path(path).resolve()
        return FolderFile(path.parent, (path.name,))

    def __str__(self) -> str:
        return str(self.folder.joinpath(*self.parts))

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.parts[-1]

    def read(self, max_bytes: int) -> bytes:
        """The content; ValueError if it is longer."""
        with self._parent() as folder:
            # not blocking: else opening a pipe waits for somebody to write into it
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with open(os.open(self.name, flags, dir_fd=folder), "rb") as file:
                about = os.fstat(file.fileno())
                if not stat.S_ISREG(about.st_mode):
                    raise ValueError("is no file")
                if about.st_size > max_bytes:
                    raise ValueError(f"{about.st_size} bytes, more than the {max_bytes} allowed")
                return file.read(max_bytes)

    def write(self, content: bytes) -> None:
        """Replace the content, so that a crash at any moment leaves the old one or this.

        It is written beside its place under another name, synced, renamed, and the folder synced.
        """
        with self._parent() as folder:
            _remove_abandoned(folder)
            self._check_free(folder)
            aside = f".{self.name[:200]}.{secrets.token_hex(8)}.tmp"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                with open(os.open(aside, flags, 0o644, dir_fd=folder), "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(aside, self.name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            except BaseException:
                with contextlib.suppress(OSError, ValueError):
                    os.unlink(aside, dir_fd=folder)
                raise

    @contextlib.contextmanager
    def _parent(self) -> Iterator[int]:
        """Descriptor of the folder that the file is in."""
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in self.parts[:-1]:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                below = os.open(part, flags, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)

    def _check_free(self, folder: int) -> None:
        try:
            mode = os.stat(self.name, dir_fd=folder, follow_symlinks=False).st_mode
        except FileNotFoundError:
            if self.max_files is not None and self._is_full(self.max_files):
                raise ValueError(
                    f"{self.folder} holds {self.max_files} files, the most that are allowed; "
                    "save over one of them, or remove some"
                ) from None
        else:
            if not stat.S_ISREG(mode):
                raise ValueError("is there already and is no file")

    def _is_full(self, max_files: int) -> bool:
        count = 0
        for _, _, files in os.walk(self.folder):
            count += len(files)
            if count >= max_files:
                return True
        return False


def _remove_abandoned(folder: int) -> None:
    """Remove what saves that were killed have left behind."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if _ASIDE.fullmatch(entry.name)]
    for name in names:
        with contextlib.suppress(OSError):
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if time.time() - about.st_mtime > ABANDONED:
                os.unlink(name, dir_fd=folder)
