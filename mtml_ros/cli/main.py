"""The command `mtml`: a table of subcommands, each imported only when it is called."""

from __future__ import annotations

import importlib
from typing import Any

import click

from mtml_ros import __version__
from mtml_ros.core.errors import MtmlError


class LazyGroup(click.Group):
    """A group whose commands are modules with a click command `command`.

    modules: command name to (module, one line of help), so that help needs no import.
    An MtmlError in any command becomes one line on stderr and exit code 2.
    """

    def __init__(self, *args: Any, modules: dict[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.modules:
            return None
        command: click.Command = importlib.import_module(self.modules[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.modules.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MtmlError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(2)


COMMANDS = {
    "segment": ("mtml_ros.cli.segment", "Find the separate objects in a labelled scan."),
    "replay": ("mtml_ros.cli.replay", "Objects in a rosbag2 recording, without ROS."),
    "evaluate": ("mtml_ros.cli.evaluate", "Score predictions as the ScanNet benchmark does."),
    "generate": ("mtml_ros.cli.generate", "Make data sets: toy boxes, or rooms."),
    "train": ("mtml_ros.cli.train", "Train a network from a recipe."),
    "reproduce": ("mtml_ros.cli.reproduce", "Repeat the paper's experiments beside its figures."),
    "benchmark": ("mtml_ros.cli.benchmark", "Measure speed beside the obvious alternatives."),
    "taxonomy": ("mtml_ros.cli.taxonomy", "List and check label sets."),
    "view": ("mtml_ros.cli.view", "Objects in a browser: a result, or a running node."),
    "demo": ("mtml_ros.cli.demo", "Play a scan to the node, show the objects it finds."),
}

EXAMPLES = """
\b
Examples:
  mtml segment scan.ply --out objects.ply --html objects.html
  mtml generate rooms --count 5 --seed 1 --out rooms
  mtml COMMAND --help
"""


@click.command(
    cls=LazyGroup,
    modules=COMMANDS,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, "-V", "--version", prog_name="mtml_ros")
def mtml() -> None:
    """Separate objects in labelled 3D point clouds (MTML, ICCV 2019)."""


def main() -> None:
    """The console script."""
    mtml(prog_name="mtml")


if __name__ == "__main__":  # for launchers of processes, such as torchrun
    main()
