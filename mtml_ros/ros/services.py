"""The node's services; each answers within two seconds, if only to say that the node is busy."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.lifecycle import LifecycleNode
from rclpy.task import Future
from std_srvs.srv import Trigger

from mtml_ros.core.errors import MtmlError
from mtml_ros.mapping.map_file import inside_folder
from mtml_ros.ros.output.encode import encode_instance, encode_points
from mtml_ros.ros.parameters import table
from mtml_ros.ros.parameters.table import Parameters
from mtml_ros.ros.states import Active
from mtml_ros.srv import GetObject, MapFile

ANSWER_SECONDS = 1.0
"""After which a request is told that the node is busy. The answer has to be there within two: the
rest is for a cloud of a hundred megabytes, which rclpy takes without letting any thread go on."""

Submitted = concurrent.futures.Future[str]


class Services:
    """Offers ~/segment, ~/reset_map, ~/save_map, ~/load_map and ~/get_object.

    active: what an active node runs, None while it is not. steady: for what takes wall time.
    """

    def __init__(
        self,
        node: LifecycleNode,
        active: Callable[[], Active | None],
        parameters: Callable[[], Parameters],
        steady: Clock,
    ) -> None:
        self._node = node
        self._active = active
        self._parameters = parameters
        self._steady = steady
        # a group of their own: a request that waits for the worker holds up its whole group
        self._group = ReentrantCallbackGroup()
        for type_, name, callback in (
            (Trigger, "segment", self._on_segment),
            (Trigger, "reset_map", self._on_reset_map),
            (MapFile, "save_map", self._on_save_map),
            (MapFile, "load_map", self._on_load_map),
            (GetObject, "get_object", self._on_get_object),
        ):
            node.create_service(type_, f"~/{name}", callback, callback_group=self._group)

    @property
    def map_folder(self) -> Path:
        """Where maps lie: robots in namespaces do not share the default folder."""
        folder = Path(self._parameters().map_directory).expanduser()
        if self._parameters().map_directory == table.default_of("map_directory"):
            return folder.joinpath(*self._node.get_namespace().strip("/").split("/"))
        return folder

    async def _on_segment(self, _: Any, response: Any) -> Any:
        def submit(active: Active) -> Submitted:
            def job() -> str:
                return f"{active.update(force=True)} objects"

            return active.worker.request_update(job, forced=True)

        return await self._answer(submit, response, shared=True)

    async def _on_reset_map(self, _: Any, response: Any) -> Any:
        def submit(active: Active) -> Submitted:
            def job() -> str:
                active.reset()
                active.try_update()  # the map is empty, whether that can be shown or not
                return "the map is empty"

            return active.worker.submit("reset_map", job)

        return await self._answer(submit, response)

    async def _on_save_map(self, request: Any, response: Any) -> Any:
        def submit(active: Active) -> Submitted:
            def job() -> str:
                folder = self.map_folder
                folder.mkdir(parents=True, exist_ok=True)
                path = inside_folder(folder, request.filename, self._parameters().max_map_files)
                active.mapper.save(path)
                return f"saved {path.name}, {len(active.mapper.map)} voxels"

            return active.worker.submit("save_map", job)

        return await self._answer(submit, response)

    async def _on_load_map(self, request: Any, response: Any) -> Any:
        def submit(active: Active) -> Submitted:
            def job() -> str:
                active.mapper.restore(inside_folder(self.map_folder, request.filename))
                active.worker.request_update(active.try_update)
                return f"loaded {request.filename}, {len(active.mapper.map)} voxels"

            return active.worker.submit("load_map", job)

        return await self._answer(submit, response)

    def _on_get_object(self, request: Any, response: Any) -> Any:
        active = self._active()
        found = active.outputs.get_object(request.id) if active is not None else None
        if found is None:
            response.success = False
            response.message = (
                "the node is not active"
                if active is None
                else f"the latest result has no object {request.id}"
            )
            return response
        response.success = True
        header, record, xyz = found
        response.header = header
        response.object = encode_instance(record)
        response.points = encode_points(xyz, header)
        return response

    async def _answer(
        self, submit: Callable[[Active], Submitted], response: Any, shared: bool = False
    ) -> Any:
        """Waits for a job on the worker's thread, not for long; the executor goes on meanwhile.

        shared: others may wait for the same job, so that it is not withdrawn.
        """
        active = self._active()
        if active is None:
            response.success, response.message = False, "the node is not active"
            return response
        try:
            job = submit(active)
        except MtmlError as error:
            response.success, response.message = False, str(error)
            return response
        if not await self._done_in_time(job):
            waits_for = active.worker.running
            withdrawn = not shared and job.cancel()
            response.success = False
            response.message = f"busy, {waits_for}; " + (
                "nothing was done, ask again" if withdrawn else "it goes on without an answer"
            )
            return response
        try:
            response.success, response.message = True, job.result()
        except concurrent.futures.CancelledError:
            response.success, response.message = False, "the node was deactivated meanwhile"
        except (MtmlError, OSError) as error:
            response.success, response.message = False, str(error)
        except Exception as error:
            active.health.failed(repr(error))
            response.success, response.message = False, repr(error)
        return response

    async def _done_in_time(self, job: Submitted) -> bool:
        executor = self._node.executor
        woken: Future = Future(executor=executor)

        def wake(_: Any = None) -> None:
            woken.set_result(None)
            if executor is not None:
                executor.wake()

        timer = self._node.create_timer(
            ANSWER_SECONDS, wake, callback_group=self._group, clock=self._steady
        )
        job.add_done_callback(wake)
        await woken
        self._node.destroy_timer(timer)
        return job.done()
