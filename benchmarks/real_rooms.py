"""AP50 in real rooms with true and corrupted labels: components, and any weights.

    python benchmarks/real_rooms.py FOLDER [--weights W] [--json F]

FOLDER: scans in the votenet layout, e.g. scannet/scannet_train_detection_data of
github.com/picwoon/votenet. They are for looking and choosing, never for training; the default
rooms leave the others for measuring.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

from tqdm import tqdm

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.evaluation.baselines import components_as_instances
from mtml_ros.experiments.real_rooms import LEVELS, MIN_REGION, evaluate_rooms, read_rooms, report

ROOMS = [f"scene{i:04d}_" for i in range(5)]


def main() -> None:
    """Runs the benchmark and prints its tables."""
    parser = argparse.ArgumentParser(description="AP50 in real rooms")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rooms", nargs="+", default=ROOMS, help="how their names begin")
    parser.add_argument("--weights", nargs="*", default=[], help="files, or names that ship")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--levels", nargs="+", default=list(LEVELS), choices=list(LEVELS))
    parser.add_argument("--repeats", type=int, default=3, help="corruptions of each room")
    parser.add_argument("--unit", default="points", choices=list(MIN_REGION), help="of masks")
    parser.add_argument("--min-region", type=int, help="points or voxels (default: 40 or 10)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    taxonomy = Taxonomy.scannet()
    rooms = read_rooms(options.folder, options.rooms, taxonomy)
    methods = {"components": lambda grid: components_as_instances(grid, taxonomy)}
    for weights in options.weights:
        from mtml_ros.segmentation.segmenter import InstanceSegmenter

        segmenter = InstanceSegmenter.load(weights, taxonomy, options.device)
        methods[Path(weights).stem] = segmenter.segment
    results = evaluate_rooms(
        rooms,
        methods,
        taxonomy,
        levels={name: LEVELS[name] for name in options.levels},
        repeats=options.repeats,
        progress=partial(tqdm, unit="scan", disable=None),
        unit=options.unit,
        min_region=options.min_region,
    )
    print(f"{len(rooms)} scans: {', '.join(rooms)}\n")
    print(report(results, rooms))
    if options.json:
        content = {
            level: {m: scores.to_json() for m, scores in by_method.items()}
            for level, by_method in results.items()
        }
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
