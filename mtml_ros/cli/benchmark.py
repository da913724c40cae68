"""mtml benchmark: measures speed beside the obvious alternatives, all in one run."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import platform
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from mtml_ros.core.errors import ConfigurationError, InputError

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
NAMES = (
    "bounded_work",
    "building",
    "chain",
    "decode_cloud",
    "evaluation",
    "grouping",
    "network",
    "sparse_convolution",
    "tracker",
    "training_step",
    "voxel_map",
    "voxels",
)
"""The modules there that have a function `run`; the others measure accuracy, and are run alone."""


@click.command("benchmark", short_help="Measure speed beside the obvious alternatives.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Write all figures here.")  # fmt: skip
@click.option("--only", multiple=True, metavar="NAME", help="Run these alone (may be repeated).")
@click.option("--against", metavar="COMMIT", help="Where a benchmark can, measure this commit too.")
def command(json_file: Path | None, only: tuple[str, ...], against: str | None) -> None:
    """Runs every module of benchmarks/ in turn: each does the same work in ours and in the obvious
    other way, and prints a row a case. Times are seconds unless a column says otherwise.
    """
    modules = find_benchmarks()
    unknown = sorted(set(only) - set(modules))
    if unknown:
        raise ConfigurationError(
            f"no benchmark {', '.join(unknown)}; there are: {', '.join(modules)}"
        )
    results: dict[str, Any] = {"machine": machine()}
    click.echo(", ".join(f"{k}: {v}" for k, v in results["machine"].items()))
    for name in only or modules:
        module = _load(name, modules[name])
        click.echo(f"\n{(module.__doc__ or name).splitlines()[0]}", nl=True)
        can_compare = "against" in inspect.signature(module.run).parameters
        results[name] = module.run(against=against) if can_compare else module.run()
        click.echo(table(results[name]))
    if json_file is not None:
        try:
            json_file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{json_file}: cannot be written: {error.strerror}") from error


def find_benchmarks(folder: Path = BENCHMARKS) -> dict[str, Path]:
    """Name to file of `NAMES`. They lie beside the package in a checkout, not installed with it."""
    files = {name: folder / f"{name}.py" for name in NAMES}
    if not folder.is_dir():
        raise InputError(f"{folder}: no benchmarks; run from a checkout of the sources")
    return files


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    import torch

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Rows of one benchmark, columns by key in the order of their first appearance."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    texts = [columns, *([_text(row.get(c)) for c in columns] for row in rows)]
    widths = [max(len(line[i]) for line in texts) for i in range(len(columns))]
    numeric = [all(isinstance(r.get(c), (int, float, type(None))) for r in rows) for c in columns]
    lines = []
    for line in texts:
        cells = [t.rjust(w) if n else t.ljust(w) for t, w, n in zip(line, widths, numeric)]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"mtml_benchmark_{name}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: is no Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _processor() -> str:
    """The processor's name, where Linux tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()
