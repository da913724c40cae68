"""Where a network runs: the CPU or a CUDA device."""

from __future__ import annotations

import re

import torch

from mtml_ros.core.errors import ConfigurationError


def choose_device(name: str) -> torch.device:
    """The torch device of "auto" (CUDA where there is one), "cpu", "cuda" or "cuda:N".

    Raises ConfigurationError when it is another word, or CUDA that is not there.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,2})?", name):
        raise ConfigurationError(f"device {name!r}: must be auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if count else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ConfigurationError(
            f"device {name}: torch sees {count or 'no'} CUDA devices here; use auto or cpu"
        )
    return device
