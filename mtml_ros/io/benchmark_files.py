"""The ScanNet benchmark's text files: submissions and ground truth, read and written.

A submission is a folder with SCENE.txt for each scene, one line a prediction,
`predicted_masks/SCENE_000.txt LABEL_ID CONFIDENCE`; a mask file has one 0 or 1 a vertex and line.
The ground truth is a folder with SCENE.txt, one integer a vertex: class id * 1000 + instance
number. (kaldir.vc.in.tum.de/scannet_benchmark/documentation)
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtml_ros.core.errors import InputError

INSTANCES_PER_CLASS = 1000
"""A ground truth id is class id * 1000 + number of the instance; ids under 1000 are no objects."""

MASK_FOLDER = "predicted_masks"
RESULT_FILE = "semantic_instance_evaluation.txt"
"""What the official script leaves in the folder of predictions; not a scene."""
MAX_FILE_BYTES = 1 << 30

_INTEGER = re.compile("[+-]?[0-9]{1,18}")  # what surely fits an int64
_ZERO_LINE = int.from_bytes(b"0\n", "little")
_PLAIN_LINES = re.compile(rb"[0-9]{1,18}(\n[0-9]{1,18})*\n?")


@dataclass(frozen=True)
class Prediction:
    """A scored mask; masks of a scene may overlap.

    mask: (n,) integer indices of the points in it, or (N,) bool. label: class id. score: any
    number but NaN; only the order of scores counts.
    """

    mask: np.ndarray
    label: int
    score: float


def list_scenes(predictions: str | Path, ground_truth: str | Path) -> list[str]:
    """Names of the scenes of a submission, each of which must have its ground truth."""
    for folder in (predictions, ground_truth):
        if not Path(folder).is_dir():
            raise InputError(f"{folder}: no such folder")
    files = sorted(Path(predictions).glob("*.txt"))
    scenes = [f.stem for f in files if f.name != RESULT_FILE]
    if not scenes:
        raise InputError(f"{predictions}: no SCENE.txt in it; a submission has one a scene")
    missing = [s for s in scenes if not (Path(ground_truth) / f"{s}.txt").is_file()]
    if missing:
        raise InputError(
            f"{predictions}: {len(missing)} scenes have no file in {ground_truth}, "
            f"the first is {missing[0]}.txt"
        )
    return scenes


def read_predictions(
    path: str | Path, num_points: int, classes: Iterable[int] | None = None
) -> list[Prediction]:
    """The predictions of one scene, in the file's order, masks as ascending indices.

    classes: only masks of these ids are opened, the others are left out; None: all. A mask named
    twice counts once, with its last label and confidence, as officially.
    """
    path = Path(path)
    root = os.path.abspath(path.parent)
    wanted = None if classes is None else set(classes)
    lines: dict[str, tuple[int, float]] = {}
    for number, line in enumerate(_decode(_read_bytes(path), path).splitlines(), 1):
        if line.strip():
            mask, label, score = _parse_line(line, f"{path}, line {number}", root)
            lines[mask] = label, score
    buffer = np.empty(2 * num_points, dtype=np.uint8)
    return [
        Prediction(read_mask(mask, num_points, buffer), label, score)
        for mask, (label, score) in lines.items()
        if wanted is None or label in wanted
    ]


def _parse_line(line: str, where: str, root: str) -> tuple[str, int, float]:
    parts = line.split()
    if len(parts) != 3:
        raise InputError(f"{where}: needs 'MASK_FILE LABEL_ID CONFIDENCE', has {line.strip()!r}")
    try:
        label, score = int(float(parts[1])), float(parts[2])
    except (ValueError, OverflowError):
        raise InputError(f"{where}: label and confidence must be numbers: {line!r}") from None
    if math.isnan(score):
        raise InputError(f"{where}: the confidence is not a number")
    mask = os.path.normpath(os.path.join(root, parts[0]))
    if os.path.isabs(parts[0]) or os.path.commonpath([mask, root]) != root:
        raise InputError(f"{where}: mask {parts[0]!r} must lie inside the folder of predictions")
    return mask, label, score


def read_mask(path: str | Path, num_points: int, buffer: np.ndarray | None = None) -> np.ndarray:
    """(n,) int64 ascending indices of the lines of a mask file that are not zero.

    buffer: (m,) uint8 to read the file into, reused from mask to mask; None: a new one.
    Raises InputError when the file does not have num_points integers, one a line.
    """
    data = _read_bytes(path, buffer)
    if len(data) == 2 * num_points - 1:
        data = np.append(data, np.uint8(ord("\n")))
    if len(data) == 2 * num_points:  # a digit and a newline each: two bytes compare as one
        pairs = data.view("<u2")
        other = np.flatnonzero(pairs != _ZERO_LINE)
        if ((pairs[other] > _ZERO_LINE) & (pairs[other] <= _ZERO_LINE + 9)).all():
            return other
    values = _parse_integers(data, path)
    if len(values) != num_points:
        raise InputError(f"{path}: {len(values)} lines for a scene of {num_points} points")
    return np.flatnonzero(values)


def read_integers(path: str | Path) -> np.ndarray:
    """(N,) int64 of a text file with one integer a line; blank lines and CRLF are tolerated."""
    return _parse_integers(_read_bytes(path), path)


def _parse_integers(data: np.ndarray, path: str | Path) -> np.ndarray:
    if _PLAIN_LINES.fullmatch(data.data):  # nothing that numpy would read otherwise
        return np.fromstring(data.tobytes(), dtype=np.int64, sep="\n")
    found = []
    for number, line in enumerate(_decode(data, path).splitlines(), 1):
        text = line.strip()
        if text:
            if not _INTEGER.fullmatch(text):
                raise InputError(f"{path}, line {number}: {text[:40]!r} is not an integer")
            found.append(int(text))
    return np.array(found, dtype=np.int64)


def write_submission(
    folder: str | Path, scene: str, predictions: Sequence[Prediction], num_points: int
) -> None:
    """Writes one scene's predictions, labels being the benchmark's class ids.

    Raises InputError for a scene name that the format cannot hold.
    """
    if not scene or any(c.isspace() or c in "/\\" for c in scene):
        raise InputError(f"scene name {scene!r}: the benchmark allows no space and no slash")
    folder = Path(folder)
    (folder / MASK_FOLDER).mkdir(parents=True, exist_ok=True)
    lines = []
    for i, p in enumerate(predictions):
        name = f"{MASK_FOLDER}/{scene}_{i:03d}.txt"
        pairs = np.full(num_points, _ZERO_LINE, dtype="<u2")
        pairs[p.mask] += 1
        (folder / name).write_bytes(pairs.tobytes())
        lines.append(f"{name} {p.label} {p.score:.9g}\n")
    (folder / f"{scene}.txt").write_text("".join(lines), encoding="ascii")


def ground_truth_ids(labels: np.ndarray, instance: np.ndarray) -> np.ndarray:
    """(N,) int64 ids of the benchmark's encoding.

    labels: (N,) class ids. instance: (N,), -1 for none, which becomes 0: class id * 1000 alone
    would be read as an object. Instances are numbered from 1 in each class.
    Raises InputError when a class has more than 999 of them.
    """
    labels = np.asarray(labels, dtype=np.int64)
    ids = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels[instance >= 0]):
        inside = (labels == label) & (instance >= 0)
        numbers, rank = np.unique(instance[inside], return_inverse=True)
        if len(numbers) >= INSTANCES_PER_CLASS:
            raise InputError(f"{len(numbers)} instances of class {label}; the format holds 999")
        ids[inside] = label * INSTANCES_PER_CLASS + rank.reshape(-1) + 1
    return ids


def write_ground_truth(path: str | Path, labels: np.ndarray, instance: np.ndarray) -> None:
    """Writes `ground_truth_ids`, one a line."""
    values, line = np.unique(ground_truth_ids(labels, instance), return_inverse=True)
    texts = [f"{v}\n" for v in values]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join([texts[i] for i in line.reshape(-1).tolist()]), encoding="ascii")


def _read_bytes(path: str | Path, buffer: np.ndarray | None = None) -> np.ndarray:
    """(n,) uint8, the file's bytes; in the buffer, (m,) uint8, where they fit."""
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                raise InputError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
            if buffer is None or len(buffer) < size:
                buffer = np.empty(size, dtype=np.uint8)
            return buffer[: file.readinto(buffer[:size].data)]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _decode(data: np.ndarray, path: str | Path) -> str:
    try:
        return data.tobytes().decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file") from None
