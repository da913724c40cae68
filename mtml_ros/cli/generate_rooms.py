"""mtml generate rooms: furnished rooms as a sensor saw them, as files, and pictures of each."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("rooms", short_help="Furnished rooms, scanned as a robot would.")
@click.option("--count", type=click.IntRange(1, 1_000_000), default=10, show_default=True)
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Of the first."
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder."
)
@click.option("--validation", is_flag=True, help="Settings that no training room is drawn from.")
@click.option(
    "--noise",
    type=click.FloatRange(0.0, 1.0),
    help="Adds labels that err at this level, 1 as the worst networks do.",
)
@click.option(
    "--unscanned", is_flag=True, help="Every surface of the room, not what a sensor saw of it."
)
@click.option(
    "--pictures",
    type=click.IntRange(0, 1_000_000),
    default=10,
    show_default=True,
    help="How many rooms get a picture and a page.",
)
def command(
    count: int,
    seed: int,
    out: Path,
    validation: bool,
    noise: float | None,
    unscanned: bool,
    pictures: int,
) -> None:
    """Writes COUNT rooms to the folder OUT, room I from seed SEED + I: xyz, label (NYU40 ids), the
    true instance and, with --noise, noisy_label; and a picture and a page of the first ones.

    \b
    mtml generate rooms --count 5 --out rooms
    mtml segment rooms/room_00000.npz --out found.npz
    """
    import numpy as np
    from tqdm import tqdm

    from mtml_ros.core.errors import InputError
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.datasets.scene_files import write_scene
    from mtml_ros.simulation.label_noise import with_noise
    from mtml_ros.simulation.rooms import VALIDATION, RoomSettings, complete_room, generate_room
    from mtml_ros.visualization.scenes import show_scene

    taxonomy = Taxonomy.scannet()
    settings = VALIDATION if validation else RoomSettings()
    make = complete_room if unscanned else generate_room
    try:
        out.mkdir(parents=True, exist_ok=True)
        for i in tqdm(range(seed, seed + count), unit="room", disable=None):
            rng = np.random.default_rng(i)
            scene = make(rng, settings)
            if noise is not None:
                scene = with_noise(scene, noise, rng)
            name = f"room_{i:05d}"
            write_scene(out / f"{name}.npz", scene, taxonomy)
            if i - seed < pictures:
                show_scene(out / name, scene, taxonomy, name)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from error
    click.echo(f"wrote {count} rooms to {out}")
