"""A catalogue of a few boxes, written as Sweet Home 3D writes its own."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Row = tuple[str, list[tuple[float, ...]], str]

# Faces of a box's eight corners, counted from 1; their order says nothing of the outside.
FACES = ((1, 2, 3, 4), (8, 7, 6, 5), (1, 2, 6, 5), (3, 4, 8, 7), (2, 3, 7, 6), (4, 1, 5, 8))


def obj(boxes: list[tuple[float, ...]]) -> str:
    """An OBJ file of boxes (x, y, z of the least corner and of the greatest), y up."""
    lines = ["# boxes"]
    for i, (x0, y0, z0, x1, y1, z1) in enumerate(boxes):
        ring = ((x0, z0), (x1, z0), (x1, z1), (x0, z1))
        lines += [f"v {x} {y} {z}" for y in (y0, y1) for x, z in ring]
        lines += ["f " + " ".join(f"{8 * i + c}//1" for c in face) for face in FACES]
    return "\n".join(lines)


# A chair 1 x 2 x 1 of the file's units: a seat at half height, its back at z = -.5, two legs.
CHAIR = [(-0.5, 0.9, -0.5, 0.5, 1.0, 0.5), (-0.5, 1.0, -0.5, 0.5, 2.0, -0.4),
         (-0.5, 0.0, -0.5, -0.4, 0.9, 0.5), (0.4, 0.0, -0.5, 0.5, 0.9, 0.5)]  # fmt: skip
TABLE = [(0, 9, 0, 10, 10, 10), (4, 0, 4, 6, 9, 6)]

HEADER = "id=Test\nname=Test\nlicense=Public domain\nprovider=a provider\n"
ROWS: dict[str, Row] = {
    "Chair": ("Living room", CHAIR, "width=45\ndepth=50\nheight=90\ncreator=Ann"),
    "Coffee table": ("Living room", TABLE, "width=100\ndepth=60\nheight=45\ncreator=Bob"),
    "Washbasin": ("Bathroom", [(0, 0, 0, 1, 1, 1)],
                  "width=60\ndepth=45\nheight=30\nelevation=50\ncreator=Ann"),
    "Bus": ("Vehicles", [(0, 0, 0, 1, 1, 1)], "width=250\ndepth=900\nheight=300\ncreator=Cid"),
    "Urinal": ("Bathroom", [(0, 0, 0, 1, 1, 1)], "width=40\ndepth=30\nheight=60\ncreator=Cid"),
}  # fmt: skip


def write(path: Path, rows: Mapping[str, Row] = ROWS) -> None:
    """A `.sh3f` file of rooms' and other pieces."""
    text = HEADER
    with zipfile.ZipFile(path, "w") as archive:
        for i, (name, (category, boxes, more)) in enumerate(rows.items(), start=1):
            own = f"name={name}\ncategory={category}\nmodel=/m/{i}.obj\n{more}"
            for key, value in (line.split("=", 1) for line in own.splitlines()):
                text += f"{key}#{i}={value}\n"
            archive.writestr(f"m/{i}.obj", obj(boxes))
        archive.writestr("PluginFurnitureCatalog.properties", text.encode("latin-1"))


@pytest.fixture(scope="session")
def write_catalogue() -> Callable[..., None]:
    """Writes a `.sh3f` file of rows: name to category, boxes and further properties."""
    return write


@pytest.fixture(scope="session")
def chair_boxes() -> list[tuple[float, ...]]:
    """The boxes of the catalogue's chair."""
    return CHAIR


@pytest.fixture(scope="session")
def catalogue_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one catalogue of five pieces, three of which rooms can use."""
    folder = tmp_path_factory.mktemp("catalogues")
    write(folder / "Test.sh3f")
    return folder
