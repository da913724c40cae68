"""mtml generate toy: the paper's toy scenes as files, and a look at the first of them."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("toy", short_help="The paper's boxes on a plane, five classes.")
@click.option("--count", type=click.IntRange(1, 1_000_000), default=10, show_default=True)
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Of the first."
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder."
)
@click.option(
    "--preset",
    type=click.Choice(["toy", "toy-shell", "toy-hard"]),
    default="toy",
    show_default=True,
    help="Solid boxes; their shells; shells with holes, contacts and wrong labels.",
)
def command(count: int, seed: int, out: Path, preset: str) -> None:
    """Writes COUNT scenes to the folder OUT, scene I from seed SEED + I: xyz, label (1 to 5), the
    true instance and, for toy-hard, noisy_label; and a picture and a page of the first.

    \b
    mtml generate toy --count 5 --out toy
    mtml segment toy/toy_00000.npz --taxonomy toy --weights toy --out found.npz
    """
    from tqdm import tqdm

    from mtml_ros.core.errors import InputError
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.datasets.scene_files import write_scene
    from mtml_ros.datasets.toy import PRESETS, generate_scene
    from mtml_ros.visualization.scenes import show_scene

    taxonomy = Taxonomy.toy()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for i in tqdm(range(seed, seed + count), unit="scene", disable=None):
            name = f"{preset.replace('-', '_')}_{i:05d}"
            scene = generate_scene(i, PRESETS[preset])
            write_scene(out / f"{name}.npz", scene, taxonomy)
            if i == seed:
                show_scene(out / name, scene, taxonomy, f"{preset} {i}", edge=0.06)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from error
    click.echo(f"wrote {count} scenes to {out}")
