"""Configured and Active: what the node holds in either state, and frees when it leaves it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from rclpy.clock import Clock
from rclpy.lifecycle import LifecycleNode

from mtml_ros.core.dotted_name import resolve
from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.mapper import ObjectMapper, free_memory
from mtml_ros.mapping.voxel_map import VoxelMap
from mtml_ros.ros.input.admission import Admission
from mtml_ros.ros.input.frames import Frames
from mtml_ros.ros.input.fusion import Fusion
from mtml_ros.ros.input.ingestion import Ingestion
from mtml_ros.ros.input.sensor_input import InputContext
from mtml_ros.ros.input.subscription import Matcher, TopicState
from mtml_ros.ros.output.health import Health
from mtml_ros.ros.output.publishing import Outputs
from mtml_ros.ros.parameters.inputs import INPUTS
from mtml_ros.ros.parameters.table import Parameters
from mtml_ros.ros.worker import BusyError, Worker

if TYPE_CHECKING:
    from mtml_ros.segmentation.segmenter import InstanceSegmenter

STOP_SECONDS = 1.0
"""How long a segmentation that runs may hold up deactivation and exit."""


def number_of_threads(wanted: int) -> int:
    """Threads of a segmentation. wanted: 0 for all cores but one, which others need: threads that
    wait for each other are as slow as the slowest."""
    return wanted or int(os.environ.get("OMP_NUM_THREADS", 0)) or max(1, (os.cpu_count() or 1) - 1)


class Configured:
    """What a configured node holds: map, taxonomy, weights, topics, transforms."""

    def __init__(self, node: LifecycleNode, parameters: Parameters, health: Health) -> None:
        self.taxonomy = Taxonomy.load(parameters.taxonomy)
        for name in parameters.class_filter:
            self.taxonomy.index(name)
        self.health = health
        health.device_note = ""
        self.mapper = ObjectMapper(
            VoxelMap(
                parameters.voxel_size,
                len(self.taxonomy),
                parameters.max_voxels,
                map_radius=parameters.map_radius or math.inf,
            ),
            self.taxonomy,
            self._loader(parameters),
            parameters.device,
            self._on_less_memory,
            parameters.max_memory or None,
        )
        health.device = self.mapper.device
        self.outputs = Outputs(node, self.taxonomy, parameters.map_frame)
        self.frames = Frames(node, parameters.map_frame)

    def _loader(self, parameters: Parameters) -> Callable[[str], InstanceSegmenter]:
        def load(device: str) -> InstanceSegmenter:
            # torch takes seconds to import: the node answers on the graph before that
            from mtml_ros.network.threads import set_threads
            from mtml_ros.segmentation.segmenter import InstanceSegmenter

            set_threads(number_of_threads(parameters.threads))
            weights = os.path.expanduser(parameters.weights) or None
            segmenter = InstanceSegmenter.load(weights, self.taxonomy, device)
            if abs(segmenter.voxel_size - parameters.voxel_size) > 1e-6:
                raise ConfigurationError(
                    f"voxel_size is {parameters.voxel_size} m, but the weights are made for "
                    f"{segmenter.voxel_size} m; set voxel_size to that, or other weights"
                )
            return segmenter

        return load

    def _on_less_memory(self, remedy: str) -> None:
        self.health.count("CUDA out of memory")
        self.health.log("out of memory", remedy)

    def close(self) -> None:
        """Takes the topics away, frees map and weights."""
        self.frames.close()
        self.outputs.close()
        del self.mapper
        free_memory()


class Active:
    """What an active node runs: subscriptions, ingestion, worker, timer."""

    def __init__(
        self,
        node: LifecycleNode,
        parameters: Callable[[], Parameters],
        configured: Configured,
        health: Health,
        steady: Clock,
    ) -> None:
        self.mapper = configured.mapper
        self.worker = Worker("segmentation")
        self._node = node
        self.outputs = configured.outputs
        self._newcomers: Future[None] | None = None
        self.outputs.on_newcomer = self._on_newcomer
        self.health = health
        self._parameters = parameters
        self._last_arrival: float | None = None
        self.frames = configured.frames
        fusion = Fusion(
            parameters, configured.taxonomy, configured.mapper.map, health, self._on_integrated
        )
        admission = Admission(
            parameters,
            lambda: node.get_clock().now().nanoseconds * 1e-9,
            lambda: self._on_jump(fusion),
        )
        self.ingestion = Ingestion(parameters, admission, configured.frames, fusion, health)
        self.ingestion.start()
        context = InputContext(node, parameters, configured.taxonomy, health, self.ingestion.take)
        self.input = resolve(INPUTS[parameters().input])(context)
        self.matcher = Matcher(
            node, list(self.input.subscriptions), lambda: parameters().input_reliability
        )
        self.outputs.forget()  # of what was sent while inactive nothing came
        self._on_newcomer()
        self._rate = parameters().segmentation_rate
        self._timer = node.create_timer(1 / self._rate, self._on_timer, clock=steady)

    def _on_integrated(self, arrived: float) -> None:
        self._last_arrival = arrived

    def _on_jump(self, fusion: Fusion) -> None:
        fusion.jump_back()
        self.frames.clear()
        self.health.count(
            "jumps back in time", 1, "time has jumped back; the map stays, stamps start again"
        )

    @property
    def waiting(self) -> int:
        """Clouds received, but neither integrated nor dropped yet."""
        return self.input.waiting + self.ingestion.waiting

    @property
    def topics(self) -> list[TopicState]:
        """What is heard, for the diagnostics."""
        return [subscription.state for subscription in self.input.subscriptions]

    def _on_newcomer(self) -> None:
        """Has newcomers served on the worker's thread; several that wait are one job."""
        waiting = self._newcomers
        if waiting is None or waiting.running() or waiting.done():
            with suppress(BusyError, RuntimeError):  # then the next update serves them
                self._newcomers = self.worker.submit("newcomers", self._try_catch_up)

    def _on_timer(self) -> None:
        self.worker.request_update(self.try_update)
        if self._rate != self._parameters().segmentation_rate:
            self._rate = self._parameters().segmentation_rate
            self._timer.timer_period_ns = int(1e9 / self._rate)

    def try_update(self) -> None:
        try:
            self.update()
        except Exception as error:
            if not self.worker.stopping:
                self.health.failed(f"segmentation failed: {error!r}")

    def _try_catch_up(self) -> None:
        try:
            self.outputs.catch_up()
        except Exception as error:
            if not self.worker.stopping:
                self.health.failed(f"publishing failed: {error!r}")

    def update(self, force: bool = False) -> int:
        """Segments and publishes, on the worker's thread; returns the number of objects."""
        # once a cloud: what is segmented again without a new one is not late
        started, arrived, self._last_arrival = time.monotonic(), self._last_arrival, None
        parameters = self._parameters()
        threshold, least = parameters.score_threshold, parameters.min_voxels
        self.health.segmentation_started()
        try:
            update = self.mapper.update(threshold if threshold >= 0 else None, least or None, force)
        finally:
            self.health.segmentation_ended()
            self.show_device()
        if self.worker.stopping:
            return 0
        if update is None:
            self.outputs.catch_up()
            return 0
        self.outputs.publish(update, parameters.class_filter)
        ended = time.monotonic()
        self.health.updated(ended - started, None if arrived is None else ended - arrived)
        return len(update.tracked)

    def reset(self) -> None:
        """Empties the map, on the worker's thread."""
        self.mapper.reset()
        self.show_device()

    def show_device(self) -> None:
        """Tells the diagnostics where the network runs now."""
        self.health.device, self.health.device_note = self.mapper.device, self.mapper.memory_note

    def close(self) -> None:
        """Ends the threads; one that is in a segmentation ends by itself later, unheard."""
        self._node.destroy_timer(self._timer)
        self.matcher.close()
        self.input.close()
        self.ingestion.stop(STOP_SECONDS / 2)
        self.worker.stop(STOP_SECONDS)


def summary(
    active: Active, configured: Configured, parameters: Parameters, health: Health
) -> list[str]:
    """Five lines for the log: what is heard, where, with what meaning, and by what."""
    topics = ", ".join(topic.topic for topic in active.topics if topic.needed)
    frames = {
        "tf2_ros": "tf2_ros is installed",
        "mtml_ros": "no tf2_ros, /tf and /tf_static are heard without it",
        "nobody": "neither tf2_ros nor tf2_msgs is installed: data has to be in the map frame",
    }[configured.frames.source]
    labels = f"taxonomy {parameters.taxonomy!r}, {len(configured.taxonomy)} classes"
    if parameters.input == "points":
        place = "topic 'labels'" if parameters.labels_source == "topic" else "the clouds"
        labels += f", ids in field {parameters.label_field!r} of {place}"
    return [
        f"input {parameters.input}: {topics}",
        f"map frame {parameters.map_frame!r}; {frames}",
        f"labels: {labels}",
        f"weights {parameters.weights or 'that ship'!r}, voxels of {parameters.voxel_size:g} m",
        f"segmenting at {parameters.segmentation_rate:g} Hz on {health.device} with "
        f"{number_of_threads(parameters.threads)} threads",
    ]
