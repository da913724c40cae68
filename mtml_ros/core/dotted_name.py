"""What a registry's dotted name stands for."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def resolve(dotted_name: str) -> Any:
    """The class or function of "package.module.name"; its module is imported now."""
    module, _, name = dotted_name.rpartition(".")
    return getattr(import_module(module), name)
