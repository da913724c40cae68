"""The node `instance_segmentation`: its life cycle, services and timers; the work is elsewhere.

Three threads: the executor's (messages in, services, timers), ingestion's (clouds into the map)
and the worker's (map to objects, files). None waits for another's work.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.clock import Clock, JumpThreshold
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor, await_or_execute
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.utilities import get_default_context, try_shutdown

from mtml_ros.core.errors import MtmlError
from mtml_ros.ros.middleware import large_clouds_remedy
from mtml_ros.ros.output.diagnostics import Situation, judge, make_status
from mtml_ros.ros.output.health import Health
from mtml_ros.ros.parameters.declaration import LiveParameters
from mtml_ros.ros.parameters.documents import text as parameter_text
from mtml_ros.ros.parameters.table import Parameters
from mtml_ros.ros.services import Services
from mtml_ros.ros.states import Active, Configured, summary

__all__ = ["InstanceSegmentationNode", "main", "parameter_text"]

NAME = "instance_segmentation"
REMIND = 30.0
"""Seconds after which the log says again what is wrong."""

SUCCESS = TransitionCallbackReturn.SUCCESS
FAILURE = TransitionCallbackReturn.FAILURE


class InstanceSegmentationNode(LifecycleNode):
    """Labelled clouds in, objects with lasting ids out.

    Raises ConfigurationError where a parameter given at start is wrong.
    """

    def __init__(self, **node_options: Any) -> None:
        super().__init__(NAME, **node_options)
        self._configured: Configured | None = None
        self._active: Active | None = None
        self._live = LiveParameters(self, lambda: self._configured is not None, self._check)
        self.health = Health(self.get_logger().warning, large_clouds=large_clouds_remedy())
        self._guard_lifecycle_service()

        # wall time, whatever use_sim_time says: a paused simulation must not stop the diagnostics
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(1.0, self._on_second, clock=self._steady)
        self._map_services = Services(
            self, lambda: self._active, lambda: self.parameters, self._steady
        )
        self._jumps = self.get_clock().create_jump_callback(
            JumpThreshold(
                min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True
            ),
            post_callback=self._on_clock_jump,
        )
        if self.parameters.autostart:
            self._autostart = self.create_timer(0.0, self._start, clock=self._steady)

    @property
    def parameters(self) -> Parameters:
        """The present values of all parameters."""
        return self._live.values

    def _start(self) -> None:
        self.destroy_timer(self._autostart)
        if self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    def _check(self, parameters: Parameters) -> None:
        if self._configured is not None:
            for name in parameters.class_filter:
                self._configured.taxonomy.index(name)

    # ---------------------------------------------------------------------------- life cycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Loads taxonomy and weights, makes the map; FAILURE, saying why, leaves no trace."""
        try:
            self._configured = Configured(self, self.parameters, self.health)
        except MtmlError as error:
            self.health.last_error = str(error)
            self.get_logger().error(f"cannot configure: {error}")
            return FAILURE
        except Exception as error:
            self.health.last_error = in_words(error)
            self.get_logger().error(f"cannot configure: {self.health.last_error}")
            return FAILURE
        self.get_logger().info(f"configured, segmenting on {self.health.device}")
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Starts the threads and subscribes."""
        assert self._configured is not None
        result = super().on_activate(state)
        try:
            self._active = Active(
                self, lambda: self.parameters, self._configured, self.health, self._steady
            )
        except Exception as error:
            self.health.last_error = repr(error)
            self.get_logger().error(f"cannot activate: {error!r}")
            return TransitionCallbackReturn.ERROR  # on_error frees what there is
        for line in summary(self._active, self._configured, self.parameters, self.health):
            self.get_logger().info(line)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribes and ends the threads; the map stays."""
        self._deactivate()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Frees map, weights and topics."""
        result = super().on_cleanup(state)
        self._clean_up()
        return result

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Frees everything, from any state."""
        self._deactivate()
        self._clean_up()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """After an exception in a transition: frees everything, so that it can start anew."""
        self.get_logger().error("a transition failed; back to unconfigured")
        self._deactivate()
        self._clean_up()
        return SUCCESS

    def _deactivate(self) -> None:
        active, self._active = self._active, None
        if active is not None:
            active.close()

    def _clean_up(self) -> None:
        configured, self._configured = self._configured, None
        if configured is not None:
            configured.close()

    def close(self) -> None:
        """Ends everything, for the end of the process."""
        self._deactivate()
        self._clean_up()
        self.destroy_node()
        # rclpy's state machine and its services would keep the node on the graph
        for name in [n for n in vars(self) if n.startswith(("_service_", "_state_machine"))]:
            delattr(self, name)

    def create_service(self, srv_type: Any, srv_name: str, callback: Any, **options: Any) -> Any:
        """As rclpy's, but a request that raises is answered with an empty response and logged;
        in rclpy it would end the process, and anyone on the network can send one."""
        guarded = self._guarded(callback)
        return super().create_service(srv_type, srv_name, guarded, **options)

    def _guard_lifecycle_service(self) -> None:
        # made by rclpy without create_service; an unknown transition id raises in it
        service = self._service_change_state
        service.callback = self._guarded(service.callback)

    def _guarded(self, callback: Any) -> Any:
        async def call(request: Any, response: Any) -> Any:
            try:
                return await await_or_execute(callback, request, response)
            except Exception as error:
                self.get_logger().error(f"request refused: {error!r}")
                refusal = SetParametersResult(successful=False, reason=str(error))
                if isinstance(response, SetParameters.Response):
                    unanswered = len(request.parameters) - len(response.results)
                    response.results += [refusal] * unanswered
                elif isinstance(response, SetParametersAtomically.Response):
                    response.result = refusal
                return response

        return call

    # -------------------------------------------------------------------------------- timers

    def _on_second(self) -> None:
        active, configured = self._active, self._configured
        if active is not None:
            active.matcher.match()
        simulated = bool(self.get_parameter("use_sim_time").value)
        situation = Situation(
            self._state_machine.current_state[1],
            configured is not None,
            self.parameters.segmentation_rate,
            active.topics if active is not None else (),
            not simulated or self.get_clock().now().nanoseconds > 0,
            configured.frames.num_bad if configured is not None else 0,
        )
        level, message = judge(self.health, situation)
        values = [
            ("state", situation.state),
            ("voxels", str(len(configured.mapper.map) if configured is not None else 0)),
            *self.health.values(active.waiting if active is not None else 0),
        ]
        for topic in situation.topics:
            text = f"{topic.num_publishers} publishers, {topic.num_received} messages"
            values.append((f"topic {topic.topic}", text))
        if level != DiagnosticStatus.OK and active is not None:
            # anew where it says something else, numbers apart
            self.health.log(f"status {re.sub(r'[0-9.]+', '', message)}", message, REMIND)
        name = self.get_fully_qualified_name().strip("/")  # robots differ by their namespace
        status = make_status(f"{name}: segmentation", level, message, values)
        array = DiagnosticArray(status=[status])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)

    def _on_clock_jump(self, _: Any) -> None:
        if self._active is not None:
            self._active.ingestion.clock_jumped_back()


