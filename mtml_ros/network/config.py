"""NetworkConfig: all that a checkpoint must say to rebuild its network and to feed it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from mtml_ros.errors import ConfigurationError

Architecture = Literal["sparse", "dense"]
InputKind = Literal["labels", "features"]


@dataclass(frozen=True)
class NetworkConfig:
    """What network, on what input.

    classes: names of the semantic classes, in the order of the one-hot input's channels 1..C;
        channel 0 is "unknown".
    architecture: "sparse" (submanifold U-Net, the default) or "dense" (the paper's).
    input: "labels": a one-hot label, or class probabilities, a voxel: C + 1 channels;
        "features": a vector of `feature_size` values a voxel.
    voxel_size: metres; the network knows real sizes, so it fits this size alone (section 3.1).
    embedding_size: dimensions of the feature embedding.
    position_scale: if above 0, the first three dimensions of the embedding are the voxel's own
        position (metres, times this) plus a learned offset; 0: all dimensions are free.
    foreground: a third head that tells things from the rest, for voxels with no usable label.
    width: channels of the sparse network's finest level.
    """

    classes: tuple[str, ...]
    architecture: Architecture = "sparse"
    input: InputKind = "labels"
    feature_size: int = 0
    voxel_size: float = 0.1
    embedding_size: int = 8
    position_scale: float = 2.0
    foreground: bool = False
    width: int = 32

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        checks = {
            "classes": bool(self.classes) and all(isinstance(c, str) for c in self.classes),
            "architecture": self.architecture in get_args(Architecture),
            "input": self.input in get_args(InputKind),
            "feature_size": self.input == "labels" or 1 <= self.feature_size <= 4096,
            "voxel_size": 0.001 <= self.voxel_size <= 10,
            "embedding_size": 1 <= self.embedding_size <= 256,
            "position_scale": 0 <= self.position_scale <= 100
            and (self.position_scale == 0 or self.embedding_size >= 3),
            "width": 1 <= self.width <= 1024,
        }
        for name, good in checks.items():
            if not good:
                raise ConfigurationError(f"network: {name} = {getattr(self, name)!r} is no use")

    @property
    def input_channels(self) -> int:
        return len(self.classes) + 1 if self.input == "labels" else self.feature_size

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> NetworkConfig:
        """Raises ConfigurationError for unknown names, wrong types and useless values."""
        known = {f.name for f in fields(NetworkConfig)}
        if set(values) - known:
            raise ConfigurationError(f"network: unknown {', '.join(sorted(set(values) - known))}")
        try:
            return NetworkConfig(**values)
        except TypeError as error:
            raise ConfigurationError(f"network: {error}") from None
