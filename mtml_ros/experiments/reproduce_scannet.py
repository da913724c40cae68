"""The paper's ScanNet experiment (Tables 2 and 3), on the reader's own copy of ScanNet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
from mtml_ros.datasets.scannet import ScanNet
from mtml_ros.evaluation.average_precision import (
    MIN_REGION,
    APResult,
    AveragePrecision,
    GroundTruth,
)
from mtml_ros.evaluation.baselines import components_as_instances, labels_as_instances
from mtml_ros.evaluation.scenes import Segment, predictions_on_points
from mtml_ros.evaluation.tables import ap_table, scannet_table
from mtml_ros.io.benchmark_files import Prediction, ground_truth_ids, write_submission


@dataclass(frozen=True)
class Method:
    """A row of the table. voxel_size: of the grids that `segment` takes, in metres."""

    segment: Segment
    voxel_size: float


def baselines(taxonomy: Taxonomy, voxel_size: float = 0.1) -> dict[str, Method]:
    """The paper's two: labels as instances, connected components."""
    return {
        "labels as instances": Method(lambda g: labels_as_instances(g, taxonomy), voxel_size),
        "connected components": Method(lambda g: components_as_instances(g, taxonomy), voxel_size),
    }


def run(
    root: str | Path,
    labels: str | Path,
    out: str | Path,
    methods: Mapping[str, Method],
    split: str = "val",
    limit: int | None = None,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> str:
    """Segments a split by each method; returns the paper's tables with ours, as text.

    labels: folder with a segmentation network's label of each vertex (see ScanNet.read).
    out: gets a submission in the benchmark's format for each method, and for splits with
        annotation `scannet.json`. limit: only so many scenes.
    Raises InputError where a file is missing or malformed.
    """
    dataset, out = ScanNet.open(root), Path(out)
    taxonomy = dataset.taxonomy
    classes = {c.id: c.name for c in taxonomy.classes if c.kind == "thing"}
    collected = {name: AveragePrecision(classes, MIN_REGION) for name in methods}
    for scene in progress(dataset.scenes(split)[:limit]):
        scan = dataset.read(scene, labels)
        assert scan.noisy_labels is not None  # read() gives them or raises
        ids = ground_truth_ids(taxonomy.ids[scan.labels], scan.instance)
        truth = GroundTruth.from_ids(ids, classes)
        points = LabeledPoints(scan.xyz, scan.noisy_labels)
        for name, method in methods.items():
            found = _predict(points, method, taxonomy)
            write_submission(
                out / name.replace(",", "").replace(" ", "-"), scene, found, len(scan.xyz)
            )
            collected[name].add(found, truth)
    if split == "test":
        return f"submissions of the hidden test set are in {out}; only the benchmark can score them"
    results = {name: c.result() for name, c in collected.items()}
    text = json.dumps({name: r.to_json() for name, r in results.items()}, indent=1)
    (out / "scannet.json").write_text(text + "\n", encoding="utf-8")
    return report(results)


def report(results: Mapping[str, APResult]) -> str:
    """Tables 2 and 3 with ours, then each method's classes."""
    classes = [f"{name}\n{ap_table(result)}" for name, result in results.items()]
    return "\n\n".join([scannet_table(results), *classes])


def _predict(points: LabeledPoints, method: Method, taxonomy: Taxonomy) -> list[Prediction]:
    """The method's overlapping masks, over the scan's vertices and with the taxonomy's ids."""
    grid, point_to_voxel = VoxelGrid.from_points(points, method.voxel_size)
    proposals = method.segment(grid).proposals
    masks = predictions_on_points(proposals, len(grid), point_to_voxel)
    return [replace(m, label=int(taxonomy.ids[m.label])) for m in masks]
