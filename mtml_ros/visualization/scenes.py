"""Shows generated scenes: what their labels say beside the true instances."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtml_ros.core.instances import make_instance
from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.visualization.page import write_page
from mtml_ros.visualization.picture import draw_segmentation
from mtml_ros.visualization.view import Cells, cells_of_points

_VOXEL = 0.1  # metres, of the objects' boxes and counts


def show_scene(
    stem: Path, scene: Scene, taxonomy: Taxonomy, title: str, edge: float = 0.04
) -> None:
    """Writes STEM.png and STEM.html: labels (the noisy ones where there are any), true instances.

    edge: of the cubes, metres.
    """
    labels = scene.labels if scene.noisy_labels is None else scene.noisy_labels
    cells: Cells = cells_of_points(scene.xyz, labels, scene.instance, edge)
    objects = true_objects(scene, taxonomy)
    draw_segmentation(stem.with_suffix(".png"), cells, objects, taxonomy, title)
    write_page(stem.with_suffix(".html"), cells, objects, taxonomy, title)


def true_objects(scene: Scene, taxonomy: Taxonomy) -> list[ObjectRecord]:
    """The scene's objects by their true instance, each with score 1."""
    objects = []
    for id_ in np.unique(scene.instance[scene.instance >= 0]).tolist():
        mine = scene.instance == id_
        grid, _ = VoxelGrid.from_points(LabeledPoints(scene.xyz[mine], scene.labels[mine]), _VOXEL)
        label = int(np.bincount(scene.labels[mine]).argmax())
        o = make_instance(grid, np.arange(len(grid)), label, 1.0)
        objects.append(ObjectRecord.of(o, id_, taxonomy))
    return objects
