"""mtml segment --out-dir: many scans, in processes here or on the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import click

from mtml_ros.core.errors import ConfigurationError, InputError, MtmlError

Outcome = tuple[str, str]
"""A scan's name and why it failed; an empty text where it did not."""


def segment_many(
    scans: Sequence[Path],
    folder: Path,
    settings: dict[str, Any],
    jobs: int,
    scheduler: str | None,
) -> None:
    """Segments each scan into the folder; prints progress, at the end what failed.

    A scan whose NAME.json is there is done already (it is written last). Exits with 1 where a scan
    failed. Raises MtmlError where two scans have one name, or the cluster cannot be used.
    """
    names = [scan.stem for scan in scans]
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        raise InputError(f"several INPUTs would write {folder / repeated[0]}.*; rename one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out-dir {folder}: cannot be made: {error.strerror}") from error
    done = [s for s in scans if (folder / f"{s.stem}.json").exists() and not settings["force"]]
    todo = [s.resolve() for s in scans if s not in done]
    if done:
        click.echo(f"{len(done)} scans are done already (--force does them again)", err=True)
    run = _on_cluster(scheduler) if scheduler else _in_processes(min(jobs, max(1, len(todo))))
    failed = []
    for number, (name, failure) in enumerate(run(todo, folder.resolve(), settings), 1):
        click.echo(f"[{number}/{len(todo)}] {name}: {failure or _found(folder, name)}", err=True)
        failed += [name] if failure else []
    click.echo(f"{len(todo) - len(failed)} of {len(todo)} scans segmented into {folder}")
    if failed:
        raise click.exceptions.Exit(1)


def segment_into(scan: Path, folder: Path, settings: dict[str, Any], threads: int) -> Outcome:
    """Segments one scan into the folder, in whatever process; never raises for a bad scan."""
    import torch

    from mtml_ros.cli.segment import segment_file

    torch.set_num_threads(threads)
    suffix = ".npz" if scan.suffix.lower() == ".npz" else ".ply"
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            segment_file(
                scan, folder / f"{scan.stem}{suffix}", settings, folder / f"{scan.stem}.json"
            )
    except (MtmlError, RuntimeError, MemoryError, OSError) as error:
        return scan.stem, f"failed: {error}"
    return scan.stem, ""


def _found(folder: Path, name: str) -> str:
    objects = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["objects"]
    return f"{len(objects)} objects"


def _in_processes(jobs: int) -> Any:
    threads = max(1, (os.cpu_count() or 1) // jobs)

    def run(scans: list[Path], folder: Path, settings: dict[str, Any]) -> Iterator[Outcome]:
        if jobs == 1:
            for scan in scans:
                yield segment_into(scan, folder, settings, threads)
            return
        context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        with ProcessPoolExecutor(jobs, mp_context=context) as pool:
            futures = {
                pool.submit(segment_into, scan, folder, settings, threads): scan for scan in scans
            }
            for future in as_completed(futures):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    yield futures[future].stem, "failed: a process died (out of memory?)"

    return run


def _on_cluster(address: str) -> Any:
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as error:
        raise ConfigurationError(
            "--scheduler needs Dask: pip install 'mtml_ros[cluster]'"
        ) from error

    def run(scans: list[Path], folder: Path, settings: dict[str, Any]) -> Iterator[Outcome]:
        try:
            client = distributed.Client(address, timeout="10s")
        except (OSError, ValueError, TimeoutError) as error:
            raise ConfigurationError(f"--scheduler {address}: cannot be reached: {error}") from None
        with client:
            # a task whose worker dies goes to another one; dask gives up after three of them
            futures = {
                client.submit(segment_into, scan, folder, settings, 1, key=f"segment-{scan}"): scan
                for scan in scans
            }
            for future in distributed.as_completed(list(futures)):
                try:
                    yield future.result()
                except Exception as error:  # the scheduler's, or whatever the worker raised
                    yield futures[future].stem, f"failed: {error}"

    return run
