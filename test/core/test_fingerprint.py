"""fingerprint: any byte changes it, wherever it lies."""

import numpy as np

from mtml_ros.core.fingerprint import fingerprint


def test_value_is_the_check_value_of_crc_32() -> None:
    assert fingerprint(b"123456789") == 0xCBF43926  # ISO 3309's, as every CRC-32 is checked
    assert fingerprint(memoryview(bytearray(b"123456789"))) == 0xCBF43926


def test_clouds_with_the_same_borders_differ_by_any_point_within() -> None:
    """A camera's cloud has NaN at its borders: equal stamps, sizes and ends tell none apart."""
    cloud = np.full((480, 640, 4), np.nan, dtype=np.float32)
    seen = {fingerprint(memoryview(cloud).cast("B"))}
    for row, column in ((240, 320), (240, 321), (3, 5), (479, 639)):
        other = cloud.copy()
        other[row, column] = 1.0
        seen.add(fingerprint(memoryview(other).cast("B")))
    assert len(seen) == 5
