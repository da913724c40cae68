"""Colours of instances: stable, well apart, grey for none."""

import colorsys

import numpy as np

from mtml_ros.visualization.colors import SURROUNDINGS, instance_colors, score_colors


def test_a_color_depends_on_the_id_alone() -> None:
    many = instance_colors(np.arange(1000))
    assert many.shape == (1000, 3)
    assert many.dtype == np.uint8
    for id_ in (0, 7, 999):
        assert (instance_colors(np.array([id_]))[0] == many[id_]).all()


def test_no_instance_is_grey() -> None:
    assert instance_colors(np.array([-1, -5])).tolist() == [list(SURROUNDINGS)] * 2


def test_first_ids_are_told_apart() -> None:
    colors = instance_colors(np.arange(32)).astype(float)
    apart = np.linalg.norm(colors[:, None] - colors[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 20  # of 441
    assert apart[:8, :8].min() > 40


def test_colors_are_colourful() -> None:
    saturation = [colorsys.rgb_to_hsv(*(c / 255))[1] for c in instance_colors(np.arange(100))]
    assert min(saturation) > 0.2


def test_huge_ids_and_empty_arrays() -> None:
    assert instance_colors(np.array([2**32 - 1, 2**40])).shape == (2, 3)
    assert instance_colors(np.empty(0, int)).shape == (0, 3)


def test_scores_get_lighter() -> None:
    colors = score_colors(np.array([0.0, 0.25, 0.5, 0.75, 1.0, 2.0])).astype(float)
    luminance = colors @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance[:5]) > 10).all()
    assert (colors[4] == colors[5]).all()  # clipped
