"""What a simulated depth camera sees, against the same rule in numpy, pixel by pixel."""

import math

import numpy as np
import pytest

from mtml_ros.core.kernels import kernels

NEAR = kernels.NEAR_PIXELS
BLIND, MAX_TOLERANCE, BEHIND, EDGE = 0.06, 0.4, 0.02, 0.25
RANGE, GRAZING = (0.35, 4.0), 0.1


def patches(count, seed):
    """Squares about the origin, turned at random, with samples on each."""
    rng = np.random.default_rng(seed)
    across = np.linalg.qr(rng.standard_normal((count, 3, 3)))[0].astype(np.float32)
    half = rng.uniform(0.05, 0.8, count).astype(np.float32)
    center = rng.uniform(-2.5, 2.5, (count, 3)).astype(np.float32)
    each = rng.integers(0, 300, count)
    share = rng.uniform(-1, 1, (each.sum(), 2, 1)).astype(np.float32)
    of = np.repeat(np.arange(count), each)
    xyz = center[of] + half[of, None] * (share * across[of, :2]).sum(axis=1)
    normal = np.ascontiguousarray(across[:, 2])
    offset = (normal * center).sum(axis=1)
    starts = np.append(0, np.cumsum(each)).astype(np.int64)
    return xyz, starts, normal, offset, center, np.float32(math.sqrt(2)) * half


def axes_of(yaw, pitch):
    c, s, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    forward, right = np.array([c * cp, s * cp, sp]), np.array([s, -c, 0.0])
    return np.stack([right, np.cross(forward, right), forward]).astype(np.float32)


def around(image):
    """(4, rows, columns) the four neighbours of each pixel, itself at the ends."""
    padded = np.pad(image, 1, mode="edge")
    sides = (np.s_[:-2, 1:-1], np.s_[2:, 1:-1], np.s_[1:-1, :-2], np.s_[1:-1, 2:])
    return np.stack([padded[side] for side in sides])


def without_holes(depth, owner):
    next_depth, next_owner = around(depth), around(owner)
    farthest = next_depth.argmax(axis=0)[None]
    worst = np.take_along_axis(next_depth, farthest, axis=0)[0]
    its_owner = np.take_along_axis(next_owner, farthest, axis=0)[0]
    hole = depth > worst + np.float32(EDGE / 2)
    return np.where(hole, worst, depth), np.where(hole, its_owner, owner)


