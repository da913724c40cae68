"""Mean-shift with a flat kernel, mode by mode ("peeling").

scikit-learn's starts from every point and takes seconds on the embeddings of a room. Here a
point that no mode has claimed yet climbs to its mode, the mode claims the ball around it, and so
on until nothing is left: as many climbs as there are modes, each over all points at once.
"""

from __future__ import annotations

import torch
from torch import Tensor

SAMPLE = 8192
"""Points that modes are sought on; more are thinned evenly and only assigned."""
MAX_STEPS = 50
MAX_MODES = 2048


def mean_shift(embedding: Tensor, bandwidth: float) -> tuple[Tensor, Tensor]:
    """Clusters of points around the modes of their density (Comaniciu and Meer 2002).

    embedding: (V, E) float, V >= 1. bandwidth: radius of the flat kernel, in the embedding's units.
    Returns the cluster of each point (V,) int64, and the modes (K, E), the densest first.
    Deterministic: points are taken in their order.
    """
    stride = -(-len(embedding) // SAMPLE)
    modes, weights = _peel(embedding[::stride], bandwidth)
    kept = _merge_modes(modes, weights, bandwidth)
    return nearest(embedding, kept), kept


def nearest(embedding: Tensor, centers: Tensor) -> Tensor:
    """(V,) int64: which of centers (K, E) is nearest to each point (V, E); ties go to the first."""
    # |x - c|^2 less |x|^2, which changes no comparison
    return (centers.square().sum(1) - 2 * embedding @ centers.t()).argmin(dim=1)


def _peel(points: Tensor, bandwidth: float) -> tuple[Tensor, Tensor]:
    """Modes (K, E) and how many points lie in the ball of each (K,)."""
    squares = points.square().sum(1)
    free = torch.ones(len(points), dtype=torch.bool, device=points.device)
    modes, weights = [], []
    seed = 0
    for _ in range(MAX_MODES):
        mode = points[seed]
        inside = free
        for _ in range(MAX_STEPS):
            distance = squares + mode.square().sum() - 2 * (points @ mode)
            inside = distance <= bandwidth * bandwidth
            moved = inside.to(points.dtype) @ points / inside.sum()
            step = (moved - mode).norm()
            mode = moved
            if step <= 1e-3 * bandwidth:
                break
        modes.append(mode)
        weights.append(inside.sum())
        free &= ~inside
        free[seed] = False
        left = free.nonzero()
        if not len(left):
            break
        seed = int(left[0])
    return torch.stack(modes), torch.stack(weights)


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
