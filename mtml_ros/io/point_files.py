"""Point clouds in files: .ply, .pcd and .npz read, .ply and .npz written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.core.integers import LARGEST_EXACT, not_whole
from mtml_ros.io.npz import read_npz
from mtml_ros.io.pcd import read_pcd
from mtml_ros.io.ply import read_ply, write_ply

_ARRAYS = ("xyz", "label", "instance", "score", "features")


@dataclass(frozen=True)
class PointFile:
    """A cloud as its file has it, point for point; what the file lacks is None.

    xyz: (N, 3) float32, metres, N >= 1; NaN and infinite coordinates are kept (organised scans
        mark missing returns so), see `finite`.
    label: (N,) int64, label ids. instance: (N,) int32, negative for none.
    score: (N,) float32. features: (N, F) float32.
    """

    xyz: np.ndarray
    label: np.ndarray | None = None
    instance: np.ndarray | None = None
    score: np.ndarray | None = None
    features: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.xyz)

    @property
    def finite(self) -> np.ndarray:
        """(N,) bool, the points whose coordinates are all finite."""
        finite: np.ndarray = np.isfinite(self.xyz).all(axis=1)
        return finite


def read_points(path: str | Path) -> PointFile:
    """The cloud in a .ply, .pcd or .npz file.

    .ply, .pcd: vertex properties (fields) x, y, z, and where present label, instance, score; other
    properties, faces and colours are ignored; CloudCompare's prefix "scalar_" is understood.
    .npz: arrays xyz (N, 3), label, instance, score (N,), features (N, F); others are ignored.

    Raises InputError, naming the file, where it is missing, malformed or shorter than it says.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: reads files that end in {', '.join(_READERS)}, not this one")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    try:
        arrays = reader(path)
        if "xyz" not in arrays:
            raise InputError("has no points: x, y, z (in .npz: xyz) are missing")
        return _check(arrays)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def write_points(
    path: str | Path,
    xyz: np.ndarray,
    label: np.ndarray | None = None,
    instance: np.ndarray | None = None,
    score: np.ndarray | None = None,
    rgb: np.ndarray | None = None,
) -> None:
    """Writes a cloud to a .ply (binary) or .npz file; a file that is there is replaced as a whole.

    xyz: (N, 3), written as float32. label: (N,) int32. instance: (N,) int32, -1 for none.
    score: (N,) float32. rgb: (N, 3) uint8.
    Raises InputError where the arrays do not fit each other or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".ply", ".npz"):
        raise InputError(f"{path}: writes files that end in .ply or .npz, not this one")
    arrays = {"xyz": xyz, "label": label, "instance": instance, "score": score}
    try:
        cloud = _check({name: array for name, array in arrays.items() if array is not None})
        columns: dict[str, np.ndarray] = {}
        if rgb is not None:
            if rgb.shape != (len(cloud), 3) or rgb.dtype != np.uint8:
                raise InputError(f"rgb is {rgb.dtype} {rgb.shape}, not uint8 ({len(cloud)}, 3)")
            columns["rgb"] = rgb
        if cloud.label is not None:
            columns["label"] = _whole_numbers(cloud.label, "label", np.int32)
        if cloud.instance is not None:
            columns["instance"] = cloud.instance
        if cloud.score is not None:
            columns["score"] = cloud.score
        _replace(path, lambda file: _WRITERS[suffix](file, cloud.xyz, columns))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _replace(path: Path, write: Callable[[Path], None]) -> None:
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


def _write_ply(path: Path, xyz: np.ndarray, columns: dict[str, np.ndarray]) -> None:
    flat = dict(zip("xyz", xyz.T))
    for name, column in columns.items():
        flat.update(zip(("red", "green", "blue"), column.T) if name == "rgb" else {name: column})
    write_ply(path, flat)


def _write_npz(path: Path, xyz: np.ndarray, columns: dict[str, np.ndarray]) -> None:
    np.savez_compressed(path, xyz=xyz, **columns)  # type: ignore[arg-type]


def _read_columns(
    read: Callable[[Path], dict[str, np.ndarray]], path: Path
) -> dict[str, np.ndarray]:
    """The wanted columns of a file that has one a coordinate."""
    columns: dict[str, np.ndarray] = {}
    for name, column in read(path).items():
        plain = name.removeprefix("scalar_").lower()
        if plain in columns and plain in (*"xyz", *_ARRAYS):
            raise InputError(f"has {plain!r} twice")
        columns[plain] = column
    arrays = {name: columns[name] for name in _ARRAYS[1:4] if name in columns}
    if all(axis in columns for axis in "xyz"):
        arrays["xyz"] = np.stack([_floats(columns[axis], axis) for axis in "xyz"], axis=1)
    return arrays


_READERS: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    ".ply": lambda path: _read_columns(read_ply, path),
    ".pcd": lambda path: _read_columns(read_pcd, path),
    ".npz": lambda path: read_npz(path, _ARRAYS),
}
_WRITERS = {".ply": _write_ply, ".npz": _write_npz}


def _check(arrays: dict[str, np.ndarray]) -> PointFile:
    """The cloud that arrays of any number type form; InputError where they do not fit."""
    xyz = _floats(arrays["xyz"], "xyz")
    if xyz.ndim != 2 or xyz.shape[1] != 3 or not len(xyz):
        raise InputError(f"xyz has shape {xyz.shape}, must be (N, 3) with N at least 1")
    for name, array in arrays.items():
        dimensions = 2 if name in ("xyz", "features") else 1
        if array.ndim != dimensions or len(array) != len(xyz):
            raise InputError(
                f"{name} has shape {array.shape}, which does not fit {len(xyz)} points"
            )
    label, instance = arrays.get("label"), arrays.get("instance")
    score, features = arrays.get("score"), arrays.get("features")
    if features is not None:
        features = _floats(features, "features")
        if not features.shape[1] or not np.isfinite(features).all():
            raise InputError("features are none a point, or not all finite")
    return PointFile(
        xyz,
        None if label is None else _whole_numbers(label, "label", np.int64),
        None if instance is None else _whole_numbers(instance, "instance", np.int32),
        None if score is None else _floats(score, "score"),
        features,
    )


def _floats(values: np.ndarray, name: str) -> np.ndarray:
    if values.dtype.kind not in "fiu":
        raise InputError(f"{name} is of type {values.dtype}, must be numbers")
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float32: infinite
        floats: np.ndarray = values.astype(np.float32, copy=False)
    return floats


def _whole_numbers(values: np.ndarray, name: str, dtype: type[np.signedinteger]) -> np.ndarray:
    """Integers of any number type whose values are all whole and in the range of `dtype`."""
    if values.dtype.kind not in "fiu":
        raise InputError(f"{name} is of type {values.dtype}, must be integers")
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    if values.dtype.kind == "f":
        bad = not_whole(values, min(float(high), LARGEST_EXACT))
    else:
        bad = (values < low) | (values > high)
    if bad.any():
        raise InputError(
            f"{name} holds {values[bad][0]!s}, must be whole numbers in {np.dtype(dtype).name}"
        )
    whole: np.ndarray = values.astype(dtype)
    return whole
