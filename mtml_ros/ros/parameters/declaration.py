"""LiveParameters: the table of parameters on a node, and the answers of its set callback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.ros.parameters import table
from mtml_ros.ros.parameters.table import Parameters


class LiveParameters:
    """Declares every parameter and keeps `values`, which threads read without a lock.

    configured: whether the node is past its unconfigured state.
    check: called with the new values before they are accepted; refuses with a
        ConfigurationError.
    Raises ConfigurationError where a value given at start is of a wrong type or out of range.
    """

    def __init__(
        self,
        node: Node,
        configured: Callable[[], bool],
        check: Callable[[Parameters], None],
    ) -> None:
        self._configured = configured
        self._check = check
        given = {}
        for name in table.names():
            try:
                parameter = node.declare_parameter(name, table.default_of(name), _descriptor(name))
            except ParameterException as error:
                raise ConfigurationError(f"parameter {name}: {error}") from None
            given[name] = table.checked(name, parameter.value)
        self.values = Parameters(**given)
        node.add_on_set_parameters_callback(self._validate)
        node.add_post_set_parameters_callback(self._apply)

    def _validate(self, changes: Sequence[Parameter]) -> SetParametersResult:
        try:
            self._check(self._with(changes))
        except ConfigurationError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply(self, changes: Sequence[Parameter]) -> None:
        self.values = self._with(changes)

    def _with(self, changes: Sequence[Parameter]) -> Parameters:
        own: dict[str, Any] = {p.name: p.value for p in changes if p.name in table.names()}
        return self.values.changed(own, self._configured())


def _descriptor(name: str) -> ParameterDescriptor:
    spec = table.spec_of(name)
    descriptor = ParameterDescriptor(
        description=spec.description,
        additional_constraints=spec.choices,
        read_only=spec.change == "never",
    )
    if spec.low is not None and spec.high is not None:
        if table.type_of(name) == "integer":
            range_ = IntegerRange(from_value=int(spec.low), to_value=int(spec.high), step=1)
            descriptor.integer_range = [range_]
        else:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=spec.low, to_value=spec.high, step=0.0)
            ]
    return descriptor
