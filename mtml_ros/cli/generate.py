"""mtml generate: makes data sets whose objects are known exactly."""

from __future__ import annotations

import click

from mtml_ros.cli.main import LazyGroup

KINDS = {
    "toy": ("mtml_ros.cli.generate_toy", "The paper's boxes on a plane, five classes."),
    "rooms": ("mtml_ros.cli.generate_rooms", "Furnished rooms, scanned as a robot would."),
    "scannet": ("mtml_ros.cli.generate_scannet", "Your copy of ScanNet, as scenes to train on."),
}


@click.command("generate", cls=LazyGroup, modules=KINDS)
def command() -> None:
    """Makes data sets whose objects are known exactly, as .npz files that `mtml segment` and
    `mtml train` read.
    """
