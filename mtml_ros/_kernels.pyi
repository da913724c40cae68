"""The compiled kernels (kernels/): arrays in, arrays out, on threads of their own.

They raise ValueError for arrays whose shapes do not fit, and hold nothing of Python's while they
work. Results do not depend on the number of threads.
"""

from collections.abc import Sequence

import numpy as np

def set_threads(threads: int) -> None:
    """How many threads each call may use; at first as many as the process may use cores."""

def get_threads() -> int: ...
def instruction_sets() -> list[str]:
    """What the inner loops can run on here, the fastest (which is used) first."""

def use_instruction_set(name: str) -> None:
    """Chooses another one of them."""

class Map:
    """Which voxel feeds which in a sparse convolution, for each element of its kernel."""

    @property
    def elements(self) -> int: ...
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    @property
    def num_pairs(self) -> int: ...
    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Element, output and input voxel of each pair, three (P,) int64."""

def neighbor_map(keys: np.ndarray, dilation: int = 1) -> Map:
    """The map of a submanifold 3^3 convolution.

    keys: (V,) int64 ascending, 18 bits a coordinate. dilation: voxels from one element to the next.
    """

def halved(keys: np.ndarray) -> tuple[np.ndarray, Map, Map]:
    """The keys at half the resolution, ascending; the maps of a 2^3 convolution of stride 2 down to
    them and of its transpose up again."""

def convolve(
    x: np.ndarray,
    weight: np.ndarray,
    map: Map | None,
    out: np.ndarray,
    scale: np.ndarray | None = None,
    shift: np.ndarray | None = None,
    residual: np.ndarray | None = None,
    relu: bool = False,
) -> None:
    """out (V', D) = relu(scale * sum of x_i W_k over the map's pairs + shift + residual).

    x: (V, C), weight: (K, C, D), all float32 or all float64. No map: each voxel feeds itself.
    Rows of x, out and residual may lie apart (a slice of columns); out must not be x.
    """

def weight_gradient(x: np.ndarray, grad: np.ndarray, map: Map | None, out: np.ndarray) -> None:
    """out (K, C, D) = sum over the pairs (o, i) of each element: x_i^T grad_o."""

def mean_shift(
    points: np.ndarray,
    bandwidths: Sequence[float],
    *,
    sample: int,
    seeds: int,
    max_rounds: int,
    max_steps: int,
    tolerance: float,
    basin: float,
    fringe: float,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each bandwidth the cluster of each point (V,) int64 and the modes (K, E) float32.

    points: (V, E) float32, finite. See segmentation/mean_shift.py for the rest.
    """

def neighbor_edges(keys: np.ndarray, bits: int) -> np.ndarray:
    """(E, 2) int64 pairs of voxels that touch, each once.

    keys: (V,) int64 ascending, `bits` bits a coordinate.
    """

def label_components(edges: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(V,) int32, numbered by their first voxels, -1 where labels (V,) int64 are negative."""

# Masks come as `voxel` (M,) int64, one mask's after another's, and `starts` (P + 1,) int64, where
# each begins; none is empty.

def suppress(
    voxel: np.ndarray, starts: np.ndarray, order: np.ndarray, voxels: int, iou: float
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (S,) int64 of the masks that stay, in the order (P,) int64 given; of each its
    greatest IoU with a better one that stays. One above `iou` goes."""
