"""Fuzzes the map loader, guided by coverage: a map that works, or a MapFileError and no change.

    pip install atheris
    python fuzz/load_map.py CORPUS_DIR -max_total_time=600 -max_len=1000 -len_control=0

Half of the inputs are bytes in place of a file; the others are arrays and metadata of any kind in
a file whose checksum is right, which reach what lies behind it.
"""

import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np
import safetensors.numpy

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["mtml_ros"]):
    from mtml_ros.core.checksum import content_checksum
    from mtml_ros.core.errors import MapFileError
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.core.voxels import LabeledPoints, pack_keys
    from mtml_ros.mapping import map_file
    from mtml_ros.mapping.voxel_map import VoxelMap

FOLDER = Path(tempfile.mkdtemp())
FILE, SAVED = FOLDER / "fuzzed.map", FOLDER / "saved.map"
TAXONOMY = Taxonomy.toy()
MAX_VOXELS = 50
POINTS = LabeledPoints(
    np.array([[0, 0, 0], [1, 1, 1], [2, 0, 1]], dtype=np.float32), np.array([1, 2, 0], np.uint8)
)
TYPES = ["<i8", "<f4", "u1", "<f8", "<i4", "<u2", "?"]
SHAPES = [(), (0,), (1,), (2,), (3,), (3, 5), (2, 5), (3, 1), (60,), (60, 5)]


def a_map() -> VoxelMap:
    voxel_map = VoxelMap(0.1, len(TAXONOMY), MAX_VOXELS)
    voxel_map.integrate(POINTS, 5.0)
    return voxel_map


a_map().save(SAVED, TAXONOMY, {"ids": np.arange(3)})
WHOLE = SAVED.read_bytes()
ARRAYS = map_file.read_map(SAVED, 0.1, TAXONOMY, 1 << 20)
ABOUT = map_file._about(0.1, TAXONOMY)


def damaged(provider: atheris.FuzzedDataProvider) -> bytes:
    """A saved map with some of its bytes replaced, removed or added."""
    content = bytearray(WHOLE)
    for _ in range(provider.ConsumeIntInRange(0, 4)):
        at = provider.ConsumeIntInRange(0, len(content))
        patch = provider.ConsumeBytes(provider.ConsumeIntInRange(0, 12))
        content[at : at + provider.ConsumeIntInRange(0, 12)] = patch
    return bytes(content[: provider.ConsumeIntInRange(0, len(content))])


def foreign(provider: atheris.FuzzedDataProvider) -> bytes:
    """A file with a right checksum over arrays and metadata that no map has."""
    arrays, about = dict(ARRAYS), dict(ABOUT)
    for _ in range(provider.ConsumeIntInRange(0, 4)):
        name = provider.PickValueInList([*ARRAYS, "map.other", "extra.", "extra.big", ""])
        if provider.ConsumeProbability() < 0.2:
            arrays.pop(name, None)
            continue
        if name in ARRAYS and provider.ConsumeBool():
            values = ARRAYS[name].copy()
            bytes_ = values.reshape(-1).view(np.uint8)
            if bytes_.size:
                for _ in range(provider.ConsumeIntInRange(1, 8)):
                    at = provider.ConsumeIntInRange(0, bytes_.size - 1)
                    bytes_[at] = provider.ConsumeIntInRange(0, 255)
            arrays[name] = values
        elif name == "map.keys" and provider.ConsumeBool():
            corners = [provider.ConsumeIntInRange(-(1 << 20), 1 << 20) for _ in range(9)]
            arrays[name] = np.sort(pack_keys(np.array(corners).reshape(3, 3)))
        else:
            dtype = np.dtype(provider.PickValueInList(TYPES))
            shape = provider.PickValueInList(SHAPES)
            raw = provider.ConsumeBytes(int(np.prod(shape)) * dtype.itemsize)
            raw += bytes(int(np.prod(shape)) * dtype.itemsize - len(raw))
            arrays[name] = np.frombuffer(raw, dtype).reshape(shape)
    if provider.ConsumeProbability() < 0.3:
        key = provider.PickValueInList([*ABOUT, "checksum", "other"])
        about[key] = provider.ConsumeUnicodeNoSurrogates(20)
    return safetensors.numpy.save(arrays, {**about, "checksum": content_checksum(arrays, about)})


def one_input(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    kind = provider.ConsumeIntInRange(0, 3)
    if kind == 0:
        content = provider.ConsumeBytes(provider.remaining_bytes())
        if provider.ConsumeBool():  # behind a length that is right
            content = len(content).to_bytes(8, "little") + content
    elif kind == 1:
        content = damaged(provider)
    else:
        content = foreign(provider)
    FILE.write_bytes(content)

    voxel_map = a_map()
    before, revision = voxel_map.snapshot(), voxel_map.revision
    try:
        extra = voxel_map.load(FILE, TAXONOMY)
    except MapFileError as error:
        if str(FILE) not in str(error) or len(str(error)) > 3000:
            raise RuntimeError("an error that names no file, or tells too much") from error
        assert voxel_map.snapshot() is before
        assert voxel_map.revision == revision
        return
    assert all(isinstance(values, np.ndarray) for values in extra.values())
    assert len(voxel_map) <= MAX_VOXELS
    loaded = voxel_map.snapshot()
    assert loaded.labels.max(initial=0) <= len(TAXONOMY)
    # and it goes on working: later clouds, another save, and that one is whole
    for i in range(3):
        voxel_map.integrate(POINTS, 6.0 + i, np.array([0.0, 0.0, 3.0]))
    assert np.isfinite(voxel_map.snapshot().centers).all()
    voxel_map.save(SAVED, TAXONOMY)
    a_map().load(SAVED, TAXONOMY)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
