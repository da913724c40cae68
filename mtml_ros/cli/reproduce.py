"""mtml reproduce: the paper's experiments, ours beside its figures."""

from __future__ import annotations

import click

from mtml_ros.cli.main import LazyGroup


@click.command(
    "reproduce",
    cls=LazyGroup,
    modules={
        "toy": ("mtml_ros.cli.reproduce_toy", "Table 1: boxes of five classes on a plane."),
        "scannet": ("mtml_ros.cli.reproduce_scannet", "Tables 2 and 3, on your copy of ScanNet."),
    },
    short_help="Repeat the paper's experiments beside its figures.",
)
def command() -> None:
    """Repeats the paper's experiments and prints our figures beside the paper's."""
