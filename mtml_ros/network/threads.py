"""How many threads this process may compute on: the kernels' own, and torch's."""

import torch

from mtml_ros.core.kernels import kernels


def set_threads(count: int) -> None:
    """Both at most `count`; at first each has as many as the process may use cores."""
    kernels.set_threads(count)
    torch.set_num_threads(count)
