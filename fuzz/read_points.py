"""Fuzzes the readers of .ply, .pcd and .npz files, guided by coverage: a cloud or an InputError.

pip install atheris
python fuzz/read_points.py CORPUS_DIR -max_total_time=600 -max_len=1000
"""

import struct
import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["mtml_ros"]):
    from mtml_ros.core.errors import InputError
    from mtml_ros.io.point_files import read_points, write_points

FOLDER = Path(tempfile.mkdtemp())
XYZ = np.array([[1.0, 2.0, 3.0], [-4.5, 0.25, 1e-3]], dtype=np.float32)
LABEL = np.array([5, 40])


def whole_files() -> list[tuple[str, bytes]]:
    files = []
    for suffix in (".ply", ".npz"):
        write_points(FOLDER / f"whole{suffix}", XYZ, LABEL, LABEL, XYZ[:, 0])
        files.append((suffix, (FOLDER / f"whole{suffix}").read_bytes()))
    np.savez(FOLDER / "stored.npz", xyz=XYZ, label=LABEL, features=XYZ)
    files.append((".npz", (FOLDER / "stored.npz").read_bytes()))
    files.append(
        (".ply", b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\n"
         b"property float z\nproperty int label\nelement face 1\n"
         b"property list uchar int vertex_indices\nend_header\n1 2 3 4\n5 6 7 8\n3 0 1 1\n")
    )  # fmt: skip
    header = (
        b"# .PCD v0.7\nVERSION 0.7\nFIELDS x y z label\nSIZE 4 4 4 4\nTYPE F F F U\n"
        b"COUNT 1 1 1 1\nWIDTH 2\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 2\nDATA "
    )
    files.append((".pcd", header + b"ascii\n1 2 3 4\nnan 0 0 5\n"))
    files.append((".pcd", header + b"binary\n" + bytes(32)))
    packed = b"\x00\x00\xe0\x16\x00"  # a zero, and 29 + 2 more
    files.append((".pcd", header + b"binary_compressed\n" + struct.pack("<II", 5, 32) + packed))
    return files


WHOLE = whole_files()


def one_input(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    suffix, whole = provider.PickValueInList(WHOLE)
    if provider.ConsumeProbability() < 0.3:
        content = provider.ConsumeBytes(provider.remaining_bytes())
    else:
        damaged = bytearray(whole)
        for _ in range(provider.ConsumeIntInRange(0, 6)):
            at = provider.ConsumeIntInRange(0, len(damaged))
            patch = provider.ConsumeBytes(provider.ConsumeIntInRange(0, 12))
            damaged[at : at + provider.ConsumeIntInRange(0, 12)] = patch
        content = bytes(damaged)
    path = FOLDER / f"fuzzed{suffix}"
    path.write_bytes(content)
    try:
        cloud = read_points(path)
    except InputError as error:
        if str(path) not in str(error) or len(str(error)) > 10_000:
            raise RuntimeError("an error that names no file, or tells too much") from error
        return
    assert cloud.xyz.shape == (len(cloud), 3)
    assert len(cloud) >= 1
    for column in (cloud.label, cloud.instance, cloud.score, cloud.features):
        assert column is None or len(column) == len(cloud)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
