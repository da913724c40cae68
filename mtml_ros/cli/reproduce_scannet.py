"""mtml reproduce scannet: Tables 2 and 3 of the paper, on your own copy of ScanNet."""

from __future__ import annotations

from pathlib import Path

import click

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("scannet", short_help="Tables 2 and 3, on your copy of ScanNet.")
@click.argument("root", type=_FOLDER)
@click.option("--labels", type=_FOLDER, required=True,
              help="A network's label a vertex: SCENE.txt, .npy or .ply, NYU40 ids.")  # fmt: skip
@click.option("--out", type=_FOLDER, default=Path("runs/scannet"), show_default=True)
@click.option("--weights", help="A .safetensors file, or the name of weights that ship.")
@click.option("--fe-only", help="Weights trained without the direction loss, for their row.")
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="val",
              show_default=True, help="test: only writes the submission.")  # fmt: skip
@click.option("--scenes", type=click.IntRange(1), help="Only the first so many.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto",
              show_default=True)  # fmt: skip
def command(
    root: Path,
    labels: Path,
    out: Path,
    weights: str | None,
    fe_only: str | None,
    split: str,
    scenes: int | None,
    device: str,
) -> None:
    """Segments the scans in ROOT from the labels in LABELS, prints the paper's Tables 2 and 3 with
    ours beside them, and writes each method's submission in the benchmark's format to OUT.

    ROOT holds scans/ (SCENE_vh_clean_2.ply, its .segs.json and .aggregation.json), the lists
    scannetv2_val.txt ... and scannetv2-labels.combined.tsv, as ScanNet is distributed.
    """
    from dataclasses import replace
    from functools import partial

    from tqdm import tqdm

    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.experiments.reproduce_scannet import Method, baselines, run
    from mtml_ros.segmentation.segmenter import InstanceSegmenter

    taxonomy = Taxonomy.scannet()
    load = partial(InstanceSegmenter.load, taxonomy=taxonomy, device=device)
    segmenters = {
        "multi-task, as in the paper": load(weights, as_in_the_paper=True),
        "ours": load(weights),
    }
    if fe_only is not None:
        settings = load(fe_only, as_in_the_paper=True).settings
        settings = replace(settings, score=replace(settings.score, use_direction=False))
        segmenters = {"FE only, as in the paper": load(fe_only, settings=settings)} | segmenters
    methods = baselines(taxonomy, segmenters["ours"].voxel_size)
    methods |= {name: Method(s.segment, s.voxel_size) for name, s in segmenters.items()}
    progress = partial(tqdm, unit="scan", disable=None)
    text = run(root, labels, out, methods, split, scenes, progress)
    (out / "tables.txt").write_text(text + "\n", encoding="utf-8")
    click.echo(text)
