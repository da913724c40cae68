"""Draws a segmentation as a picture: labels beside instances, seen from above into the room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.visualization.colors import instance_colors
from mtml_ros.visualization.render import Camera, draw_cubes
from mtml_ros.visualization.view import Cells, floor_height

PANEL = (760, 900)
"""Height and width of one panel in pixels."""

_SUPERSAMPLING = 2
_ELEVATION = np.radians(52)
CUT_HEIGHT = 2.0
"""Metres above the floor at which walls and ceiling are cut away."""

_SKIRTING = 0.25  # metres above the floor that near walls keep
_BACKGROUND = (255, 255, 255)
_INK = "#22252a"


def draw_segmentation(
    path: str | Path,
    cells: Cells,
    objects: Sequence[ObjectRecord],
    taxonomy: Taxonomy,
    title: str = "",
    azimuth: float | None = None,
) -> None:
    """Writes a PNG: the labels, the instances with id and class, and the truth where known.

    What belongs to no object is cut away above 2 m and on the side of the camera, so that one
    looks into the room. azimuth: radians, where the camera stands; None: where it sees most.
    """
    owned = _owned(cells)
    azimuth = best_azimuth(cells) if azimuth is None else azimuth
    shown = cells[visible(cells, owned, azimuth)]
    panels = [
        ("labels", taxonomy.colors[shown.labels]),
        ("instances", instance_colors(shown.instance)),
    ]
    if shown.truth is not None:
        panels.append(("truth", instance_colors(shown.truth)))
    camera = _camera(shown, azimuth)
    images = _paint(camera, shown, [colors for _, colors in panels])

    figure, axes = _figure(len(panels), title)
    for axis, (name, _), image in zip(axes, panels, images, strict=True):
        axis.imshow(image, interpolation="nearest")
        axis.text(0.012, 1.0, name, transform=axis.transAxes, va="bottom", color=_INK)
    _class_legend(figure, axes[0], taxonomy, shown.labels)
    _label_objects(axes[1], camera, objects)
    _save(figure, path)


def draw_points(
    path: str | Path,
    xyz: np.ndarray,
    colors: np.ndarray,
    title: str = "",
    edge: float = 0.03,
    cut_height: float | None = CUT_HEIGHT,
    azimuth: float = np.radians(-60),
) -> None:
    """Writes a PNG of points (N, 3), metres, as cubes in their colours (N, 3) uint8.

    edge: of a cube, metres. cut_height: nothing is drawn more than this far above the floor
    (metres; None: everything is drawn). azimuth: radians, where the camera stands.
    """
    count = len(xyz)
    cells = Cells(
        np.asarray(xyz, dtype=np.float32), edge, np.zeros(count, np.uint8), np.full(count, -1)
    )  # fmt: skip
    keep = np.ones(count, dtype=bool)
    if cut_height is not None:
        keep = cells.centers[:, 2] <= floor_height(cells) + cut_height
    camera = _camera(cells[keep], azimuth)
    figure, axes = _figure(1, title)
    axes[0].imshow(_paint(camera, cells[keep], [colors[keep]])[0], interpolation="nearest")
    _save(figure, path)


def best_azimuth(cells: Cells) -> float:
    """The direction, of sixteen, from which most objects are seen well; radians."""
    owned = _owned(cells)
    candidates = np.radians(np.arange(16) * 22.5 + 11.25)
    if not owned.any():
        return float(candidates[-3])
    thin = np.random.default_rng(0).permutation(len(cells))[:20_000]
    few, few_owned = cells[thin], owned[thin]
    seen = []
    for azimuth in candidates:
        keep = visible(few, few_owned, azimuth)
        camera = Camera.around(few.centers[keep], azimuth, _ELEVATION, (190, 225), 0.1)
        cube, _ = draw_cubes(camera, few.centers[keep], max(cells.edge, 0.06))
        pixels = np.bincount(few.instance[keep][cube[cube >= 0]] + 1)[1:]
        # capped at 0.3 m2: many objects seen in part count for more than a large one seen whole
        seen.append(np.minimum(pixels / camera.scale**2, 0.3).sum())
    return float(candidates[int(np.argmax(seen))])


def visible(cells: Cells, owned: np.ndarray, azimuth: float) -> np.ndarray:
    """(N,) bool: objects (`owned`), and what else does not hide them from this direction."""
    height = cells.centers[:, 2] - floor_height(cells)
    middle = (cells.centers.min(axis=0) + cells.centers.max(axis=0)) / 2 if len(cells) else 0
    towards = (cells.centers - middle)[:, :2] @ np.array([np.cos(azimuth), np.sin(azimuth)])
    near = towards > 0
    keep: np.ndarray = owned | (height < np.where(near, _SKIRTING, CUT_HEIGHT))
    return keep


def _owned(cells: Cells) -> np.ndarray:
    owned = cells.instance >= 0
    return owned if cells.truth is None else owned | (cells.truth >= 0)


def _camera(cells: Cells, azimuth: float) -> Camera:
    size = (PANEL[0] * _SUPERSAMPLING, PANEL[1] * _SUPERSAMPLING)
    return Camera.around(cells.centers, azimuth, _ELEVATION, size, margin=2 * cells.edge)


def _paint(camera: Camera, cells: Cells, colorings: Sequence[np.ndarray]) -> list[np.ndarray]:
    """One (h, w, 3) uint8 image for each colouring (N, 3) of the same cubes."""
    cube, light = draw_cubes(camera, cells.centers, cells.edge)
    images = []
    for colors in colorings:
        table = np.vstack([colors, [_BACKGROUND]]).astype(np.float32)  # index -1: the background
        image = table[cube] * np.where(cube >= 0, light, 1.0)[..., None]
        h, w = PANEL
        image = image.reshape(h, _SUPERSAMPLING, w, _SUPERSAMPLING, 3).mean(axis=(1, 3))
        images.append(image.round().astype(np.uint8))
    return images


def _figure(count: int, title: str) -> tuple[Any, list[Any]]:
    """A figure of `count` panels side by side, pixel for pixel, without matplotlib's state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = PANEL
    top, bottom, dpi = 64, 56, 100
    full = (count * width, height + top + bottom)
    figure = Figure(figsize=(full[0] / dpi, full[1] / dpi), dpi=dpi, facecolor="white")
    FigureCanvasAgg(figure)
    axes = []
    for i in range(count):
        box = (i / count, bottom / full[1], 1 / count, height / full[1])
        axis = figure.add_axes(box)
        axis.set_axis_off()
        axes.append(axis)
    if title:
        figure.text(
            0.5, 1 - 14 / full[1], title, ha="center", va="top", fontsize=13, color=_INK
        )  # fmt: skip
    return figure, axes


