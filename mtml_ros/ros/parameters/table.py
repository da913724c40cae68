"""The node's parameters: one table that is declared, validated, documented and tested from.

Each field of `Parameters` is one ROS parameter; its annotation is its type, its default the
default, its metadata the rest. Nothing about a parameter is written anywhere else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, Literal

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.ros.parameters.inputs import INPUTS

Change = Literal["always", "unconfigured", "never"]
"""When a parameter may change: at any time, only while the node is unconfigured, or never."""

_MAX_TEXT = 4096
_TYPES = {"str": "string", "bool": "bool", "int": "integer", "float": "double",
          "tuple[str, ...]": "string array"}  # fmt: skip


@dataclass(frozen=True)
class Spec:
    """What is known of one parameter beside its name, type and default.

    low, high: inclusive range of a number. pattern: what a text must match, whole.
    choices: how the pattern is told to people.
    """

    description: str
    change: Change = "always"
    low: float | None = None
    high: float | None = None
    pattern: str | None = None
    choices: str = ""


def _parameter(default: Any, description: str, **spec: Any) -> Any:
    return field(default=default, metadata={"spec": Spec(description, **spec)})


def _one_of(*values: str) -> dict[str, str]:
    return {"pattern": "|".join(map(re.escape, values)), "choices": ", ".join(values)}


@dataclass(frozen=True)
class Parameters:
    """Values of all parameters, immutable, so that threads share it without locks."""

    # input
    input: str = _parameter(
        "points",
        "What comes in: points (PointCloud2 with labels), or depth (depth images, camera_info and "
        "label images).",
        change="unconfigured",
        **_one_of(*INPUTS),
    )
    cameras: tuple[str, ...] = _parameter(
        ("",),
        "Input depth: names of the cameras, whose topics are NAME/depth/image and so on; empty: "
        "one camera, depth/image.",
        change="unconfigured",
        pattern=r"|[A-Za-z_][A-Za-z0-9_/]{0,254}",
        choices="names of topics' namespaces",
    )
    sync_tolerance: float = _parameter(
        0.02,
        "Input depth: seconds that the stamps of a depth image and its label image may differ.",
        low=0.0,
        high=10.0,
    )
    max_range: float = _parameter(
        6.0,
        "Input depth: metres from the camera beyond which depth is left out.",
        low=0.1,
        high=1000.0,
    )
    labels_source: str = _parameter(
        "field",
        "Where labels come from: a field of the cloud, or the topic 'labels' (same stamp and "
        "number of points).",
        change="unconfigured",
        **_one_of("field", "topic"),
    )
    label_field: str = _parameter(
        "label",
        "Name of the PointCloud2 field that holds the label ids.",
        change="unconfigured",
        pattern=r"\S{1,64}",
        choices="a field name",
    )
    input_reliability: str = _parameter(
        "auto",
        "Reliability of the subscriptions: auto matches the publishers that are found.",
        **_one_of("auto", "reliable", "best_effort"),
    )
    queue_size: int = _parameter(
        10, "Clouds that may wait; when full the oldest is dropped and counted.", low=1, high=1000
    )
    max_cloud_points: int = _parameter(
        10_000_000, "Clouds with more points are refused.", low=1, high=50_000_000
    )
    max_cloud_age: float = _parameter(
        10.0,
        "Seconds; a cloud this much older than the newest one is stale and dropped. In replace "
        "mode any older cloud is.",
        low=0.0,
        high=1e6,
    )
    future_tolerance: float = _parameter(
        1.0,
        "Seconds; a cloud stamped further ahead of the node's clock is dropped.",
        low=0.0,
        high=1e6,
    )
    transform_timeout: float = _parameter(
        0.5,
        "Seconds that a cloud waits for the transform at its stamp; others are not held up.",
        low=0.0,
        high=60.0,
    )
    # map
    map_frame: str = _parameter(
        "map",
        "Frame of the map and of all output.",
        change="unconfigured",
        pattern=r"[^/\s]\S{0,255}",
        choices="a frame, no leading slash",
    )
    voxel_size: float = _parameter(
        0.1,
        "Edge of a voxel in metres; the weights are made for one size (0.1 for those that ship).",
        change="unconfigured",
        low=0.01,
        high=10.0,
    )
    map_mode: str = _parameter(
        "accumulate",
        "accumulate: each cloud adds to the map; replace: each cloud is the whole map.",
        **_one_of("accumulate", "replace"),
    )
    max_voxels: int = _parameter(
        2_000_000,
        "Bound on the map; when it is full the voxels seen longest ago make room.",
        change="unconfigured",
        low=1,
        high=100_000_000,
    )
    map_radius: float = _parameter(
        0.0,
        "Metres from the sensor beyond which the map is forgotten, so that it follows the robot "
        "(needs clouds in a sensor frame, and tf); 0: nothing is forgotten.",
        change="unconfigured",
        low=0.0,
        high=10_000.0,
    )
    clear_free_space: bool = _parameter(
        True,
        "Remove what the sensor sees through, so that objects carried away disappear (needs "
        "clouds in a sensor frame, and tf).",
    )
    map_directory: str = _parameter(
        "~/.ros/mtml_maps",
        "The only folder that save_map and load_map touch; the default one is followed by the "
        "node's namespace.",
        change="never",
        pattern=r"[^\0]+",
        choices="a folder",
    )
    max_map_files: int = _parameter(
        100,
        "Files that map_directory may hold; where there are as many, save_map only saves over one "
        "of them.",
        low=1,
        high=1_000_000,
    )
    # segmentation
    segmentation_rate: float = _parameter(
        1.0,
        "Hz (wall time) at which a changed map is segmented; the newest state where it is late.",
        low=0.01,
        high=30.0,
    )
    device: str = _parameter(
        "auto",
        "Where the network runs; auto takes CUDA where it works.",
        change="unconfigured",
        pattern=r"auto|cpu|cuda(:\d{1,2})?",
        choices="auto, cpu, cuda, cuda:N",
    )
    threads: int = _parameter(
        0,
        "Threads of a segmentation on the CPU; 0: all cores but one.",
        change="unconfigured",
        low=0,
        high=1024,
    )
    max_memory: float = _parameter(
        0.0,
        "Megabytes that a segmentation may take beside the map; larger regions are cut. 0: no "
        "more than a region takes anyway.",
        change="unconfigured",
        low=0.0,
        high=1e7,
    )
    weights: str = _parameter(
        "",
        "Path of a .safetensors file, or the name of one that ships; empty: the default one.",
        change="unconfigured",
        pattern=r"[^\0]*",
        choices="a path, a name or empty",
    )
    taxonomy: str = _parameter(
        "scannet",
        "Label set: the name of one that ships (`mtml taxonomy` lists them), or the path of a YAML "
        "file.",
        change="unconfigured",
        pattern=r"[^\0]+",
        choices="a name or a path",
    )
    score_threshold: float = _parameter(
        -1.0,
        "Instances that are less probably one object, whatever its class, are left out (see "
        "README, how ids behave: .1 and .2 may be added, .1 taken away); -1: the threshold chosen "
        "with the weights.",
        low=-1.0,
        high=1.0,
    )
    min_voxels: int = _parameter(
        0,
        "Instances with fewer voxels are left out; 0: the number chosen with the weights.",
        low=0,
        high=1_000_000,
    )
    classes: tuple[str, ...] = _parameter(
        ("",), "Names of the classes whose objects are published; empty: all that are things."
    )
    # node
    autostart: bool = _parameter(
        True,
        "Configure and activate at start; false where a lifecycle manager does so.",
        change="never",
    )

    @property
    def class_filter(self) -> frozenset[str]:
        """The names in `classes`; empty for all. ROS has no empty list, so "" counts as none."""
        return frozenset(c.strip() for c in self.classes) - {""}

    @property
    def camera_names(self) -> tuple[str, ...]:
        """The names in `cameras`, each once; one empty name where none is given."""
        return tuple(dict.fromkeys(c.strip("/") for c in self.cameras if c)) or ("",)

    def changed(self, values: Mapping[str, Any], configured: bool) -> Parameters:
        """These parameters with new, checked values.

        Raises ConfigurationError, with the reason, for an unknown name, a wrong type, a value out
        of its range, or one that may not change in the node's present state.
        """
        for name, value in values.items():
            spec = spec_of(name)
            if _plain(value) == _plain(getattr(self, name)):
                continue
            if spec.change == "never":
                raise ConfigurationError(f"{name} is set at start and cannot change")
            if spec.change == "unconfigured" and configured:
                raise ConfigurationError(
                    f"{name} can change only while the node is unconfigured (deactivate, clean up)"
                )
        return replace(self, **{name: checked(name, value) for name, value in values.items()})


_FIELDS: dict[str, Field[Any]] = {f.name: f for f in fields(Parameters)}


def names() -> tuple[str, ...]:
    """All parameters, in the table's order."""
    return tuple(_FIELDS)


