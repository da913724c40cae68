"""The examples of docs/extending.md, run one after another, do what the page says."""

import importlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch

import mtml_ros
from mtml_ros import InstanceSegmenter, LabeledPoints, Taxonomy, VoxelGrid
from mtml_ros.core.errors import MapFileError
from mtml_ros.network.batch import make_batch, make_input
from mtml_ros.network.checkpoint import Checkpoint, build_network, load_checkpoint, save_checkpoint
from mtml_ros.network.config import ARCHITECTURES, NetworkConfig
from mtml_ros.training.sources import SOURCES, make_source

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")


def blocks(section: str, language: str) -> list[str]:
    """The code of a section, by the language it is marked as."""
    text = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (found,) = [part for part in text if part.startswith(f"{section}\n")]
    return re.findall(rf"^```{language}\n(.*?)^```", found, re.MULTILINE | re.DOTALL)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes blocks of the page into files of a folder of its own, where Python finds them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def write_block(section, language, name, number=0):
        path = tmp_path / name
        path.write_text(blocks(section, language)[number], encoding="utf-8")
        return path

    return write_block


@pytest.fixture
def run(write, monkeypatch):
    """Runs a section's first Python as a module."""

    def run_section(section):
        write(section, "python", "added.py")
        monkeypatch.setitem(sys.modules, "added", None)  # taken out again afterwards
        del sys.modules["added"]
        importlib.invalidate_caches()
        return importlib.import_module("added")

    return run_section


@pytest.fixture
def start(tmp_path):
    """Starts a Python file there as a process; what it says goes to `log`. Killed at the end."""
    started = []
    package = Path(mtml_ros.__file__).parents[1]

    def start_script(*words, **environment):
        paths = [str(package), os.environ.get("PYTHONPATH", "")]
        with (tmp_path / "log").open("wb") as log:
            started.append(
                subprocess.Popen(
                    [sys.executable, *words],
                    cwd=tmp_path,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
        return started[-1]

    yield start_script
    for process in started:
        process.kill()
        process.wait()


def test_a_label_set(run, write):
    write("A label set", "yaml", "office.yaml")
    office = run("A label set").office
    assert office.names[1:] == ("armchair", "parquet", "ceiling")
    assert office.is_thing.tolist() == [False, True, False, False]
    channels = office.network_channels(Taxonomy.scannet().names[1:])  # the weights know two
    assert (channels > 0).tolist() == [False, True, True, False]


def test_a_tracker(run, tmp_path):
    class OneObject:
        voxel_size, device, taxonomy = 0.1, "cpu", Taxonomy.scannet()

        def segment(self, grid, **options):
            from mtml_ros.evaluation.baselines import components_as_instances

            return components_as_instances(grid, self.taxonomy, 1)

    mapper_with = run("A tracker").mapper_with
    mapper = mapper_with(OneObject(), Taxonomy.scannet())
    chair = np.random.default_rng(0).uniform(0, 0.5, (3000, 3)).astype(np.float32)
    labels = np.full(len(chair), Taxonomy.scannet().names.index("chair"), np.uint8)
    ids = []
    for second in range(3):
        mapper.integrate(LabeledPoints(chair, labels), float(second))
        ids += [t.id for t in mapper.update(force=True).tracked]
    assert ids == [1, 2, 3]

    mapper.save(tmp_path / "saved.map")
    other = mapper_with(OneObject(), Taxonomy.scannet())
    other.restore(tmp_path / "saved.map")
    assert [t.id for t in other.update(force=True).tracked] == [4]
    other.map.save(tmp_path / "foreign.map", Taxonomy.scannet())
    with pytest.raises(MapFileError, match="another tracker"):
        other.restore(tmp_path / "foreign.map")


def test_a_network(run, tmp_path, monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "per_voxel", "")  # taken out again afterwards
    run("A network")
    config = NetworkConfig(Taxonomy.scannet().names[1:], architecture="per_voxel")
    path = tmp_path / "own.safetensors"
    save_checkpoint(path, Checkpoint(build_network(config), config))
    loaded = load_checkpoint(path, torch.device("cpu"))
    grid, _ = VoxelGrid.from_points(
        LabeledPoints(np.eye(3, dtype=np.float32), np.array([1, 2, 3], np.uint8)), 0.1
    )
    segmenter = InstanceSegmenter.load(path)
    assert segmenter.config.architecture == "per_voxel"
    inputs = make_input(grid, config, Taxonomy.scannet().network_channels(config.classes))
    with torch.no_grad():
        output = loaded.network(make_batch([grid.coordinates], [inputs]))
    assert output.embedding.shape == (3, config.embedding_size)


def test_a_data_set(run, monkeypatch):
    monkeypatch.setitem(SOURCES, "stools", None)
    run("A data set")
    source = make_source({"set": "stools", "count": 5})
    scene = source.draw(np.random.default_rng(0))
    assert np.unique(scene.instance).tolist() == [0, 1, 2, 3, 4]
    assert len(list(source.validation_scenes(2))) == 2


def test_training_by_the_script(write, start, tmp_path):
    write("A network", "python", "per_voxel.py")
    write("A data set", "python", "stools.py")
    write("A data set", "yaml", "stools.yaml")
    script = write("A data set", "python", "my_mtml.py", 1)
    options = ["--out", "run", "--device", "cpu", "--threads", "1"]
    process = start(script.name, "train", "stools.yaml", *options)
    assert process.wait(120) == 0, (tmp_path / "log").read_text()
    assert (tmp_path / "run" / "weights.safetensors").exists()


def test_a_sensor_input(run):
    from geometry_msgs.msg import Point, PointStamped

    node = SimpleNamespace(resolve_topic_name=lambda name: f"/{name}")
    got = []
    context = SimpleNamespace(
        node=node, taxonomy=Taxonomy.scannet(), health=mock.Mock(), deliver=got.append
    )
    made = run("A sensor input").ProbeInput(context)
    message = PointStamped(point=Point(x=1.0, y=2.0, z=0.5))
    message.header.frame_id = "arm"
    made.receive(message)
    (data,) = got
    assert (data.source, data.frame_id) == ("/probe", "arm")
    assert data.read().xyz.tolist() == [[1.0, 2.0, 0.5]]
    context.health.cloud_received.assert_called_once_with()


def test_the_node_takes_the_input_by_the_script(write, start, tmp_path, dds_environment):
    write("A sensor input", "python", "probe.py")
    script = write("A sensor input", "python", "probe_node.py", 1)
    start(script.name, "--ros-args", "-p", "input:=probe", "-p", "device:=cpu", **dds_environment)
    end = time.monotonic() + 60
    while "input probe: /probe" not in (text := (tmp_path / "log").read_text(errors="replace")):
        assert time.monotonic() < end, text
        assert "error: " not in text, text
        time.sleep(0.1)


def test_every_section_is_run():
    sections = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    run = re.findall(r'run\("(.*?)"\)', Path(__file__).read_text(encoding="utf-8"))
    assert sorted(sections) == sorted(s for s in set(run) if s[0] == "A")
