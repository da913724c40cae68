"""FollowedVoxels: the map's voxels as a node shows them, kept by what it says has changed."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import PointCloud2

from mtml_ros.core.errors import InputError
from mtml_ros.core.sorted_keys import is_in
from mtml_ros.core.voxels import voxel_keys
from mtml_ros.msg import PointsUpdate
from mtml_ros.ros.output.encode import VOXEL


class FollowedVoxels:
    """Applies the messages of `~/points_updates` (subscribe with qos.CHANGES), one after another.

    records: (V,) VOXEL, what `~/points` holds, once `complete`; in the order of x, then y, then z.
    """

    def __init__(self) -> None:
        self.records = np.zeros(0, VOXEL)
        self.complete = False
        self._keys = np.zeros(0, np.int64)
        self._number = 0

    def apply(self, msg: PointsUpdate) -> bool:
        """Takes a message in; whether all is known. Where messages were missed it is not any more:
        subscribe again. Raises InputError, nothing changed, where a cloud is malformed."""
        changed = voxels_of(msg.points)
        keys = _keys(changed, msg.voxel_size)
        removed = _keys(_read(msg.removed, np.dtype([(n, "<f4") for n in "xyz"])), msg.voxel_size)
        follows = self.complete and msg.number == self._number + 1
        self._number, self.complete = msg.number, follows or msg.complete
        if msg.complete:
            self.records, self._keys = changed, keys
        elif follows:
            stays = ~is_in(self._keys, np.sort(np.concatenate([keys, removed])))
            all_keys = np.concatenate([self._keys[stays], keys])
            order = np.argsort(all_keys, kind="stable")
            self.records = np.concatenate([self.records[stays], changed])[order]
            self._keys = all_keys[order]
        return self.complete


def voxels_of(cloud: PointCloud2) -> np.ndarray:
    """(V,) VOXEL: the points of `~/points`. Raises InputError where it is another cloud."""
    return _read(cloud, VOXEL)


def _keys(points: np.ndarray, voxel_size: float) -> np.ndarray:
    xyz = np.stack([points[axis] for axis in "xyz"], axis=1)
    return voxel_keys(xyz, float(np.format_float_positional(np.float32(voxel_size))))


def _read(cloud: PointCloud2, type_: np.dtype) -> np.ndarray:
    size = cloud.width * cloud.height * type_.itemsize
    if [f.name for f in cloud.fields] != list(type_.names or ()) or len(cloud.data) != size:
        raise InputError("the cloud is none of those that instance_segmentation publishes")
    return np.frombuffer(cloud.data, type_)
