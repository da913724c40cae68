"""Scenes small enough to train on in a test: two boxes on a square floor."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.scene_files import write_scene


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def tiny_scene() -> Callable[[int], Scene]:
    """A floor of 12 x 12 voxels about the origin (its box the same however it is turned by quarter
    turns) and two cubes of 3 voxels that touch, somewhere on it; points at voxel centres."""

    def make(seed: int) -> Scene:
        rng = np.random.default_rng(seed)
        floor = np.stack(np.indices((12, 12, 1)), axis=-1).reshape(-1, 3) - [6, 6, 0]
        cube = np.stack(np.indices((3, 3, 3)), axis=-1).reshape(-1, 3)
        at = np.array([*rng.integers(-5, 0, 2), 1])
        voxels = np.concatenate([floor, cube + at, cube + at + [3, 0, 0]])
        instance = np.repeat([-1, 0, 1], [len(floor), 27, 27]).astype(np.int32)
        labels = np.repeat([0, 1, int(rng.integers(1, 3))], [len(floor), 27, 27])
        return Scene(((voxels + 0.5) * 0.1).astype(np.float32), labels.astype(np.uint8), instance)

    return make


@pytest.fixture
def scene_folder(tmp_path: Path, tiny_scene: Callable[[int], Scene]) -> Path:
    """Four training scenes and a validation scene as .npz files."""
    for name, seeds in (("train", range(4)), ("validation", [9])):
        (tmp_path / name).mkdir()
        for seed in seeds:
            write_scene(tmp_path / name / f"{seed}.npz", tiny_scene(seed), Taxonomy.toy())
    return tmp_path


@pytest.fixture
def tiny_recipe(scene_folder: Path) -> dict:
    """Options of a run of four steps of a tiny network on those scenes."""
    return {
        "name": "tiny",
        "taxonomy": "toy",
        "data": {
            "set": "files",
            "train": str(scene_folder / "train"),
            "validation": str(scene_folder / "validation"),
            "taxonomy": "toy",
        },
        "network": {"width": 4, "embedding_size": 4},
        "steps": 4,
        "validate_every": 2,
        "validation_scenes": 1,
        "workers": 0,
    }
