"""mtml demo: plays a scan to the node over DDS, and shows what objects it found.

Three processes, as on a robot: scene_player publishes the scan part by part, the node segments the
growing map, instance_recorder hears the result. What is shown is what the recorder heard.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mtml_ros.core.errors import InputError, MtmlError
from mtml_ros.core.object_record import table
from mtml_ros.datasets import SCANS

if TYPE_CHECKING:
    from mtml_ros.core.taxonomy import Taxonomy

DEFAULT_SCAN = SCANS / "living_room.npz"
STOP_SECONDS = 10.0


@click.command("demo", short_help="Play a scan to the node, show the objects it finds.")
@click.option(
    "--scan",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=DEFAULT_SCAN,
    help="A .npz, .ply or .pcd file with xyz and label; default: a living room that ships.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo_output"),
    show_default=True,
    help="Folder for the results.",
)
@click.option("--rate", default=2.0, show_default=True, help="Parts of the scan a second.")
@click.option(
    "--parts", type=click.IntRange(1, 1000), default=20, show_default=True, help="Of the scan."
)
@click.option(
    "--record",
    metavar="BAG",
    type=click.Path(path_type=Path),
    help="A folder that is made: an mcap of the clouds and of what the node published.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--weights", default="", help="A .safetensors file; default: those that ship.")
def command(
    scan: Path,
    out: Path,
    rate: float,
    parts: int,
    record: Path | None,
    device: str,
    weights: str,
) -> None:
    """Starts scene_player, instance_segmentation_node and instance_recorder as separate processes
    over DDS, plays SCAN part by part, and ends with a table of the objects, a picture
    (instances.png) and a page to look around in (instances.html).
    """
    if record is not None and record.exists():
        raise InputError(f"--record {record}: is there already, and bags are never overwritten")
    out.mkdir(parents=True, exist_ok=True)
    settings = [f"device:={device}", *([f"weights:={weights}"] if weights else [])]
    bag = record and record.resolve()
    memory = run_processes(scan.resolve(), out.resolve(), rate, parts, settings, bag)
    found = json.loads((out / "objects.json").read_text(encoding="utf-8"))
    draw(out, found, scan.stem)
    best_first = sorted(found["objects"], key=lambda o: -o["score"])
    click.echo("\n" + table(best_first, "voxels"))
    click.echo("\n" + summary(found["statistics"], memory))
    for name in ("instances.png", "instances.html", "objects.json", "segmentation.npz"):
        click.echo(f"  {out / name}")
    if record is not None:
        click.echo(f"  {record}")


def run_processes(
    scan: Path, out: Path, rate: float, parts: int, settings: list[str], bag: Path | None = None
) -> int:
    """Plays `scan` to the node in `parts`, `rate` a second; the recorder's files are then in `out`.

    settings: parameters of the node, each NAME:=VALUE. bag: a folder to record in.
    Returns the node's peak memory in bytes. Raises MtmlError, with the end of the log, where a
    process fails.
    """
    namespace = f"/mtml_demo_{os.getpid()}"  # apart from robots and other demos on this machine
    ros = ["--ros-args", "-r", f"__ns:={namespace}"]
    with ExitStack() as stack:
        processes: dict[str, subprocess.Popen[bytes]] = {}

        def start(name: str, *parameters: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((out / f"{name}.log").open("wb"))
            words = [_executable(name), *ros, *(w for p in parameters for w in ("-p", p))]
            process = subprocess.Popen(words, stdout=log, stderr=log)
            stack.callback(_stop, process)
            processes[name] = process
            return process

        click.echo(f"playing {scan.name} to the node (logs in {out})")
        recording = [f"bag:={bag}"] if bag is not None else []
        recorder = start("instance_recorder", f"output:={out}", *recording)
        node = start("instance_segmentation_node", *settings)
        start("scene_player", f"file:={scan}", f"rate:={rate}", f"parts:={parts}", "subscribers:=2")
        progress = stack.enter_context((out / "instance_recorder.log").open(errors="replace"))
        memory = 0
        while recorder.poll() is None:
            memory = max(memory, _peak_memory(node.pid))
            for name, process in processes.items():
                if process.poll():
                    raise MtmlError(_failure(name, out))
            for line in progress:
                click.echo("  " + line.rpartition("]: ")[2], nl=False)
            time.sleep(0.2)
        if recorder.returncode:
            raise MtmlError(
                _failure("instance_recorder", out) + _failure("instance_segmentation_node", out)
            )
        return memory


def _executable(name: str) -> str:
    """The program of this name that was installed together with this one."""
    prefixes = filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep))
    workspaces = [Path(prefix) / "lib" / "mtml_ros" for prefix in prefixes]
    folders = [Path(sys.argv[0]).parent, Path(sys.executable).parent, *workspaces]
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])
    found = shutil.which(name, path=path)
    if found is None:
        raise MtmlError(f"no program {name!r} beside {sys.argv[0]}; install the package first")
    return found


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _failure(name: str, out: Path) -> str:
    path = out / f"{name}.log"
    log = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([f"{name} failed; the end of {path}:", *log[-8:], ""])


def _peak_memory(pid: int) -> int:
    """Peak resident memory of a process in bytes, 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    peak = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peak[0]) * 1024 if peak else 0


def draw(out: Path, record: dict[str, Any], title: str) -> None:
    """Writes instances.png and instances.html from what the recorder wrote into `out`."""
    import numpy as np

    from mtml_ros.core.object_record import ObjectRecord
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.io.point_files import read_points
    from mtml_ros.visualization.page import write_page
    from mtml_ros.visualization.picture import draw_segmentation
    from mtml_ros.visualization.view import Cells

    taxonomy: Taxonomy = Taxonomy.scannet()
    voxels = read_points(out / "segmentation.npz")
    assert voxels.label is not None  # the recorder writes both
    assert voxels.instance is not None
    cells = Cells(
        voxels.xyz,
        record["voxel_size"],
        taxonomy.encode(voxels.label),
        voxels.instance.astype(np.int64),
    )
    objects = [ObjectRecord.from_dict(o) for o in record["objects"]]
    draw_segmentation(out / "instances.png", cells, objects, taxonomy, title)
    write_page(out / "instances.html", cells, objects, taxonomy, title)


def summary(statistics: dict[str, Any], memory: int) -> str:
    """One line on how it ran."""
    rate, last = statistics["cloud_rate"], statistics["latency_last"]
    parts = [
        f"{statistics['clouds']} clouds" + (f" at {rate:.1f} Hz" if rate else ""),
        f"{statistics['segmentations']} segmentations",
        *([f"last cloud to objects {last:.2f} s"] if last is not None else []),
        *([f"node's peak memory {memory / 2**20:.0f} MiB"] if memory else []),
    ]
    return "; ".join(parts)
