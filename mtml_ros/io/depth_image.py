"""A depth image and a label image of the same camera to labelled points in the camera's frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtml_ros.io.camera import Camera, rays
from mtml_ros.io.images import ImageError
from mtml_ros.io.point_cloud2 import DecodedCloud

EDGE_PIXELS = 2
"""Pixels to either side that must show the same surface: what sensors blur at an edge."""

POINTS_PER_VOXEL = 2
"""Rays that meet a voxel across, seen straight on at the largest range (see `stride_for`)."""


@dataclass(frozen=True)
class DepthSettings:
    """How a depth image becomes points.

    stride: every how many pixels, along rows and columns. min_range, max_range: metres from the
        camera; points outside are left out.
    edge_jump: a pixel is at a depth edge, and left out, where the depth EDGE_PIXELS beside it
        differs by more than this share of its own.
    """

    stride: int = 4
    min_range: float = 0.1
    max_range: float = 6.0
    edge_jump: float = 0.05


def stride_for(camera: Camera, voxel_size: float, max_range: float) -> int:
    """The coarsest stride that still puts POINTS_PER_VOXEL rays across each voxel in range.

    voxel_size, max_range: metres.
    """
    spacing = max_range / min(camera.focal)  # between neighbouring pixels at the largest range
    return max(1, int(voxel_size / (POINTS_PER_VOXEL * spacing)))


def project_depth(
    depth: np.ndarray,
    camera: Camera,
    labels: np.ndarray | None = None,
    confidence: np.ndarray | None = None,
    settings: DepthSettings = DepthSettings(),
) -> DecodedCloud:
    """The points that a depth image shows, in the camera's optical frame (x right, y down, z
    forward), as a cloud in that frame would be decoded.

    depth: (h, w) float32 in metres along z, or an integer type in millimetres; 0, NaN and infinite
        are no return. camera: of this very image (see `rays`).
    labels: (h, w) of an integer type, ids registered to the depth image; None: no labels.
    confidence: (h, w) float in 0..1, or uint8 where 255 is certain; what lies outside counts as 0.

    `DecodedCloud.kept` is over the pixels looked at: every `stride`-th, row by row.
    Raises ImageError where sizes differ, or no pixel has a usable depth ("empty").
    """
    size = depth.shape
    if size != (camera.height, camera.width):
        raise ImageError(
            "bad_camera_info",
            f"camera_info is of {camera.width} x {camera.height} pixels, the depth image "
            f"{size[1]} x {size[0]}: take the camera_info that belongs to the depth image",
        )
    for name, image in (("label", labels), ("confidence", confidence)):
        if image is not None and image.shape != size:
            raise ImageError(
                "size_mismatch",
                f"{name} image of {image.shape[1]} x {image.shape[0]} pixels, depth image of "
                f"{size[1]} x {size[0]}: register them to each other (align depth to color) or "
                "scale the labels with nearest neighbour",
            )
    first = settings.stride // 2
    rows, columns = (np.arange(first, n, settings.stride) for n in size)
    z = _metres(depth, rows, columns)
    ray = rays(camera, settings.stride)
    reach = z * np.sqrt(1 + (ray * ray).sum(axis=-1))
    usable = (reach >= settings.min_range) & (reach <= settings.max_range)  # false for NaN
    usable &= ~_at_edge(depth, rows, columns, z, settings.edge_jump)
    kept = usable.reshape(-1)
    if not kept.any():
        raise ImageError(
            "empty",
            f"none of {kept.size} depth pixels lies between {settings.min_range:g} and "
            f"{settings.max_range:g} m and away from edges",
        )
    z = z[usable]
    xyz = np.empty((len(z), 3), dtype=np.float32)
    xyz[:, :2] = ray[usable] * z[:, None]
    xyz[:, 2] = z
    pixel = np.ix_(rows, columns)
    label = None if labels is None else labels[pixel][usable].astype(np.int64)
    weight = None if confidence is None else _shares(confidence[pixel][usable])
    return DecodedCloud(xyz, label, weight, kept.size - len(z), kept)


def _metres(depth: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(r, c) float32 at these rows and columns, metres; what is no return stays 0 or not finite."""
    values = depth[np.ix_(rows, columns)].astype(np.float32)
    return values if depth.dtype.kind == "f" else values * np.float32(0.001)


def _at_edge(
    depth: np.ndarray, rows: np.ndarray, columns: np.ndarray, z: np.ndarray, jump: float
) -> np.ndarray:
    """(r, c) bool: whether a neighbour with a return has quite another depth."""
    edge = np.zeros(z.shape, dtype=bool)
    limit = jump * z
    with np.errstate(invalid="ignore"):  # infinite minus infinite
        for down, right in (
            (EDGE_PIXELS, 0),
            (-EDGE_PIXELS, 0),
            (0, EDGE_PIXELS),
            (0, -EDGE_PIXELS),
        ):
            there = _metres(
                depth,
                np.clip(rows + down, 0, depth.shape[0] - 1),
                np.clip(columns + right, 0, depth.shape[1] - 1),
            )
            edge |= (there > 0) & (np.abs(there - z) > limit)
    return edge


def _shares(values: np.ndarray) -> np.ndarray:
    """(n,) float32 in 0..1."""
    scale = 1 / 255 if values.dtype == np.uint8 else 1.0
    shares: np.ndarray = np.nan_to_num(np.clip(values.astype(np.float32) * scale, 0, 1))
    return shares
