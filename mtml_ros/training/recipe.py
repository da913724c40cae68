"""Recipe: everything that defines a training run, read from a YAML file in config/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.options import build, require
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.network.config import NetworkConfig
from mtml_ros.training.augmentation import AugmentationSettings
from mtml_ros.training.losses import LossSettings


@dataclass(frozen=True)
class Recipe:
    """A training run; the same recipe gives the same weights on the same machine.

    taxonomy: "toy", "scannet" or a YAML file. data: which scenes, see training/sources/.
    network: options of NetworkConfig but the classes, which are the taxonomy's.
    init: weights to start from in place of random ones, a file or the name of some that ship: for
        fine-tuning; "" for none.
    steps: optimiser steps. batch_size: scenes a step, over all processes.
    learning_rate: the peak of a one-cycle schedule (rises over the first tenth, falls to none).
    restarts: steps at which a cycle ends and another begins, each with its own peak (those after
        the last step are of no effect).
    pretrain: share of the steps with true labels as input, before the noisy ones (section 3.5).
    validate_every: steps between validations, on validation_scenes scenes.
    calibration_scenes: training scenes, drawn anew, that the learned score and the naming are
        fitted on in the end; 0: the paper's score, and names by votes.
    workers: processes that prepare data. min_region: voxels, objects under it are not scored.
    """

    name: str
    taxonomy: str
    data: dict[str, Any]
    network: dict[str, Any] = field(default_factory=dict)
    loss: LossSettings = field(default_factory=LossSettings)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    settings: dict[str, Any] = field(default_factory=dict)
    init: str = ""
    steps: int = 4000
    batch_size: int = 2
    learning_rate: float = 2e-3
    restarts: tuple[tuple[int, float], ...] = ()
    weight_decay: float = 0.01
    pretrain: float = 0.0
    seed: int = 0
    validate_every: int = 1000
    validation_scenes: int = 20
    calibration_scenes: int = 0
    workers: int = 1
    min_region: int = 10

    def __post_init__(self) -> None:
        checks = {
            "steps": self.steps >= 1,
            "batch_size": self.batch_size >= 1,
            "learning_rate": 0 < self.learning_rate < 1,
            "restarts": _are_restarts(self.restarts),
            "pretrain": 0 <= self.pretrain <= 1,
            "validate_every": self.validate_every >= 1,
            "seed": self.seed >= 0,
            "validation_scenes": self.validation_scenes >= 0,
            "calibration_scenes": 0 <= self.calibration_scenes <= 100_000,
            "workers": 0 <= self.workers <= 64,
        }
        require("recipe", checks, self)

    def load_taxonomy(self) -> Taxonomy:
        return Taxonomy.load(self.taxonomy)

    def network_config(self) -> NetworkConfig:
        classes = tuple(self.load_taxonomy().names[1:])
        return NetworkConfig.from_dict({"classes": classes, **self.network})

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def load(path: str | Path) -> Recipe:
        """A recipe from a YAML file; ConfigurationError says what is wrong with it."""
        try:
            values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
            raise ConfigurationError(f"recipe {path}: cannot be read: {error}") from error
        if not isinstance(values, dict):
            raise ConfigurationError(f"recipe {path}: must be a mapping of options")
        try:
            return Recipe.from_dict(values)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from None

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Recipe:
        """Raises ConfigurationError for unknown or missing options and wrong types."""
        return build(Recipe, values, "recipe")


def _are_restarts(values: Sequence[tuple[int, float]]) -> bool:
    steps, peaks = [0, *(s for s, _ in values)], [p for _, p in values]
    ascending = all(a < b for a, b in pairwise(steps))
    return ascending and all(0 < p < 1 for p in peaks)
