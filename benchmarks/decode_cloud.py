"""PointCloud2 to arrays: our decoder beside sensor_msgs_py's reader, or plain numpy without it."""

from __future__ import annotations

import array
import time
from collections.abc import Callable
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.lib.recfunctions import structured_to_unstructured

from mtml_ros.io.point_cloud2 import decode_cloud

COUNT = 1_000_000
ROUNDS = 7
_DATATYPES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8}


def run() -> list[dict[str, Any]]:
    """One row a layout, the times of both taken in turn."""
    packed = np.dtype([("x", "f4"), ("y", "f4"), ("z", "f4"), ("label", "u2")])
    pcl = np.dtype(
        {
            "names": ["x", "y", "z", "rgb", "label"],
            "formats": ["f4", "f4", "f4", "f4", "u4"],
            "offsets": [0, 4, 8, 16, 20],
            "itemsize": 32,
        }
    )
    double = np.dtype([("x", "f8"), ("y", "f8"), ("z", "f8"), ("label", "u1")])
    return [
        _compare("packed, 14 bytes a point", packed, missing=0.0),
        _compare("PCL's, 32 bytes a point", pcl, missing=0.0),
        _compare("PCL's, a third of the points NaN", pcl, missing=0.33),
        _compare("float64, 25 bytes a point", double, missing=0.0),
    ]


def _compare(case: str, dtype: Any, missing: float) -> dict[str, Any]:
    msg = _message(dtype, missing)
    name, other = _alternative(msg)
    ours_s, other_s = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        decoded = decode_cloud(msg)
        ours_s.append(time.perf_counter() - began)
        began = time.perf_counter()
        xyz, label = other()
        other_s.append(time.perf_counter() - began)
    same = np.array_equal(decoded.xyz, xyz) and np.array_equal(decoded.label, label)
    return {
        "case": f"{COUNT:,} points, {case}",
        "ours_s": median(ours_s),
        "alternative": name,
        "alternative_s": median(other_s),
        "times": median(other_s) / median(ours_s),
        "same": same,
    }


def _message(dtype: Any, missing: float) -> Any:
    """A sensor_msgs/PointCloud2 where there is one, else an object like it."""
    rng = np.random.default_rng(0)
    records = np.zeros(COUNT, dtype)
    for axis in "xyz":
        records[axis] = rng.uniform(-10, 10, COUNT)
        records[axis][rng.random(COUNT) < missing] = np.nan
    records["label"] = rng.integers(0, 40, COUNT)
    try:
        from sensor_msgs.msg import PointCloud2, PointField
    except ImportError:
        PointCloud2 = PointField = SimpleNamespace  # noqa: N806
    fields = [
        PointField(
            name=name,
            offset=int(dtype.fields[name][1]),
            datatype=_DATATYPES[dtype[name].str[1:]],
            count=1,
        )
        for name in dtype.names
    ]
    return PointCloud2(
        height=1,
        width=COUNT,
        fields=fields,
        is_bigendian=False,
        point_step=dtype.itemsize,
        row_step=COUNT * dtype.itemsize,
        data=array.array("B", records.tobytes()),
        is_dense=not missing,
    )


def _alternative(msg: Any) -> tuple[str, Callable[[], tuple[np.ndarray, np.ndarray]]]:
    """What one would write without our decoder; it checks nothing but NaN."""
    try:
        from sensor_msgs_py.point_cloud2 import read_points
    except ImportError:
        return "numpy structured array", lambda: _finite(_structured(msg))
    names = ["x", "y", "z", "label"]
    return "sensor_msgs_py.read_points", lambda: _finite(read_points(msg, names, skip_nans=True))


def _structured(msg: Any) -> np.ndarray:
    codes = {number: code for code, number in _DATATYPES.items()}
    dtype = np.dtype(
        {
            "names": [f.name for f in msg.fields],
            "formats": [codes[f.datatype] for f in msg.fields],
            "offsets": [f.offset for f in msg.fields],
            "itemsize": msg.point_step,
        }
    )
    return np.frombuffer(msg.data, dtype)


def _finite(records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    xyz = structured_to_unstructured(records[["x", "y", "z"]]).astype(np.float32)
    good = np.isfinite(xyz).all(axis=1)
    return xyz[good], records["label"][good].astype(np.int64)
