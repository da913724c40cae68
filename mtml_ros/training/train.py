"""The training loop: deterministic from its recipe, resumable, on one process or under torchrun."""

from __future__ import annotations

import gc
import json
import math
import os
import pickle
import time
from bisect import bisect_right
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from mtml_ros.core.errors import CheckpointError, ConfigurationError
from mtml_ros.core.files import write_aside
from mtml_ros.datasets.samples import voxelize
from mtml_ros.evaluation.scenes import evaluate_segmenter
from mtml_ros.network.batch import VoxelBatch
from mtml_ros.network.checkpoint import (
    Checkpoint,
    build_network,
    find_weights,
    load_checkpoint,
    save_checkpoint,
)
from mtml_ros.network.config import NetworkConfig
from mtml_ros.network.device import choose_device
from mtml_ros.network.threads import set_threads
from mtml_ros.segmentation.segmenter import InstanceSegmenter
from mtml_ros.segmentation.settings import SegmenterSettings
from mtml_ros.training.augmentation import augment
from mtml_ros.training.batches import make_training_batch
from mtml_ros.training.calibration import calibrated
from mtml_ros.training.losses import Targets, multi_task_loss
from mtml_ros.training.recipe import Recipe
from mtml_ros.training.sources import SceneSource, make_source

LOG_EVERY = 50
"""Steps between lines of the log."""
MIN_VOXELS = 64
"""Scenes that augmentation has left smaller than this are drawn again."""
MAX_DRAWS = 100


@dataclass(frozen=True)
class Process:
    """Which of how many training processes this is."""

    rank: int
    world: int

    @property
    def is_main(self) -> bool:
        """Whether it is the one that validates, logs and saves."""
        return self.rank == 0

    @staticmethod
    def here() -> Process:
        """From the variables that torchrun sets; one process without them."""
        return Process(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))


class TrainingBatches(Dataset[tuple[VoxelBatch, Targets]]):
    """The batch of each step, made from the recipe's seed and the step's number alone, so that a
    resumed run sees what an unbroken one would."""

    def __init__(self, recipe: Recipe, config: NetworkConfig, process: Process) -> None:
        self.recipe = recipe
        self.config = config
        self.process = process
        self.source: SceneSource = make_source(recipe.data)
        taxonomy = recipe.load_taxonomy()
        self.channels = taxonomy.network_channels(config.classes)

    def __getitem__(self, step: int) -> tuple[VoxelBatch, Targets]:
        r = self.recipe
        mine = range(self.process.rank, r.batch_size, self.process.world)
        samples = []
        for i in mine:
            rng = np.random.default_rng((r.seed, step, i))
            for _ in range(MAX_DRAWS):
                scene = augment(self.source.draw(rng), r.augmentation, rng)
                if step < r.pretrain * r.steps:
                    scene = replace(scene, noisy_labels=None)
                sample = voxelize(scene, self.config.voxel_size)
                if len(sample.grid) >= MIN_VOXELS:
                    break
            else:
                raise ConfigurationError(
                    f"{MAX_DRAWS} scenes in turn had fewer than {MIN_VOXELS} voxels: the data does "
                    "not suit this voxel size, or the augmentation leaves too little of it"
                )
            samples.append(sample)
        return make_training_batch(samples, self.config, self.channels)


def train(recipe: Recipe, out: str | Path, device: str = "auto", progress: bool = True) -> Path:
    """Trains and returns the path of the weights.

    out: a folder for `weights.safetensors`, `state.pt` (from which a broken run goes on by
    itself), `log.jsonl`, TensorBoard's events (where tensorboard is installed). A run is also
    extended by the same recipe with more steps (and other restarts): it goes on with the learning
    rate that the longer one has there.
    Raises ConfigurationError when the folder holds a run of another recipe.
    """
    process = Process.here()
    if recipe.batch_size % process.world:
        raise ConfigurationError(
            f"batch_size {recipe.batch_size} does not divide over {process.world} processes"
        )
    if process.world > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        return _Run(recipe, Path(out), _device(device, process), process, progress).run()
    finally:
        if process.world > 1:
            dist.destroy_process_group()


