"""Triangle meshes (.obj, .stl, .off, .glb, .gltf) as points on their surface, by trimesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtml_ros.core.errors import InputError

SUFFIXES = (".obj", ".stl", ".off", ".glb", ".gltf")
SPACING = 0.02
"""Metres between neighbouring points: 25 on a face of a 10 cm voxel."""

MAX_POINTS = 20_000_000
"""More would be a landscape, or a mesh in millimetres."""


def read_mesh(path: Path, scale: float = 1.0) -> dict[str, np.ndarray]:
    """Points spread evenly at random over a mesh, the same at each reading: xyz (N, 3) in its unit.
    A mesh carries no labels.

    scale: metres in its unit.
    Raises InputError where trimesh is not installed, or finds no triangles.
    """
    try:
        import trimesh
    except ImportError:
        raise InputError(
            "meshes are read by trimesh, which is not installed: pip install 'mtml_ros[mesh]'"
        ) from None
    try:
        mesh = trimesh.load_mesh(path)
        area = scale**2 * float(mesh.area)
    except OSError:
        raise
    except Exception as error:  # whatever its readers meet in a malformed file
        raise InputError(f"is no mesh that trimesh can read: {error}") from error
    if not 0.0 < area < float("inf"):
        raise InputError("has no triangles that trimesh can read")
    count = round(area / SPACING**2)
    if count > MAX_POINTS:
        raise InputError(
            f"{area:.3g} square metres of surface are too many ({MAX_POINTS * SPACING**2:.0f} at "
            "most): if its unit is the millimetre, say --scale 0.001"
        )
    xyz, _ = trimesh.sample.sample_surface(mesh, max(count, 1), seed=0)
    return {"xyz": np.asarray(xyz)}
