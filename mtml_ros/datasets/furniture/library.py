"""A furniture library from a folder of catalogues, kept in a cache file once it was made."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import zipfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mtml_ros.core.errors import InputError
from mtml_ros.core.files import write_aside
from mtml_ros.datasets.furniture.catalogue import catalogues, entries
from mtml_ros.datasets.furniture.kinds import KINDS
from mtml_ros.datasets.furniture.pieces import read_piece
from mtml_ros.simulation.rooms.geometry import RECTANGLE, Model
from mtml_ros.simulation.rooms.library import FurnitureLibrary, Piece

VERSION = 1
"""Of what is made of a piece's triangles; cache files of others are not read."""

log = logging.getLogger(__name__)


def read_furniture(folder: str | Path, cache: str | Path = "") -> FurnitureLibrary:
    """The pieces of a folder's `.sh3f` catalogues that rooms can be furnished with.

    Making them takes minutes; the folder `cache` (else ~/.cache/mtml_ros, or XDG_CACHE_HOME's)
    keeps the result for these catalogues' names and sizes and the table of kinds.
    Raises ConfigurationError where there is no such folder or no catalogue in it, InputError
    where one is damaged.
    """
    files = catalogues(Path(folder))
    kept = (Path(cache) if str(cache) else _cache_folder()) / f"furniture-{_key(files)}.npz"
    if kept.is_file():
        try:
            return _read(kept)
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            log.warning("%s: cannot be read, made anew: %s", kept, error)
    library = FurnitureLibrary(piece for file in files for piece in _pieces(file))
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_aside(kept, lambda path: _write(path, library))
    except OSError as error:
        log.warning("%s: not kept: %s", kept, error)
    return library


def credit_lines(library: FurnitureLibrary) -> list[str]:
    """A line a licence: which, how many pieces, and the authors whom it asks to be named."""
    authors: dict[str, list[str]] = {}
    for piece in library.pieces:
        authors.setdefault(piece.licence, []).append(piece.author)
    return [
        f"{licence}: {len(names)} pieces by {', '.join(sorted(set(names), key=str.lower))}"
        for licence, names in sorted(authors.items())
    ]


def _pieces(file: Path) -> list[Piece]:
    listed = list(entries(file))
    found = []
    with zipfile.ZipFile(file) as archive:
        for entry in tqdm(listed, file.name, disable=None):  # silent where nobody looks
            try:
                piece = read_piece(archive, entry)
            except InputError as error:  # one of hundreds
                log.warning("left out: %s", error)
                continue
            if piece is not None:
                found.append(piece)
    return found


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mtml_ros"


def _key(files: list[Path]) -> str:
    content = [VERSION, repr(KINDS), *((f.name, f.stat().st_size) for f in files)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _write(path: Path, library: FurnitureLibrary) -> None:
    pieces = library.pieces
    about = [
        {"name": p.name, "kinds": p.kinds, "author": p.author, "licence": p.licence,
         "size": p.model.size, "footprint": p.model.footprint, "label": p.model.label,
         "tops": p.model.tops}
        for p in pieces
    ]  # fmt: skip
    counts = np.array([len(p.model.patches) for p in pieces], dtype=np.int64)
    patches = np.concatenate([np.zeros((0, 3, 3), np.float32), *(p.model.patches for p in pieces)])
    with path.open("wb") as file:
        np.savez_compressed(file, about=np.array(json.dumps(about)), counts=counts, patches=patches)


def _read(path: Path) -> FurnitureLibrary:
    with np.load(path, allow_pickle=False) as kept:
        about, counts, patches = json.loads(str(kept["about"])), kept["counts"], kept["patches"]
    ends = np.cumsum(counts)
    if len(about) != len(counts) or patches.shape != (int(counts.sum()), 3, 3):
        raise ValueError("its arrays do not fit each other")
    pieces = []
    for row, start, end in zip(about, ends - counts, ends):
        model = Model(
            patches[start:end],
            np.full(end - start, RECTANGLE, dtype=np.uint8),
            tuple(row["size"]),
            tuple(tuple(f) for f in row["footprint"]),
            row["label"],
            tops=tuple(tuple(t) for t in row["tops"]),
        )
        kinds = tuple(row["kinds"])
        pieces.append(Piece(row["name"], kinds, model, row["author"], row["licence"]))
    return FurnitureLibrary(pieces)
