"""mtml train: a network from a recipe."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("train", short_help="Train a network from a recipe.")
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the run.  [default: runs/NAME-SEED]",
)
@click.option("--seed", type=int, help="In place of the recipe's.")
@click.option("--steps", type=click.IntRange(1), help="In place of the recipe's.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.option(
    "--calibrate",
    "network",
    metavar="WEIGHTS",
    help="Only fit the learned score and the naming, to the network of these weights.",
)
def command(
    config: Path,
    out: Path | None,
    seed: int | None,
    steps: int | None,
    device: str,
    threads: int | None,
    network: str | None,
) -> None:
    """Trains the network that the recipe CONFIG (YAML, see config/recipes/) describes.

    A run that was broken off goes on where it was when the same command is given again.

    \b
    mtml train config/recipes/toy.yaml
    mtml train config/recipes/rooms.yaml --calibrate rooms
    torchrun --nproc-per-node 2 -m mtml_ros.cli.main train config/recipes/toy.yaml
    """
    from dataclasses import replace

    from mtml_ros.network.threads import set_threads
    from mtml_ros.training.calibration import calibrate_weights
    from mtml_ros.training.recipe import Recipe
    from mtml_ros.training.train import train

    if threads:
        set_threads(threads)
    recipe = Recipe.load(config)
    recipe = replace(
        recipe,
        seed=recipe.seed if seed is None else seed,
        steps=recipe.steps if steps is None else steps,
    )
    folder = out or Path("runs") / f"{recipe.name}-{recipe.seed}"
    if network is not None:
        weights = calibrate_weights(recipe, network, folder, device)
    else:
        weights = train(recipe, folder, device)
    click.echo(f"weights: {weights}")
