"""mtml segment at its doors: missing labels, wrong units, fields that stay, files in the way."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mtml_ros.cli.main import mtml
from mtml_ros.io.ply import read_ply
from mtml_ros.io.point_files import read_points, write_points


def run(runner: CliRunner, *words: object) -> Result:
    return runner.invoke(mtml, ["segment", *map(str, words)])


def with_label_called(name: str, room: Path, folder: Path) -> Path:
    with np.load(room) as scan:
        np.savez(folder / "scan.npz", **{"xyz": scan["xyz"], name: scan["label"]})
    return folder / "scan.npz"


@pytest.mark.parametrize("name", ["class", "semantic", "scalar_Classification", "intensity"])
def test_labels_under_another_name_never_run_unlabelled(
    runner: CliRunner, weights: Path, room: Path, tmp_path: Path, name: str
) -> None:
    scan = with_label_called(name, room, tmp_path)
    result = run(runner, scan, "--out", tmp_path / "o.npz", "--weights", weights)
    assert result.exit_code == 2
    assert f"it has: xyz, {name}" in result.stderr
    assert not (tmp_path / "o.npz").exists()
    words = ["--out", tmp_path / "o.npz", "--weights", weights, "--label-field", name]
    assert run(runner, scan, *words).exit_code == 0
    plain = tmp_path / "plain.npz"
    assert run(runner, room, "--out", plain, "--weights", weights).exit_code == 0
    np.testing.assert_array_equal(read_points(tmp_path / "o.npz").label, read_points(plain).label)


def test_weights_that_need_labels_cannot_do_without(
    runner: CliRunner, weights: Path, room: Path, tmp_path: Path
) -> None:
    words = ["--out", tmp_path / "o.npz", "--weights", weights, "--no-labels"]
    result = run(runner, room, *words)
    assert result.exit_code == 2
    assert "cannot do without labels" in result.stderr


def test_no_labels_says_so_on_purpose(runner: CliRunner, room: Path, tmp_path: Path) -> None:
    with np.load(room) as scan:
        np.savez(tmp_path / "a.npz", xyz=scan["xyz"])
    result = run(runner, tmp_path / "a.npz", "--out", tmp_path / "o.npz", "--no-labels")
    assert result.exit_code == 0, result.output
    assert "no field" not in result.stderr


def test_classes_are_listed_and_wrong_units_warned_of(
    runner: CliRunner, weights: Path, room: Path, tmp_path: Path
) -> None:
    scan = read_points(room)
    write_points(tmp_path / "mm.ply", scan.xyz * 1000, scan.label)
    words = ["--out", tmp_path / "o.npz", "--weights", weights]
    result = run(runner, tmp_path / "mm.ply", *words)
    assert "labels: floor 52%, chair 26%, table 22%" in result.stderr
    assert "warning: the cloud is " in result.stderr
    assert "--scale 0.001" in result.stderr
    result = run(runner, tmp_path / "mm.ply", *words, "--scale", 0.001)
    assert "warning" not in result.stderr
    np.testing.assert_allclose(read_points(tmp_path / "o.npz").xyz, scan.xyz, atol=1e-5)


SHIPPED = Path(__file__).parents[2] / "mtml_ros" / "datasets" / "scans" / "living_room.npz"
DOCS = Path(__file__).parents[2] / "docs" / "sensors.md"
DOORS = {
    "millimetres": (lambda p, ids: (p * 1000, ids), "it looks like millimetres or centimetres"),
    "y up": (lambda p, ids: (p[:, [0, 2, 1]] * [1, 1, -1], ids), "the floor looks as if y were up"),
    "far off": (lambda p, ids: (p + np.eye(1, 3) * 5000, ids), "the cloud lies 5,000 m from the"),
    "another set": (lambda p, ids: (p, ids + 1000), "100% of the labels are ids that the taxonomy"),
    "from 0": (lambda p, ids: (p, ids - 1), "the ids look shifted by one"),
    "one id": (lambda p, ids: (p, ids * 0 + 5), "all 123,259 points have the label 5: is this"),
}


@pytest.mark.parametrize("case", DOORS)
def test_what_looks_wrong_is_one_warning_as_the_page_on_sensors_has_it(
    runner: CliRunner, weights: Path, tmp_path: Path, case: str
) -> None:
    change, text = DOORS[case]
    with np.load(SHIPPED) as scan:
        xyz, ids = change(scan["xyz"].astype(np.float64), scan["label"].astype(np.int32))
    np.savez(tmp_path / "scan.npz", xyz=xyz, label=ids)
    words = ["--out", tmp_path / "o.npz", "--weights", weights]
    result = run(runner, tmp_path / "scan.npz", *words)
    (warned,) = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert text in warned
    assert text in DOCS.read_text(encoding="utf-8")
    assert result.exit_code == 0, result.output


def test_the_origin_that_was_taken_off_is_in_the_json(
    runner: CliRunner, weights: Path, room: Path, tmp_path: Path
) -> None:
    import json

    scan = read_points(room)
    np.savez(tmp_path / "far.npz", xyz=scan.xyz + np.array([4e5, 5e6, 0.0]), label=scan.label)
    result = run(
        runner, tmp_path / "far.npz", "--out", tmp_path / "o.npz", "--weights", weights,
        "--recenter", "--objects", tmp_path / "o.json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "o.json").read_text())
    assert written["origin"][:2] == pytest.approx([400_002, 5_000_001], abs=2)
    assert np.abs(written["objects"][0]["centroid"]).max() < 10


MESH = (
    "ply\nformat {format} 1.0\ncomment kept\nelement vertex {n}\nproperty double x\n"
    "property double y\nproperty double z\nproperty uchar red\nproperty uchar green\n"
    "property uchar blue\nproperty float quality\nproperty int label\nelement face 1\n"
    "property list uchar int vertex_indices\nend_header\n"
)
TYPE = [("x", "f8"), ("y", "f8"), ("z", "f8"), ("red", "u1"), ("green", "u1"), ("blue", "u1"),
        ("quality", "f4"), ("label", "i4")]  # fmt: skip


@pytest.mark.parametrize("format_", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_colours_faces_and_other_fields_of_a_ply_stay(
    runner: CliRunner, weights: Path, room: Path, tmp_path: Path, format_: str
) -> None:
    scan = read_points(room)
    order = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}[format_]
    records = np.zeros(len(scan), [(n, order + t) for n, t in TYPE])
    records["x"], records["y"], records["z"] = scan.xyz.T + 1e-9
    records["red"], records["quality"], records["label"] = 200, 0.25, scan.label
    header = MESH.format(format=format_, n=len(scan)).encode()
    if format_ == "ascii":
        rows = "\n".join(" ".join(str(v) for v in row) for row in records.tolist())
        body, face = rows.encode() + b"\n", b"3 0 1 2\n"
    else:
        body, face = records.tobytes(), b"\x03" + np.arange(3).astype(order + "i4").tobytes()
    (tmp_path / "mesh.ply").write_bytes(header + body + face)

    result = run(runner, tmp_path / "mesh.ply", "--out", tmp_path / "o.ply", "--weights", weights)
    assert result.exit_code == 0, result.output
    out = read_ply(tmp_path / "o.ply")
    for name in ("x", "y", "z", "red", "green", "blue", "quality"):
        np.testing.assert_array_equal(out[name], records[name])
    assert set(out) == {*records.dtype.names, "instance", "score"}
    written = (tmp_path / "o.ply").read_bytes()
    assert written.endswith(face)
    assert b"comment kept" in written
    assert b"element face 1\nproperty list uchar int vertex_indices\nend_header" in written
    found = read_points(tmp_path / "o.ply")
    assert found.instance.max() >= 1


def test_the_input_is_not_overwritten_unless_forced(
    runner: CliRunner, weights: Path, room: Path, tmp_path: Path
) -> None:
    scan = read_points(room)
    path = tmp_path / "scan.ply"
    write_points(path, scan.xyz, scan.label)
    before = path.read_bytes()
    result = run(runner, path, "--out", tmp_path / "." / "scan.ply", "--weights", weights)
    assert result.exit_code == 2
    assert "--force overwrites it" in result.stderr
    assert path.read_bytes() == before
    assert run(runner, path, "--out", path, "--weights", weights, "--force").exit_code == 0
    assert read_points(path).instance is not None


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--out", "a.ply", "--out-dir", "d"],
        ["--out-dir", "d", "--html", "a.html"],
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(
    runner: CliRunner, room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(runner, room, *words).exit_code == 2
    assert list(tmp_path.iterdir()) == []
