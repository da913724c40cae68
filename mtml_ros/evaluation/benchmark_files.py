"""The ScanNet benchmark's text files: submissions and ground truth, read and written.

A submission is a folder with SCENE.txt for each scene, one line a prediction,
`predicted_masks/SCENE_000.txt LABEL_ID CONFIDENCE`; a mask file has one 0 or 1 a vertex and line.
The ground truth is a folder with SCENE.txt, one integer a vertex: class id * 1000 + instance
number. (kaldir.vc.in.tum.de/scannet_benchmark/documentation)
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mtml_ros.errors import InputError
from mtml_ros.evaluation.average_precision import (
    INSTANCES_PER_CLASS,
    MIN_REGION,
    APResult,
    AveragePrecision,
    GroundTruth,
    Prediction,
)

MASK_FOLDER = "predicted_masks"
RESULT_FILE = "semantic_instance_evaluation.txt"
"""What the official script leaves in the folder of predictions; not a scene."""
MAX_FILE_BYTES = 1 << 30
MAX_DIGITS = 18  # what surely fits an int64

_ZERO_LINE = int.from_bytes(b"0\n", "little")


def evaluate_folders(
    predictions: str | Path,
    ground_truth: str | Path,
    classes: Mapping[int, str],
    min_region: int = MIN_REGION,
    class_agnostic: bool = False,
    progress: Callable[[Sequence[str]], Iterable[str]] = iter,
) -> APResult:
    """AP of a submission folder; the scenes are those that have a prediction file, as officially.

    classes: class id to name. progress: wraps the scene names, as tqdm does.
    Raises InputError, naming file and line, for anything missing or malformed.
    """
    collected = AveragePrecision(classes, min_region, class_agnostic)
    for scene in progress(list_scenes(predictions, ground_truth)):
        ids = read_integers(Path(ground_truth) / f"{scene}.txt")
        wanted = None if class_agnostic else classes
        found = read_predictions(Path(predictions) / f"{scene}.txt", len(ids), wanted)
        collected.add(found, GroundTruth.from_ids(ids, classes))
    return collected.result()


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
    for number, line in enumerate(_read_text(path).splitlines(), 1):
        if line.strip():
            mask, label, score = _parse_line(line, f"{path}, line {number}", root)
            lines[mask] = label, score
    return [
        Prediction(read_mask(mask, num_points), label, score)
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


def read_mask(path: str | Path, num_points: int) -> np.ndarray:
    """(n,) int64 ascending indices of the lines of a mask file that are not zero.

    Raises InputError when the file does not have num_points integers, one a line.
    """
    data = _read_bytes(path)
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
    blank = np.ones(len(data) + 2, dtype=bool)
    np.less_equal(data, ord(" "), out=blank[1:-1])
    edges = np.flatnonzero(blank[1:] != blank[:-1])
    start, end = edges[::2], edges[1::2]
    if not len(start):
        return np.zeros(0, dtype=np.int64)
    padded = np.append(data, np.uint8(ord("\n")))
    alone = (padded[end] == ord("\n")) | (padded[end] == ord("\r"))
    if not alone.all():
        newline = np.flatnonzero(padded == ord("\n"))
        shared = np.flatnonzero(np.diff(np.searchsorted(newline, start)) == 0)
        if len(shared):
            raise InputError(f"{_at(path, data, start[shared[0]])}: more than one number")
    negative = data[start] == ord("-")
    first = start + (negative | (data[start] == ord("+")))
    length = end - first
    longest = int(length.max())
    if length.min() < 1 or longest > MAX_DIGITS:
        wrong = start[np.flatnonzero((length < 1) | (length > MAX_DIGITS))[0]]
        raise InputError(f"{_at(path, data, wrong)}: not an integer")
    # all numbers at once, digit by digit from the right
    values = np.zeros(len(start), dtype=np.int64)
    for place in range(longest):
        at = end - 1 - place
        inside = at >= first
        digit = data[np.maximum(at, 0)].astype(np.int64) - ord("0")
        if ((digit < 0) | (digit > 9))[inside].any():
            wrong = start[np.flatnonzero(((digit < 0) | (digit > 9)) & inside)[0]]
            raise InputError(f"{_at(path, data, wrong)}: not an integer")
        values += np.where(inside, digit, 0) * 10**place
    return np.where(negative, -values, values)


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


def _read_bytes(path: str | Path) -> np.ndarray:
    try:
        if os.path.getsize(path) > MAX_FILE_BYTES:
            raise InputError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
        return np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _read_text(path: Path) -> str:
    try:
        return _read_bytes(path).tobytes().decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file") from None


def _at(path: str | Path, data: np.ndarray, position: int) -> str:
    line = 1 + int(np.count_nonzero(data[:position] == ord("\n")))
    return f"{path}, line {line}"
