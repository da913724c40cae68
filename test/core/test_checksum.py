"""content_checksum: the same for the same content, another for any other."""

import numpy as np
import pytest

from mtml_ros.core.checksum import content_checksum

ARRAYS = {"a": np.arange(6, dtype=np.int32).reshape(2, 3), "b": np.zeros(0, np.float32)}
ABOUT = {"format": "x", "version": "1"}


def test_order_and_memory_layout_make_no_difference() -> None:
    turned = {"b": ARRAYS["b"], "a": np.asfortranarray(ARRAYS["a"])}
    about = {"version": "1", "format": "x"}
    assert content_checksum(turned, about) == content_checksum(ARRAYS, ABOUT)


@pytest.mark.parametrize(
    ("arrays", "about"),
    [
        ({**ARRAYS, "a": ARRAYS["a"] + 1}, ABOUT),
        ({**ARRAYS, "a": ARRAYS["a"].reshape(3, 2)}, ABOUT),
        ({**ARRAYS, "a": ARRAYS["a"].view(np.uint32)}, ABOUT),
        ({**ARRAYS, "b": np.zeros(0, np.float64)}, ABOUT),
        ({"a": ARRAYS["a"]}, ABOUT),
        ({"a": ARRAYS["a"], "c": ARRAYS["b"]}, ABOUT),
        (ARRAYS, {**ABOUT, "version": "2"}),
        (ARRAYS, {"format": "x"}),
    ],
)
def test_every_difference_makes_another(
    arrays: dict[str, np.ndarray], about: dict[str, str]
) -> None:
    assert content_checksum(arrays, about) != content_checksum(ARRAYS, ABOUT)
