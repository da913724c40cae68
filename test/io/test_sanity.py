"""What trips each check and what is said; the scans that ship trip none."""

from pathlib import Path

import numpy as np
import pytest

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.io.sanity import (
    check_cloud,
    check_geometry,
    check_labels,
    check_map,
    count_labels,
    floor_classes,
)

SCANNET = Taxonomy.scannet()
SCANS = sorted((Path(__file__).parents[2] / "mtml_ros" / "datasets" / "scans").glob("*.npz"))


@pytest.fixture(params=SCANS, ids=lambda path: path.stem)
def room(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """xyz, label ids, which points are floor."""
    with np.load(request.param) as scan:
        xyz, ids = scan["xyz"].astype(np.float64), scan["label"].astype(np.int64)
    return xyz, ids, floor_classes(SCANNET)[SCANNET.encode(ids)]


Room = tuple[np.ndarray, np.ndarray, np.ndarray]


def kinds(xyz: np.ndarray, floor: np.ndarray | None = None) -> list[str]:
    return [w.kind for w in check_geometry(xyz, floor)]


def test_rooms_as_they_are_trip_nothing(room: Room) -> None:
    xyz, ids, floor = room
    assert check_geometry(xyz, floor) == []
    assert check_geometry(xyz) == []
    assert check_labels(ids, SCANNET, xyz) == []
    assert check_cloud(xyz, ids, SCANNET) == []


@pytest.mark.parametrize("factor", [1000, 100])
def test_millimetres_and_centimetres_are_told(room: Room, factor: int) -> None:
    (warned,) = check_geometry(room[0] * factor, room[2])
    assert warned.kind == "unit"
    assert "--scale 0.001" in warned.text


def test_a_wide_scan_in_metres_is_not_taken_for_millimetres() -> None:
    rng = np.random.default_rng(1)
    ground = np.column_stack([rng.uniform(0, 150, (200_000, 2)), np.zeros(200_000)])
    assert kinds(ground) == []


@pytest.mark.parametrize(
    ("up", "turned"),
    [
        ("y", lambda p: p[:, [0, 2, 1]] * [1, 1, -1]),
        ("x", lambda p: p[:, [2, 0, 1]]),
        ("-z", lambda p: p * [1, -1, -1]),
        ("-y", lambda p: p[:, [0, 2, 1]] * [1, -1, 1]),
    ],
)
def test_another_axis_up_is_told_by_name(room: Room, up: str, turned) -> None:
    (warned,) = check_geometry(turned(room[0]), room[2])
    assert warned.kind == "up"
    assert f"--up {up}," in warned.text


def test_an_origin_far_away_is_told_with_what_it_costs(room: Room) -> None:
    (warned,) = check_geometry(room[0] + [400_000, 5_000_000, 100], room[2])
    assert warned.kind == "origin"
    assert "0.5 m" in warned.text
    assert "--recenter" in warned.text


def test_few_points_say_nothing() -> None:
    assert kinds(np.zeros((999, 3)) + 1e7) == []


def test_labels_are_counted_by_class(room: Room) -> None:
    report = count_labels(np.array([5, 5, 5, 1, 0, 0, 77, 77, 77, 77]), SCANNET)
    assert report.classes == {"chair": 3, "wall": 1}
    assert (report.unlabelled, report.unknown, report.unknown_ids) == (2, 4, {77: 4})
    assert report.share_unknown == 0.5
    assert report.summary() == "chair 30%, wall 10%, unlabelled 20%, unknown ids 40%"


def test_no_labels_at_all_are_no_division_by_zero() -> None:
    assert count_labels(np.zeros(0, np.int64), SCANNET).share_unknown == 0
    assert count_labels(np.zeros(3, np.int64), SCANNET).summary() == "unlabelled 100%"


def test_ids_of_another_set_are_told_with_the_ids(room: Room) -> None:
    (warned,) = check_labels(room[1] + 1000, SCANNET)
    assert warned.kind == "unknown_ids"
    assert "1001 (" in warned.text
    assert "mtml taxonomy" in warned.text


@pytest.mark.parametrize("shift", [-1, 1])
def test_ids_shifted_by_one_are_told_by_the_floor(room: Room, shift: int) -> None:
    xyz, ids, _ = room
    warned = [w for w in check_labels(ids + shift, SCANNET, xyz) if w.kind == "shifted_ids"]
    assert len(warned) == 1
    assert ("_from_0" in warned[0].text) == (shift < 0)


@pytest.mark.parametrize("shift", [-1, 1])
def test_shifted_ids_are_told_alone_and_so_is_another_axis(room: Room, shift: int) -> None:
    xyz, ids, _ = room
    assert [w.kind for w in check_cloud(xyz, ids + shift, SCANNET)] == ["shifted_ids"]
    turned = xyz[:, [0, 2, 1]] * [1, shift, -shift]
    assert [w.kind for w in check_cloud(turned, ids, SCANNET)] == ["up"]


@pytest.mark.parametrize(("shift", "told"), [(0, []), (1, ["shifted_ids"]), (-1, ["shifted_ids"])])
def test_a_map_tells_of_shifted_ids_too(room: Room, shift: int, told: list[str]) -> None:
    points = LabeledPoints(room[0].astype(np.float32), SCANNET.encode(room[1] + shift))
    grid, _ = VoxelGrid.from_points(points, 0.1)
    assert [w.kind for w in check_map(grid, SCANNET)] == told


def test_one_id_for_all_is_told() -> None:
    (warned,) = check_labels(np.full(2000, 5), SCANNET)
    assert warned.kind == "one_id"
    assert "--label-field" in warned.text
