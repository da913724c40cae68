"""The examples of docs/extending.md, run one after another, do what the page says."""

import importlib.util
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch

from mtml_ros import InstanceSegmenter, LabeledPoints, Taxonomy, VoxelGrid
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
def run(tmp_path, monkeypatch):
    """Runs a section's Python as a module of a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run_section(section):
        (code,) = blocks(section, "python")
        path = tmp_path / "added.py"
        path.write_text(code, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("added", path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "added", module)
        spec.loader.exec_module(module)
        return module

    return run_section


def test_a_label_set(run, tmp_path):
    (text,) = blocks("A label set", "yaml")
    (tmp_path / "office.yaml").write_text(text, encoding="utf-8")
    office = run("A label set").office
    assert office.names[1:] == ("armchair", "parquet")
    assert office.is_thing.tolist() == [False, True, False]
    office.network_channels(Taxonomy.scannet().names[1:])  # the weights know both


def test_a_tracker(run):
    class OneObject:
        voxel_size, device, taxonomy = 0.1, "cpu", Taxonomy.scannet()

        def segment(self, grid, **options):
            from mtml_ros.evaluation.baselines import components_as_instances

            return components_as_instances(grid, self.taxonomy, 1)

    mapper = run("A tracker").mapper_with(OneObject(), Taxonomy.scannet())
    chair = np.random.default_rng(0).uniform(0, 0.5, (3000, 3)).astype(np.float32)
    labels = np.full(len(chair), Taxonomy.scannet().names.index("chair"), np.uint8)
    ids = []
    for second in range(3):
        mapper.integrate(LabeledPoints(chair, labels), float(second))
        ids += [t.id for t in mapper.update(force=True).tracked]
    assert ids == [1, 2, 3]


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


def test_a_sensor_input(run, monkeypatch):
    from geometry_msgs.msg import Point, PointStamped

    from mtml_ros.core.dotted_name import resolve
    from mtml_ros.ros.parameters.inputs import INPUTS

    monkeypatch.setitem(INPUTS, "probe", None)
    run("A sensor input")
    node = SimpleNamespace(resolve_topic_name=lambda name: f"/{name}")
    got = []
    context = SimpleNamespace(
        node=node, taxonomy=Taxonomy.scannet(), health=mock.Mock(), deliver=got.append
    )
    made = resolve(INPUTS["probe"])(context)
    message = PointStamped(point=Point(x=1.0, y=2.0, z=0.5))
    message.header.frame_id = "arm"
    made.receive(message)
    (data,) = got
    assert (data.source, data.frame_id) == ("/probe", "arm")
    assert data.read().xyz.tolist() == [[1.0, 2.0, 0.5]]
    context.health.cloud_received.assert_called_once_with()


def test_every_section_is_run():
    sections = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    run = re.findall(r'run\("(.*?)"\)', Path(__file__).read_text(encoding="utf-8"))
    assert sorted(sections) == sorted(s for s in set(run) if s[0] == "A")
