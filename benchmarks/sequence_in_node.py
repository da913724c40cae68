"""A recorded RGB-D sequence as a bag: through `mtml replay`, and through the node at its own rate.

    python benchmarks/sequence_in_node.py DATA --out FOLDER [--every 6] [--tf2 PREFIX]

DATA is as for real_sequence.py: a copy of your own, evaluation only. The bag holds depth images,
CameraInfo, label images and /tf, which names the camera's place between the images where --every
leaves frames out: each cloud lies between two transforms, and waits for the second.
The node runs as a process that hears scene_player over DDS. Its map is saved and compared with
replay's: which voxels one has and the other lacks, and which have another class.
--tf2 PREFIX: one more run, with tf2_ros of its folder `python`, the libraries of `lib`
(geometry2 installs so with -DPYTHON_INSTALL_DIR=python). --every 1 offers 30 images a second.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from PIL import Image
from rclpy.node import Node
from real_sequence import FLOOR, RATE, erring, true_ids, upright_axes

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.transforms import Transform
from mtml_ros.core.voxels import pack_keys
from mtml_ros.io.bag_writer import BagWriter, camera_info, image, transforms
from mtml_ros.io.bags import Bag
from mtml_ros.io.camera import Camera
from mtml_ros.mapping.voxel_map import VoxelMap
from mtml_ros.srv import MapFile

START_NS = 1_600_000_000_000_000_000
LABEL_DELAY_NS = 15_000_000
"""Nanoseconds that the label image is recorded after its depth image."""

TOPICS = {"image": "/camera/depth", "camera_info": "/camera/camera_info", "labels": "/labels"}
NODE = "/instance_segmentation"


def write_bag(data: Path, path: Path, every: int) -> None:
    """Writes the sequence as an mcap, every so many frames."""
    matrix, upright = np.loadtxt(data / "camera-intrinsics.txt"), upright_axes(data)
    camera = Camera(640, 480, (matrix[0, 0], matrix[1, 1]), (matrix[0, 2], matrix[1, 2]))
    tilt = Transform(upright, np.array([0, 0, -FLOOR]))
    frame = "camera_optical_frame"
    with BagWriter(path) as bag:
        bag.write("/tf_static", START_NS, transforms(START_NS, [("map", "world", tilt)]), True)
        for i, file in enumerate(sorted(data.glob("frame-*.depth.png"))):
            now = START_NS + round(i * 1e9 / RATE)
            pose = np.loadtxt(file.with_name(file.name.replace("depth.png", "pose.txt")))
            place = Transform(pose[:3, :3], pose[:3, 3])
            if every == 1 or i % every or not i:  # the first image needs one before it
                bag.write("/tf", now, transforms(now, [("world", frame, place)]))
            if i % every:
                continue
            depth = np.asarray(Image.open(file)).astype(np.uint16)
            depth[depth == np.iinfo(np.uint16).max] = 0  # no return
            there = tilt @ place
            metres = np.where(depth, depth / 1000, np.nan).astype(np.float32)
            ids = true_ids(metres, camera, there.rotation, there.translation)
            ids = erring(ids, np.random.default_rng(i)).astype(np.uint8)
            bag.write(TOPICS["camera_info"], now, camera_info(now, frame, camera))
            bag.write(TOPICS["image"], now, image(now, frame, depth))
            bag.write(TOPICS["labels"], now + LABEL_DELAY_NS, image(now, frame, ids))


def replay(bag: Path, out: Path) -> None:
    """Runs `mtml replay`, which prints what became of the clouds."""
    words = ["--depth", TOPICS["image"], "--camera-info", TOPICS["camera_info"]]
    words += ["--label-image", TOPICS["labels"], "--map", out / "replay.map", "--every", 0]
    words += ["--html", out / "replay.html", "--objects", out / "replay.json"]
    program = Path(sys.executable).with_name("mtml")
    subprocess.run([program, "replay", bag, *map(str, words)], check=True)


class Robot(Node):
    """Hears the diagnostics and has maps saved."""

    def __init__(self) -> None:
        super().__init__("sequence_benchmark")
        self.values: dict[str, str] = {}
        self.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 10)
        self.saves = self.create_client(MapFile, f"{NODE}/save_map")

    def _hear(self, msg: DiagnosticArray) -> None:
        self.values = {v.key: v.value for status in msg.status for v in status.values}

    def wait(self, condition: Any, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{seconds} s passed; the last diagnostics: {self.values}")
            rclpy.spin_once(self, timeout_sec=0.1)

    def save(self, name: str) -> None:
        done = self.saves.call_async(MapFile.Request(filename=name))
        self.wait(done.done, 30)
        assert done.result().success, done.result().message


@contextmanager
def process(name: str, log: Path, words: list[str], **variables: str) -> Iterator[Any]:
    """A program of this package that is interrupted at the end."""
    program = Path(sys.executable).with_name(name)
    with log.open("wb") as file:
        started = subprocess.Popen(
            [program, "--ros-args", *words],
            env={**os.environ, **variables},
            stdout=file,
            stderr=file,
        )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGINT)
        started.wait(20)


def play(bag: Path, out: Path, name: str, number: int, **variables: str) -> dict[str, str]:
    """Plays the bag to the node; its last diagnostics. Its map goes to out/NAME.map."""
    words = [w for k, v in TOPICS.items() for w in ("-r", f"depth/{k}:={v}")]
    for parameter in ("input:=depth", "transform_timeout:=2.0", f"map_directory:={out}"):
        words += ["-p", parameter]
    robot = Robot()
    try:
        with process("instance_segmentation_node", out / f"{name}.log", words, **variables) as node:
            robot.wait(lambda: robot.saves.service_is_ready() and robot.values, 60)
            before, began = cpu_seconds(node.pid), time.monotonic()
            with process("scene_player", out / "player.log", ["-p", f"file:={bag}"]) as player:
                robot.wait(lambda: player.poll() is not None, 600)
            robot.wait(lambda: accounted(robot.values) >= number, 30)
            used = cpu_seconds(node.pid) - before
            robot.save(f"{name}.map")
            cores = used / (time.monotonic() - began)
            return {**robot.values, "cores": f"{cores:.2f}"}
    finally:
        robot.destroy_node()


def accounted(values: dict[str, str]) -> int:
    """How many images were integrated or dropped for a reason."""
    drops = (v for k, v in values.items() if k.startswith("dropped: "))
    return int(values.get("clouds integrated", 0)) + sum(map(int, drops))


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def compare(one: Path, other: Path) -> str:
    """In words: voxels that one map has and the other lacks, voxels whose class differs."""
    grids, taxonomy = [], Taxonomy.scannet()
    for path in (one, other):
        voxel_map = VoxelMap(0.1, len(taxonomy), 10_000_000)
        voxel_map.load(path, taxonomy)
        grids.append(voxel_map.snapshot())
    keys = [pack_keys(g.coordinates) for g in grids]
    _, first, second = np.intersect1d(*keys, assume_unique=True, return_indices=True)
    classes = np.count_nonzero(grids[0].labels[first] != grids[1].labels[second])
    alone = [len(k) - len(first) for k in keys]
    return (
        f"{one.stem} {len(keys[0])} voxels, {other.stem} {len(keys[1])}: {alone[0]} and {alone[1]} "
        f"in one alone, {classes} of {len(first)} with another class"
    )


def main() -> None:
    """Runs everything and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="a folder for bag and maps; a bag that is there is taken",
    )
    parser.add_argument("--every", type=int, default=6, help="frames an image (30 Hz / 6 = 5 Hz)")
    parser.add_argument("--tf2", type=Path, help="where tf2_ros is installed")
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    bag = out / "bag"
    if not bag.exists():
        write_bag(options.data, bag, options.every)
    with Bag(bag) as written:
        number = written.count([TOPICS["image"]])
    print(f"{number} images at {RATE / options.every:g} Hz")
    replay(bag, out)
    runs = {"own": {}}
    if options.tf2 is not None:
        libraries = f"{options.tf2}/lib:{os.environ.get('LD_LIBRARY_PATH', '')}"
        runs["tf2"] = {"PYTHONPATH": f"{options.tf2}/python", "LD_LIBRARY_PATH": libraries}
    rclpy.init()
    for name, variables in runs.items():
        values = play(bag, out, name, number, **variables)
        print(f"node, transforms of {name}:")
        for key, value in values.items():
            if any(word in key for word in ("cloud", "dropped", "time (ms)", "cores")):
                print(f"  {key}: {value}")
        print(compare(out / "replay.map", out / f"{name}.map"))
    if len(runs) == 2:
        print(compare(out / "own.map", out / "tf2.map"))
    rclpy.shutdown()


if __name__ == "__main__":
    main()
