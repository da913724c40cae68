"""Furniture catalogues: which pieces become which models, and how they stand."""

import logging
from pathlib import Path

import numpy as np
import pytest

from mtml_ros.core.errors import ConfigurationError, InputError
from mtml_ros.datasets.furniture import credit_lines, library, read_furniture
from mtml_ros.datasets.furniture.catalogue import catalogues, entries
from mtml_ros.datasets.furniture.kinds import KINDS
from mtml_ros.datasets.furniture.mesh import read_obj
from mtml_ros.datasets.furniture.surfels import surface_patches
from mtml_ros.simulation.rooms.geometry import Model
from mtml_ros.simulation.rooms.labels import CHAIR, SINK, TABLE
from mtml_ros.simulation.rooms.library import FurnitureLibrary

INSTALLED = Path("/usr/share/sweethome3d/furniture")


@pytest.fixture(scope="session")
def boxes(catalogue_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> FurnitureLibrary:
    return read_furniture(catalogue_folder, tmp_path_factory.mktemp("cache"))


def _model(boxes: FurnitureLibrary, name: str) -> Model:
    (piece,) = (p for p in boxes.pieces if p.name == name)
    return piece.model


def _corners(model: Model) -> np.ndarray:
    p = model.patches
    return np.concatenate([p[:, 0], p[:, 0] + p[:, 1], p[:, 0] + p[:, 2], p.sum(axis=1)])


def _area(patches: np.ndarray, toward: tuple[float, float, float]) -> float:
    """m2 of patches that face a direction."""
    normal = np.cross(patches[:, 1], patches[:, 2])
    area = np.linalg.norm(normal, axis=1)
    return float(area[normal @ np.array(toward) > 0.9 * area].sum())


def test_pieces_have_the_label_of_their_kind_and_others_are_left_out(boxes: FurnitureLibrary):
    assert {p.name: p.model.label for p in boxes.pieces} == {
        "Chair": CHAIR, "Coffee table": TABLE, "Washbasin": SINK,
    }  # fmt: skip
    assert {p.name for p in boxes.of_kind("chair")} == {"Chair"}
    assert boxes.of_kind("bed") == []


def test_a_piece_is_of_its_catalogues_size_and_stands_on_the_floor(boxes: FurnitureLibrary):
    chair = _model(boxes, "Chair")
    assert chair.size == (0.45, 0.5, 0.9)
    corners = _corners(chair)
    np.testing.assert_allclose(corners.min(axis=0), [-0.225, -0.25, 0], atol=0.01)
    np.testing.assert_allclose(corners.max(axis=0), [0.225, 0.25, 0.9], atol=0.01)


def test_the_front_is_towards_y(boxes: FurnitureLibrary):
    high = _corners(_model(boxes, "Chair"))
    high = high[high[:, 2] > 0.6]  # the back alone
    assert high[:, 1].max() < -0.15


def test_what_hangs_keeps_its_height_and_carries_nothing(boxes: FurnitureLibrary):
    basin = _model(boxes, "Washbasin")
    assert _corners(basin)[:, 2].min() == pytest.approx(0.5, abs=0.01)
    assert basin.size[2] == pytest.approx(0.8)
    assert basin.tops == ()


def test_the_top_of_a_table_is_its_board(boxes: FurnitureLibrary):
    ((x, y, length, depth, z),) = _model(boxes, "Coffee table").tops
    assert (x, y, z) == pytest.approx((0, 0, 0.45), abs=0.01)
    assert (length, depth) == pytest.approx((0.95, 0.57), abs=0.03)


def test_authors_are_named_by_licence(boxes: FurnitureLibrary):
    assert credit_lines(boxes) == ["Public domain: 3 pieces by Ann, Bob"]


def test_a_pieces_rotation_turns_it_before_it_is_scaled(tmp_path, write_catalogue, chair_boxes):
    # a quarter turn about the file's upright axis: its back, at -z, comes to its -x
    turned = "width=45\ndepth=50\nheight=90\nmodelRotation=0 0 1 0 1 0 -1 0 0\ncreator=Ann"
    write_catalogue(tmp_path / "a.sh3f", {"Chair": ("Living room", chair_boxes, turned)})
    (piece,) = read_furniture(tmp_path, tmp_path).pieces
    assert piece.model.size == (0.45, 0.5, 0.9)
    high = _corners(piece.model)
    high = high[high[:, 2] > 0.6]
    assert high[:, 0].min() > 0.15  # which is +x where the front is towards +y


def test_the_patches_of_a_closed_body_face_outwards():
    ring = [(0, 0), (0.6, 0), (0.6, 0.4), (0, 0.4)]
    points = [f"v {x} {y} {z}" for z in (0.5, 0.8) for x, y in ring]
    faces = ["f 1 2 3 4", "f 8 7 6 5", "f 1 2 6 5", "f 3 4 8 7", "f 2 3 7 6", "f 4 1 5 8"]
    patches = surface_patches(read_obj("\n".join(points + faces).encode(), "a box"))
    middle = patches[:, 0] + (patches[:, 1] + patches[:, 2]) / 2
    normal = np.cross(patches[:, 1], patches[:, 2])
    inwards = ((middle - [0.3, 0.2, 0.65]) * normal).sum(axis=1) < 0
    area = np.linalg.norm(normal, axis=1)
    assert area[inwards].sum() < 0.03 * area.sum()  # by the edges, where nobody looks
    for toward, side in (((0, 0, 1), 0.24), ((1, 0, 0), 0.12), ((0, 1, 0), 0.18)):
        assert _area(patches, toward) == pytest.approx(side, rel=0.1)


def test_a_sheet_is_seen_from_both_sides():
    sheet = b"v 0 0 0\nv 1 0 0\nv 1 0 1\nv 0 0 1\nf -4 -3 -2 -1"
    patches = surface_patches(read_obj(sheet, "a sheet"))
    assert _area(patches, (0, 1, 0)) == pytest.approx(1, rel=0.05)
    assert _area(patches, (0, -1, 0)) == pytest.approx(1, rel=0.05)
    assert len(patches) < 200  # few and large


def test_a_file_with_faces_of_no_points_is_named():
    with pytest.raises(InputError, match="a chair: not an OBJ file"):
        read_obj(b"v 0 0 0\nf 1 2 3", "a chair")


def test_the_cache_gives_the_same_library(catalogue_folder, tmp_path, monkeypatch):
    made = read_furniture(catalogue_folder, tmp_path)
    monkeypatch.setattr(library, "read_piece", None)  # nothing is made a second time
    kept = read_furniture(catalogue_folder, tmp_path)
    for a, b in zip(made.pieces, kept.pieces, strict=True):
        assert (a.name, a.kinds, a.author, a.licence) == (b.name, b.kinds, b.author, b.licence)
        np.testing.assert_array_equal(a.model.patches, b.model.patches)
        np.testing.assert_array_equal(a.model.kinds, b.model.kinds)
        assert a.model.size == b.model.size
        assert a.model.tops == b.model.tops
        assert a.model.footprint == b.model.footprint


def test_a_damaged_cache_file_and_one_of_other_catalogues_are_not_used(
    tmp_path, write_catalogue, chair_boxes, caplog
):
    chair = ("Living room", chair_boxes, "width=45\ndepth=50\nheight=90")
    write_catalogue(tmp_path / "a.sh3f", {"Chair": chair})
    read_furniture(tmp_path, tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(b"PK")
    with caplog.at_level(logging.WARNING):
        assert len(read_furniture(tmp_path, tmp_path / "cache").pieces) == 1
    assert "made anew" in caplog.text
    write_catalogue(tmp_path / "b.sh3f", {"Chair": chair})
    assert len(read_furniture(tmp_path, tmp_path / "cache").pieces) == 2


def test_a_missing_folder_and_one_without_catalogues_say_what_to_do(tmp_path):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ConfigurationError, match="sweethome3d-furniture") as error:
            read_furniture(folder, tmp_path)
        assert str(folder) in str(error.value)


def test_a_damaged_catalogue_is_named(tmp_path, write_catalogue, chair_boxes):
    (tmp_path / "a.sh3f").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"a\.sh3f"):
        read_furniture(tmp_path, tmp_path)
    write_catalogue(tmp_path / "a.sh3f", {"Chair": ("Bedroom", chair_boxes, "width=wide")})
    with pytest.raises(InputError, match="piece 1"):
        read_furniture(tmp_path, tmp_path)


def test_a_piece_whose_file_is_missing_is_left_out_and_told(tmp_path, write_catalogue, caplog,
                                                            chair_boxes):  # fmt: skip
    rest = "width=45\ndepth=50\nheight=90"
    write_catalogue(tmp_path / "a.sh3f", {
        "Chair": ("Living room", chair_boxes, rest),
        "Sofa": ("Living room", chair_boxes, f"{rest}\nmodel=/m/9.obj"),
    })  # fmt: skip
    with caplog.at_level(logging.WARNING):
        assert [p.name for p in read_furniture(tmp_path, tmp_path).pieces] == ["Chair"]
    assert "9.obj" in caplog.text


@pytest.mark.slow  # `make test-slow` installs the package
def test_the_debian_package_has_pieces_of_every_kind():
    found = dict.fromkeys(KINDS, 0)
    for file in catalogues(INSTALLED):
        for entry in entries(file):
            for name, kind in KINDS.items():
                found[name] += kind.takes(entry)
            assert entry.author
            assert entry.licence
    assert min(found.values()) >= 1
    assert found["chair"] >= 25
