"""ScanNet's scans, for those who hold them (terms of use: github.com/ScanNet/ScanNet).

A scan is a folder SCENE with the files that its README describes:

    SCENE_vh_clean_2.ply                     vertices
    SCENE_vh_clean_2.0.010000.segs.json      segIndices: the segment of each vertex
    SCENE.aggregation.json                   segGroups: objects with their segments and label
    SCENE_vh_clean_2.labels.ply              NYU40 label of each vertex

A label is a raw category, which scannetv2-labels.combined.tsv maps to an NYU40 id.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.core.scene import Scene
from mtml_ros.core.sorted_keys import find
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.layouts import read_npy
from mtml_ros.datasets.scene_files import write_scene
from mtml_ros.io.benchmark_files import read_integers, write_ground_truth
from mtml_ros.io.point_files import read_points

LABEL_MAP = "scannetv2-labels.combined.tsv"
SPLITS = ("train", "val", "test")
MAX_TEXT_BYTES = 1 << 28  # a scan's largest JSON file has a few MB

_MESH = "_vh_clean_2.ply"
_SEGMENTS = "_vh_clean_2.0.010000.segs.json"
_AGGREGATION = ".aggregation.json"


@dataclass(frozen=True)
class ScanNet:
    """A copy of ScanNet on disk.

    root: the folder with scans/ (and scans_test/), or with the scans themselves. The label map
    and the lists of the splits (scannetv2_val.txt ...) lie in it or anywhere below, scans apart.
    """

    root: Path
    taxonomy: Taxonomy
    categories: Mapping[str, int]
    """Raw category to class index."""

    @staticmethod
    def open(root: str | Path, taxonomy: Taxonomy | None = None) -> ScanNet:
        """Finds the label map; InputError says what the folder lacks."""
        folder, labels = Path(root), taxonomy or Taxonomy.scannet()
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder")
        return ScanNet(folder, labels, read_label_map(_find(folder, LABEL_MAP), labels))

    def scenes(self, split: str) -> list[str]:
        """Names of the scenes of a split: train, val or test."""
        if split not in SPLITS:
            raise InputError(f"split {split!r}: ScanNet's are {', '.join(SPLITS)}")
        return read_split(_find(self.root, f"scannetv2_{split}.txt"))

    def folder(self, scene: str) -> Path:
        """Where a scan lies."""
        if not scene or Path(scene).name != scene:
            raise InputError(f"{scene!r} is no name of a scene")
        for place in ("scans", "scans_test", "."):
            if (self.root / place / scene / f"{scene}{_MESH}").is_file():
                return self.root / place / scene
        raise InputError(f"{self.root}: no {scene}/{scene}{_MESH} in scans/, scans_test/ or itself")

    def read(self, scene: str, labels: str | Path | None = None) -> Scene:
        """A scan, vertex by vertex.

        labels: folder with what a segmentation network says of each vertex, for `noisy_labels`
            (see `read_predicted_labels`); None: none.
        A scan without annotation (the hidden test set) is all unknown. Walls, floors and classes
        outside the taxonomy are no instances.
        """
        folder = self.folder(scene)
        xyz = read_points(folder / f"{scene}{_MESH}").xyz
        if not np.isfinite(xyz).all():
            raise InputError(f"{folder / scene}{_MESH}: a vertex is not finite")
        annotation = folder / f"{scene}{_AGGREGATION}"
        if annotation.is_file():
            segments = read_segments(folder / f"{scene}{_SEGMENTS}", len(xyz))
            category, instance = read_annotation(annotation, segments, self.categories)
            instance = np.where(self.taxonomy.is_thing[category], instance, -1).astype(np.int32)
        else:
            category = np.zeros(len(xyz), dtype=np.uint8)
            instance = np.full(len(xyz), -1, dtype=np.int32)
        noisy = None
        if labels is not None:
            noisy = read_predicted_labels(labels, scene, len(xyz), self.taxonomy)
        return Scene(xyz, category, instance, noisy)

    def read_split(self, split: str, labels: str | Path | None = None) -> Iterator[Scene]:
        """The scans of a split, one after the other."""
        return (self.read(scene, labels) for scene in self.scenes(split))

    def write_scene(
        self,
        scene: str,
        folder: str | Path,
        labels: str | Path | None = None,
        voxel_size: float | None = None,
    ) -> None:
        """Writes folder/SCENE.npz, which `mtml train` takes (`set: files`).

        voxel_size: one point a voxel, at its centre, in metres; None: all vertices.
        """
        scan = self.read(scene, labels)
        if voxel_size is not None:
            scan = one_point_a_voxel(scan, voxel_size)
        Path(folder).mkdir(parents=True, exist_ok=True)
        write_scene(Path(folder) / f"{scene}.npz", scan, self.taxonomy)

    def write_ground_truth(self, scene: str, folder: str | Path) -> None:
        """Writes folder/SCENE.txt, which `mtml evaluate` takes as its truth."""
        scan = self.read(scene)
        ids = self.taxonomy.ids[scan.labels].astype(np.int64)
        write_ground_truth(Path(folder) / f"{scene}.txt", ids, scan.instance)


def one_point_a_voxel(scene: Scene, voxel_size: float) -> Scene:
    """The scene's occupied voxels as points at their centres, with their points' majorities."""
    from mtml_ros.datasets.samples import voxelize

    sample = voxelize(scene, voxel_size)
    noisy = None if scene.noisy_labels is None else sample.grid.labels
    grid = sample.grid
    return Scene(grid.centers, sample.labels, sample.instance, noisy, grid.features)


def read_label_map(path: str | Path, taxonomy: Taxonomy) -> dict[str, int]:
    """Raw category to class index; categories outside the taxonomy give 0.

    path: tab-separated with a header; its columns raw_category and nyu40id count.
    """
    rows = csv.DictReader(_read_text(path).splitlines(), delimiter="\t")
    missing = {"raw_category", "nyu40id"} - set(rows.fieldnames or ())
    if missing:
        raise InputError(f"{path}: no column {', '.join(sorted(missing))}")
    ids: dict[str, int] = {}
    for number, row in enumerate(rows, 2):
        try:
            ids[row["raw_category"]] = int(row["nyu40id"])
        except (TypeError, ValueError):
            raise InputError(f"{path}, line {number}: nyu40id is not an integer") from None
    indices = taxonomy.encode(np.array(list(ids.values()), dtype=np.int64))
    return dict(zip(ids, indices.tolist()))


def read_split(path: str | Path) -> list[str]:
    """The names in a list of scenes, one a line."""
    names = [line.strip() for line in _read_text(path).splitlines() if line.strip()]
    wrong = [name for name in names if Path(name).name != name]
    if wrong:
        raise InputError(f"{path}: {wrong[0]!r} is no name of a scene")
    return names


def read_segments(path: str | Path, num_vertices: int) -> np.ndarray:
    """(N,) int64, the segment of each vertex."""
    indices = _read_json(path, "segIndices")
    if len(indices) != num_vertices:
        raise InputError(f"{path}: {len(indices)} segIndices for a mesh of {num_vertices} vertices")
    return _integers(indices, f"{path}: segIndices")


def read_annotation(
    path: str | Path, segments: np.ndarray, categories: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Class index (N,) uint8 (0: none) and object (N,) int32 (-1: none) of each vertex.

    segments: (N,) segment of each vertex. categories: raw category to class index.
    A segment that two objects claim belongs to the later one, as in ScanNet's own scripts.
    """
    known, of_vertex = np.unique(segments, return_inverse=True)
    category = np.zeros(len(known), dtype=np.uint8)
    owner = np.full(len(known), -1, dtype=np.int32)
    for number, group in enumerate(_read_json(path, "segGroups")):
        where = f"{path}: segGroups[{number}]"
        if not isinstance(group, dict) or not isinstance(group.get("segments"), list):
            raise InputError(f"{where} needs 'segments', a list")
        label = group.get("label")
        if not isinstance(label, str) or label not in categories:
            raise InputError(f"{where}: label {str(label)[:80]!r} is not in {LABEL_MAP}")
        claimed = _integers(group["segments"], f"{where}: segments")
        found, at = find(known, claimed)
        if not found.all():
            raise InputError(f"{where} names a segment that no vertex has")
        category[at], owner[at] = categories[label], number
    of_vertex = of_vertex.reshape(-1)
    return category[of_vertex], owner[of_vertex]


