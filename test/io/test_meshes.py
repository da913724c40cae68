"""Meshes as points on their surface."""

import sys

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.io.placement import Placement
from mtml_ros.io.point_files import read_points

CUBE = """
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 0 0 1
v 1 0 1
v 1 1 1
v 0 1 1
f 1 4 3 2
f 5 6 7 8
f 1 2 6 5
f 2 3 7 6
f 3 4 8 7
f 4 1 5 8
"""


@pytest.fixture
def cube(tmp_path):
    path = tmp_path / "cube.obj"
    path.write_text(CUBE, encoding="utf-8")
    return path


def test_without_trimesh_the_error_says_what_to_install(cube, monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(InputError, match=r"cube.obj: .*pip install 'mtml_ros\[mesh\]'"):
        read_points(cube)


def test_points_lie_on_the_surface_evenly_and_the_same_at_each_reading(cube):
    cloud = read_points(cube)
    assert len(cloud) == 15_000  # six square metres, a point each 2 cm
    assert cloud.label is None
    on_a_face = np.isclose(cloud.xyz, 0) | np.isclose(cloud.xyz, 1)
    assert on_a_face.any(axis=1).all()
    share = [np.isclose(cloud.xyz[:, axis], end).mean() for axis in range(3) for end in (0, 1)]
    assert np.allclose(share, 1 / 6, atol=0.02)
    assert np.array_equal(cloud.xyz, read_points(cube).xyz)


def test_spacing_is_in_metres_whatever_the_files_unit(cube):
    cloud = read_points(cube, placement=Placement(scale=0.5))
    assert len(cloud) == 15_000 / 4
    assert np.allclose(np.ptp(cloud.xyz, axis=0), 0.5, atol=0.01)


def test_a_mesh_in_millimetres_is_told_of(tmp_path):
    path = tmp_path / "large.obj"
    path.write_text(CUBE.replace("v 1", "v 9000"), encoding="utf-8")
    with pytest.raises(InputError, match=r"large.obj: .* say --scale 0.001"):
        read_points(path)


def test_what_is_no_mesh_is_refused(tmp_path):
    for name in ("rubbish.obj", "rubbish.glb", "rubbish.stl", "rubbish.off"):
        (tmp_path / name).write_bytes(b"glTF or not, rubbish all the same" * 9)
        with pytest.raises(InputError, match=f"{name}: .*trimesh can read"):
            read_points(tmp_path / name)
