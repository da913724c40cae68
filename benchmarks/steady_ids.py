"""How still the set of ids is while a camera walks through a static room and labels err.

    python benchmarks/steady_ids.py [--rooms 12] [--seed 90000] [--labels erring] [--show]

Rooms of `mtml_ros.simulation.sequence` through ObjectMapper, a cloud at 5 Hz and an update a
second, as in benchmarks/real_sequence.py. Counted are the updates in which the set of ids changed,
over all and the last 20 (the camera goes on into new places, so that some must), and how many of
the true objects were found and how many instances were none: a set that stands still because
nothing new is taken up or nothing wrong goes is no better.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from mtml_ros.core.majority import most_frequent
from mtml_ros.core.sorted_keys import find
from mtml_ros.core.voxels import occupied_voxels
from mtml_ros.mapper import ObjectMapper, Update
from mtml_ros.simulation.sequence import Frame, record, with_errors

CLOUDS, RATE, CLOUDS_AN_UPDATE = 165, 5.0, 5
"""As many as the public sequence has at 5 Hz, 33 s."""

LAST = 20
"""Updates over which the issue of changes is counted."""

LEAST = 10
"""Voxels of a true object that counts, the least of an instance."""


def play(mapper: ObjectMapper, frames: Sequence[Frame], erring: bool, show: bool) -> np.ndarray:
    """(4, updates) int: whether the set of ids changed, true objects in the map, those found,
    instances that are none of them."""
    rng, size = np.random.default_rng(1), mapper.map.voxel_size
    keys, voxel = occupied_voxels(np.concatenate([f.points.xyz for f in frames]), size)
    owner = np.concatenate([f.instance for f in frames]).astype(np.int64)
    truth = most_frequent(voxel, owner + 1)[1] - 1
    rows: list[tuple[int, ...]] = []
    ids: frozenset[int] = frozenset()
    for number, frame in enumerate(frames):
        points = with_errors(frame, rng) if erring else frame.points
        mapper.integrate(points, number / RATE, frame.origin)
        if number % CLOUDS_AN_UPDATE == CLOUDS_AN_UPDATE - 1:
            update = mapper.update(force=True)
            assert update is not None
            before, ids = ids, frozenset(t.id for t in update.tracked)
            rows.append((int(ids != before), *_against(update, keys, truth)))
            if show and ids != before:
                print(len(rows), "gone", sorted(before - ids), "new", sorted(ids - before))
    return np.array(rows).T


def _against(update: Update, keys: np.ndarray, truth: np.ndarray) -> tuple[int, int, int]:
    grid = update.segmentation.grid
    known, at = find(keys, grid.keys)
    here = np.where(known, truth[at], -1)
    size = np.bincount(here[here >= 0], minlength=1)
    found: set[int] = set()
    none = 0
    for t in update.tracked:
        inside = here[t.instance.voxels]
        common = np.bincount(inside[inside >= 0], minlength=1)
        best = int(common.argmax())
        union = len(inside) + size[best] - common[best]
        if 2 * common[best] > union:
            found.add(best)
        else:
            none += 1
    return int((size >= LEAST).sum()), len(found), none


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description="how still the set of ids is")
    parser.add_argument("--rooms", type=int, default=12)
    parser.add_argument("--seed", type=int, default=90_000, help="of the first room")
    parser.add_argument("--labels", choices=["true", "erring"], default="erring")
    parser.add_argument("--show", action="store_true", help="each change")
    options = parser.parse_args()
    played = []
    mapper = ObjectMapper.load()
    for seed in tqdm(range(options.seed, options.seed + options.rooms), unit="room", disable=None):
        mapper.reset()
        frames = record(np.random.default_rng(seed), CLOUDS)
        played.append(play(mapper, frames, options.labels == "erring", options.show))
    rows = np.stack(played)  # (rooms, 4, updates)
    changed = rows[:, 0, 1:]
    last = changed[:, -LAST:].sum(axis=1)
    print(f"set of ids changed in {changed.mean():.1%} of updates; of the last {LAST} in "
          f"{last.mean():.2f} (median {np.median(last):.0f}, most {last.max()})")  # fmt: skip
    objects, found, none = rows[:, 1:, :].sum(axis=(0, 2))
    print(f"true objects in the map {objects}, found {found} ({found / objects:.1%}); "
          f"instances that are none {none}")  # fmt: skip
    print(f"at the end {rows[:, 2, -1].sum()} of {rows[:, 1, -1].sum()} found, "
          f"{rows[:, 3, -1].sum()} that are none")  # fmt: skip
    print("changes in the last 20, room by room:", *last)


if __name__ == "__main__":
    main()
