"""mtml reproduce toy: Table 1 of the paper from nothing, ours beside the paper's."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("toy", short_help="Table 1: boxes of five classes on a plane.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/toy"),
    show_default=True,
    help="Folder of the runs; a broken one goes on.",
)
@click.option(
    "--seeds", type=click.IntRange(1, 100), default=1, show_default=True, help="How many."
)
@click.option("--preset", type=click.Choice(["toy", "toy-shell", "toy-hard"]), default="toy")
@click.option(
    "--dense-steps",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Each row with the paper's dense network too, trained for so many scenes.",
)
@click.option("--ablations", is_flag=True, help="And what each part is worth: ablations.txt.")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True, help="At a time.")
@click.option("--recipe", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--steps", type=click.IntRange(1), help="In place of the recipe's.")
@click.option(
    "--scenes", type=click.IntRange(1, 100), default=100, show_default=True, help="Test scenes."
)
def command(
    out: Path,
    seeds: int,
    preset: str,
    dense_steps: int,
    ablations: bool,
    jobs: int,
    recipe: Path | None,
    steps: int | None,
    scenes: int,
) -> None:
    """Generates, trains (FE only and multi-task as in the paper, and ours), evaluates on the 100
    test scenes, prints Table 1 with these beside the paper's, and writes table.txt, table.png
    and toy.json to the folder OUT.
    """
    from dataclasses import replace

    from mtml_ros.core.resources import config_file
    from mtml_ros.experiments import reproduce_toy, toy_ablations
    from mtml_ros.training.recipe import Recipe
    from mtml_ros.visualization.charts import draw_toy_table

    chosen = Recipe.load(recipe or config_file("recipes/toy.yaml"))
    chosen = replace(
        chosen,
        data={**chosen.data, "preset": preset},
        steps=steps or chosen.steps,
    )
    table = reproduce_toy.run(chosen, range(seeds), out, jobs, scenes, dense_steps)
    (out / "table.txt").write_text(table + "\n", encoding="utf-8")
    draw_toy_table(out / "table.png", out / "toy.json")
    click.echo(table)
    if ablations:
        weights = out / f"{reproduce_toy.OURS}-0" / "weights.safetensors"
        table = toy_ablations.run(chosen, weights, out, jobs, scenes)
        (out / "ablations.txt").write_text(table + "\n", encoding="utf-8")
        click.echo("\n" + table)
