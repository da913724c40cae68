"""Fuzzes the PointCloud2 decoder, guided by coverage: refused, or as the slow reader reads it.

pip install atheris hypothesis pytest
python fuzz/decode_cloud.py CORPUS_DIR -max_total_time=600 -max_len=400
"""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import atheris
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["mtml_ros"]):
    from mtml_ros.io.point_cloud2 import CloudError, decode_cloud, decode_labels

# decodes, reads the same message value by value in pure Python, and compares
check = runpy.run_path(str(ROOT / "test" / "io" / "test_point_cloud2_fuzz.py"))["check"]

NAMES = ["x", "y", "z", "label", "confidence", "rgb", ""]
EXTREMES = [0, 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1]


def one_input(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)

    def number(high: int) -> int:
        """Mostly small, so that clouds are often whole; now and then anything."""
        kind = provider.ConsumeIntInRange(0, 15)
        if kind == 0:
            return provider.PickValueInList(EXTREMES)
        if kind == 1:
            return provider.ConsumeUInt(4)
        return provider.ConsumeIntInRange(0, high)

    fields, offset = [], 0
    for i in range(provider.ConsumeIntInRange(0, 7)):
        usual = provider.ConsumeProbability() < 0.8
        name = NAMES[i % len(NAMES)] if usual else provider.PickValueInList(NAMES)
        datatype = (7 if i < 3 else provider.ConsumeIntInRange(1, 8)) if usual else number(9)
        count = 1 if provider.ConsumeProbability() < 0.9 else number(2)
        start = offset if provider.ConsumeProbability() < 0.9 else number(40)
        offset += {1: 1, 2: 1, 3: 2, 4: 2, 8: 8}.get(datatype, 4)
        fields.append(SimpleNamespace(name=name, offset=start, datatype=datatype, count=count))
    height, width, step = number(3), number(5), offset
    if provider.ConsumeProbability() < 0.2:
        step = number(48)
    row_step = width * step
    if provider.ConsumeProbability() < 0.2:
        row_step = number(240)
    is_bigendian, is_dense = provider.ConsumeBool(), provider.ConsumeBool()
    tamper = provider.ConsumeIntInRange(-8, 8) if provider.ConsumeBool() else 0
    payload = provider.ConsumeBytes(provider.remaining_bytes())
    length = height * row_step + tamper
    if 0 <= length <= 4096:  # whole clouds of what is left, repeated
        payload = (payload * (length // max(len(payload), 1) + 1) if payload else bytes(length))[
            :length
        ]
    msg = SimpleNamespace(
        height=height,
        width=width,
        fields=fields,
        is_bigendian=is_bigendian,
        point_step=step,
        row_step=min(row_step, 2**32 - 1),
        data=payload,
        is_dense=is_dense,
    )
    if check(msg) is None:  # accepted: the labels alone say the same
        cloud = decode_cloud(msg)
        assert np.array_equal(decode_labels(msg, cloud.kept), cloud.label)
    else:
        try:
            decode_labels(msg, np.ones(min(width * height, 1000), dtype=bool))
        except CloudError:
            return


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
