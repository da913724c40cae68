"""Colours of instances: one function, so that RViz, pictures and pages agree."""

from __future__ import annotations

import numpy as np

SURROUNDINGS = (196, 199, 205)
"""RGB of what belongs to no instance."""

# OKLCH, where equal steps look equally different. Steps and starts were searched at random for the
# largest least distance among the first 8, 16, 32 and 48 ids and between ids 1, 2 and 3 apart:
# 0.12, 0.08, 0.07, 0.05 and 0.15 in OKLAB (0.02 is just noticeable).
_HUE_START, _HUE_STEP = 0.3771, 0.7282
_LIGHTNESS_START, _LIGHTNESS_STEP = 0.3952, 0.6117
_LIGHTNESS = (0.56, 0.86)  # stands out on dark and on light pages
_CHROMA = 0.152  # within sRGB at most hues


def instance_colors(ids: np.ndarray) -> np.ndarray:
    """(n, 3) uint8 RGB of instance ids (n,); a negative id is no instance and gets grey.

    The same id always has the same colour, in pictures, pages and RViz.
    """
    ids = np.asarray(ids, dtype=np.int64)
    hue = 2 * np.pi * ((_HUE_START + ids * _HUE_STEP) % 1.0)
    low, high = _LIGHTNESS
    lightness = low + (high - low) * ((_LIGHTNESS_START + ids * _LIGHTNESS_STEP) % 1.0)
    rgb = _oklch_to_srgb(lightness, np.full(ids.shape, _CHROMA), hue)
    return np.where((ids < 0)[..., None], np.array(SURROUNDINGS, dtype=np.uint8), rgb)


def score_colors(scores: np.ndarray) -> np.ndarray:
    """(n, 3) uint8 RGB of scores (n,) in 0..1: dark violet (0) over teal to yellow (1)."""
    s = np.clip(np.asarray(scores, dtype=np.float64), 0.0, 1.0)
    return _oklch_to_srgb(0.40 + 0.48 * s, np.full(s.shape, 0.13), np.pi * (1.65 - 1.1 * s))


def _oklch_to_srgb(lightness: np.ndarray, chroma: np.ndarray, hue: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 sRGB; matrices from bottosson.github.io/posts/oklab (public domain)."""
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack(
        [
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        ],
        axis=-1,
    )
    linear = np.clip(linear, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    colors: np.ndarray = np.round(encoded * 255).astype(np.uint8)
    return colors
