"""What pictures and pages show: a scene as small cubes, and the objects that they form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mtml_ros.core.instances import Segmentation
from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import unpack_keys, voxel_keys


@dataclass(frozen=True)
class Cells:
    """A scene as cubes of one size: voxels, or points drawn as cubes.

    centers: (N, 3) float32, metres, z up. edge: length of a cube's edge, metres.
    labels: (N,) uint8, class indices of a Taxonomy (0: unknown).
    instance: (N,) int64, id of each cube's object, -1 for none.
    truth: (N,) int64, ids of the true objects, -1 for none; or None where nobody knows them.
    corrected: (N,) uint8, class indices after segmentation; or None where they are as `labels`.
    colorings: name to (N, 3) uint8 RGB, what else a cube may be coloured by.
    """

    centers: np.ndarray
    edge: float
    labels: np.ndarray
    instance: np.ndarray
    truth: np.ndarray | None = None
    corrected: np.ndarray | None = None
    colorings: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.centers)

    def __getitem__(self, keep: np.ndarray) -> Cells:
        """The cubes that `keep` (a mask (N,) bool or indices) chooses."""
        truth = None if self.truth is None else self.truth[keep]
        corrected = None if self.corrected is None else self.corrected[keep]
        return Cells(
            self.centers[keep],
            self.edge,
            self.labels[keep],
            self.instance[keep],
            truth,
            corrected,
            {name: rgb[keep] for name, rgb in self.colorings.items()},
        )


def cells_of_points(
    xyz: np.ndarray,
    labels: np.ndarray,
    instance: np.ndarray,
    edge: float = 0.04,
    truth: np.ndarray | None = None,
    limit: int = 200_000,
    corrected: np.ndarray | None = None,
    colorings: Mapping[str, np.ndarray] | None = None,
) -> Cells:
    """Points (N, 3) as cubes of the given edge, the first point of each cube kept.

    The edge grows until at most `limit` cubes are left, so that a page stays light.
    Raises InputError for coordinates that are not finite.
    """
    while True:
        keys, first = np.unique(voxel_keys(xyz, edge), return_index=True)
        if len(first) <= limit:
            break
        # cubes on surfaces: their number falls with the square of the edge
        edge *= max(1.05, float(np.sqrt(len(first) / limit)))
    return Cells(
        ((unpack_keys(keys) + 0.5) * edge).astype(np.float32),
        edge,
        np.asarray(labels)[first].astype(np.uint8),
        np.asarray(instance)[first].astype(np.int64),
        None if truth is None else np.asarray(truth)[first].astype(np.int64),
        None if corrected is None else np.asarray(corrected)[first].astype(np.uint8),
        {name: rgb[first] for name, rgb in (colorings or {}).items()},
    )


def principal_colors(features: np.ndarray) -> np.ndarray:
    """(N, 3) uint8: the first three principal components of features (N, F) as red, green, blue.

    Each is spread so that all but one in fifty at either end differ.
    """
    centred = features.astype(np.float64) - features.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    parts = centred @ axes[:, ::-1][:, :3]
    parts = np.pad(parts, ((0, 0), (0, 3 - parts.shape[1])))
    low, high = np.percentile(parts, (2, 98), axis=0)
    shares = (parts - low) / np.maximum(high - low, 1e-12)
    colors: np.ndarray = np.round(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    return colors


def network_colorings(
    embedding: np.ndarray | None, direction: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Colourings (N, 3) uint8 of what the network gave each point: "embedding" by its principal
    components; "direction", of unit length, with x, y and z as red, green and blue, 0 in the
    middle."""
    colorings = {}
    if embedding is not None:
        colorings["embedding"] = principal_colors(embedding)
    if direction is not None:
        colorings["direction"] = np.round((direction.clip(-1, 1) + 1) * 127.5).astype(np.uint8)
    return colorings


def cells_of_segmentation(segmentation: Segmentation) -> Cells:
    """The voxels of a segmentation, with the labels that came in; ids as in `objects_of`."""
    grid = segmentation.grid
    return Cells(
        grid.centers,
        grid.voxel_size,
        grid.labels,
        segmentation.instance.astype(np.int64),
        corrected=segmentation.labels,
    )


def objects_of(segmentation: Segmentation, taxonomy: Taxonomy) -> list[ObjectRecord]:
    """The objects of a segmentation; an object's id is its position in `instances`."""
    return [ObjectRecord.of(o, i, taxonomy) for i, o in enumerate(segmentation.instances)]


def floor_height(cells: Cells) -> float:
    """Height of the floor in metres: that below which one in a hundred cubes lies."""
    return float(np.percentile(cells.centers[:, 2], 1)) if len(cells) else 0.0
