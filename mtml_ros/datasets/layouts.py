"""Labelled rooms in the layouts in which they are commonly passed around, as scenes.

    votenet    PREFIX_vert.npy (N, 3 or more), PREFIX_sem_label.npy, PREFIX_ins_label.npy (N,),
               instance 0 for none (github.com/facebookresearch/votenet)
    arrays     a folder with coord[s].npy (N, 3), and (N,) each, instance negative for none:
               labels in segment20, segment, sem_label[s] or semantic_label[s].npy,
               instances in instance, instance_label[s] or ins_label[s].npy
    points     one .ply, .pcd or .npz with label and instance, instance negative for none

Only these are read. A .pth or .pkl file is a pickle, which runs whatever code its author put
into it as soon as it is opened.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import MAX_CLASSES, Taxonomy
from mtml_ros.io.point_files import read_points

_VERTICES, _SEMANTIC, _INSTANCE = "_vert.npy", "_sem_label.npy", "_ins_label.npy"
_COORDINATE_NAMES = ("coord", "coords")
_LABEL_NAMES = (
    "segment20", "segment", "sem_label", "sem_labels", "semantic_label", "semantic_labels",
)  # fmt: skip
_INSTANCE_NAMES = (
    "instance", "instances", "instance_label", "instance_labels", "ins_label", "ins_labels",
)  # fmt: skip
_POINT_FILES = (".ply", ".pcd", ".npz")
_PICKLES = (".pth", ".pt", ".pkl", ".pickle")


def find_rooms(folder: str | Path) -> list[Path]:
    """Every room in a folder, as paths for `read_room`, in the order of their names.

    Raises InputError where there is none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    rooms = [path for path in sorted(folder.iterdir()) if _is_room(path)]
    if not rooms:
        pickles = any(p.suffix.lower() in _PICKLES for p in folder.iterdir())
        raise InputError(f"{folder}: no room in it" + (f"; {_refusal()}" if pickles else ""))
    return rooms


def _is_room(path: Path) -> bool:
    if path.is_dir():
        return _one_of(path, _COORDINATE_NAMES) is not None
    return path.name.endswith(_VERTICES) or path.suffix.lower() in _POINT_FILES


def read_room(path: str | Path, taxonomy: Taxonomy, labels_are_indices: bool = False) -> Scene:
    """A room in one of the layouts above.

    path: the PREFIX or PREFIX_vert.npy, the folder, or the file.
    labels_are_indices: the labels are positions in the taxonomy's classes from 0 (others: none),
        as training sets have them, and not the taxonomy's ids.
    Walls, floors and unknown classes are no instances. Raises InputError for anything malformed.
    """
    path = Path(path)
    if path.suffix.lower() in _PICKLES:
        raise InputError(f"{path}: {_refusal()}")
    prefix = str(path).removesuffix(_VERTICES)
    if Path(prefix + _VERTICES).is_file():
        xyz, labels, instance = (
            read_npy(prefix + end) for end in (_VERTICES, _SEMANTIC, _INSTANCE)
        )
        instance = _checked(path, instance, len(xyz), "instances") - 1
    elif path.is_dir():
        xyz, labels, instance = (
            read_npy(_needed(path, names))
            for names in (_COORDINATE_NAMES, _LABEL_NAMES, _INSTANCE_NAMES)
        )
    else:
        points = read_points(path)
        if points.label is None or points.instance is None:
            raise InputError(f"{path}: a labelled room needs the fields label and instance")
        xyz, labels, instance = points.xyz, points.label, points.instance
    return _scene(path, xyz, labels, instance, taxonomy, labels_are_indices)


def _scene(
    path: Path,
    xyz: np.ndarray,
    labels: np.ndarray,
    instance: np.ndarray,
    taxonomy: Taxonomy,
    labels_are_indices: bool,
) -> Scene:
    if xyz.ndim != 2 or xyz.shape[1] < 3 or not len(xyz) or xyz.dtype.kind not in "fiu":
        raise InputError(f"{path}: coordinates are (N, 3), not {xyz.dtype} {xyz.shape}")
    points = xyz[:, :3].astype(np.float32)
    if not np.isfinite(points).all():
        raise InputError(f"{path}: a coordinate is not finite")
    ids = _checked(path, labels, len(xyz), "labels")
    if labels_are_indices:
        known = (ids >= 0) & (ids < min(len(taxonomy), MAX_CLASSES))
        category = np.where(known, ids + 1, 0).astype(np.uint8)
    else:
        category = taxonomy.encode(ids)
    number = _checked(path, instance, len(xyz), "instances")
    number = np.where(taxonomy.is_thing[category] & (number >= 0), number, -1)
    if number.max() > np.iinfo(np.int32).max:
        raise InputError(f"{path}: instance number {number.max()} is too large")
    return Scene(points, category, number.astype(np.int32))


def _checked(path: Path, values: np.ndarray, num_points: int, what: str) -> np.ndarray:
    """(N,) int64 of integers of any type; some layouts keep them as floats."""
    if values.shape != (num_points,) or values.dtype.kind not in "iuf":
        raise InputError(
            f"{path}: {what} are {values.dtype} {values.shape}, {num_points} integers are needed"
        )
    whole = (
        values.astype(np.int64) if values.dtype.kind != "f" or np.isfinite(values).all() else None
    )
    if whole is None or not (whole == values).all():
        raise InputError(f"{path}: {what} must be integers")
    return whole


def read_npy(path: str | Path) -> np.ndarray:
    """The array in a .npy file; never unpickles, nor takes memory for what the file lacks."""
    try:
        # a map of the file: numpy refuses it where the header announces more than there is
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, EOFError, TypeError, SyntaxError, OverflowError) as error:
        raise InputError(f"{path}: is no .npy array of numbers: {error}") from None


def _one_of(folder: Path, names: Iterable[str]) -> Path | None:
    return next((p for n in names if (p := folder / f"{n}.npy").is_file()), None)


def _needed(folder: Path, names: Iterable[str]) -> Path:
    found = _one_of(folder, names)
    if found is None:
        raise InputError(f"{folder}: needs one of {', '.join(f'{n}.npy' for n in names)}")
    return found


def _refusal() -> str:
    return (
        "a pickle (.pth, .pt, .pkl) can run any code when it is opened, so it is not read; "
        "where you trust it, save its arrays as .npy or .npz and read those"
    )
