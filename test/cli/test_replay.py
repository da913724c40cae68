"""mtml replay: one command a recording, points or depth, moving sensors, errors that say what is
there."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mtml_ros.cli.main import mtml
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.transforms import Transform
from mtml_ros.io.bag_writer import BagWriter, camera_info, image, point_cloud2, transforms
from mtml_ros.io.camera import Camera, rays
from mtml_ros.io.point_files import read_points
from mtml_ros.mapper import ObjectMapper

SECOND = 1_000_000_000
CAMERA = Camera(160, 120, (100.0, 100.0), (80.0, 60.0))


def run(bag: Path, *words: object) -> Result:
    return CliRunner().invoke(mtml, ["replay", str(bag), *map(str, words)])


def poses() -> list[Transform]:
    """A robot that drives along x and turns."""
    turns = [(0, 0, np.sin(a / 2), np.cos(a / 2)) for a in np.linspace(0, 0.5, 8)]
    return [Transform.from_quaternion((i * 0.1, 0, 0), q) for i, q in enumerate(turns)]


@pytest.fixture(params=["mcap", "sqlite3"])
def bag(request: pytest.FixtureRequest, room: Path, tmp_path: Path) -> Path:
    """The room in eight parts, each in the moving robot's frame."""
    scan = read_points(room)
    path = tmp_path / "bag"
    with BagWriter(path, request.param) as writer:
        for i, pose in enumerate(poses()):
            now = (100 + i) * SECOND
            xyz = pose.inverse().apply(scan.xyz[i::8])
            columns = {**dict(zip("xyz", xyz.T)), "label": scan.label[i::8].astype(np.int32)}
            writer.write("/tf", now, transforms(now, [("map", "base", pose)]))
            writer.write("/cloud", now + 1, point_cloud2(now, "base", columns))
    return path


def test_a_recording_becomes_objects_voxels_page_and_map(
    bag: Path, room: Path, weights: Path, tmp_path: Path
) -> None:
    names = {n: tmp_path / f"o{n}" for n in (".npz", ".json", ".html", ".map")}
    result = run(
        bag, "--points", "/cloud", "--weights", weights, "--out", names[".npz"],
        "--objects", names[".json"], "--html", names[".html"], "--map", names[".map"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "8 of 8 clouds integrated" in result.stderr
    assert "floor 5" in result.stderr
    assert result.stdout.splitlines()[0].startswith("  id  class")

    voxels, scan = read_points(names[".npz"]), read_points(room)
    expected = np.unique(np.floor(scan.xyz / 0.1), axis=0)
    # coordinates went through the robot's frame in float32: a voxel at a border may be another
    assert len(voxels) == pytest.approx(len(expected), rel=0.02)
    objects = json.loads(names[".json"].read_text())["objects"]
    assert {o["id"] for o in objects} == set(voxels.instance[voxels.instance >= 0].tolist())
    for o in objects:
        assert np.count_nonzero(voxels.instance == o["id"]) == o["num_voxels"]
        assert o["first_seen"] >= 100
        assert o["last_seen"] == pytest.approx(107)
    assert "<canvas" in names[".html"].read_text()

    mapper = ObjectMapper.load(weights, Taxonomy.scannet(), "cpu")
    mapper.restore(names[".map"])
    assert len(mapper.map) == len(voxels)


def test_the_same_recording_gives_the_same_result(bag: Path, weights: Path, tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        run(bag, "--points", "/cloud", "--weights", weights, "--out", tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.fixture
def depth_bag(tmp_path: Path) -> Path:
    """A wall 3 m ahead with a chair's label in its middle, seen from a place beside the origin."""
    depth = np.full((120, 160), 3000, np.uint16)
    labels = np.ones((120, 160), np.uint8)
    labels[40:80, 60:100] = 5
    # optical frame (z forward) in the map (x forward, z up)
    mount = Transform(np.array([[0, 0, 1.0], [-1, 0, 0], [0, -1, 0]]), np.array([0.5, 0, 1.2]))
    path = tmp_path / "bag"
    with BagWriter(path) as writer:
        link = [("map", "optical", mount)]
        writer.write("/tf_static", 0, transforms(0, link), latched=True)
        for i in range(4):
            now = (100 + i) * SECOND
            writer.write("/info", now, camera_info(now, "optical", CAMERA))
            writer.write("/depth", now, image(now, "optical", depth))
            writer.write("/labels", now + SECOND // 10, image(now, "optical", labels))
    return path


DEPTH = ["--depth", "/depth", "--camera-info", "/info", "--label-image", "/labels"]


def test_a_depth_camera_with_a_segmentation_network(
    depth_bag: Path, weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o.npz"
    result = run(depth_bag, *DEPTH, "--weights", weights, "--out", out)
    assert result.exit_code == 0, result.output
    assert "4 of 4 clouds integrated" in result.stderr
    voxels = read_points(out)
    assert np.abs(voxels.xyz[:, 0] - 3.5).max() <= 0.051
    corners = rays(CAMERA)[[0, -1], [0, -1]] * 3
    np.testing.assert_allclose(voxels.xyz[:, 1].min(), -corners[1, 0], atol=0.1)
    np.testing.assert_allclose(voxels.xyz[:, 2].max(), 1.2 - corners[0, 1], atol=0.1)
    chair = voxels.xyz[voxels.label == 5]
    assert np.abs(chair[:, 1]).max() < 0.7


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--points", "/wrong"], "the topic /wrong is not in the bag"),
        (["--points", "/tf"], "must be sensor_msgs/msg/PointCloud2"),
        (["--points", "/cloud", "--map-frame", "world"], "frames in /tf: base, map"),
        (["--points", "/cloud", "--label-field", "class"], "its fields: x, y, z, label"),
        (["--points", "/cloud", "--out", "o.ply"], "must end in .npz"),
        ([], "give --points TOPIC, or --depth"),
        (["--depth", "/d"], "give --points TOPIC, or --depth"),
    ],
)
def test_wrong_topics_frames_and_options_are_told(
    bag: Path, weights: Path, words: list[str], said: str
) -> None:
    result = run(bag, *words, "--weights", weights)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_recording_without_transforms_says_so(weights: Path, tmp_path: Path) -> None:
    xyz = np.random.default_rng(0).uniform(0, 2, (500, 3)).astype(np.float32)
    columns = {**dict(zip("xyz", xyz.T)), "label": np.full(500, 5, np.int32)}
    with BagWriter(tmp_path / "bag") as writer:
        writer.write("/cloud", SECOND, point_cloud2(SECOND, "camera", columns))
    words = ["--points", "/cloud", "--weights", weights]
    result = run(tmp_path / "bag", *words)
    assert result.exit_code == 2
    assert "no transforms (/tf, /tf_static)" in result.stderr
    assert run(tmp_path / "bag", *words, "--map-frame", "camera").exit_code == 0


def test_ids_of_another_label_set_are_warned_of(weights: Path, tmp_path: Path) -> None:
    xyz = np.random.default_rng(0).uniform(0, 2, (5000, 3)).astype(np.float32)
    columns = {**dict(zip("xyz", xyz.T)), "label": np.full(5000, 500, np.int32)}
    with BagWriter(tmp_path / "bag") as writer:
        writer.write("/cloud", SECOND, point_cloud2(SECOND, "map", columns))
    result = run(tmp_path / "bag", "--points", "/cloud", "--weights", weights)
    assert "warning: 100% of the labels are ids that the taxonomy lacks" in result.stderr
