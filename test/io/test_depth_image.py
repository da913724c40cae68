"""Depth images to points: planes and steps that can be worked out on paper."""

import time

import numpy as np
import pytest

from mtml_ros.io.camera import Camera
from mtml_ros.io.depth_image import DepthSettings, project_depth, stride_for
from mtml_ros.io.images import ImageError

CAMERA = Camera(40, 30, (20.0, 20.0), (20.0, 15.0))
EVERY = DepthSettings(stride=1, max_range=10.0)


def test_a_plane_before_the_camera_keeps_its_places_and_labels() -> None:
    depth = np.full((30, 40), 2.0, np.float32)
    labels = np.arange(1200, dtype=np.int32).reshape(30, 40)
    cloud = project_depth(depth, CAMERA, labels, settings=EVERY)
    assert len(cloud) == 1200
    assert cloud.num_invalid == 0
    # the pixel of column 30, row 5: 10 right of the centre, 10 above it
    at = np.flatnonzero(cloud.label == 5 * 40 + 30)[0]
    np.testing.assert_allclose(cloud.xyz[at], [1.0, -1.0, 2.0])
    assert (cloud.xyz.dtype, cloud.label.dtype) == (np.float32, np.int64)


def test_millimetres_and_metres_are_the_same_scene() -> None:
    rng = np.random.default_rng(1)
    millimetres = rng.integers(2000, 2050, (30, 40)).astype(np.uint16)
    metres = millimetres.astype(np.float32) / 1000
    a, b = (project_depth(depth, CAMERA, settings=EVERY) for depth in (millimetres, metres))
    np.testing.assert_allclose(a.xyz, b.xyz, rtol=1e-6)
    assert a.label is None


def test_no_return_and_what_is_out_of_range_is_left_out() -> None:
    depth = np.full((30, 40), 2.0, np.float32)
    depth[0], depth[1], depth[2] = 0.0, np.nan, np.inf
    settings = DepthSettings(stride=1, min_range=1.9, max_range=2.2)
    cloud = project_depth(depth, CAMERA, settings=settings)
    reach = np.linalg.norm(cloud.xyz, axis=1)
    assert reach.max() <= 2.2
    assert reach.min() >= 1.9
    # rows 3 and 4 are near enough to the rows without return, which are no edge
    rows = np.flatnonzero(cloud.kept.reshape(30, 40).any(axis=1))
    assert rows[0] > 2
    assert cloud.kept.sum() == len(cloud) == 1200 - cloud.num_invalid


def test_a_border_next_to_no_return_is_not_an_edge_but_infinity_is() -> None:
    depth = np.full((30, 40), 2.0, np.float32)
    depth[:, 20] = 0.0
    kept = project_depth(depth, CAMERA, settings=EVERY).kept.reshape(30, 40)
    assert kept[:, :20].all()
    assert kept[:, 21:].all()
    assert not kept[:, 20].any()


def test_both_sides_of_a_step_are_left_out_and_slopes_are_not() -> None:
    depth = np.full((30, 40), 2.0, np.float32)
    depth[:, 20:] = 2.2  # ten percent behind
    kept = project_depth(depth, CAMERA, settings=EVERY).kept.reshape(30, 40)
    assert np.flatnonzero(~kept[3]).tolist() == [18, 19, 20, 21]
    slope = np.broadcast_to(np.linspace(2.0, 2.8, 40, dtype=np.float32), (30, 40))
    assert project_depth(slope, CAMERA, settings=EVERY).kept.all()


def test_a_stride_looks_at_every_nth_pixel_of_every_nth_row() -> None:
    depth = np.full((30, 40), 2.0, np.float32)
    labels = np.arange(1200, dtype=np.uint16).reshape(30, 40)
    cloud = project_depth(depth, CAMERA, labels, settings=DepthSettings(stride=4))
    assert cloud.label.tolist() == labels[2::4, 2::4].reshape(-1).tolist()
    np.testing.assert_allclose(cloud.xyz[0], [(2 - 20) / 10, (2 - 15) / 10, 2.0], rtol=1e-6)


def test_confidences_become_shares() -> None:
    depth = np.full((30, 40), 2.0, np.float32)
    bytes_ = np.full((30, 40), 51, np.uint8)
    np.testing.assert_allclose(
        project_depth(depth, CAMERA, confidence=bytes_, settings=EVERY).confidence, 0.2
    )
    floats = np.full((30, 40), np.nan, np.float32)
    floats[:, :20] = 1.5
    found = project_depth(depth, CAMERA, confidence=floats, settings=EVERY).confidence
    assert sorted(set(found.tolist())) == [0.0, 1.0]


@pytest.mark.parametrize("which", ["label", "confidence"])
def test_images_of_another_size_are_refused(which: str) -> None:
    depth, other = np.full((30, 40), 2.0, np.float32), np.zeros((60, 80), np.uint8)
    images = {"labels": other} if which == "label" else {"confidence": other}
    with pytest.raises(ImageError, match=f"{which} image of 80 x 60 pixels") as caught:
        project_depth(depth, CAMERA, **images)
    assert caught.value.reason == "size_mismatch"


def test_the_camera_info_of_another_image_is_refused() -> None:
    with pytest.raises(ImageError, match="camera_info is of 40 x 30 pixels") as caught:
        project_depth(np.full((60, 80), 2.0, np.float32), CAMERA)
    assert caught.value.reason == "bad_camera_info"


def test_an_image_without_any_depth_is_refused() -> None:
    with pytest.raises(ImageError, match="none of") as caught:
        project_depth(np.zeros((30, 40), np.uint16), CAMERA)
    assert caught.value.reason == "empty"


def test_strides_put_two_rays_across_a_voxel_at_the_largest_range() -> None:
    kinect = Camera(640, 480, (525.0, 525.0), (319.5, 239.5))
    # neighbouring pixels are 6 / 525 = 11.4 mm apart at 6 m: four of them are 4.6 cm
    assert stride_for(kinect, 0.1, 6.0) == 4
    assert stride_for(kinect, 0.1, 100.0) == 1


def test_a_kinects_frame_costs_less_than_15_milliseconds() -> None:
    kinect = Camera(640, 480, (525.0, 525.0), (319.5, 239.5), "plumb_bob", (0.1, -0.2, 0, 0, 0))
    rng = np.random.default_rng(2)
    depth = (2000 + rng.integers(0, 20, (480, 640))).astype(np.uint16)
    labels = rng.integers(0, 40, (480, 640)).astype(np.uint8)
    project_depth(depth, kinect, labels)  # the table of rays
    times = []
    for _ in range(9):
        began = time.perf_counter()
        project_depth(depth, kinect, labels)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.015
