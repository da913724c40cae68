"""Mean-shift with a flat kernel, a handful of modes at a time ("peeling").

scikit-learn's starts from every point and takes seconds on the embeddings of a room. Here a few
points that no mode has claimed yet climb to their modes together; the modes claim the balls around
them, and so on until hardly anything is left. On the CPU the compiled kernels do it, over blocks of
points that lie close to each other, of which a ball touches few; on CUDA torch does, one matrix
product a step. They differ in rounding alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtml_ros.core.kernels import kernels

SAMPLE = 8192
"""Points that modes are sought on; more are thinned evenly and only assigned."""
SEEDS = 32
"""Points that climb together."""
MAX_STEPS = 50
MAX_ROUNDS = 64
TOLERANCE = 1e-3
"""A seed has arrived when a step is shorter than this share of the bandwidth."""
BASIN = 0.5
"""Points within this share of the bandwidth of a seed are taken to climb where it does."""
FRINGE = 0.002
"""Share of the points that may stay unclaimed: they are assigned to the nearest mode anyway."""


def mean_shift(embedding: Tensor, bandwidths: Sequence[float]) -> list[tuple[Tensor, Tensor]]:
    """Clusters of points around the modes of their density (Comaniciu and Meer 2002).

    embedding: (V, E) float32, V >= 1. bandwidths: radii of the flat kernel, in its units.
    Returns for each the cluster of each point (V,) int64, and the modes (K, E), the densest first.
    Deterministic: points are taken in their order.
    """
    if embedding.is_cuda:
        return [mean_shift_in_torch(embedding, bandwidth) for bandwidth in bandwidths]
    found = kernels.mean_shift(
        embedding.contiguous().numpy(),
        list(bandwidths),
        sample=SAMPLE,
        seeds=SEEDS,
        max_rounds=MAX_ROUNDS,
        max_steps=MAX_STEPS,
        tolerance=TOLERANCE,
        basin=BASIN,
        fringe=FRINGE,
    )
    return [(torch.from_numpy(cluster), torch.from_numpy(modes)) for cluster, modes in found]


def mean_shift_in_torch(embedding: Tensor, bandwidth: float) -> tuple[Tensor, Tensor]:
    """`mean_shift` at one bandwidth; on the CPU the reference of the kernels."""
    stride = -(-len(embedding) // SAMPLE)
    modes, weights = _peel(embedding[::stride], bandwidth)
    kept = _merge_modes(modes, weights, bandwidth)
    return nearest(embedding, kept), kept


def nearest(embedding: Tensor, centers: Tensor) -> Tensor:
    """(V,) int64: which of centers (K, E) is nearest to each point (V, E); ties go to the first."""
    # |x - c|^2 less |x|^2, which changes no comparison
    return (centers.square().sum(1) - 2 * embedding @ centers.t()).argmin(dim=1)


def _peel(points: Tensor, bandwidth: float) -> tuple[Tensor, Tensor]:
    """Modes (K, E), some several times, and how many points lie in the ball of each (K,)."""
    squares = points.square().sum(1)
    free = torch.arange(len(points), device=points.device)
    modes, weights = [], []
    for _ in range(MAX_ROUNDS):
        start = free[:: -(-len(free) // SEEDS)]
        seeds = points[start]
        found, inside = _climb(seeds, points, squares, bandwidth)
        modes.append(found)
        weights.append(inside.sum(1))
        # what lies close to where a seed began climbs to the same mode: no need to try it
        around = squares - 2 * seeds @ points.t() + seeds.square().sum(1, keepdim=True)
        claimed = inside.any(0) | (around <= (BASIN * bandwidth) ** 2).any(0)
        claimed[start] = True
        free = free[~claimed[free]]
        if len(free) <= FRINGE * len(points):
            break
    return torch.cat(modes), torch.cat(weights)


def _climb(
    seeds: Tensor, points: Tensor, squares: Tensor, bandwidth: float
) -> tuple[Tensor, Tensor]:
    """The modes (S, E) that seeds (S, E) climb to, and the points (S, N) bool in their balls.

    squares: (N,) squared lengths of the points. A seed that has arrived climbs no further.
    """
    limit = bandwidth * bandwidth
    modes = seeds.clone()
    inside = torch.zeros(len(seeds), len(points), dtype=torch.bool, device=points.device)
    moving = torch.arange(len(seeds), device=points.device)
    for _ in range(MAX_STEPS):
        here = modes[moving]
        distance = squares - 2 * here @ points.t() + here.square().sum(1, keepdim=True)
        near = distance <= limit
        inside[moving] = near
        count = near.sum(1, keepdim=True).clamp(min=1)
        moved = near.to(points.dtype) @ points / count
        modes[moving] = moved
        moving = moving[(moved - here).norm(dim=1) > TOLERANCE * bandwidth]
        if not len(moving):
            break
    return modes, inside


def _merge_modes(modes: Tensor, weights: Tensor, bandwidth: float) -> Tensor:
    """Modes nearer than a bandwidth to a denser one are that one's; the densest come first."""
    order = torch.argsort(weights, descending=True, stable=True)
    modes = modes[order]
    near = torch.cdist(modes, modes) < bandwidth
    kept: list[int] = []
    taken = torch.zeros(len(modes), dtype=torch.bool)
    near = near.cpu()
    for i in range(len(modes)):
        if not taken[i]:
            kept.append(i)
            taken |= near[i]
    return modes[kept]
