"""Weights come back as they were; whatever is wrong with a file is a CheckpointError."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mtml_ros.core.errors import CheckpointError
from mtml_ros.network import checkpoint
from mtml_ros.network.batch import make_batch
from mtml_ros.network.checkpoint import (
    Checkpoint,
    build_network,
    find_weights,
    load_checkpoint,
    save_checkpoint,
)
from mtml_ros.network.config import NetworkConfig

CONFIG = NetworkConfig(("chair", "table"), width=1, embedding_size=4, semantic=True)


def make_checkpoint(config: NetworkConfig = CONFIG) -> Checkpoint:
    torch.manual_seed(0)
    network = build_network(config)
    for module in network.modules():  # statistics other than those of a new network
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
    return Checkpoint(network.eval(), config, {"min_voxels": 7}, {"seed": 3, "ap50": None})


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    save_checkpoint(path, make_checkpoint())
    return path


def rewritten(file: Path, to: Path, change_tensors=None, **metadata: str) -> Path:
    """The file with other metadata, or its tensors changed, and a checksum that is right."""
    tensors = load_file(file)
    with safe_open(str(file), "pt") as opened:
        values = {**opened.metadata(), **metadata}
    if change_tensors:
        change_tensors(tensors)
    if "checksum" not in metadata:
        del values["checksum"]
        values["checksum"] = checkpoint._checksum(tensors, values)
    save_file(tensors, str(to), values)
    return to


def test_a_checkpoint_comes_back_with_its_configuration_and_notes(file):
    loaded = load_checkpoint(file)
    assert loaded.config == CONFIG
    assert loaded.settings == {"min_voxels": 7}
    assert loaded.info == {"seed": 3, "ap50": None}
    assert not loaded.network.training


def test_convolutions_are_rounded_to_half_precision_and_all_else_is_exact(file):
    before = make_checkpoint().network.state_dict()
    after = load_checkpoint(file).network.state_dict()
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert after[name].dtype == value.dtype
        if value.dim() >= 2 and "heads" not in name:
            # half precision: 11 bits of significand, steps of 2^-24 below 2^-14
            bound = torch.maximum(value.abs() * 2.0**-11, torch.tensor(2.0**-25))
            assert ((after[name] - value).abs() <= bound).all()
            assert not torch.equal(after[name], value)
        else:
            assert torch.equal(after[name], value)


@pytest.mark.parametrize("architecture", ["sparse", "dense"])
def test_the_loaded_network_says_what_the_saved_one_said(tmp_path, architecture):
    config = NetworkConfig(("a",), architecture, embedding_size=4, width=8)
    saved = make_checkpoint(config)
    path = tmp_path / "w.safetensors"
    save_checkpoint(path, saved)
    loaded = load_checkpoint(path)
    voxels = np.stack(np.indices((4, 4, 4)), axis=-1).reshape(-1, 3).astype(np.int32)
    batch = make_batch([voxels], [torch.rand(64, 2)])
    with torch.no_grad():
        a, b = saved.network(batch), loaded.network(batch)
    torch.testing.assert_close(a.embedding, b.embedding, atol=5e-3, rtol=5e-3)
    torch.testing.assert_close(a.direction, b.direction, atol=5e-3, rtol=5e-3)


def test_saving_what_was_loaded_changes_nothing_more(file, tmp_path):
    again = tmp_path / "again.safetensors"
    save_checkpoint(again, load_checkpoint(file))
    first, second = load_file(file), load_file(again)
    assert all(torch.equal(first[n], second[n]) for n in first)


def score_model() -> dict[str, np.ndarray]:
    """A Perceptron's arrays: 5 features, two members of 3 and 2 hidden units."""
    rng = np.random.default_rng(0)
    shapes = {"mean": 5, "scale": 5, "weight1": (2, 5, 3), "bias1": (2, 1, 3),
              "weight2": (2, 3, 2), "bias2": (2, 1, 2), "weight3": (2, 2, 1),
              "bias3": (2, 1, 1)}  # fmt: skip
    return {n: rng.normal(size=s).astype(np.float32) for n, s in shapes.items()}


def test_the_learned_score_travels_with_the_weights(file, tmp_path):
    assert not load_checkpoint(file).models
    path = tmp_path / "scored.safetensors"
    save_checkpoint(path, replace(make_checkpoint(), models={"score": score_model()}))
    loaded = load_checkpoint(path).models["score"]
    for name, array in score_model().items():
        assert np.array_equal(loaded[name], array)


@pytest.mark.parametrize(
    "value", [torch.tensor([1.0, torch.nan]), torch.zeros(2, dtype=torch.float64)]
)
def test_what_rides_along_must_be_finite_float32(tmp_path, value):
    good, bad = tmp_path / "good.safetensors", tmp_path / "bad.safetensors"
    save_checkpoint(good, replace(make_checkpoint(), models={"score": score_model()}))

    def change(tensors):
        tensors["score.bias1"] = value

    with pytest.raises(CheckpointError, match="do not fit"):
        load_checkpoint(rewritten(good, bad, change))


def test_python_objects_are_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    for name, write in (
        ("plain", lambda p: p.write_bytes(pickle.dumps(Trap()))),
        ("torch", lambda p: torch.save({"weight": Trap()}, p)),
    ):
        path = tmp_path / f"{name}.safetensors"
        write(path)
        with pytest.raises(CheckpointError, match="cannot be read"):
            load_checkpoint(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("share", [0, 0.0001, 0.01, 0.3, 0.9, 0.9999])
def test_a_truncated_file_is_refused(file, tmp_path, share):
    data = file.read_bytes()
    path = tmp_path / "short.safetensors"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(path)


@pytest.mark.parametrize("path", ["missing.safetensors", "."])
def test_what_is_no_file_is_refused(tmp_path, path):
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / path)


