"""Augmentation moves points; it never changes which object is which."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from mtml_ros.core.scene import Scene
from mtml_ros.training.augmentation import AugmentationSettings, augment

EVERYTHING = AugmentationSettings(
    scale=0.15, tilt=3.0, drop_points=0.5, drop_regions=1.0, jitter=0.01
)
NOTHING = AugmentationSettings(rotate=False, flip=False, shift=0.0)


@pytest.fixture
def scene() -> Scene:
    """400 points; label, instance and features say which point each is."""
    rng = np.random.default_rng(0)
    number = np.arange(400)
    return Scene(
        rng.uniform(0, 3, (400, 3)).astype(np.float32),
        (number % 200).astype(np.uint8),
        number.astype(np.int32),
        (number % 50).astype(np.uint8),
        number[:, None].astype(np.float32),
    )


def varied(scene: Scene, count: int = 60, **settings) -> list[Scene]:
    chosen = AugmentationSettings(**{**NOTHING.__dict__, **settings})
    return [augment(scene, chosen, np.random.default_rng(seed)) for seed in range(count)]


def test_rotation_flip_and_shift_keep_all_distances_and_heights(scene):
    for moved in varied(scene, 5, rotate=True, flip=True, shift=1.0):
        np.testing.assert_allclose(pdist(moved.xyz), pdist(scene.xyz), atol=1e-5)
        np.testing.assert_allclose(np.diff(moved.xyz[:, 2]), np.diff(scene.xyz[:, 2]), atol=1e-5)


def handedness(points: np.ndarray) -> float:
    a, b, c, d = points[:4].astype(np.float64)
    return float(np.sign(np.dot(np.cross(b - a, c - a), d - a)))


def test_about_half_are_mirrored_with_flip_and_none_without(scene):
    mirrored = [handedness(m.xyz) != handedness(scene.xyz) for m in varied(scene, flip=True)]
    assert 15 < sum(mirrored) < 45
    assert not any(handedness(m.xyz) != handedness(scene.xyz) for m in varied(scene, rotate=True))


def yaw(scene: Scene, moved: Scene) -> float:
    before, after = scene.xyz[1, :2] - scene.xyz[0, :2], moved.xyz[1, :2] - moved.xyz[0, :2]
    return float((np.arctan2(*after[::-1]) - np.arctan2(*before[::-1])) % (2 * np.pi))


def test_any_yaw_with_rotate_and_quarter_turns_without(scene):
    angles = np.array([yaw(scene, m) for m in varied(scene, rotate=True)])
    assert len(np.unique(np.round(angles, 3))) == 60
    assert {int(a // (np.pi / 2)) for a in angles} == {0, 1, 2, 3}
    turns = np.array([yaw(scene, m) for m in varied(scene)]) / (np.pi / 2)
    np.testing.assert_allclose(turns, np.round(turns), atol=1e-5)
    assert len({round(t) % 4 for t in turns}) == 4


def test_scale_stretches_each_axis_within_its_range(scene):
    for moved in varied(scene, 20, scale=0.15):
        factor = np.sort(np.ptp(moved.xyz, axis=0) / np.ptp(scene.xyz, axis=0))
        assert factor[0] > 0.8
        assert factor[-1] < 1.2
    assert np.ptp(moved.xyz[:, 2]) != pytest.approx(np.ptp(scene.xyz[:, 2]))


def test_tilt_leans_the_vertical_by_no_more_than_asked(scene):
    column = Scene(np.array([[0, 0, 0], [0, 0, 1]], dtype=np.float32), scene.labels[:2],
                   scene.instance[:2])  # fmt: skip
    leans = []
    for moved in varied(column, tilt=3.0):
        up = moved.xyz[1] - moved.xyz[0]
        leans.append(np.degrees(np.arccos(min(1.0, up[2]))))
    assert 1.0 < max(leans) < 3.0 * np.sqrt(2) + 0.01  # about both axes at once
    assert np.linalg.norm(up) == pytest.approx(1.0, abs=1e-5)


def test_jitter_has_the_standard_deviation_asked_for(scene):
    moved = varied(scene, 1, jitter=0.02)[0]
    still = varied(scene, 1)[0]
    assert np.std(moved.xyz - still.xyz) == pytest.approx(0.02, rel=0.1)


def test_points_are_dropped_up_to_the_share_asked_for(scene):
    left = np.array([len(m.xyz) for m in varied(scene, drop_points=0.5)]) / 400
    assert left.min() > 0.4
    assert left.max() > 0.9
    assert left.mean() == pytest.approx(0.75, abs=0.05)  # the share is uniform in 0 to 0.5


def test_regions_are_dropped_as_balls(scene):
    for moved in varied(scene, 10, drop_regions=2.0):
        gone = np.setdiff1d(scene.instance, moved.instance)
        if len(gone):
            break
    assert 0 < len(gone) < 400


@pytest.mark.parametrize("settings", [EVERYTHING, AugmentationSettings(), NOTHING])
def test_every_point_keeps_its_labels_instance_and_features(scene, settings):
    for seed in range(5):
        moved = augment(scene, settings, np.random.default_rng(seed))
        number = moved.instance
        assert np.array_equal(moved.labels, scene.labels[number])
        assert np.array_equal(moved.noisy_labels, scene.noisy_labels[number])
        assert np.array_equal(moved.features[:, 0], number)
        assert len(moved.xyz) == len(number)
        assert moved.xyz.dtype == np.float32
        assert (np.diff(number) > 0).all()


def test_at_least_one_point_remains():
    one = Scene(np.zeros((1, 3), np.float32), np.ones(1, np.uint8), np.zeros(1, np.int32))
    for moved in varied(one, 20, drop_points=1.0, drop_regions=5.0):
        assert len(moved.xyz) == 1


def test_the_same_random_state_gives_the_same_scene_and_the_input_is_untouched(scene):
    before = scene.xyz.copy()
    a = augment(scene, EVERYTHING, np.random.default_rng(3))
    b = augment(scene, EVERYTHING, np.random.default_rng(3))
    assert np.array_equal(a.xyz, b.xyz)
    assert np.array_equal(scene.xyz, before)
