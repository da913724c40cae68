"""mtml segment --out-dir: many scans, one that fails, going on, and two Dask workers of which one
dies."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mtml_ros.cli.main import mtml
from mtml_ros.io.point_files import read_points, write_points


def run(*words: object) -> Result:
    return CliRunner().invoke(mtml, ["segment", *map(str, words)])


@pytest.fixture
def scans(room: Path, tmp_path: Path) -> list[Path]:
    scan = read_points(room)
    paths = [tmp_path / f"scan{i}.ply" for i in range(3)]
    for i, path in enumerate(paths):
        write_points(path, scan.xyz + np.float32(i), scan.label)
    paths[1].write_text("no PLY")
    return paths


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_scan_that_fails_does_not_stop_the_others(
    weights: Path, scans: list[Path], tmp_path: Path, jobs: int
) -> None:
    out = tmp_path / "out"
    result = run(*scans, "--out-dir", out, "--weights", weights, "--jobs", jobs)
    assert result.exit_code == 1
    assert "2 of 3 scans segmented" in result.output
    assert "scan1: failed" in result.stderr
    assert sorted(p.name for p in out.iterdir()) == [
        "scan0.json", "scan0.ply", "scan2.json", "scan2.ply",
    ]  # fmt: skip
    single = tmp_path / "single.ply"
    run(scans[0], "--out", single, "--weights", weights)
    assert single.read_bytes() == (out / "scan0.ply").read_bytes()


def test_what_is_done_is_not_done_again_unless_forced(
    weights: Path, scans: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = [scans[0], scans[2], "--out-dir", out, "--weights", weights]
    assert run(*words).exit_code == 0
    (out / "scan2.json").unlink()
    before = (out / "scan0.ply").stat().st_mtime_ns
    result = run(*words)
    assert "1 scans are done already" in result.stderr
    assert "[1/1] scan2" in result.stderr
    assert (out / "scan0.ply").stat().st_mtime_ns == before
    run(*words, "--force")
    assert (out / "scan0.ply").stat().st_mtime_ns > before


def test_two_scans_of_one_name_are_refused(weights: Path, room: Path, tmp_path: Path) -> None:
    result = run(room, room, "--out-dir", tmp_path / "out", "--weights", weights)
    assert result.exit_code == 2
    assert "rename one" in result.stderr


def test_a_scheduler_that_is_not_there_is_told(weights: Path, room: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    words = ["--out-dir", tmp_path / "out", "--weights", weights]
    result = run(room, *words, "--scheduler", "tcp://127.0.0.1:1")
    assert result.exit_code == 2
    assert "cannot be reached" in result.stderr


@pytest.mark.slow
def test_a_dask_worker_that_is_killed_loses_no_scan(
    weights: Path, room: Path, tmp_path: Path
) -> None:
    pytest.importorskip("distributed")
    scan = read_points(room)
    paths = [tmp_path / f"scan{i}.ply" for i in range(8)]
    for i, path in enumerate(paths):
        write_points(path, scan.xyz + np.float32(i), scan.label)
    out, address = tmp_path / "out", tmp_path / "scheduler.json"
    start = [sys.executable, "-m"]
    processes = [
        subprocess.Popen(
            [*start, "distributed.cli.dask_scheduler", "--scheduler-file", str(address),
             "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        )
    ]  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not address.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        worker = [*start, "distributed.cli.dask_worker", "--scheduler-file", str(address),
                  "--nthreads", "1", "--no-nanny", "--no-dashboard"]  # fmt: skip
        processes += [subprocess.Popen(worker) for _ in range(2)]
        command = subprocess.Popen(
            [sys.executable, "-c", "from mtml_ros.cli.main import main; main()", "segment",
             *map(str, paths), "--out-dir", str(out), "--weights", str(weights),
             "--scheduler", json.loads(address.read_text())["address"]],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(command)
        while not list(out.glob("*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(processes[1].pid, signal.SIGKILL)
        stdout, _ = command.communicate(timeout=200)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert command.returncode == 0
    assert "8 of 8 scans segmented" in stdout
    assert len(list(out.glob("*.ply"))) == 8