def reference(xyz, starts, normal, offset, position, axes, shape, pixel):
    """Indices, depths and edges of the samples seen, all in order."""
    patch = np.repeat(np.arange(len(offset)), np.diff(starts))
    x, y, z = ((xyz - position) @ axes.T).T
    rows, columns = shape
    wide, high = columns * pixel / 2, rows * pixel / 2
    inside = (z > BLIND) & (z < RANGE[1]) & (abs(x) < wide * z) & (abs(y) < high * z)
    inside &= (normal @ position > offset)[patch]
    which = np.flatnonzero(inside)
    column = ((x[which] / z[which] + wide) / pixel).astype(int).clip(max=columns - 1)
    row = ((y[which] / z[which] + high) / pixel).astype(int).clip(max=rows - 1)
    depth, owner = np.full(shape, np.inf, np.float32), np.zeros(shape, int)
    for i, r, c in zip(which, row, column):
        if z[i] <= depth[r, c]:
            depth[r, c], owner[r, c] = z[i], patch[i]
    depth, owner = without_holes(depth, owner)
    coarse = np.full((rows // NEAR, columns // NEAR), np.inf, np.float32)
    coarse_owner = np.zeros(coarse.shape, int)
    for r, c in np.ndindex(shape):
        block = r // NEAR, c // NEAR
        if depth[r, c] < min(RANGE[1] / 2, coarse[block]):
            coarse[block], coarse_owner[block] = depth[r, c], owner[r, c]
    coarse, coarse_owner = without_holes(coarse, coarse_owner)
    for r, c in np.ndindex(shape):
        block = r // NEAR, c // NEAR
        if np.isfinite(coarse[block]):
            depth[r, c], owner[r, c] = coarse[block], coarse_owner[block]
    front, hider = depth[row, column], owner[row, column]
    near = z[which]
    height = (normal[hider] * xyz[which]).sum(axis=1)
    seen = (height > offset[hider] - BEHIND) | (near < front + BEHIND)
    seen &= (near <= front + MAX_TOLERANCE) & (near > RANGE[0])
    ray = xyz[which] - position
    facing = -(normal[patch[which]] * ray).sum(axis=1)
    seen &= facing > GRAZING * np.linalg.norm(ray, axis=1)
    edge = near > around(depth).min(axis=0)[row, column] + EDGE
    return which[seen], near[seen], edge[seen]


@pytest.mark.parametrize("count", [1, 40, 400])
@pytest.mark.parametrize("shape", [(NEAR, NEAR), (30, 42), (60, 81)])
def test_sees_what_the_rule_says(count, shape):
    xyz, starts, normal, offset, center, radius = patches(count, count)
    pixel = 1.6 / shape[1]
    for k in range(4):
        position = np.array([0.5 * k - 1, 0.3, 0.2 * k], np.float32)
        axes = axes_of(1.7 * k, 0.2 * k - 0.3)
        sample, depth, edge = kernels.see(
            xyz, starts, normal, offset, center, radius, position, axes, shape, pixel, RANGE,
            GRAZING,
        )  # fmt: skip
        assert (sample.dtype, depth.dtype, edge.dtype) == (np.int64, np.float32, bool)
        wanted, wanted_depth, wanted_edge = reference(
            xyz, starts, normal, offset, position, axes, shape, pixel
        )
        # sums in another order: a sample at a limit may fall to its other side
        assert len(np.setxor1d(sample, wanted)) <= len(wanted) // 1000
        _, mine, its = np.intersect1d(sample, wanted, return_indices=True)
        np.testing.assert_allclose(depth[mine], wanted_depth[its], rtol=1e-5, atol=1e-5)
        assert (edge[mine] != wanted_edge[its]).sum() <= len(wanted) // 1000
        if count == 400 and shape[0] > NEAR:
            assert len(wanted) > 50
            assert 0 < edge.sum() < len(edge)


def test_an_empty_scene_shows_nothing():
    xyz, starts, normal, offset, center, radius = patches(0, 0)
    found = kernels.see(
        xyz, starts, normal, offset, center, radius, np.zeros(3, np.float32), axes_of(0, 0), (3, 3),
        0.5, RANGE, GRAZING,
    )  # fmt: skip
    assert [len(part) for part in found] == [0, 0, 0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"starts": np.array([0, 5], np.int64)}, "starts"),
        ({"starts": np.array([0, 2, 1], np.int64)}, "starts"),
        ({"starts": np.array([1, 1, 4], np.int64)}, "starts"),
        ({"normal": np.zeros((3, 3), np.float32)}, "normal"),
        ({"center": np.zeros((2, 2), np.float32)}, "center"),
        ({"radius": np.zeros(1, np.float32)}, "radius"),
        ({"xyz": np.zeros((4, 2), np.float32)}, "xyz"),
        ({"position": np.zeros(2, np.float32)}, "position"),
        ({"axes": np.zeros((3, 2), np.float32)}, "axes"),
        ({"shape": (3, 4)}, "shape"),
        ({"shape": (0, 3)}, "shape"),
        ({"shape": (3, 3 << 20)}, "shape"),
        ({"pixel": 0.0}, "pixel"),
    ],
)
def test_what_does_not_fit_is_refused(change, said):
    given = {
        "xyz": np.zeros((4, 3), np.float32),
        "starts": np.array([0, 2, 4], np.int64),
        "normal": np.zeros((2, 3), np.float32),
        "offset": np.zeros(2, np.float32),
        "center": np.zeros((2, 3), np.float32),
        "radius": np.zeros(2, np.float32),
        "position": np.zeros(3, np.float32),
        "axes": np.eye(3, dtype=np.float32),
        "shape": (3, 3),
        "pixel": 0.5,
        "range": RANGE,
        "grazing": GRAZING,
    }
    assert len(kernels.see(**given)[0]) == 0
    with pytest.raises(ValueError, match=said):
        kernels.see(**{**given, **change})
