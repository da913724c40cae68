"""mtml generate scannet: your own copy of ScanNet as scenes to train on."""

from __future__ import annotations

from pathlib import Path

import click

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("scannet", short_help="Your copy of ScanNet, as scenes to train on.")
@click.argument("root", type=_FOLDER)
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="train",
              show_default=True)  # fmt: skip
@click.option("--out", type=_FOLDER, required=True, help="Gets a SCENE.npz for each scan.")
@click.option("--labels", type=_FOLDER,
              help="A network's label a vertex: SCENE.txt, .npy or .ply, NYU40 ids.")  # fmt: skip
@click.option("--voxel-size", type=click.FloatRange(min=0, min_open=True),
              help="One point a voxel of so many metres; default: every vertex.")  # fmt: skip
@click.option("--ground-truth", type=_FOLDER, help="Gets a SCENE.txt that mtml evaluate takes.")
def command(
    root: Path,
    split: str,
    out: Path,
    labels: Path | None,
    voxel_size: float | None,
    ground_truth: Path | None,
) -> None:
    """Reads the scans of a split in ROOT (laid out as ScanNet is distributed) and writes them as
    `mtml train` takes them, with `data: {set: files, train: OUT, ...}` in the recipe.

    What was trained on ScanNet falls under ScanNet's terms of use.
    """
    from tqdm import tqdm

    from mtml_ros.datasets.scannet import ScanNet

    dataset = ScanNet.open(root)
    for scene in tqdm(dataset.scenes(split), unit="scan", disable=None):
        dataset.write_scene(scene, out, labels, voxel_size)
        if ground_truth is not None:
            dataset.write_ground_truth(scene, ground_truth)
