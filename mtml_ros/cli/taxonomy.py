"""mtml taxonomy: lists the label sets that ship, or checks and shows one."""

from __future__ import annotations

import click


@click.command("taxonomy", short_help="List and check label sets.")
@click.argument("name", metavar="[NAME | FILE]", required=False)
@click.option("--weights", help="Weights that it is to fit: a file or a name; default: rooms.")
def command(name: str | None, weights: str | None) -> None:
    """Lists the label sets that ship, or checks and shows one: its ids, its names, and what each
    class is to the network. Exit code 2 where a YAML file is malformed, or maps to classes that
    the weights do not know.

    A name followed by _from_0 is the same set numbered 0, 1, 2, ... as most networks give it.
    """
    from mtml_ros.core.label_sets import shipped_names
    from mtml_ros.core.taxonomy import Taxonomy

    if name is None:
        for shipped in shipped_names():
            taxonomy = Taxonomy.load(shipped)
            ids = taxonomy.ids[1:]
            click.echo(f"{shipped:<16}{len(taxonomy):>4} classes, ids {ids.min()} to {ids.max()}")
        return
    from mtml_ros.network.checkpoint import find_weights, load_checkpoint

    taxonomy = Taxonomy.load(name)
    click.echo(f"{'id':>6}  {'name':<28}{'kind':<8}fed in as")
    for c in taxonomy.classes:
        click.echo(f"{c.id:>6}  {c.name:<28}{c.kind:<8}{c.network_name}")
    path = find_weights(weights or ("toy" if name == "toy" else None))
    channels = taxonomy.network_channels(load_checkpoint(path).config.classes)
    known = int((channels[1:] > 0).sum())
    click.echo(f"{len(taxonomy)} classes, {known} of them known to {path.stem}")