def read_predicted_labels(
    folder: str | Path, scene: str, num_vertices: int, taxonomy: Taxonomy
) -> np.ndarray:
    """(N,) uint8 class indices of the labels that a network gave a scan's vertices.

    One of these files, ids in the taxonomy's numbers (NYU40 for ScanNet): SCENE.txt, one id a
    line, as the semantic benchmark takes; SCENE.npy, (N,) integers; SCENE.ply or
    SCENE_vh_clean_2.labels.ply with a property "label", also in a folder SCENE.
    """
    for name in (f"{scene}.txt", f"{scene}.npy", f"{scene}.ply", f"{scene}_vh_clean_2.labels.ply"):
        for path in (Path(folder) / name, Path(folder) / scene / name):
            if not path.is_file() or (path.parent.name == scene and path.suffix == ".txt"):
                continue  # SCENE/SCENE.txt is a scan's own description, not its labels
            ids = _READERS[path.suffix](path)
            if ids is None or ids.shape != (num_vertices,) or ids.dtype.kind not in "iu":
                raise InputError(
                    f"{path}: needs an integer label for each of {num_vertices} vertices"
                )
            return taxonomy.encode(ids)
    raise InputError(f"{folder}: no labels of {scene} ({scene}.txt, .npy or .ply)")


_READERS: dict[str, Callable[[Path], np.ndarray | None]] = {
    ".txt": read_integers,
    ".npy": read_npy,
    ".ply": lambda path: read_points(path).label,
}


def _find(root: Path, name: str) -> Path:
    """A file in root, or below it but not among the scans."""
    folders = [root]
    while folders:
        folder = folders.pop(0)
        if (folder / name).is_file():
            return folder / name
        if len(folder.relative_to(root).parts) < 3:
            folders += sorted(
                f for f in folder.iterdir()
                if f.is_dir() and not f.name.startswith(("scans", "scene", "."))
            )  # fmt: skip
    raise InputError(f"{root}: no {name} in it; it comes with ScanNet's own release")


def _read_text(path: str | Path) -> str:
    path = Path(path)
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise InputError(f"{path}: larger than {MAX_TEXT_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file") from None


def _read_json(path: str | Path, key: str) -> list[Any]:
    try:
        data = json.loads(_read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}") from None
    values = data.get(key) if isinstance(data, dict) else None
    if not isinstance(values, list):
        raise InputError(f"{path}: needs {key!r}, a list")
    return values


def _integers(values: list[Any], what: str) -> np.ndarray:
    if not all(type(v) is int and abs(v) < 1 << 62 for v in values):
        raise InputError(f"{what} must be integers")
    return np.array(values, dtype=np.int64)
