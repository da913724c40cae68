"""LiveScene: voxels and objects in a browser, as they change (viser)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.visualization.colors import instance_colors, score_colors
from mtml_ros.visualization.picture import CUT_HEIGHT

MODES = ("instance", "class", "score")


@dataclass(frozen=True)
class Voxels:
    """centers: (V, 3) float32 metres. labels: (V,) uint8 class indices. instance: (V,) int64, -1
    for none. score: (V,) float32. edge: metres."""

    centers: np.ndarray
    labels: np.ndarray
    instance: np.ndarray
    score: np.ndarray
    edge: float

    @staticmethod
    def none(edge: float) -> Voxels:
        """An empty map's."""
        empty = np.zeros(0, np.int64)
        return Voxels(np.zeros((0, 3), np.float32), empty.astype(np.uint8), empty,
                      empty.astype(np.float32), edge)  # fmt: skip

    def colors(self, mode: str, taxonomy: Taxonomy) -> np.ndarray:
        """(V, 3) uint8 by one of MODES."""
        if mode == "class":
            return taxonomy.colors[self.labels]
        if mode == "score":
            grey = instance_colors(np.array([-1]))
            return np.where((self.instance >= 0)[:, None], score_colors(self.score), grey)
        return instance_colors(self.instance)


class LiveScene:
    """A server whose page shows the last voxels and objects; safe to use from several threads.

    host, port: where it listens; another port is taken where this one is in use (see `port`).
    Raises ConfigurationError where viser is not installed.
    """

    def __init__(self, taxonomy: Taxonomy, host: str = "127.0.0.1", port: int = 8080) -> None:
        try:
            import viser
        except ImportError as error:
            raise ConfigurationError(
                "the live view needs viser: pip install 'mtml_ros[live]'"
            ) from error
        self._taxonomy = taxonomy
        self._lock = threading.Lock()
        self._voxels: Voxels | None = None
        self._objects: Sequence[ObjectRecord] = ()
        self._shown: dict[str, Any] = {}
        self._cloud: Any = None
        self._server = viser.ViserServer(host=host, port=port, verbose=False)
        self._server.scene.set_up_direction("+z")
        gui = self._server.gui
        self._mode = gui.add_dropdown("colour by", MODES)
        self._boxes = gui.add_checkbox("boxes", True)
        self._names = gui.add_checkbox("names", True)
        self._cut = gui.add_slider("surroundings up to (m)", 0.0, 5.0, 0.1, CUT_HEIGHT)
        self._summary = gui.add_markdown("waiting for the node")
        for control in (self._mode, self._boxes, self._names, self._cut):
            control.on_update(lambda _: self._draw())

    @property
    def port(self) -> int:
        return int(self._server.get_port())

    def show_voxels(self, voxels: Voxels) -> None:
        """Takes the place of the voxels before."""
        if len(voxels.centers):  # where pages begin that are opened from now on
            low, high = np.percentile(voxels.centers, (1, 99), axis=0)
            reach = float(np.linalg.norm(high - low))
            camera = self._server.initial_camera
            camera.look_at = (low + high) / 2
            camera.position = (low + high) / 2 + reach * np.array([0.45, -0.45, 0.55])
        self._voxels = voxels
        self._draw()

    def show_objects(self, objects: Sequence[ObjectRecord]) -> None:
        """Takes the place of the objects before."""
        self._objects = list(objects)
        self._draw()

    def close(self) -> None:
        self._server.stop()

    def _draw(self) -> None:
        with self._lock, self._server.atomic():
            voxels = self._voxels
            if voxels is None or not len(voxels.centers):
                if self._cloud is not None:
                    self._cloud.remove()
                self._cloud = None
            else:
                height = voxels.centers[:, 2] - np.percentile(voxels.centers[:, 2], 1)
                shown_voxels = (voxels.instance >= 0) | (height <= self._cut.value)
                self._cloud = self._server.scene.add_point_cloud(
                    "/voxels",
                    voxels.centers[shown_voxels],
                    voxels.colors(self._mode.value, self._taxonomy)[shown_voxels],
                    point_size=voxels.edge,
                    point_shape="square",
                )
            shown: dict[str, Any] = {}
            for o in self._objects:
                half = o.box.yaw / 2
                turn = (float(np.cos(half)), 0.0, 0.0, float(np.sin(half)))
                color = instance_colors(np.array([o.id]))[0]
                if self._boxes.value:
                    shown[f"/boxes/{o.id}"] = self._server.scene.add_box(
                        f"/boxes/{o.id}", color, tuple(o.box.size), wireframe=True,
                        wxyz=turn, position=tuple(o.box.center),
                    )  # fmt: skip
                if self._names.value:
                    top = np.asarray(o.box.center) + np.array([0, 0, o.box.size[2] / 2])
                    shown[f"/names/{o.id}"] = self._server.scene.add_label(
                        f"/names/{o.id}", f"{o.id} {o.class_name}", position=tuple(top)
                    )
            for name in self._shown.keys() - shown.keys():
                self._shown[name].remove()
            self._shown = shown
            count = 0 if voxels is None else len(voxels.centers)
            self._summary.content = f"{len(self._objects)} objects in {count:,} voxels"
