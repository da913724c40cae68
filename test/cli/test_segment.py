"""mtml segment: point for point in the input's order, the same each time, clear errors."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mtml_ros.cli.main import mtml
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints
from mtml_ros.io.benchmark_files import read_predictions
from mtml_ros.io.point_files import read_points, write_points
from mtml_ros.mapping.voxel_map import VoxelMap
from mtml_ros.segmentation.segmenter import InstanceSegmenter


def run(runner: CliRunner, weights: Path, *words: object) -> Result:
    result = runner.invoke(mtml, ["segment", *map(str, words), "--weights", str(weights)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def segmented(weights: Path, room: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that segmenting the room can write."""
    tmp_path = tmp_path_factory.mktemp("segmented")
    result = run(
        CliRunner(), weights, room, "--out", tmp_path / "out.npz", "--objects", tmp_path / "o.json",
        "--html", tmp_path / "o.html", "--png", tmp_path / "o.png",
        "--proposals", tmp_path / "proposals",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (tmp_path / "stdout.txt").write_text(result.stdout, encoding="utf-8")
    return tmp_path


def test_points_come_out_in_order_with_types_as_promised(segmented: Path, room: Path) -> None:
    given, out = np.load(room), np.load(segmented / "out.npz")
    assert sorted(out.files) == ["instance", "label", "score", "xyz"]
    np.testing.assert_array_equal(out["xyz"], given["xyz"])
    assert (out["xyz"].dtype, out["instance"].dtype, out["score"].dtype) == ("f4", "i4", "f4")
    floor = given["label"] == 2
    assert (out["instance"][floor] == -1).mean() > 0.95
    assert (out["score"][out["instance"] < 0] == 0).all()
    assert (out["label"][out["instance"] < 0] == given["label"][out["instance"] < 0]).all()


def test_objects_far_apart_are_never_one(segmented: Path, room: Path) -> None:
    given, out = np.load(room), np.load(segmented / "out.npz")
    assert out["instance"].max() >= 2
    for i in range(out["instance"].max() + 1):
        owners = given["instance"][(out["instance"] == i) & (given["instance"] >= 0)]
        assert np.bincount(owners).max() > 0.95 * len(owners)


def test_json_describes_the_instances(segmented: Path) -> None:
    out = np.load(segmented / "out.npz")
    content = json.loads((segmented / "o.json").read_text(encoding="utf-8"))
    assert content["voxel_size"] == 0.1
    objects = content["objects"]
    assert [o["id"] for o in objects] == list(range(out["instance"].max() + 1))
    assert [o["score"] for o in objects] == sorted((o["score"] for o in objects), reverse=True)
    for o in objects:
        mine = out["instance"] == o["id"]
        assert o["num_points"] == mine.sum()
        assert np.unique(out["score"][mine]) == [np.float32(o["score"])]
        assert np.unique(out["label"][mine]).tolist() == [o["class_id"]]
        assert o["class_name"] == {5: "chair", 7: "table"}[o["class_id"]]
        voxels = np.unique(np.floor(out["xyz"][mine].astype(float) / 0.1), axis=0)
        assert o["num_voxels"] == len(voxels)
        np.testing.assert_allclose(o["centroid"], (voxels.mean(axis=0) + 0.5) * 0.1, atol=1e-4)
        c, s = np.cos(o["box"]["yaw"]), np.sin(o["box"]["yaw"])
        local = (out["xyz"][mine] - o["box"]["center"]) @ np.array(
            [[c, -s, 0], [s, c, 0], [0, 0, 1]]
        )
        assert (np.abs(local) <= np.array(o["box"]["size"]) / 2 + 1e-4).all()


def test_table_lists_every_object(segmented: Path) -> None:
    objects = json.loads((segmented / "o.json").read_text(encoding="utf-8"))["objects"]
    lines = (segmented / "stdout.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0].split()[:4] == ["id", "class", "score", "points"]
    assert len(lines) == 1 + len(objects)
    for line, o in zip(lines[1:], objects):
        assert line.split()[:3] == [str(o["id"]), o["class_name"], f"{o['score']:.2f}"]


def test_proposals_are_a_submission(segmented: Path, room: Path, weights: Path) -> None:
    n = len(np.load(room)["xyz"])
    predictions = read_predictions(segmented / "proposals" / "room.txt", n)
    cloud = read_points(room)
    taxonomy = Taxonomy.scannet()
    from mtml_ros.segmentation.clouds import segment_cloud

    found = segment_cloud(cloud, InstanceSegmenter.load(weights, taxonomy, "cpu"))
    expected = found.segmentation.proposals
    assert len(predictions) == len(expected) > 0
    for got, want in zip(predictions, expected):
        np.testing.assert_array_equal(
            got.mask, np.flatnonzero(np.isin(found.point_to_voxel, want.voxels))
        )
        assert got.label == taxonomy.ids[want.label]
        assert got.score == pytest.approx(want.score)


def test_points_take_the_instance_of_their_voxel_as_in_the_paper(
    room: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mtml_ros.segmentation import clouds

    cloud, taxonomy = read_points(room), Taxonomy.scannet()

    def nowhere(points: Any, voxel: np.ndarray, *_: Any) -> np.ndarray:
        return np.full(len(voxel), -1, dtype=np.int32)

    monkeypatch.setattr(clouds, "instances_of_points", nowhere)
    for as_in_the_paper in (True, False):
        segmenter = InstanceSegmenter.load(
            weights, taxonomy, "cpu", as_in_the_paper=as_in_the_paper
        )
        found = clouds.segment_cloud(cloud, segmenter)
        of_voxels = found.segmentation.instance[found.point_to_voxel]
        expected = of_voxels if as_in_the_paper else np.full(len(cloud), -1)
        np.testing.assert_array_equal(found.instance, expected)
        assert (of_voxels >= 0).any()


def test_page_and_picture_are_written(segmented: Path) -> None:
    assert (segmented / "o.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (segmented / "o.png").read_bytes().startswith(b"\x89PNG")


def test_same_input_same_output(
    runner: CliRunner, weights: Path, room: Path, segmented: Path, tmp_path: Path
) -> None:
    run(runner, weights, room, "--out", tmp_path / "again.npz")
    first, second = np.load(segmented / "out.npz"), np.load(tmp_path / "again.npz")
    for name in first.files:
        np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize("suffix", [".ply", ".npz"])
def test_ply_in_and_out(
    runner: CliRunner, weights: Path, room: Path, segmented: Path, tmp_path: Path, suffix: str
) -> None:
    given = read_points(room)
    write_points(tmp_path / "scan.ply", given.xyz, given.label)
    out = tmp_path / f"again{suffix}"
    run(runner, weights, tmp_path / "scan.ply", "--out", out)
    first, second = read_points(segmented / "out.npz"), read_points(out)
    for name in ("xyz", "label", "instance", "score"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_a_map_of_the_same_points_gives_the_same_instances(
    weights: Path, room: Path, segmented: Path
) -> None:
    """What the node does: parts of the scan into a VoxelMap, then its snapshot segmented."""
    given, taxonomy = np.load(room), Taxonomy.scannet()
    labels = taxonomy.encode(given["label"].astype(np.int64))
    voxel_map = VoxelMap(0.1, len(taxonomy), 100_000)
    for part in np.array_split(np.random.default_rng(0).permutation(len(labels)), 7):
        voxel_map.integrate(LabeledPoints(given["xyz"][part], labels[part]), 0.0)
    grid = voxel_map.snapshot()
    found = InstanceSegmenter.load(weights, taxonomy, "cpu").segment(grid)
    place = {tuple(c): i for c, i in zip(grid.coordinates.tolist(), found.instance.tolist())}
    voxels = np.floor(given["xyz"].astype(np.float64) / 0.1).astype(int)
    expected = [place[tuple(v)] for v in voxels.tolist()]
    np.testing.assert_array_equal(np.load(segmented / "out.npz")["instance"], expected)


def test_points_that_are_not_finite_keep_their_place(
    runner: CliRunner, weights: Path, room: Path, tmp_path: Path
) -> None:
    given = np.load(room)
    xyz = given["xyz"].copy()
    xyz[0], xyz[17] = np.nan, np.inf
    np.savez(tmp_path / "a.npz", xyz=xyz, label=given["label"])
    result = run(
        runner, weights, tmp_path / "a.npz", "--out", tmp_path / "o.npz",
        "--proposals", tmp_path / "p", "--html", tmp_path / "o.html", "--png", tmp_path / "o.png",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    out = np.load(tmp_path / "o.npz")
    np.testing.assert_array_equal(out["xyz"], xyz)
    assert out["instance"][[0, 17]].tolist() == [-1, -1]
    for p in read_predictions(tmp_path / "p" / "a.txt", len(xyz)):
        assert not np.isin([0, 17], p.mask).any()


def test_unknown_labels_are_kept_and_belong_to_nothing(
    runner: CliRunner, weights: Path, tmp_path: Path
) -> None:
    xyz = np.random.default_rng(0).uniform(0, 1, (500, 3)).astype(np.float32)
    np.savez(tmp_path / "a.npz", xyz=xyz, label=np.full(500, 4242))
    result = run(runner, weights, tmp_path / "a.npz", "--out", tmp_path / "o.npz")
    assert result.exit_code == 0, result.output
    out = np.load(tmp_path / "o.npz")
    assert (out["instance"] == -1).all()
    assert (out["label"] == 4242).all()
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "o.txt"], "must end in .ply or .npz"),
        (["--out", "no/such/folder/o.ply"], "there is no folder"),
        (["--out", "o.npz", "--taxonomy", "none.yaml"], "none.yaml"),
        (["--out", "o.npz", "--voxel-size", "0.05"], "voxels are 0.05 m wide"),
        (["--out", "o.npz", "--voxel-size", "-1"], "must be above 0"),
        (["--out", "o.npz", "--voxel-size", "nan"], "must be above 0"),
        (["--out", "o.npz", "--objects", "no/o.json"], "cannot be written"),
    ],
)
def test_errors_say_what_is_wrong(
    runner: CliRunner,
    weights: Path,
    room: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(runner, weights, room, *words)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert message in result.stderr


def test_missing_label_and_foreign_weights(
    runner: CliRunner, weights: Path, room: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", xyz=np.zeros((5, 3), np.float32))
    result = run(runner, weights, tmp_path / "a.npz", "--out", tmp_path / "o.npz")
    assert result.exit_code == 2
    assert "no field 'label'" in result.stderr
    (tmp_path / "w.safetensors").write_bytes(b"nonsense")
    result = run(runner, tmp_path / "w.safetensors", room, "--out", tmp_path / "o.npz")
    assert result.exit_code == 2
    assert "w.safetensors" in result.stderr


def test_the_real_command_in_a_process_of_its_own(
    weights: Path, room: Path, segmented: Path, tmp_path: Path
) -> None:
    out = tmp_path / "own.ply"
    start = [sys.executable, "-c", "from mtml_ros.cli.main import main; main()"]
    command = [*start, "segment", str(room), "--out", str(out), "--weights", str(weights)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    )
    assert done.returncode == 0, done.stderr
    expected = np.load(segmented / "out.npz")["instance"]
    np.testing.assert_array_equal(read_points(out).instance, expected)
    assert "segmenting" in done.stderr
    assert done.stdout.startswith("  id  class")
