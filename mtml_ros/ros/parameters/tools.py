"""The parameters of the executables beside the node: declared once, listed by --help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node


@dataclass(frozen=True)
class ToolParameter:
    """One read-only parameter."""

    name: str
    default: Any
    description: str

    def declare(self, node: Node) -> Any:
        """Its value on this node."""
        descriptor = ParameterDescriptor(description=self.description, read_only=True)
        return node.declare_parameter(self.name, self.default, descriptor).value

    def __str__(self) -> str:
        return f"  {self.name} ({self.default!r}): {self.description}"
