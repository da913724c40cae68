"""A small untrained network and a small room, for commands that need some weights, no good ones."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.network.checkpoint import Checkpoint, build_network, save_checkpoint
from mtml_ros.network.config import NetworkConfig


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint for ScanNet's classes, from a fixed seed."""
    torch.manual_seed(0)
    config = NetworkConfig(Taxonomy.scannet().names[1:], width=8)
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    settings = {"labelling": {"min_voxels": 4, "score_threshold": 0.0}}
    save_checkpoint(path, Checkpoint(build_network(config), config, settings))
    return path


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Floor (label 2), two chairs (5) and a table (7) apart from each other, shuffled; .npz."""
    rng = np.random.default_rng(3)
    parts = [
        (rng.uniform((0, 0, 0), (4, 3, 0.05), (6000, 3)), 2),
        (rng.uniform((0.5, 0.5, 0.3), (1, 1, 0.9), (1500, 3)), 5),
        (rng.uniform((0.5, 2, 0.3), (1, 2.5, 0.9), (1500, 3)), 5),
        (rng.uniform((2, 1, 0.3), (3.2, 2, 0.8), (2500, 3)), 7),
    ]
    xyz = np.concatenate([p for p, _ in parts]).astype(np.float32)
    label = np.concatenate([np.full(len(p), i) for p, i in parts])
    instance = np.concatenate([np.full(len(p), i - 1) for i, (p, _) in enumerate(parts)])
    order = rng.permutation(len(xyz))
    path = tmp_path_factory.mktemp("room") / "room.npz"
    np.savez(path, xyz=xyz[order], label=label[order], instance=instance[order])
    return path