def spec_of(name: str) -> Spec:
    """ConfigurationError for a name that is no parameter."""
    if name not in _FIELDS:
        raise ConfigurationError(f"no parameter {name!r}; there are: {', '.join(_FIELDS)}")
    spec: Spec = _FIELDS[name].metadata["spec"]
    return spec


def type_of(name: str) -> str:
    """ROS's word for the type: string, bool, integer, double or string array."""
    return _TYPES[str(_FIELDS[name].type)]


def default_of(name: str) -> Any:
    """The default as a plain ROS value (a list for arrays)."""
    return _plain(_FIELDS[name].default)


def limits_of(name: str) -> str:
    """The values that a parameter may have, in words; empty for any."""
    spec = spec_of(name)
    if spec.low is None or spec.high is None:
        return spec.choices
    low, high = (f"{v:,.0f}" if v == int(v) else f"{v:g}" for v in (spec.low, spec.high))
    return f"{low} to {high}"


def checked(name: str, value: Any) -> Any:
    """The value as `Parameters` holds it; ConfigurationError where it is none for `name`."""
    spec, kind = spec_of(name), type_of(name)
    if kind == "string array":
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            raise ConfigurationError(f"{name} must be a {kind}, not {_shown(value)}")
        for text in value:
            _check_text(name, spec, text)
        return tuple(value)
    wanted: type = {"string": str, "bool": bool, "integer": int, "double": float}[kind]
    if type(value) is not wanted:
        raise ConfigurationError(f"{name} must be a {kind}, not {_shown(value)}")
    if isinstance(value, str):
        _check_text(name, spec, value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(f"{name} must be finite, not {value}")
    if isinstance(value, (int, float)) and not _inside(spec, value):
        raise ConfigurationError(f"{name} must be from {limits_of(name)}, not {value}")
    return value


def _inside(spec: Spec, value: float) -> bool:
    return spec.low is None or spec.high is None or spec.low <= value <= spec.high


def _check_text(name: str, spec: Spec, text: str) -> None:
    if len(text) > _MAX_TEXT:
        raise ConfigurationError(f"{name}: a text of {len(text)} characters is too long")
    if spec.pattern is not None and not re.fullmatch(spec.pattern, text):
        raise ConfigurationError(f"{name} must be {spec.choices}, not {_shown(text)}")


def _shown(value: Any) -> str:
    return f"{value!r:.80}"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
