"""A camera's projection: from sensor_msgs/CameraInfo to the ray of each pixel, lens undone.

Distortion models: plumb_bob and rational_polynomial (Brown's, as in OpenCV's calibration: radial
k1..k6, tangential p1, p2), equidistant (Kannala and Brandt 2006). REP 104 fixes the message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mtml_ros.core.errors import InputError

_ITERATIONS = 12
_WORST_PIXEL = 0.05
"""Pixels that a ray, projected again, may miss its pixel by; else the pixel has no ray."""

_STEP = 1e-6  # of the numeric derivative, in units of the focal length

# coefficients that a model may have, in the order of CameraInfo.d
_COEFFICIENTS = {"plumb_bob": (4, 5), "rational_polynomial": (8,), "equidistant": (4,)}

Lens = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Camera:
    """A calibrated camera; two equal ones share one table of rays.

    width, height: pixels. focal: (fx, fy), center: (cx, cy), pixels.
    model: distortion model, "" for none. distortion: its coefficients, as CameraInfo.d has them.
    """

    width: int
    height: int
    focal: tuple[float, float]
    center: tuple[float, float]
    model: str = ""
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        numbers = (*self.focal, *self.center, *self.distortion)
        if not np.isfinite(numbers).all() or min(self.focal) <= 0:
            raise InputError(
                f"camera_info with focal lengths {self.focal}, centre {self.center} and distortion "
                f"{self.distortion}: a calibrated camera has focal lengths above 0"
            )
        if self.model and len(self.distortion) not in _COEFFICIENTS.get(self.model, ()):
            known = ", ".join(f"{m} ({' or '.join(map(str, n))})" for m, n in _COEFFICIENTS.items())
            raise InputError(
                f"camera_info with distortion model {self.model[:40]!r} and "
                f"{len(self.distortion)} coefficients; known are {known}: publish rectified images"
            )

    @staticmethod
    def from_message(msg: Any, rectified: bool = False) -> Camera:
        """Of a sensor_msgs/CameraInfo (read through its attributes).

        rectified: the images are of a topic `image_rect`: the left 3x3 of `p` holds, and there is
        no distortion any more. Else `k` and `d` hold.
        Raises InputError for a camera that is not calibrated, or has an unknown lens.
        """
        k = [float(v) for v in (msg.p if rectified else msg.k)]
        row = 4 if rectified else 3  # p is (3, 4), k is (3, 3)
        distortion = () if rectified else tuple(float(v) for v in msg.d)
        model = str(msg.distortion_model) or "unnamed"
        if not any(distortion):
            model, distortion = "", ()
        elif model == "rational_polynomial" and not any(distortion[8:]):
            distortion = distortion[:8]  # OpenCV writes up to 14: a thin prism, a tilted sensor
        size = int(msg.width), int(msg.height)
        return Camera(*size, (k[0], k[row + 1]), (k[2], k[row + 2]), model, distortion)


@lru_cache(maxsize=16)
def rays(camera: Camera, stride: int = 1) -> np.ndarray:
    """(h, w, 2) float32: x and y at depth 1 of every `stride`-th pixel in its optical frame
    (x right, y down, z forward; REP 103); NaN where the lens maps nothing to the pixel.

    Computed once for a camera, then kept; the array is read-only.
    """
    u, v = (
        (np.arange(stride // 2, size, stride) - middle) / focal
        for size, middle, focal in zip((camera.width, camera.height), camera.center, camera.focal)
    )
    xd, yd = (axis.astype(np.float64) for axis in np.meshgrid(u, v))
    x, y = xd, yd
    if camera.model == "equidistant":
        x, y = _undistort(xd, yd, lambda x, y: _equidistant(x, y, camera.distortion), camera)
    elif camera.model:
        x, y = _undistort(xd, yd, lambda x, y: _brown(x, y, camera.distortion), camera)
    table = np.stack([x, y], axis=-1).astype(np.float32)
    table.setflags(write=False)
    return table


def _undistort(
    xd: np.ndarray, yd: np.ndarray, lens: Lens, camera: Camera
) -> tuple[np.ndarray, np.ndarray]:
    """Where the lens sends to (xd, yd): Newton's method on both coordinates at once."""
    x, y = xd.copy(), yd.copy()
    with np.errstate(all="ignore"):  # what does not converge is left out below
        for _ in range(_ITERATIONS):
            fx, fy = lens(x, y)
            ax, ay = ((p - q) / _STEP for p, q in zip(lens(x + _STEP, y), (fx, fy)))
            bx, by = ((p - q) / _STEP for p, q in zip(lens(x, y + _STEP), (fx, fy)))
            det = ax * by - bx * ay
            x = x - ((fx - xd) * by - (fy - yd) * bx) / det
            y = y - ((fy - yd) * ax - (fx - xd) * ay) / det
        fx, fy = lens(x, y)
        off = np.hypot((fx - xd) * camera.focal[0], (fy - yd) * camera.focal[1])
        # beyond where the lens folds over, or across the axis: not the ray that made the pixel
        good = (off <= _WORST_PIXEL) & (det > 0) & (x * xd + y * yd >= 0)
    return np.where(good, x, np.nan), np.where(good, y, np.nan)


def _brown(x: np.ndarray, y: np.ndarray, d: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    k1, k2, p1, p2, k3, k4, k5, k6 = (*d, *(0.0,) * (8 - len(d)))
    r2 = x * x + y * y
    radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    return (
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
        y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
    )


def _equidistant(
    x: np.ndarray, y: np.ndarray, d: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    k1, k2, k3, k4 = d
    r = np.hypot(x, y)
    theta = np.arctan(r)
    t2 = theta * theta
    bent = theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))))
    scale = np.divide(bent, r, out=np.ones_like(r), where=r > 0)
    return x * scale, y * scale
