"""The compiled convolutions against a loop over pairs, on every instruction set."""

import numpy as np
import pytest

from mtml_ros.core.kernels import kernels

BITS = 18


def surface(count: int, seed: int = 0) -> np.ndarray:
    """Keys of voxels on a bumpy floor, more than one tile of them."""
    rng = np.random.default_rng(seed)
    x, y = np.divmod(np.arange(count), 17)
    z = 40 + rng.integers(0, 2, count)
    return np.sort((x + 32 << 2 * BITS) + (y + 32 << BITS) + z)


def convolved(x: np.ndarray, weight: np.ndarray, pairs, outputs: int) -> np.ndarray:
    """The definition, in double precision."""
    y = np.zeros((outputs, weight.shape[2]))
    for k, o, i in zip(*pairs):
        y[o] += x[i].astype(float) @ weight[k].astype(float)
    return y


def random(*shape: int, dtype: str = "f4", seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def test_neighbours_are_those_of_a_lookup_in_a_dictionary():
    keys = surface(300)
    place = {int(key): i for i, key in enumerate(keys)}
    wanted = set()
    for o, key in enumerate(keys.tolist()):
        for k in range(27):
            dx, dy, dz = k // 9 - 1, k // 3 % 3 - 1, k % 3 - 1
            i = place.get(key + (dx << 2 * BITS) + (dy << BITS) + dz)
            if i is not None:
                wanted.add((k, o, i))
    found = list(zip(*(a.tolist() for a in kernels.neighbor_map(keys).pairs())))
    assert set(found) == wanted
    assert len(found) == len(wanted)


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 5000])
def test_halving_gives_each_voxel_to_the_parent_with_half_its_coordinates(count):
    keys = surface(count)
    coarse, down, up = kernels.halved(keys)
    mask = (1 << BITS) - 1
    x, y, z = keys >> 2 * BITS, keys >> BITS & mask, keys & mask
    parents = (x // 2 << 2 * BITS) + (y // 2 << BITS) + z // 2
    wanted, parent = np.unique(parents, return_inverse=True)
    assert np.array_equal(coarse, wanted)
    element = 4 * (x % 2) + 2 * (y % 2) + z % 2
    k, o, i = down.pairs()
    assert len(i) == count
    assert np.array_equal(o, parent[i])
    assert np.array_equal(k, element[i])
    k, o, i = up.pairs()
    assert np.array_equal(np.sort(o), np.arange(count))
    assert np.array_equal(i, parent[o])
    assert np.array_equal(k, element[o])


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize(
    ("channels", "out"), [(1, 1), (3, 5), (21, 32), (32, 48), (7, 16), (2, 100)]
)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_convolution_is_the_sum_over_its_pairs(channels, out, dtype):
    neighbors = kernels.neighbor_map(surface(150))
    x, weight = random(150, channels, dtype=dtype), random(27, channels, out, dtype=dtype)
    y = np.full((150, out), np.nan, dtype=dtype)
    kernels.convolve(x, weight, neighbors, y)
    wanted = convolved(x, weight, neighbors.pairs(), 150)
    assert np.abs(y - wanted).max() < (1e-4 if dtype == "f4" else 1e-12)


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("several", [False, True])
def test_inputs_of_one_entry_a_row_are_convolved_and_derived_like_others(dtype, several):
    """Labels, one of 21 channels each or none; with several, one row at the end is not of them."""
    neighbors = kernels.neighbor_map(surface(150))
    x = np.zeros((150, 21), dtype=dtype)
    x[np.arange(140), np.random.default_rng(0).integers(0, 21, 140)] = 0.5
    x[149, :2] = 1.0 if several else 0.0
    weight, grad = random(27, 21, 32, dtype=dtype), random(150, 32, dtype=dtype, seed=1)
    y, gradient = np.empty((150, 32), dtype), np.empty((27, 21, 32), dtype)
    kernels.convolve(x, weight, neighbors, y)
    kernels.weight_gradient(x, grad, neighbors, gradient)
    tolerance = 1e-5 if dtype == "f4" else 1e-12
    np.testing.assert_allclose(y, convolved(x, weight, neighbors.pairs(), 150), atol=tolerance)
    wanted = np.zeros_like(gradient, dtype=float)
    for k, o, i in zip(*neighbors.pairs()):
        wanted[k] += np.outer(x[i].astype(float), grad[o].astype(float))
    np.testing.assert_allclose(gradient, wanted, atol=tolerance)


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_what_follows_a_convolution_is_scale_shift_residual_and_relu(dtype):
    neighbors = kernels.neighbor_map(surface(150))
    x, weight = random(150, 6, dtype=dtype), random(27, 6, 20, dtype=dtype)
    scale, shift, residual = (
        random(20, dtype=dtype),
        random(20, dtype=dtype),
        random(150, 20, dtype=dtype),
    )
    y = np.empty((150, 20), dtype=dtype)
    kernels.convolve(x, weight, neighbors, y, scale, shift, residual, relu=True)
    wanted = convolved(x, weight, neighbors.pairs(), 150) * scale + shift + residual
    assert np.abs(y - np.maximum(wanted, 0)).max() < (1e-4 if dtype == "f4" else 1e-12)
    assert (y == 0).any()


@pytest.mark.usefixtures("instruction_set")
def test_without_a_map_each_voxel_feeds_itself():
    x, weight = random(130, 9), random(1, 9, 20)
    y = np.empty((130, 20), dtype="f4")
    kernels.convolve(x, weight, None, y)
    np.testing.assert_allclose(y, x @ weight[0], atol=1e-4)
    gradient = np.empty((1, 9, 20), dtype="f4")
    kernels.weight_gradient(x, y, None, gradient)
    np.testing.assert_allclose(gradient[0], x.T @ y, rtol=1e-4, atol=1e-2)


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize(("channels", "out"), [(1, 1), (13, 5), (32, 32), (25, 48)])
def test_the_gradient_of_the_weights_is_the_sum_of_products_over_their_pairs(channels, out):
    _, down, _ = kernels.halved(surface(300))
    x, grad = random(down.inputs, channels), random(down.outputs, out)
    found = np.full((8, channels, out), np.nan, dtype="f4")
    kernels.weight_gradient(x, grad, down, found)
    wanted = np.zeros(found.shape)
    for k, o, i in zip(*down.pairs()):
        wanted[k] += np.outer(x[i].astype(float), grad[o].astype(float))
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_rows_may_be_slices_of_wider_ones():
    neighbors = kernels.neighbor_map(surface(150))
    wide, weight = random(150, 40), random(27, 16, 16)
    apart, together = np.zeros((150, 40), dtype="f4"), np.empty((150, 16), dtype="f4")
    kernels.convolve(wide[:, 10:26], weight, neighbors, apart[:, 5:21])
    kernels.convolve(np.ascontiguousarray(wide[:, 10:26]), weight, neighbors, together)
    assert np.array_equal(apart[:, 5:21], together)
    assert not apart[:, :5].any()
    assert not apart[:, 21:].any()


def test_the_number_of_threads_changes_no_bit(set_threads):
    keys = surface(5000)
    x, weight = random(5000, 24), random(27, 24, 32)
    results = []
    for threads in (1, 2, 5):
        set_threads(threads)
        neighbors = kernels.neighbor_map(keys)
        y, gradient = np.empty((5000, 32), dtype="f4"), np.empty((27, 24, 32), dtype="f4")
        kernels.convolve(x, weight, neighbors, y)
        kernels.weight_gradient(x, y, neighbors, gradient)
        results.append((*neighbors.pairs(), *kernels.halved(keys)[1].pairs(), y, gradient))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": random(150, 7)}, "x: not of shape"),
        ({"x": random(149, 6)}, "x: not of shape"),
        ({"x": random(6, 150).T}, "rows are not each without gaps"),
        ({"x": random(150, 6)[::-1]}, "rows are not each without gaps"),
        ({"weight": random(26, 6, 8)}, "weight"),
        ({"weight": random(27, 8, 6).transpose(0, 2, 1)}, "weight"),
        ({"out": random(150, 9)}, "out: not of shape"),
        ({"scale": random(9)}, "scale: not of shape"),
        ({"residual": random(150, 9)}, "residual: not of shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    arrays = {"x": random(150, 6), "weight": random(27, 6, 8), "out": random(150, 8)}
    with pytest.raises(ValueError, match=message):
        kernels.convolve(**{**arrays, **change}, map=kernels.neighbor_map(surface(150)))


def test_keys_out_of_order_and_arrays_of_another_type_are_refused():
    with pytest.raises(ValueError, match="ascending"):
        kernels.neighbor_map(surface(150)[::-1].copy())
    with pytest.raises(ValueError, match="ascending"):
        kernels.halved(np.array([5, 5]))
    with pytest.raises(TypeError):
        kernels.neighbor_map(surface(150).astype("i4"))
    with pytest.raises(TypeError):
        kernels.convolve(random(1, 1), random(1, 1, 1), None, random(1, 1, dtype="f8"))


@pytest.mark.parametrize("rows", [0, 1, 23, 24, 25, 200])
@pytest.mark.parametrize("hidden", [16, 21])
def test_perceptrons_are_the_mean_of_their_members_layers(rows, hidden):
    x = random(rows, 7)
    sizes = [(7, hidden), (hidden, 5), (5, 3)]
    weights = [random(4, *size, seed=i) for i, size in enumerate(sizes)]
    shifts = [random(4, size[1], seed=i) for i, size in enumerate(sizes)]
    wanted = np.zeros((rows, 3))
    for member in range(4):
        y = x.astype(float)
        for weight, shift in zip(weights, shifts):
            y = y @ weight[member] + shift[member]
            y = y if weight is weights[-1] else np.maximum(y, 0)
        wanted += y / 4
    found = kernels.perceptrons(x, weights, shifts)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_layers_of_perceptrons_that_do_not_fit_are_refused():
    x, weight, shift = random(3, 7), random(4, 7, 5), random(4, 5)
    for weights, shifts in [
        ([], []),
        ([weight], []),
        ([weight[:, 1:]], [shift]),
        ([weight, weight], [shift, shift]),
        ([weight, random(3, 5, 2)], [shift, random(3, 2)]),
        ([weight], [shift[1:]]),
    ]:
        with pytest.raises(ValueError, match=r"weights|shifts"):
            kernels.perceptrons(x, weights, shifts)