def test_a_file_too_large_is_refused_unread(file, monkeypatch):
    monkeypatch.setattr(checkpoint, "MAX_FILE_BYTES", 1000)
    with pytest.raises(CheckpointError, match="larger than"):
        load_checkpoint(file)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"format": "other"}, "not written by mtml_ros"),
        ({"version": "2"}, "format version 2"),
        ({"config": "{"}, "do not fit"),
        ({"config": "7"}, "mapping"),
        ({"config": "[" * 100_000}, "do not fit"),
        ({"config": '{"classes": ["chair", "table"], "depth": 3}'}, "depth"),
        ({"config": '{"classes": ["chair", "table"], "width": 1.0}'}, "width"),
        ({"settings": "[]"}, "mappings"),
        ({"info": "null"}, "mappings"),
    ],
)
def test_foreign_newer_and_odd_metadata_are_refused(file, tmp_path, metadata, message):
    path = rewritten(file, tmp_path / "w.safetensors", **metadata)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_one_flipped_bit_of_a_weight_is_noticed(file, tmp_path, share):
    content = bytearray(file.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    content[start + int(share * (len(content) - start))] ^= 1
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="checksum"):
        load_checkpoint(path)


def test_a_setting_that_was_edited_is_noticed(file, tmp_path):
    with safe_open(str(file), "pt") as opened:
        values = opened.metadata()
    path = tmp_path / "w.safetensors"
    save_file(load_file(file), str(path), {**values, "settings": json.dumps({"min_voxels": 8})})
    with pytest.raises(CheckpointError, match="checksum"):
        load_checkpoint(path)


def test_a_file_without_a_checksum_is_not_believed(file, tmp_path):
    with safe_open(str(file), "pt") as opened:
        values = {k: v for k, v in opened.metadata().items() if k != "checksum"}
    path = tmp_path / "w.safetensors"
    save_file(load_file(file), str(path), values)
    with pytest.raises(CheckpointError, match="checksum"):
        load_checkpoint(path)


def test_safetensors_of_another_program_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({"weight": torch.zeros(3)}, str(path))
    with pytest.raises(CheckpointError, match="not written by mtml_ros"):
        load_checkpoint(path)


def _drop(tensors):
    del tensors["stem.weight"]


def _add(tensors):
    tensors["stem.bias"] = torch.zeros(1)


def _reshape(tensors):
    tensors["stem.weight"] = tensors["stem.weight"][:8].clone()


def _integers(tensors):
    tensors["stem.weight"] = tensors["stem.weight"].int()


def _doubles(tensors):
    tensors["heads.direction.weight"] = tensors["heads.direction.weight"].double()


def _not_a_number(tensors):
    tensors["stem.weight"][0, 0, 0] = torch.nan


@pytest.mark.parametrize("change", [_drop, _add, _reshape, _integers, _doubles, _not_a_number])
def test_tensors_that_do_not_fit_the_configuration_are_refused(file, tmp_path, change):
    path = rewritten(file, tmp_path / "w.safetensors", change)
    with pytest.raises(CheckpointError, match="do not fit"):
        load_checkpoint(path)


def test_a_configuration_for_another_width_is_refused(file, tmp_path):
    config = json.dumps({**CONFIG.to_dict(), "width": 2})
    path = rewritten(file, tmp_path / "w.safetensors", config=config)
    with pytest.raises(CheckpointError, match="do not fit"):
        load_checkpoint(path)


def test_a_few_bytes_that_describe_a_large_network_are_refused_before_it_is_built(
    file, tmp_path, monkeypatch
):
    config = json.dumps({**CONFIG.to_dict(), "width": 256})  # 600 MB
    path = rewritten(file, tmp_path / "w.safetensors", config=config)
    monkeypatch.setattr(checkpoint, "build_network", None)
    with pytest.raises(CheckpointError, match="too few"):
        load_checkpoint(path)


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_a_network_of_any_width_is_large_enough_to_be_loaded(tmp_path, width):
    path = tmp_path / "w.safetensors"
    config = replace(CONFIG, width=width, classes=("a",), embedding_size=3, semantic=False)
    save_checkpoint(path, make_checkpoint(config))
    assert load_checkpoint(path).config.width == width


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_flipped_bytes_load_or_are_refused_but_never_crash(file, tmp_path_factory, data):
    content = bytearray(file.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    # most of the flips in the header: that is where they change what is read, and how
    places = st.one_of(*[st.integers(0, header - 1)] * 4, st.integers(0, len(content) - 1))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(places)] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "flipped.safetensors"
    path.write_bytes(content)
    try:
        loaded = load_checkpoint(path)
    except CheckpointError:
        return
    assert all(torch.isfinite(t).all() for t in loaded.network.state_dict().values())


def test_loading_leaves_torchs_random_state_alone(file):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_checkpoint(file)
    assert torch.equal(torch.rand(3), expected)


def test_weights_are_found_by_name_and_by_path(file, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "WEIGHTS_FOLDER", file.parent)
    assert find_weights("w") == file
    assert find_weights(file) == file
    monkeypatch.setattr(checkpoint, "DEFAULT_WEIGHTS", "w")
    assert find_weights(None) == file
    with pytest.raises(CheckpointError, match=r"no weights 'v'.*one of: w"):
        find_weights("v")