def _class_legend(figure: Any, axis: Any, taxonomy: Taxonomy, labels: np.ndarray) -> None:
    from matplotlib.patches import Patch

    present = [int(i) for i in np.unique(labels) if i]
    handles = [Patch(color=taxonomy.colors[i] / 255, label=taxonomy.names[i]) for i in present]
    if (labels == 0).any():
        handles.append(Patch(color=taxonomy.colors[0] / 255, label="unknown"))
    axis.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncol=min(7, max(1, len(handles))),
        fontsize=8,
        frameon=False,
        labelcolor=_INK,
        handlelength=1.0,
        columnspacing=1.2,
        borderaxespad=0.2,
    )


def _label_objects(axis: Any, camera: Camera, objects: Sequence[ObjectRecord]) -> None:
    """Writes id and class at each object, moved apart where two would overlap."""
    from matplotlib.patheffects import withStroke

    if not objects:
        return
    tops = np.array([[*o.box.center[:2], o.box.center[2] + o.box.size[2] / 4] for o in objects])
    anchors = camera.project(tops)[:, :2] / _SUPERSAMPLING
    texts = [f"{o.id} {o.class_name}" for o in objects]
    half = np.array([[3.4 * len(t) + 3, 8.0] for t in texts])
    places = spread(anchors, half, PANEL)
    for text, place, anchor in zip(texts, places, anchors, strict=True):
        if np.linalg.norm(place - anchor) > 14:
            axis.plot(*zip(place, anchor, strict=True), color=_INK, linewidth=0.6, alpha=0.7)
        axis.text(
            place[0], place[1], text, ha="center", va="center", fontsize=8, color=_INK,
            path_effects=[withStroke(linewidth=2.6, foreground="white", alpha=0.9)],
        )  # fmt: skip


def spread(anchors: np.ndarray, half: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n, 2) places near the anchors (n, 2) at which boxes of these half sizes do not overlap.

    Pairs that overlap are pushed apart along the shorter way until none does (or 300 rounds are
    over); all stay within the panel of this (height, width).
    """
    places = anchors.astype(np.float64).copy()
    n = len(places)
    places += np.stack([np.zeros(n), np.arange(n) * 1e-3], axis=1)  # no two at one place
    limit = np.array([size[1], size[0]])
    for _ in range(300):
        apart = places[:, None] - places[None]  # (n, n, 2)
        overlap = half[:, None] + half[None] - np.abs(apart)
        overlap[np.arange(n), np.arange(n)] = -1
        clash = (overlap > 0).all(axis=2)
        if not clash.any():
            break
        # mostly up and down: lines of text are wide and low
        vertical = overlap[..., 1] <= overlap[..., 0]
        push = np.where(clash & vertical, np.sign(apart[..., 1]) * overlap[..., 1], 0).sum(axis=1)
        slide = np.where(clash & ~vertical, np.sign(apart[..., 0]) * overlap[..., 0], 0).sum(axis=1)
        places += 0.3 * np.stack([slide, push], axis=1)
        places = np.clip(places, half, limit - half)
    result: np.ndarray = places
    return result


def _save(figure: Any, path: str | Path) -> None:
    """As a PNG of 256 colours: a fifth of the size, and hardly a difference to the eye."""
    from PIL import Image

    figure.canvas.draw()
    image = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3])
    palette = image.quantize(256, Image.Quantize.MAXCOVERAGE, 1, dither=Image.Dither.NONE)
    palette.save(path, format="PNG", optimize=True)