def main(args: list[str] | None = None) -> int:
    """Runs the node until SIGINT or SIGTERM: exit code 0; returns 2 for a wrong parameter."""
    leave_a_core_free()
    executor = node = None
    try:
        # SIGTERM interrupts as SIGINT does, also while weights load; rclpy's handlers call these
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        rclpy.init(args=args)
        executor = SingleThreadedExecutor()
        node = InstanceSegmentationNode()
        executor.add_node(node)
        _spin(node, executor)
    except MtmlError as error:
        print(f"error: {error}", file=sys.stderr)
        try_shutdown()
        return 2
    except KeyboardInterrupt:
        pass
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it is on its way down already
    if node is not None:
        node.close()
    if executor is not None:
        executor.shutdown(timeout_sec=0.1)
    try_shutdown()
    if node is not None:
        get_default_context().destroy()  # takes the node off the graph
    # What is left is a segmentation that may still run, which can't be cut off inside torch, and
    # the interpreter taking torch apart, which takes it up to 2 s: neither is worth waiting for.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def in_words(error: Exception) -> str:
    """What went wrong, and what to do where the cause is known but not said."""
    if isinstance(error, MemoryError) or "failed to map segment" in str(error):
        return f"the memory that this process may take does not do, allow it more: {error!r}"
    return repr(error)


def leave_a_core_free() -> None:
    """Torch, which loads later, takes a thread less than there are cores, unless the user said how
    many: its threads wait for each other, so that a core that others need slows all of them."""
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) - 1)))


def _spin(node: InstanceSegmentationNode, executor: SingleThreadedExecutor) -> None:
    """Spins until the context is shut down; nothing else that is raised ends it."""
    while True:
        try:
            return executor.spin()
        except ExternalShutdownException:
            return None
        except Exception as error:
            node.health.failed(repr(error))


if __name__ == "__main__":
    sys.exit(main())
