"""Checkpoints: safetensors files that say how to rebuild their network; never pickles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mtml_ros.core.checksum import check_content, check_format, content_checksum
from mtml_ros.core.dotted_name import resolve
from mtml_ros.core.errors import CheckpointError, ConfigurationError, InputError
from mtml_ros.network.config import ARCHITECTURES, NetworkConfig

FORMAT = "mtml_ros checkpoint"
VERSION = 1
MODELS = ("score", "naming")
"""Small models that ride along, each fitted after the network: its arrays are NAME.ARRAY."""
MAX_FILE_BYTES = 1 << 30
MIN_WEIGHTS = 1000
"""A sparse network has more than this times its width squared."""

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
DEFAULT_WEIGHTS = "rooms"


@dataclass(frozen=True)
class Checkpoint:
    """A network in evaluation mode and what is known of it.

    network: maps a VoxelBatch to a NetworkOutput. settings: post-processing settings chosen
    with these weights (see SegmenterSettings.from_dict). info: training data, seed, figures.
    models: what rides along, of MODELS: float32 arrays by name. Their users check the shapes.
    """

    network: nn.Module
    config: NetworkConfig
    settings: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)


def build_network(config: NetworkConfig) -> nn.Module:
    """A new network of this configuration, initialised from torch's random state."""
    network: nn.Module = resolve(ARCHITECTURES[config.architecture])(config)
    return network


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Writes the weights; convolutions in half precision, which no result was seen to notice."""
    tensors = {}
    for name, value in checkpoint.network.state_dict().items():
        half = value.is_floating_point() and value.dim() >= 2 and "heads" not in name
        tensors[name] = value.detach().cpu().to(torch.float16 if half else value.dtype).contiguous()
    for model, arrays in checkpoint.models.items():
        for name, array in arrays.items():
            tensors[f"{model}.{name}"] = torch.from_numpy(
                np.array(array, dtype=np.float32, order="C")
            )
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "config": json.dumps(checkpoint.config.to_dict()),
        "settings": json.dumps(checkpoint.settings),
        "info": json.dumps(checkpoint.info),
    }
    metadata["checksum"] = _checksum(tensors, metadata)
    save_file(tensors, str(path), metadata)


def find_weights(name_or_path: str | Path | None) -> Path:
    """The file of the weights that ship under this name (None: the default), or the path itself.

    Raises CheckpointError when there is neither.
    """
    name = str(name_or_path or DEFAULT_WEIGHTS)
    shipped = WEIGHTS_FOLDER / f"{name}.safetensors"
    if "/" not in name and shipped.is_file():
        return shipped
    if Path(name).is_file():
        return Path(name)
    names = sorted(p.stem for p in WEIGHTS_FOLDER.glob("*.safetensors"))
    raise CheckpointError(f"no weights {name!r}: not a file, nor one of: {', '.join(names)}")


def load_checkpoint(path: str | Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Reads a checkpoint onto a device.

    Raises CheckpointError when the file is damaged, foreign, newer, or its tensors do not fit the
    network that it describes.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CheckpointError(f"weights {path}: larger than {MAX_FILE_BYTES} bytes")
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"weights {path}: cannot be read: {error}") from error
    try:
        check_format(metadata, FORMAT, VERSION)
        check_content(metadata, lambda about: _checksum(tensors, about))
    except InputError as error:
        raise CheckpointError(f"weights {path}: {error}") from None
    try:
        config = NetworkConfig.from_dict(json.loads(metadata["config"]))
        settings = json.loads(metadata["settings"])
        info = json.loads(metadata["info"])
        if not (isinstance(settings, dict) and isinstance(info, dict)):
            raise ValueError("settings and info must be mappings")
        _check_size(tensors, config)
        # not on torch's meta device, which takes seconds to import what it needs
        with torch.random.fork_rng(devices=[]):
            network = build_network(config)
        models = _take_models(tensors)
        full = {n: t.float() if t.dtype == torch.float16 else t for n, t in tensors.items()}
        _check_tensors(full, network.state_dict())
        network.load_state_dict(full, assign=True)
    except (LookupError, ValueError, RuntimeError, ConfigurationError) as error:
        raise CheckpointError(f"weights {path}: do not fit: {error}") from error
    return Checkpoint(network.to(device).eval(), config, settings, info, models)


def _checksum(tensors: dict[str, Tensor], metadata: dict[str, str]) -> str:
    # bytes of tensors, since numpy does not have all of torch's types
    arrays = {
        f"{name} {tensor.dtype} {list(tensor.shape)}": tensor.reshape(-1).view(torch.uint8).numpy()
        for name, tensor in tensors.items()
    }
    return content_checksum(arrays, metadata)


def _take_models(tensors: dict[str, Tensor]) -> dict[str, dict[str, np.ndarray]]:
    """Takes what rides along out of a checkpoint's tensors; ValueError where it is anything but
    finite float32."""
    models: dict[str, dict[str, np.ndarray]] = {}
    for full_name in list(tensors):
        model, _, name = full_name.partition(".")
        if model in MODELS:
            tensor = tensors.pop(full_name)
            if tensor.dtype != torch.float32 or not torch.isfinite(tensor).all():
                raise ValueError(f"{full_name} is not a finite float32 array")
            models.setdefault(model, {})[name] = tensor.numpy()
    return models


def _check_size(tensors: dict[str, Tensor], config: NetworkConfig) -> None:
    """ValueError when a few bytes describe a network that would fill the memory."""
    held = sum(t.numel() for t in tensors.values())
    if config.architecture == "sparse" and held < MIN_WEIGHTS * config.width**2:
        raise ValueError(f"{held} weights are too few for a network of width {config.width}")


def _check_tensors(tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """ValueError for a tensor of another type than the network's, or with NaN or Inf."""
    for name in tensors.keys() & expected.keys():
        if tensors[name].dtype != expected[name].dtype:
            raise ValueError(f"{name} holds {tensors[name].dtype}, not {expected[name].dtype}")
        if not torch.isfinite(tensors[name]).all():
            raise ValueError(f"{name} holds NaN or Inf")
