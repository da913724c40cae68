"""mtml demo: three real processes over DDS, and what it shows of what came back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mtml_ros.cli import demo
from mtml_ros.cli.main import mtml
from mtml_ros.io.bags import Bag
from mtml_ros.io.point_files import read_points

NODE = "/instance_segmentation"


@pytest.fixture
def run(tmp_path, dds_environment):
    """Runs `mtml demo` as a user would, in a DDS domain of its own."""

    def run_demo(*arguments):
        return subprocess.run(
            [sys.executable, "-c", "from mtml_ros.cli.main import main; main()", "demo",
             "--out", str(tmp_path / "out"), *map(str, arguments)],
            env={**os.environ, **dds_environment},
            capture_output=True,
            text=True,
            timeout=200,
        )  # fmt: skip

    return run_demo


def test_demo_shows_what_the_node_published(run, room, weights, tmp_path):
    bag = tmp_path / "bag"
    words = ["--weights", weights, "--rate", "10", "--device", "cpu", "--record", bag]
    done = run("--scan", room, *words)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    record = json.loads((out / "objects.json").read_text())
    assert record["statistics"]["clouds"] == 20
    assert len(record["objects"]) >= 3
    voxels = read_points(out / "segmentation.npz")
    for found in record["objects"]:
        assert (voxels.instance == found["id"]).sum() == found["num_voxels"]
        assert f"\n{found['id']:>4}  {found['class_name']}" in done.stdout
    assert (out / "instances.png").read_bytes().startswith(b"\x89PNG")
    assert "</html>" in (out / "instances.html").read_text()
    assert "20 clouds at" in done.stdout
    assert_recorded(bag, weights, len(record["objects"]))


def assert_recorded(path, weights, objects):
    """rosbags, the mcap library and `mtml replay` read what was recorded."""
    with Bag(path) as bag:
        counts = {topic: count for topic, (_, count) in bag.topics.items()}
        heard = [m for _, _, m in bag.messages([f"{NODE}/instances"])]
    assert counts["/points"] == 20
    assert set(counts) == {"/points", *(f"{NODE}/{n}" for n in ("points", "instances", "markers"))}
    assert len(heard[-1].instances) == objects
    words = ["replay", str(path), "--points", "/points", "--weights", str(weights)]
    played = CliRunner().invoke(mtml, words)
    assert played.exit_code == 0, played.output
    assert "20 of 20 clouds integrated" in played.stderr
    mcap_reader = pytest.importorskip("mcap.reader", reason="comes with the extra `test`")
    (file,) = path.glob("*.mcap")
    with file.open("rb") as stream:
        found = mcap_reader.make_reader(stream).get_summary()
    schemas = {s.name for s in found.schemas.values()}
    assert "mtml_ros/msg/ObjectInstanceArray" in schemas
    assert found.statistics.message_count == sum(counts.values())


def test_a_bag_that_is_there_is_not_overwritten(run, tmp_path):
    done = run("--record", tmp_path)
    assert done.returncode == 2
    assert "is there already" in done.stderr


def test_demo_says_which_process_failed_and_why_and_leaves_none_behind(run, tmp_path, weights):
    scan = tmp_path / "scan.npz"
    scan.write_bytes(b"not a scan")
    done = run("--scan", scan, "--weights", weights)
    assert done.returncode == 2
    assert "error: scene_player failed" in done.stderr
    assert "scan.npz" in done.stderr
    assert "Traceback" not in done.stderr
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue  # ended meanwhile
    assert not [c for c in commands if f"output:={tmp_path / 'out'}" in c]


def test_summary_leaves_out_what_was_not_measured():
    statistics = {
        "clouds": 1, "cloud_rate": None, "segmentations": 0, "latency_last": None
    }  # fmt: skip
    assert demo.summary(statistics, 0) == "1 clouds; 0 segmentations"
