"""Reproducing the ScanNet experiment, on a copy of ScanNet of one small scan."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from mtml_ros.cli.main import mtml
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.scannet import ScanNet
from mtml_ros.evaluation.benchmark import evaluate_folders
from mtml_ros.experiments.reproduce_scannet import baselines, run
from mtml_ros.io.benchmark_files import read_integers
from mtml_ros.io.point_files import write_points
from mtml_ros.network.checkpoint import Checkpoint, build_network, save_checkpoint
from mtml_ros.network.config import NetworkConfig

SCENE = "scene0011_00"
CHAIR, TABLE, FLOOR = 5, 7, 2
BOXES = [((0, 0, 0.1), CHAIR), ((2, 0, 0.1), CHAIR), ((0, 2, 0.1), TABLE)]
POINTS = 150  # of each object; the benchmark counts from 100


@pytest.fixture
def root(tmp_path):
    """Two chairs and a table apart from each other, and a floor; labels 10 % of which are wrong."""
    rng = np.random.default_rng(0)
    xyz = [np.asarray(corner) + 0.4 * rng.random((POINTS, 3)) for corner, _ in BOXES]
    xyz.append(np.column_stack([rng.uniform(0, 4, (500, 2)), np.zeros(500)]))
    ids = np.repeat([CHAIR, CHAIR, TABLE, FLOOR], [POINTS] * 3 + [500])
    folder = tmp_path / "ScanNet" / "scans" / SCENE
    folder.mkdir(parents=True)
    write_points(folder / f"{SCENE}_vh_clean_2.ply", np.concatenate(xyz).astype(np.float32))
    segments = np.repeat([30, 31, 32, 33], [POINTS] * 3 + [500])
    groups = [
        {"objectId": i, "segments": [30 + i], "label": label}
        for i, label in enumerate(("chair", "chair", "table", "floor"))
    ]
    segs = {"segIndices": segments.tolist()}
    (folder / f"{SCENE}_vh_clean_2.0.010000.segs.json").write_text(json.dumps(segs))
    (folder / f"{SCENE}.aggregation.json").write_text(json.dumps({"segGroups": groups}))
    top = tmp_path / "ScanNet"
    (top / "scannetv2-labels.combined.tsv").write_text(
        "id\traw_category\tnyu40id\n1\tfloor\t2\n2\tchair\t5\n3\ttable\t7\n"
    )
    for split in ("train", "val", "test"):
        (top / f"scannetv2_{split}.txt").write_text(f"{SCENE}\n")
    labels = tmp_path / "labels"
    labels.mkdir()
    wrong = rng.random(len(ids)) < 0.1
    said = np.where(wrong & (ids == FLOOR), 1, ids)
    (labels / f"{SCENE}.txt").write_text("".join(f"{i}\n" for i in said))
    return top


def test_each_method_is_scored_and_its_submission_scores_the_same(root, tmp_path):
    out = tmp_path / "out"
    text = run(root, tmp_path / "labels", out, baselines(Taxonomy.scannet()))
    figures = json.loads((out / "scannet.json").read_text())
    assert figures["connected components"]["mean"] == {"ap": 1.0, "ap50": 1.0, "ap25": 1.0}
    labels_as_instances = figures["labels as instances"]
    # both chairs in one mask: IoU 1/2 with each, not above .5; above .25 with the first: area 1/2
    assert labels_as_instances["classes"]["chair"] == {"ap": 0.0, "ap50": 0.0, "ap25": 0.5}
    assert labels_as_instances["classes"]["table"] == {"ap": 1.0, "ap50": 1.0, "ap25": 1.0}
    lines = text.splitlines()
    assert lines[2].split()[-3:] == ["0.068", "0.145", "0.239"]
    assert lines[3].split()[-3:] == ["0.500", "0.500", "0.750"]

    ScanNet.open(root).write_ground_truth(SCENE, tmp_path / "gt")
    things = {c.id: c.name for c in Taxonomy.scannet().classes if c.kind == "thing"}
    for name, expected in figures.items():
        submission = evaluate_folders(out / name.replace(" ", "-"), tmp_path / "gt", things)
        assert submission.to_json() == expected


def test_the_hidden_test_set_gets_submissions_only(root, tmp_path):
    methods = baselines(Taxonomy.scannet())
    text = run(root, tmp_path / "labels", tmp_path / "out", methods, split="test")
    assert "submissions" in text
    assert (tmp_path / "out" / "connected-components" / f"{SCENE}.txt").is_file()
    assert not (tmp_path / "out" / "scannet.json").exists()


def test_scans_become_scenes_to_train_on_and_truth_to_evaluate_with(root, tmp_path):
    arguments = ["generate", "scannet", root, "--out", tmp_path / "scenes", "--voxel-size", "0.1",
                 "--labels", tmp_path / "labels", "--ground-truth", tmp_path / "gt"]  # fmt: skip
    result = CliRunner().invoke(mtml, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    with np.load(tmp_path / "scenes" / f"{SCENE}.npz") as scene:
        assert set(scene) == {"xyz", "label", "instance", "noisy_label"}
        assert sorted(set(scene["instance"].tolist())) == [-1, 0, 1, 2]
    truth = read_integers(tmp_path / "gt" / f"{SCENE}.txt")
    assert np.unique(truth).tolist() == [0, 5001, 5002, 7001]


def test_a_copy_that_lacks_something_is_one_line_and_exit_code_2(root, tmp_path):
    (root / "scannetv2_train.txt").unlink()
    result = CliRunner().invoke(mtml, ["generate", "scannet", str(root), "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "scannetv2_train.txt" in result.stderr


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of a small network that nobody trained."""
    torch.manual_seed(0)
    config = NetworkConfig(Taxonomy.scannet().names[1:], width=8)
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    save_checkpoint(path, Checkpoint(build_network(config), config))
    return path


def test_the_command_prints_the_tables_with_a_row_for_each_network(root, tmp_path, weights):
    arguments = ["reproduce", "scannet", root, "--labels", tmp_path / "labels", "--out",
                 tmp_path / "out", "--device", "cpu", "--weights", weights,
                 "--fe-only", weights]  # fmt: skip
    result = CliRunner().invoke(mtml, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    rows = [line.split("  ")[0] for line in result.stdout.splitlines()[2:12]]
    assert rows == [
        "labels as instances (paper)", "labels as instances",
        "connected components (paper)", "connected components",
        "FE only (paper)", "FE only, as in the paper",
        "multi-task (paper)", "multi-task, as in the paper",
        "ours",
        "multi-task (paper, hidden test set)",
    ]  # fmt: skip
    written = (tmp_path / "out" / "tables.txt").read_text()
    assert written.strip() == result.stdout.strip()
    assert (tmp_path / "out" / "multi-task-as-in-the-paper" / f"{SCENE}.txt").is_file()
