"""Do ids stay with their objects while a room is scanned: components, and any weights.

    python benchmarks/growing_map.py [--rooms 50] [--weights W] [--noise 0.4] [--json F]

Procedural rooms, each scanned along a walk; the map grows by a part of the walk at a time and is
segmented after each, as the node does it. See `mtml_ros.evaluation.stability` for what is counted.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from tqdm import tqdm

from mtml_ros.core.instances import Segmentation
from mtml_ros.core.scene import Scene
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.evaluation.baselines import components_as_instances
from mtml_ros.evaluation.stability import IdStability, follow_growing_map
from mtml_ros.mapper import MAX_VOXELS, ObjectMapper
from mtml_ros.mapping.voxel_map import VoxelMap
from mtml_ros.simulation.label_noise import with_noise
from mtml_ros.simulation.rooms import partial_scans, scan_room

SIZE = 0.1
MIN_VOXELS = 10
"""Of components; the segmenter's own default."""


def main() -> None:
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description="Id stability of growing maps")
    parser.add_argument("--rooms", type=int, default=50)
    parser.add_argument("--parts", type=int, default=10, help="updates of each room")
    parser.add_argument("--seed", type=int, default=70_000, help="of the first room")
    parser.add_argument("--noise", type=float, default=0.0, help="level of label noise, 0 to 1")
    parser.add_argument("--weights", nargs="*", default=[], help="files, or names that ship")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    mappers: dict[str, ObjectMapper] = {"components": _of_components()}
    for weights in options.weights:
        mappers[Path(weights).stem] = ObjectMapper.load(weights, device=options.device)
    totals = dict.fromkeys(mappers, IdStability())
    for seed in tqdm(range(options.seed, options.seed + options.rooms), unit="room", disable=None):
        scans = _growing_room(seed, options.parts, options.noise)
        for name, mapper in mappers.items():
            mapper.reset()
            totals[name] += follow_growing_map(scans, mapper)
    for name, total in totals.items():
        share = "none followed" if total.share is None else f"{100 * total.share:.1f} %"
        print(f"{name}: id never changes for {share} of {total.followed} objects "
              f"(of {total.objects}); {total.changes} changes, "
              f"{total.shared_ids} ids of two objects")  # fmt: skip
    if options.json:
        content = {name: {**vars(t), "share": t.share} for name, t in totals.items()}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


class _Components:
    """Connected components in a segmenter's place."""

    device = "cpu"

    def segment(self, grid: VoxelGrid, **_: Any) -> Segmentation:
        return components_as_instances(grid, Taxonomy.scannet(), MIN_VOXELS)


def _of_components() -> ObjectMapper:
    taxonomy = Taxonomy.scannet()
    return ObjectMapper(
        VoxelMap(SIZE, len(taxonomy), MAX_VOXELS), taxonomy, lambda _: cast(Any, _Components())
    )


def _growing_room(seed: int, parts: int, noise: float) -> list[Scene]:
    scan = scan_room(np.random.default_rng(seed))
    if not noise:
        return partial_scans(scan, parts)
    # a point has the same wrong label in all parts
    noisy = with_noise(scan.scene, noise, np.random.default_rng(seed))
    return partial_scans(replace(scan, scene=noisy), parts)


if __name__ == "__main__":
    main()
