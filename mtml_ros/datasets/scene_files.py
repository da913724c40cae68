"""Scenes as .npz files: xyz, label and instance as `mtml segment` reads them, and more."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtml_ros.core.errors import InputError
from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.io.npz import read_npz

FIELDS = ("xyz", "label", "instance", "noisy_label", "features")


def write_scene(path: str | Path, scene: Scene, taxonomy: Taxonomy) -> None:
    """xyz (N, 3) float32; label, noisy_label (N,) uint16 ids; instance (N,) int32; features."""
    arrays = {
        "xyz": scene.xyz,
        "label": taxonomy.ids[scene.labels],
        "instance": scene.instance,
    }
    if scene.noisy_labels is not None:
        arrays["noisy_label"] = taxonomy.ids[scene.noisy_labels]
    if scene.features is not None:
        arrays["features"] = scene.features
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def read_scene(path: str | Path, taxonomy: Taxonomy) -> Scene:
    """The scene that `write_scene` wrote; InputError says what is missing or does not fit."""
    try:
        arrays = read_npz(Path(path), FIELDS)
    except (OSError, InputError) as error:
        raise InputError(f"{path}: {error}") from None
    missing = [name for name in FIELDS[:3] if name not in arrays]
    if missing:
        raise InputError(f"{path}: no array {', '.join(missing)}; a training scene needs it")
    n = arrays["xyz"].shape[0] if arrays["xyz"].ndim else 0
    for name, array in arrays.items():
        width = {"xyz": 2, "features": 2}.get(name, 1)
        if array.ndim != width or len(array) != n or (name == "xyz" and array.shape[1] != 3):
            raise InputError(f"{path}: array {name} has shape {array.shape}, for {n} points")
        if width == 1 and array.dtype.kind not in "iu":
            raise InputError(f"{path}: array {name} must hold integers, not {array.dtype}")
        if width == 2 and not np.isfinite(array).all():
            raise InputError(f"{path}: array {name} holds NaN or Inf")
    if (arrays["instance"].astype(np.int64) > np.iinfo(np.int32).max).any():
        raise InputError(f"{path}: array instance holds ids above {np.iinfo(np.int32).max}")
    noisy, features = arrays.get("noisy_label"), arrays.get("features")
    return Scene(
        arrays["xyz"].astype(np.float32),
        taxonomy.encode(arrays["label"]),
        arrays["instance"].astype(np.int32),
        None if noisy is None else taxonomy.encode(noisy),
        None if features is None else features.astype(np.float32),
    )
