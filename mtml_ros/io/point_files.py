"""Point clouds in files: .ply, .pcd, .npz and meshes read, .ply and .npz written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, takewhile
from pathlib import Path

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.core.files import write_aside
from mtml_ros.core.integers import LARGEST_EXACT, not_whole
from mtml_ros.io import meshes
from mtml_ros.io.npz import npz_names, read_npz
from mtml_ros.io.pcd import read_pcd
from mtml_ros.io.placement import AS_IT_IS, Placement
from mtml_ros.io.ply import extend_ply, read_ply, write_ply

LABEL_FIELD = "label"
_NETWORK = ("embedding", "direction")
_ARRAYS = ("xyz", "instance", "score", "features", "rgb", *_NETWORK)
_MATRICES = ("xyz", "features", "rgb", *_NETWORK)


@dataclass(frozen=True)
class PointFile:
    """A cloud as its file has it, point for point; what the file lacks is None.

    xyz: (N, 3) float32, metres, N >= 1; NaN and infinite coordinates are kept (organised scans
        mark missing returns so), see `finite`.
    label: (N,) int64, label ids. instance: (N,) int32, negative for none.
    score: (N,) float32. features: (N, F) float32. rgb: (N, 3) uint8.
    embedding: (N, E) float32, direction: (N, 3) float32: what the network gave (`segment
        --features`).
    fields: the names of all that the file has a point, whether read or not.
    origin: (3,) float64 metres, what `Placement.recenter` subtracted from each point.
    """

    xyz: np.ndarray
    label: np.ndarray | None = None
    instance: np.ndarray | None = None
    score: np.ndarray | None = None
    features: np.ndarray | None = None
    rgb: np.ndarray | None = None
    embedding: np.ndarray | None = None
    direction: np.ndarray | None = None
    fields: tuple[str, ...] = ()
    origin: np.ndarray = field(default_factory=lambda: np.zeros(3))

    def __len__(self) -> int:
        return len(self.xyz)

    @property
    def finite(self) -> np.ndarray:
        """(N,) bool, the points whose coordinates are all finite."""
        finite: np.ndarray = np.isfinite(self.xyz).all(axis=1)
        return finite


def read_points(
    path: str | Path, label_field: str = LABEL_FIELD, placement: Placement = AS_IT_IS
) -> PointFile:
    """The cloud in a .ply, .pcd or .npz file, or on a mesh's surface (see `meshes.read_mesh`).

    .ply, .pcd: vertex properties (fields) x, y, z, and where present label, instance, score and
    colours (red green blue, or PCL's rgb); other properties and faces are ignored; CloudCompare's
    prefix "scalar_" is understood, and names in any case.
    .npz: arrays xyz (N, 3), label, instance, score (N,), features (N, F), rgb (N, 3), embedding
    (N, E) and direction (N, 3); others are ignored. The latter two are columns embedding_0,
    embedding_1 and so on elsewhere.

    label_field: the name of the labels; where the file lacks it, `PointFile.label` is None.
    placement: how coordinates become metres with z up.
    Raises InputError, naming the file, where it is missing, malformed or shorter than it says.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (*_READERS, *meshes.SUFFIXES):
        known = ", ".join((*_READERS, *meshes.SUFFIXES))
        raise InputError(f"{path}: reads files that end in {known}, not this one")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    try:
        if suffix in meshes.SUFFIXES:
            arrays = meshes.read_mesh(path, placement.scale)
            fields = tuple(arrays)
        else:
            arrays, fields = _READERS[suffix](path, label_field)
        if "xyz" not in arrays:
            raise InputError("has no points: x, y, z (in .npz: xyz) are missing")
        return _check(arrays, fields, placement)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def labels_missing(cloud: PointFile, label_field: str = LABEL_FIELD) -> InputError:
    """The error for a cloud without labels where they are expected: it lists what there is."""
    there = ", ".join(cloud.fields) or "nothing but coordinates"
    return InputError(
        f"the input has no field {label_field!r}, and these weights need a label a point; it has: "
        f"{there}. Say which of them is the label with --label-field NAME, or with --no-labels "
        "that there is none"
    )


def write_points(
    path: str | Path,
    xyz: np.ndarray,
    label: np.ndarray | None = None,
    instance: np.ndarray | None = None,
    score: np.ndarray | None = None,
    rgb: np.ndarray | None = None,
    like: Path | None = None,
    network: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Writes a cloud to a .ply (binary) or .npz file; a file that is there is replaced as a whole.

    xyz: (N, 3), written as float32. label: (N,) int32. instance: (N,) int32, -1 for none.
    score: (N,) float32. rgb: (N, 3) uint8.
    like: a .ply file of the same points in the same order, whose format, coordinates, faces and
        other properties a .ply keeps; label, instance, score and rgb are set in it, xyz is not.
    network: embedding (N, E) and direction (N, 3), float32.
    Raises InputError where the arrays do not fit each other or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".ply", ".npz"):
        raise InputError(f"{path}: writes files that end in .ply or .npz, not this one")
    arrays = {"xyz": xyz, "label": label, "instance": instance, "score": score, **(network or {})}
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
        columns.update(network or {})
        if like is not None and suffix == ".ply":
            write_aside(path, lambda file: extend_ply(like, file, _flat(columns)))
        else:
            write_aside(path, lambda file: _WRITERS[suffix](file, cloud.xyz, columns))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _write_ply(path: Path, xyz: np.ndarray, columns: dict[str, np.ndarray]) -> None:
    write_ply(path, {**dict(zip("xyz", xyz.T)), **_flat(columns)})


def _flat(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    flat: dict[str, np.ndarray] = {}
    for name, column in columns.items():
        if column.ndim == 1:
            flat[name] = column
            continue
        names = [f"{name}_{i}" for i in range(column.shape[1])]
        flat.update(zip(("red", "green", "blue") if name == "rgb" else names, column.T))
    return flat


def _write_npz(path: Path, xyz: np.ndarray, columns: dict[str, np.ndarray]) -> None:
    np.savez_compressed(path, xyz=xyz, **columns)  # type: ignore[arg-type]


Columns = dict[str, np.ndarray]


def _read_columns(
    read: Callable[[Path], Columns], path: Path, label_field: str
) -> tuple[Columns, tuple[str, ...]]:
    """The wanted columns of a file that has one a coordinate, and the names of all."""
    columns: Columns = {}
    wanted_label = _plain(label_field)
    found = read(path)
    for name, column in found.items():
        plain = _plain(name)
        if plain in columns and plain in (*"xyz", *_ARRAYS, wanted_label):
            raise InputError(f"has {plain!r} twice")
        columns[plain] = column
    arrays: Columns = {name: columns[name] for name in ("instance", "score") if name in columns}
    if wanted_label in columns:
        arrays["label"] = columns[wanted_label]
    if all(axis in columns for axis in "xyz"):
        arrays["xyz"] = np.stack([_numbers(columns[axis], axis) for axis in "xyz"], axis=1)
    if (rgb := _colors(columns)) is not None:
        arrays["rgb"] = rgb
    for name in _NETWORK:
        if parts := [columns[n] for n in takewhile(columns.__contains__, _numbered(name))]:
            arrays[name] = np.stack([_numbers(part, name) for part in parts], axis=1)
    return arrays, tuple(found)


def _numbered(name: str) -> Iterator[str]:
    return (f"{name}_{i}" for i in count())


def _plain(name: str) -> str:
    return name.removeprefix("scalar_").lower()


def _colors(columns: Columns) -> np.ndarray | None:
    """(N, 3) uint8, where there are colours that are understood."""
    if all(name in columns for name in ("red", "green", "blue")):
        rgb = np.stack([columns[name] for name in ("red", "green", "blue")], axis=1)
        if rgb.dtype == np.uint8:
            return rgb
        with np.errstate(invalid="ignore"):  # shares of 1, or bytes as numbers of another type
            scale = 255.0 if rgb.dtype.kind == "f" and rgb.max(initial=0) <= 1 else 1.0
            bytes_: np.ndarray = np.clip(np.nan_to_num(rgb * scale), 0, 255).astype(np.uint8)
        return bytes_
    packed = columns.get("rgb", columns.get("rgba"))
    if packed is not None and packed.dtype.itemsize == 4:  # PCL: the bits of a float32
        bits = np.ascontiguousarray(packed).view(np.uint32)
        return np.stack([bits >> 16 & 255, bits >> 8 & 255, bits & 255], axis=1).astype(np.uint8)
    return None


def _read_npz(path: Path, label_field: str) -> tuple[Columns, tuple[str, ...]]:
    found = read_npz(path, dict.fromkeys([*_ARRAYS, label_field]))
    if label_field in found:
        found["label"] = found[label_field] if label_field == "label" else found.pop(label_field)
    rgb = found.get("rgb")
    if rgb is not None and (rgb.dtype != np.uint8 or rgb.ndim != 2 or rgb.shape[1] != 3):
        del found["rgb"]
    for name in _NETWORK:  # common words, which may well mean something else
        values = found.get(name)
        if values is not None and (values.dtype.kind != "f" or values.ndim != 2):
            del found[name]
    return found, tuple(npz_names(path))


_READERS: dict[str, Callable[[Path, str], tuple[Columns, tuple[str, ...]]]] = {
    ".ply": lambda path, label_field: _read_columns(read_ply, path, label_field),
    ".pcd": lambda path, label_field: _read_columns(read_pcd, path, label_field),
    ".npz": _read_npz,
}
_WRITERS = {".ply": _write_ply, ".npz": _write_npz}


def _check(
    arrays: Columns, fields: tuple[str, ...] = (), placement: Placement = AS_IT_IS
) -> PointFile:
    """The cloud that arrays of any number type form; InputError where they do not fit."""
    given = _numbers(arrays["xyz"], "xyz")
    if given.ndim != 2 or given.shape[1] != 3 or not len(given):
        raise InputError(f"xyz has shape {given.shape}, must be (N, 3) with N at least 1")
    for name, array in arrays.items():
        dimensions = 2 if name in _MATRICES else 1
        if array.ndim != dimensions or len(array) != len(given):
            raise InputError(
                f"{name} has shape {array.shape}, which does not fit {len(given)} points"
            )
    xyz, origin = placement.apply(given)
    label, instance = arrays.get("label"), arrays.get("instance")
    score = arrays.get("score")
    floats: Columns = {}
    for name in ("features", *_NETWORK):
        if name in arrays:
            floats[name] = _floats(arrays[name], name)
            if not floats[name].shape[1] or not np.isfinite(floats[name]).all():
                raise InputError(f"{name}: none a point, or not all finite")
    return PointFile(
        xyz,
        None if label is None else _whole_numbers(label, "label", np.int64),
        None if instance is None else _whole_numbers(instance, "instance", np.int32),
        None if score is None else _floats(score, "score"),
        floats.get("features"),
        arrays.get("rgb"),
        floats.get("embedding"),
        floats.get("direction"),
        fields,
        origin,
    )


def _numbers(values: np.ndarray, name: str) -> np.ndarray:
    if values.dtype.kind not in "fiu":
        raise InputError(f"{name} is of type {values.dtype}, must be numbers")
    return values


def _floats(values: np.ndarray, name: str) -> np.ndarray:
    _numbers(values, name)
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
            f"{name} holds {values[bad][0]!s}, must be integers in {np.dtype(dtype).name}"
        )
    whole: np.ndarray = values.astype(dtype)
    return whole
