"""The compiled kernels (kernels/): arrays in, arrays out, on threads of their own.

They raise ValueError for arrays whose shapes do not fit, and hold nothing of Python's while they
work. Results do not depend on the number of threads.
"""

from collections.abc import Sequence

import numpy as np

def set_threads(threads: int) -> None:
    """How many threads each call may use; at first as many as the process may use cores."""

def get_threads() -> int: ...
def enter_work() -> None:
    """This thread computes from now on, maybe beside others that said so: each call uses a thread
    fewer for each other one, so that all together are as many as were set."""

def leave_work() -> None:
    """It does so no longer."""

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

def neighbor_map(keys: np.ndarray) -> Map:
    """The map of a submanifold 3^3 convolution. keys: (V,) int64 ascending, of 18 bits an axis."""

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

def normalize(
    y: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    residual: np.ndarray | None,
    epsilon: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """relu(batch normalisation of y (V, D) + residual), and mean and biased variance (D,) of y.

    All float32 or all float64.
    """

def normalize_backward(
    grad: np.ndarray,
    y: np.ndarray,
    out: np.ndarray,
    gamma: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    epsilon: float,
    with_residual: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """From grad, that of what `normalize` gave as `out`, to those of y, gamma, beta, residual."""

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

def perceptrons(
    x: np.ndarray, weights: Sequence[np.ndarray], shifts: Sequence[np.ndarray]
) -> np.ndarray:
    """(n, outputs) float32 of rows x (n, inputs): the mean over M networks of their dense layers, a
    ReLU after each but the last. weights: (M, inputs, outputs) of each layer; shifts: (M, outputs).
    """

class Neighbors:
    """Which voxels of a grid touch by a face, an edge or a corner."""

    @property
    def voxels(self) -> int: ...
    def pairs(self) -> np.ndarray:
        """(E, 2) int64, each two that touch once, the lower first."""

    def counts(self) -> np.ndarray:
        """(V, 3) int64: neighbours of each voxel; at its own height; right above and below."""

def touching(keys: np.ndarray, bits: int) -> Neighbors:
    """keys: (V,) int64 ascending, `bits` bits a coordinate."""

def label_components(neighbors: Neighbors, labels: np.ndarray) -> np.ndarray:
    """(K, V) int64 for K labellings (K, V) int64: numbered by their first voxels, -1 where the
    label is negative."""

def grow(neighbors: Neighbors, cost: np.ndarray, seed: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(V,) int64: the seed that each voxel is nearest to, the lower of two as near.

    seed: (V,) int64, a seed's number from 0 where it is, else -1. The way to one counts the cost
    (V,) int64, 0 to 2^31, of its voxels, the last included; it stays in one group (V,) int64 and
    goes through no other seed. -1 where none leads.
    """

def least_box(coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Centre (3,) and size (3,), float64, and yaw, as OrientedBox has them, of the box of least
    footprint around whole voxels (n, 3) int64 of 21 bits, n >= 1; in voxels and radians."""

def find(ascending: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of values (n,) int64, whether each is among the ascending ones, and where: bool, int64; any
    place that there is (0 of none) for those that are not."""

def unpack(keys: np.ndarray, bits: int) -> np.ndarray:
    """(n, 3) int32 of keys (n,) int64, `bits` bits a coordinate, half of the range below 0."""

def cells(indices: np.ndarray, shift: int, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Ascending keys (C,) int64 of the cells, 2^shift a side, that indices (n, 3) int32 lie in,
    and which of them each does, (n,) int64."""

def grouped(group: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of groups (n,) int64, -1 for none, up to count - 1: the rows of each, ascending, one group
    after another, and where each begins, (count + 1,); both int64."""

def fingerprint(keys: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> bytes:
    """16 bytes that tell keys (V,) int64 and labels (V,) uint8 at rows (n,) int64 from others."""

def masks_of_partitions(
    labels: np.ndarray, least: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The masks of K partitions (K, V) int64, labels from 0 without gaps, -1 for none: `voxel` and
    `starts` as below, and (P, K) uint8, which partitions have a mask. Each mask comes once, those
    of the first partition first; those of fewer than `least` voxels are left out."""

# Masks come as `voxel` (M,) int64, one mask's after another's, and `starts` (P + 1,) int64, where
# each begins; none is empty.

def overlaps(
    voxel: np.ndarray, starts: np.ndarray, voxels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All ordered pairs of masks that share a voxel, each with itself too: two (n,) int64; and how
    many they share."""

def sums_of_rows(voxel: np.ndarray, starts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(P, d) float64: sum over each mask of its voxels' rows (V, d) float32."""

def histogram(
    voxel: np.ndarray,
    starts: np.ndarray,
    bin: np.ndarray,
    bins: int,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """(P, bins) float64: weights (V,) float32 (None: 1 each) of each mask's voxels in each bin.

    bin: (V,) int64, -1 for none.
    """

def spread(
    voxel: np.ndarray,
    starts: np.ndarray,
    values: np.ndarray,
    centers: np.ndarray,
    radii: Sequence[float],
) -> np.ndarray:
    """(P, d + R) float64 about each mask's center (P, d) float64: sums of its rows' (V, d) float32
    squared distances along each column; how many of them lie within each radius."""

def main_bins(
    voxel: np.ndarray, starts: np.ndarray, bin: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """(P,) int64 the bin (V,) int64 that most of each mask is in (ties: the lowest), and how many
    of its voxels are; 0 and 0 where none is in any (-1)."""

def shapes(
    voxel: np.ndarray,
    starts: np.ndarray,
    xyz: np.ndarray,
    direction: np.ndarray,
    slices: int,
    voxel_size: float,
) -> np.ndarray:
    """(P, 6 + slices) float64 of each mask, between the centres of its voxels: extents along its
    main horizontal axis, across and upwards, lowest and mean height, mean cosine between direction
    and the way to its middle; then how many voxels are in each slice of its height.

    xyz, direction: (V, 3) float32. voxel_size: added to the height that is sliced.
    """

def borders(
    voxel: np.ndarray,
    starts: np.ndarray,
    neighbors: Neighbors,
    embedding: np.ndarray,
    candidate: np.ndarray,
    component: np.ndarray,
    features: np.ndarray | None,
    probability: np.ndarray | None,
    far: float,
) -> tuple[np.ndarray, np.ndarray]:
    """What changes across the borders of masks, float64 sums over pairs of touching voxels.

    (P, 2): the pairs within a mask, their embeddings' jumps (each `far` at most). (P, 6 to 10): the
    pairs that its border cuts, those with both ends candidates, those in one component too; the
    jumps of these two kinds; those of the first that are above 1; then for the two kinds the
    distance of the features (V, F) and the product of the probabilities (V, C), where given.
    """

def suppress(
    voxel: np.ndarray, starts: np.ndarray, order: np.ndarray, voxels: int, iou: float
) -> tuple[np.ndarray, np.ndarray]:
    """Positions (S,) int64 of the masks that stay, in the order (P,) int64 given; of each its
    greatest IoU with a better one that stays. One above `iou` goes."""

def sample_patches(
    patches: np.ndarray,
    count: np.ndarray,
    wanted: np.ndarray,
    disc: np.ndarray,
    share: np.ndarray,
    chance: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Samples on flat patches: (3 n,) float32 their places, one after another, and (n,) int64 the
    patch of each, ascending.

    patches: (K, 9) float32, corner and two edges. count: (K, 2) int64, cells along either edge, at
    least one. share: (N, 2) float32, a place in each cell, row after row, patch after patch, as
    shares of its sides; chance: (N,) float32, it is taken where this is below the patch's `wanted`
    (K,) float32 and, where `disc` (K,) uint8, within the circle that the patch holds.
    """

NEAR_PIXELS: int
"""A pixel of the coarse depth image is so many fine ones wide."""

def see(
    xyz: np.ndarray,
    starts: np.ndarray,
    normal: np.ndarray,
    offset: np.ndarray,
    center: np.ndarray,
    radius: np.ndarray,
    position: np.ndarray,
    axes: np.ndarray,
    shape: tuple[int, int],
    pixel: float,
    range: tuple[float, float],
    grazing: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a depth camera sees of samples on flat patches: (S,) int64 samples, ascending, (S,)
    float32 depth, (S,) bool whether at a jump of the depth.

    xyz: (N, 3) float32, samples; starts: (K + 1,) int64, where those of each patch begin. normal,
    center: (K, 3), offset, radius: (K,) float32: its plane, and the ball that holds it. position:
    (3,), axes: (3, 3) float32, right, down, forward as rows. shape: rows and columns of the image,
    multiples of NEAR_PIXELS; pixel: their width at depth 1. range: least and most depth, metres.
    grazing: least cosine between ray and normal.
    """
