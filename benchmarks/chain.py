"""The whole chain, labels to objects, quiet and with a busy process a core; an earlier commit too.

    python benchmarks/chain.py [--against COMMIT] [--repeats 7] [--json F] [--picture F.png]

Each scene and each way is measured in a process of its own, all in turn, so that what disturbs the
machine disturbs all alike. Compare ratios of one run; times of two runs compare badly.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SCANS = ROOT / "mtml_ros" / "datasets" / "scans"
SIZE = 0.1
SCENES = {
    "office": ("office_large", 1),
    "room": ("living_room", 1),
    "paper": ("living_room", 2),  # cut to the paper's size: 160 x 160 x 64 voxels
    "floor of 16": ("living_room", 4),
    "floor of 36": ("living_room", 6),
    "building of 64": ("office_large", 8),
}
PAPER_VOXELS = 60_000


def run(against: str | None = None, repeats: int = 3) -> list[dict[str, Any]]:
    """One row a scene: medians in seconds; connected components and, against a commit, its own."""
    roots = {"ours": ROOT}
    with checked_out(against) as aside:
        if aside is not None:
            roots["before"] = aside
        return [_row(scene, roots, repeats) for scene in SCENES]


def _row(scene: str, roots: dict[str, Path], repeats: int) -> dict[str, Any]:
    row: dict[str, Any] = {"case": scene}
    for name, root in roots.items():
        quiet = _measured(root, scene, repeats)
        with _busy_cores():
            # an earlier commit takes minutes beside them
            busy = _measured(root, scene, repeats if name == "ours" else max(1, repeats // 2))
        if name == "ours":
            row |= {"voxels": quiet["voxels"], "objects": quiet["objects"]}
            row |= {f"{step}_s": seconds for step, seconds in quiet["steps"].items()}
            row["components_s"] = quiet["components"]
            row["us_a_voxel"] = 1e6 * quiet["seconds"] / quiet["voxels"]
        row |= {f"{name}_s": quiet["seconds"], f"{name}_busy_s": busy["seconds"]}
        row[f"{name}_mb"] = quiet["megabytes"]
    if "before" in roots:
        row["times_faster"] = row["before_s"] / row["ours_s"]
        row["times_faster_busy"] = row["before_busy_s"] / row["ours_busy_s"]
    return row


def _measured(root: Path, scene: str, repeats: int) -> dict[str, Any]:
    return measured_aside(__file__, root, ["--worker", scene, "--repeats", str(repeats)])


def measured_aside(script: str, root: Path, words: list[str]) -> dict[str, Any]:
    """What a benchmark prints last, as JSON, that runs as a process with the package of `root`."""
    done = subprocess.run(
        [sys.executable, script, *words],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _work(scene: str, repeats: int, threads: int | None) -> dict[str, Any]:
    """Measures what PYTHONPATH names, in this process; of any commit since e1f76d7."""
    sys.path.insert(0, os.environ["PYTHONPATH"])
    try:
        from mtml_ros.core.voxels import LabeledPoints, VoxelGrid
        from mtml_ros.io.point_files import read_points
        from mtml_ros.segmentation.segmenter import InstanceSegmenter
    except ImportError:  # the layout of e1f76d7
        from mtml_ros.datasets.point_files import read_points
        from mtml_ros.segmenter import InstanceSegmenter
        from mtml_ros.voxels import LabeledPoints, VoxelGrid
    from mtml_ros.evaluation.baselines import components_as_instances

    if threads is not None:
        try:
            from mtml_ros.network.threads import set_threads
        except ImportError:  # e1f76d7 computes on torch's threads
            from torch import set_num_threads as set_threads
        set_threads(threads)
    segmenter = InstanceSegmenter.load()
    name, edge = SCENES[scene]
    cloud = read_points(SCANS / f"{name}.npz")
    labels = segmenter.taxonomy.encode(cloud.label)
    step = np.ceil((np.ptp(cloud.xyz, axis=0) + 4 * SIZE) / SIZE) * SIZE
    places = [(i * step[0], j * step[1], 0.0) for i in range(edge) for j in range(edge)]
    xyz = np.concatenate([cloud.xyz + np.asarray(place, np.float32) for place in places])
    labels = np.tile(labels, len(places))
    if scene == "paper":
        inside = ((xyz - xyz.min(axis=0))[:, :2] < 16.0).all(axis=1)
        xyz, labels = xyz[inside], labels[inside]
    grid, _ = VoxelGrid.from_points(LabeledPoints(xyz, labels), SIZE)
    if scene == "paper":
        grid = VoxelGrid(grid.coordinates[:PAPER_VOXELS], grid.labels[:PAPER_VOXELS], SIZE)
    # as the node asks; e1f76d7 names its proposals at next to no cost
    may_ask = "with_proposals" in signature(segmenter.segment).parameters
    asks = {"with_proposals": False} if may_ask else {}
    segmenter.segment(grid, **asks)
    runs, spent = [], []
    for _ in range(repeats):
        began, cpu = time.perf_counter(), time.process_time()
        found = segmenter.segment(grid, **asks)
        runs.append((time.perf_counter() - began, found))
        spent.append(time.process_time() - cpu)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, found = sorted(runs, key=lambda one: one[0])[repeats // 2]
    began = time.perf_counter()
    components_as_instances(grid, segmenter.taxonomy)
    return {
        "voxels": len(grid),
        "objects": len(found.instances),
        "seconds": seconds,
        "processor_seconds": float(np.median(spent)),
        "steps": found.seconds,
        "components": time.perf_counter() - began,
        "megabytes": round(peak),
    }


@contextmanager
def _busy_cores() -> Iterator[None]:
    """One process a core that computes all the time."""
    cores = len(os.sched_getaffinity(0))
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@contextmanager
def checked_out(commit: str | None) -> Iterator[Path | None]:
    """The files of a commit in a folder aside, for as long as they are needed."""
    if commit is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "-C", str(ROOT), "archive", commit], stdout=subprocess.PIPE, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Time against voxels, both logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    ways = {
        "ours_s": ("mtml_ros", "-o", "tab:blue"),
        "ours_busy_s": ("the same, a busy process a core", "--o", "tab:blue"),
        "before_s": ("an earlier version", "-s", "tab:orange"),
        "before_busy_s": ("the same, a busy process a core", "--s", "tab:orange"),
        "components_s": ("connected components", "-^", "tab:gray"),
    }
    rows = sorted(rows, key=lambda row: row["voxels"])
    voxels = [row["voxels"] for row in rows]
    for key, (label, line, color) in ways.items():
        if key in rows[0]:
            axis.loglog(voxels, [row[key] for row in rows], line, color=color, label=label)
    axis.set(xlabel="occupied voxels of 10 cm", ylabel="seconds, labels to objects")
    axis.grid(True, which="both", alpha=0.25)
    figure.legend(loc="outside upper center", ncols=2)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measures and prints, or works for another process that measures."""
    parser = argparse.ArgumentParser(description="Time of the whole chain")
    parser.add_argument("--against", metavar="COMMIT", help="measure this commit too")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--scenes", nargs="*", choices=SCENES, help="these alone")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path, help="time against voxels")
    parser.add_argument("--threads", type=int, help="of one scene measured with --worker")
    parser.add_argument("--worker", metavar="SCENE", help="measure this alone, in this process")
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(_work(options.worker, options.repeats, options.threads)))
        return
    from mtml_ros.cli.benchmark import table

    for scene in set(SCENES) - set(options.scenes or SCENES):
        del SCENES[scene]
    rows = run(options.against, options.repeats)
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if options.picture:
        draw(rows, options.picture)


if __name__ == "__main__":
    main()
