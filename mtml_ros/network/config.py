"""NetworkConfig: all that a checkpoint must say to rebuild its network and to feed it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.taxonomy import MAX_CLASSES

ARCHITECTURES = {
    "sparse": "mtml_ros.network.sparse.SparseNetwork",
    "dense": "mtml_ros.network.dense.DenseNetwork",
}
"""Name in checkpoints and recipes to the class, which takes a NetworkConfig and maps VoxelBatch to
NetworkOutput; imported when one is built. docs/extending.md adds one."""

InputKind = Literal["labels", "features"]


@dataclass(frozen=True)
class NetworkConfig:
    """What network, on what input.

    classes: names of the semantic classes, in the order of the one-hot input's channels 1..C;
        channel 0 is "unknown".
    architecture: a name in ARCHITECTURES: "sparse" (submanifold U-Net) or "dense" (the paper's).
    input: "labels": a one-hot label a voxel: C + 1 channels; "features": a vector of
        `feature_size` values a voxel: class probabilities, or what a semantic network knows.
    voxel_size: metres; the network knows real sizes, so it fits this size alone (section 3.1).
    embedding_size: dimensions of the feature embedding.
    position_scale: if above 0, the first three dimensions of the embedding are the voxel's own
        position (metres, times this) plus a learned offset; 0: all dimensions are free.
    semantic: a third head that says what class a voxel truly is, or that it is of none, for labels
        that err or miss.
    width: channels of the sparse network's finest level.
    """

    classes: tuple[str, ...]
    architecture: str = "sparse"
    input: InputKind = "labels"
    feature_size: int = 0
    voxel_size: float = 0.1
    embedding_size: int = 8
    position_scale: float = 2.0
    semantic: bool = False
    width: int = 32

    def __post_init__(self) -> None:
        if not isinstance(self.classes, str):  # a text would fall into its letters
            object.__setattr__(self, "classes", tuple(self.classes))
        for name in ("feature_size", "embedding_size", "width"):
            if type(getattr(self, name)) is not int:
                raise ConfigurationError(f"network: {name} must be an integer")
        checks = {
            "classes": isinstance(self.classes, tuple)
            and 1 <= len(self.classes) <= MAX_CLASSES
            and all(isinstance(c, str) for c in self.classes),
            "architecture": isinstance(self.architecture, str)
            and self.architecture in ARCHITECTURES,
            "input": self.input in get_args(InputKind),
            "feature_size": self.input == "labels" or 1 <= self.feature_size <= 4096,
            "voxel_size": 0.001 <= self.voxel_size <= 10,
            "embedding_size": 1 <= self.embedding_size <= 256,
            "position_scale": 0 <= self.position_scale <= 100
            and (self.position_scale == 0 or self.embedding_size >= 3),
            "semantic": isinstance(self.semantic, bool),
            "width": 1 <= self.width <= 256,
        }
        for name, good in checks.items():
            if not good:
                raise ConfigurationError(
                    f"network: {name} = {getattr(self, name)!r} is not allowed"
                )

    @property
    def input_channels(self) -> int:
        return len(self.classes) + 1 if self.input == "labels" else self.feature_size

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> NetworkConfig:
        """Raises ConfigurationError for unknown names, wrong types and useless values."""
        if not isinstance(values, dict):
            raise ConfigurationError("network: must be a mapping of options")
        known = {f.name for f in fields(NetworkConfig)}
        unknown = sorted(str(name) for name in set(values) - known)
        if unknown:
            raise ConfigurationError(
                f"network: unknown {', '.join(unknown)}; known: {', '.join(sorted(known))}"
            )
        try:
            return NetworkConfig(**values)
        except TypeError as error:
            raise ConfigurationError(f"network: {error}") from None
