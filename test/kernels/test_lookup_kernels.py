"""Keys looked up, taken apart and told apart, against numpy."""

import numpy as np
import pytest

from mtml_ros.core.kernels import kernels

NOTHING = np.zeros(0, np.int64)


@pytest.mark.parametrize("ascends", [True, False])
@pytest.mark.parametrize("size", [0, 1, 2, 7, 1000])
@pytest.mark.parametrize("wanted", [0, 1, 1000])
def test_find_is_numpys_search(ascends, size, wanted):
    rng = np.random.default_rng(size + wanted)
    for width in (3, 50, 5000):
        among = np.unique(rng.integers(-width, width, size))
        values = rng.integers(-width - 2, width + 2, wanted)
        values = np.sort(values) if ascends else values
        known, place = kernels.find(among, values)
        assert np.array_equal(known, np.isin(values, among))
        if len(among):
            expected = np.minimum(np.searchsorted(among, values), len(among) - 1)
            assert np.array_equal(place, expected)
        else:
            assert not place.any()


def test_indices_come_back_from_keys():
    bits, half = 21, 1 << 20
    rng = np.random.default_rng(0)
    indices = np.concatenate([rng.integers(-half, half, (1000, 3)), [[-half, half - 1, 0]]])
    keys = ((indices + half) << (bits * np.arange(2, -1, -1))).sum(axis=1)
    found = kernels.unpack(keys, bits)
    assert (found.dtype, np.array_equal(found, indices)) == (np.int32, True)
    assert kernels.unpack(NOTHING, bits).shape == (0, 3)


@pytest.mark.parametrize("shift", [0, 2, 4])
@pytest.mark.parametrize("extent", [3, 40, 1 << 20])
@pytest.mark.parametrize("size", [0, 1, 500])
def test_cells_are_numpys_distinct_rows(shift, extent, size):
    bits = 21
    indices = np.random.default_rng(size).integers(-extent, extent, (size, 3)).astype(np.int32)
    keys, which = kernels.cells(indices, shift, bits)
    expected, inverse = np.unique(indices >> shift, axis=0, return_inverse=True)
    assert np.array_equal(kernels.unpack(keys, bits), expected)
    assert np.array_equal(which, inverse.reshape(-1))


def test_rows_come_in_groups():
    rng = np.random.default_rng(0)
    for count in (0, 1, 5, 2000):
        group = rng.integers(-1, count, 1000)
        rows, starts = kernels.grouped(group, count)
        assert np.array_equal(rows, np.argsort(group, kind="stable")[(group < 0).sum() :])
        assert np.array_equal(np.diff(starts), np.bincount(group[group >= 0], minlength=count))
        assert (starts[0], starts[-1]) == (0, len(rows))


def test_fingerprints_tell_rows_keys_and_labels_apart():
    rng = np.random.default_rng(0)
    keys = np.unique(rng.integers(0, 1 << 62, 300))
    labels = rng.integers(0, 20, len(keys)).astype(np.uint8)
    rows = np.arange(0, len(keys), 2)
    same = kernels.fingerprint(keys, labels, rows)
    assert len(same) == 16
    elsewhere = labels.copy()
    elsewhere[1::2] += 1  # of no row that counts
    assert kernels.fingerprint(keys, elsewhere, rows) == same
    seen = {same, kernels.fingerprint(keys, labels, rows[:-1]),
            kernels.fingerprint(keys, labels, rows[::-1].copy()),
            kernels.fingerprint(keys, labels, NOTHING)}  # fmt: skip
    for row in rows.tolist():
        other, moved = labels.copy(), keys.copy()
        other[row] ^= 1
        moved[row] ^= 1 << (row % 62)
        seen |= {kernels.fingerprint(keys, other, rows), kernels.fingerprint(moved, labels, rows)}
    assert len(seen) == 4 + 2 * len(rows)


@pytest.mark.parametrize("rows", [[-1], [3]])
def test_rows_out_of_range_are_refused(rows):
    keys = np.arange(3)
    with pytest.raises(ValueError, match="rows: out of range"):
        kernels.fingerprint(keys, np.zeros(3, np.uint8), np.array(rows))


def test_arrays_that_do_not_fit_are_refused():
    two = np.zeros((2, 2), np.int64)
    with pytest.raises(ValueError, match="ascending"):
        kernels.find(two, NOTHING)
    with pytest.raises(ValueError, match="values"):
        kernels.find(NOTHING, np.arange(6)[::2])
    with pytest.raises(ValueError, match="bits"):
        kernels.unpack(NOTHING, 22)
    with pytest.raises(ValueError, match="indices"):
        kernels.cells(np.full((1, 3), 1 << 20, np.int32), 2, 21)
    with pytest.raises(ValueError, match="shift"):
        kernels.cells(np.zeros((1, 3), np.int32), 21, 21)
    for group in ([-2], [3]):
        with pytest.raises(ValueError, match="group"):
            kernels.grouped(np.array(group), 3)
    with pytest.raises(ValueError, match="labels"):
        kernels.fingerprint(np.arange(3), np.zeros(2, np.uint8), NOTHING)