def _device(name: str, process: Process) -> torch.device:
    device = choose_device(name)
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.cuda.set_device(device)
    elif process.world > 1:
        set_threads(max(1, (os.cpu_count() or 1) // process.world))
    return device


class _Run:
    def __init__(
        self, recipe: Recipe, out: Path, device: torch.device, process: Process, progress: bool
    ) -> None:
        self.recipe = recipe
        self.out = out
        self.device = device
        self.process = process
        self.is_main = process.is_main
        self.progress = progress and self.is_main
        torch.manual_seed(recipe.seed)
        self.config = recipe.network_config()
        # what the settings lack shows now, not at the first validation
        SegmenterSettings.from_dict(recipe.settings)
        self.network = build_network(self.config).to(device)
        if recipe.init:
            self._start_from(load_checkpoint(find_weights(recipe.init), device))
        if device.type == "cpu" and self.config.architecture == "sparse":
            # what the kernels leave to torch is too little for its threads to share
            torch.set_num_threads(1)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
        )
        self.step = 0
        self.waited = self.worked = 0.0
        out.mkdir(parents=True, exist_ok=True)
        self._resume()
        self.writer = _tensorboard(out) if self.is_main else None

    def _start_from(self, checkpoint: Checkpoint) -> None:
        """Takes over a network's weights; ConfigurationError where it is another network."""
        if checkpoint.config != self.config:
            raise ConfigurationError(
                f"recipe: init = {self.recipe.init!r} is a network of another configuration, "
                f"{checkpoint.config}: give the recipe's network the same options"
            )
        self.network.load_state_dict(checkpoint.network.state_dict())

    def run(self) -> Path:
        r = self.recipe
        model: nn.Module = self.network
        if self.process.world > 1:
            model = DistributedDataParallel(self.network)
        batches = TrainingBatches(r, self.config, self.process)
        # scenes that the data lacks show now, not after hours
        batches.source.validation_scenes(r.validation_scenes)
        if r.calibration_scenes:
            batches.source.calibration_scenes(r.calibration_scenes)
        loader = DataLoader(
            batches,
            batch_size=None,
            sampler=range(self.step, r.steps),  # type: ignore[arg-type]
            num_workers=r.workers,
            worker_init_fn=_one_thread,
            prefetch_factor=4 if r.workers else None,
        )
        bar = tqdm(total=r.steps, initial=self.step, desc=r.name, disable=not self.progress)
        self.network.train()
        gc.collect()
        gc.freeze()  # what is there stays: no use in looking through it at every step
        mark = time.perf_counter()
        for batch, targets in loader:
            ready = time.perf_counter()
            terms = self._optimise(model, batch, targets)
            self.step += 1
            now = time.perf_counter()
            self.waited, self.worked = self.waited + ready - mark, self.worked + now - ready
            if self.step % LOG_EVERY == 0 or self.step == r.steps:
                values = {name: round(float(v), 4) for name, v in terms.items()}
                share = self.waited / (self.waited + self.worked)
                self._log({"step": self.step, **values, "waiting": round(share, 3)})
                bar.set_postfix(values, refresh=False)
            bar.update()
            if self.step % r.validate_every == 0 or self.step == r.steps:
                self._validate(bar)
                self._save()
            mark = time.perf_counter()
        gc.unfreeze()
        bar.close()
        if self.is_main and r.calibration_scenes:
            self._calibrate()
        return self.out / "weights.safetensors"

    def _optimise(self, model: nn.Module, batch: VoxelBatch, targets: Targets) -> dict[str, Tensor]:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, self.step)
        on_cuda = self.device.type == "cuda"
        targets = Targets(
            *(getattr(targets, f).to(self.device) for f in Targets.__dataclass_fields__)
        )
        mixed = torch.autocast("cuda", torch.bfloat16) if on_cuda else nullcontext()
        with mixed:
            output = model(batch.to(self.device))
        total, terms = multi_task_loss(output, targets, self.recipe.loss)
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        if bool(torch.isfinite(norm)):  # one bad batch must not cost the run
            self.optimizer.step()
        return {"loss": total.detach(), **terms}

    def _validate(self, bar: Any) -> None:
        if not self.is_main:
            return
        r = self.recipe
        self.network.eval()
        segmenter = InstanceSegmenter(
            Checkpoint(self.network, self.config),
            r.load_taxonomy(),
            self.device,
            SegmenterSettings.from_dict(r.settings),
        )
        scores = evaluate_segmenter(
            make_source(r.data).validation_scenes(r.validation_scenes),
            segmenter.segment,
            segmenter.taxonomy,
            self.config.voxel_size,
            r.min_region,
        ).summary()
        self.network.train()
        self._log({"step": self.step, "validation": {k: round(v, 4) for k, v in scores.items()}})
        if self.writer is not None:
            for name, value in scores.items():
                self.writer.add_scalar(f"validation/{name}", value, self.step)
        shown = ", ".join(f"{k} {v:.3f}" for k, v in scores.items())
        if self.progress:
            bar.write(f"step {self.step}: {shown}")
        info = {"recipe": r.to_dict(), "step": self.step, "validation": scores}
        info = json.loads(json.dumps(info, default=str).replace("NaN", "null"))
        checkpoint = Checkpoint(self.network, self.config, r.settings, info)
        save_checkpoint(self.out / "weights.safetensors", checkpoint)

    def _calibrate(self) -> None:
        """Fits the learned score and the naming, unless the weights have them."""
        path = self.out / "weights.safetensors"
        checkpoint = load_checkpoint(path, self.device)
        if checkpoint.models:  # the same command again, after it was done
            return
        save_checkpoint(path, calibrated(checkpoint, self.recipe, self.device, self.progress))

    def _log(self, line: dict[str, Any]) -> None:
        if not self.is_main:
            return
        with open(self.out / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self.writer is not None:
            for name, value in line.items():
                if isinstance(value, float):
                    self.writer.add_scalar(f"training/{name}", value, line["step"])

    def _save(self) -> None:
        if not self.is_main:
            return
        state = {
            "recipe": json.dumps(self.recipe.to_dict(), sort_keys=True),
            "step": self.step,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        write_aside(self.out / "state.pt", lambda path: torch.save(state, path))

    def _resume(self) -> None:
        path = self.out / "state.pt"
        if not path.is_file():
            return
        try:  # weights_only: tensors and plain values, no code
            state = torch.load(path, map_location=self.device, weights_only=True)
        except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
            raise CheckpointError(f"{path}: cannot be read: {error}; delete it") from error
        if _but_for_steps(json.loads(state["recipe"])) != _but_for_steps(self.recipe.to_dict()):
            raise ConfigurationError(
                f"{self.out} holds a run of another recipe: choose another folder or empty it"
            )
        if state["step"] > self.recipe.steps:
            raise ConfigurationError(
                f"{self.out} holds a run of {state['step']} steps, more than {self.recipe.steps}"
            )
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]


def _but_for_steps(recipe: dict[str, Any]) -> dict[str, Any]:
    """What a run must have in common with its continuation: all but its length and cycles."""
    kept = {k: v for k, v in recipe.items() if k not in ("steps", "restarts")}
    result: dict[str, Any] = json.loads(json.dumps(kept))  # tuples as the file has them
    return result


def learning_rate(recipe: Recipe, step: int) -> float:
    """Of a step from 0: one cycle after another, each with its own peak."""
    cycles = [(0, recipe.learning_rate), *(r for r in recipe.restarts if r[0] < recipe.steps)]
    edges = [*(start for start, _ in cycles), recipe.steps]
    cycle = bisect_right(edges, min(step, recipe.steps - 1)) - 1
    start, end = edges[cycle : cycle + 2]
    return cycles[cycle][1] * one_cycle((step - start) / (end - start))


def one_cycle(progress: float) -> float:
    """Factor on the peak learning rate at `progress` 0..1: up over a tenth, then down to 0."""
    if progress < 0.1:
        return 0.04 + 0.96 * progress / 0.1
    return 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9))


def _one_thread(_: int) -> None:
    set_threads(1)


def _tensorboard(out: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(out))  # type: ignore[no-untyped-call]
