"""The benchmark's files: round trips, what is tolerated, what is refused and with which line."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.evaluation.benchmark import evaluate_folders
from mtml_ros.io.benchmark_files import (
    MASK_FOLDER,
    Prediction,
    ground_truth_ids,
    list_scenes,
    read_integers,
    read_mask,
    read_predictions,
    write_ground_truth,
    write_submission,
)

CLASSES = {3: "cabinet", 5: "chair", 39: "otherfurniture"}


def load_benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "evaluation.py"
    spec = importlib.util.spec_from_file_location("benchmark_evaluation", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_submission_round_trip(tmp_path):
    given = [
        Prediction(np.array([0, 3, 4]), 5, 0.123456789),
        Prediction(np.arange(6), 39, -2.5),
        Prediction(np.zeros(0, np.int64), 3, 1e-9),
    ]
    write_submission(tmp_path, "scene0011_00", given, 6)
    text = (tmp_path / "scene0011_00.txt").read_text()
    assert text.splitlines()[0] == f"{MASK_FOLDER}/scene0011_00_000.txt 5 0.123456789"
    assert (tmp_path / MASK_FOLDER / "scene0011_00_000.txt").read_text() == "1\n0\n0\n1\n1\n0\n"
    read = read_predictions(tmp_path / "scene0011_00.txt", 6)
    for a, b in zip(given, read, strict=True):
        assert (a.label, a.score, a.mask.tolist()) == (b.label, b.score, b.mask.tolist())


def test_ground_truth_round_trip(tmp_path):
    labels = np.array([5, 5, 5, 39, 1, 5])
    instance = np.array([7, 7, 1500, 7, -1, -1])
    # instances are numbered from 1 in each class; a point of none is 0, never 5000
    expected = [5001, 5001, 5002, 39001, 0, 0]
    assert ground_truth_ids(labels, instance).tolist() == expected
    write_ground_truth(tmp_path / "gt" / "s.txt", labels, instance)
    assert (tmp_path / "gt" / "s.txt").read_text() == "".join(f"{i}\n" for i in expected)
    assert read_integers(tmp_path / "gt" / "s.txt").tolist() == expected


def test_more_instances_than_the_format_holds_are_refused():
    with pytest.raises(InputError, match="1000 instances of class 5"):
        ground_truth_ids(np.full(1000, 5), np.arange(1000))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0\n5001\n39012\n", [0, 5001, 39012]),
        ("0\r\n5001\r\n7", [0, 5001, 7]),
        (" 12 \n\n\t3\n\n", [12, 3]),
        ("-1\n+2\n007\n", [-1, 2, 7]),
        ("99999999\n0\n12345678\n1234567\n", [99999999, 0, 12345678, 1234567]),
        ("123456789012\n1\n", [123456789012, 1]),
        ("", []),
        ("\n\n", []),
    ],
)
def test_integers_are_read_in_every_common_layout(tmp_path, text, expected):
    (tmp_path / "f.txt").write_bytes(text.encode())
    assert read_integers(tmp_path / "f.txt").tolist() == expected


def test_numbers_of_every_length_match_int(tmp_path):
    rng = np.random.default_rng(5)
    values = [int(rng.integers(10**k)) for k in rng.integers(1, 9, 40_000)]
    (tmp_path / "f.txt").write_text("\n".join(map(str, values)))
    assert read_integers(tmp_path / "f.txt").tolist() == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n2\nchair\n", "line 3: 'chair' is not an integer"),
        ("1\n2.5\n", r"line 2: '2\.5' is not an integer"),
        ("1 2\n3\n", "line 1: '1 2' is not an integer"),
        ("1\n--3\n", "line 2: '--3' is not an integer"),
        ("1\n1_0\n", "line 2: '1_0' is not an integer"),
        ("1\n" + "9" * 30 + "\n", "line 2: '999"),
        ("1\n:\n", "line 2: ':' is not an integer"),
    ],
)
def test_what_is_no_integer_is_named_with_its_line(tmp_path, text, message):
    (tmp_path / "f.txt").write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_integers(tmp_path / "f.txt")
    assert "f.txt" in str(error.value)


def test_no_character_passes_for_a_digit(tmp_path):
    path = tmp_path / "f.txt"
    for code in sorted(set(range(1, 128)) - set(b"0123456789 \t\r\n\v\f+-\x1c\x1d\x1e\x1f")):
        for where in (0, 3):
            line = bytearray(b"9999")
            line[where] = code
            path.write_bytes(b"1\n" + line + b"\n2\n")
            with pytest.raises(InputError, match="line 2"):
                read_integers(path)


@pytest.mark.parametrize(
    "data",
    [
        b"0\n1\n0\n9\n",
        b"0\n1\n0\n9",
        b"0\r\n1\r\n0\r\n9\r\n",
        b"0 \n1\n0\n\n255\n",
        b"0\n-1\n00\n1\n",
    ],
    ids=["plain", "no last newline", "CRLF", "spaces and blanks", "signs and zeros"],
)
def test_a_mask_is_every_line_that_is_not_zero(tmp_path, data):
    (tmp_path / "m.txt").write_bytes(data)
    assert read_mask(tmp_path / "m.txt", 4).tolist() == [1, 3]


@pytest.mark.parametrize("data", [b"0\n1\n0\n", b"0\n1\n0\n1\n1\n", b"", b"10\n1\n1\n"])
def test_a_mask_of_the_wrong_length_is_refused(tmp_path, data):
    (tmp_path / "m.txt").write_bytes(data)
    with pytest.raises(InputError, match=r"m\.txt: \d lines for a scene of 4 points"):
        read_mask(tmp_path / "m.txt", 4)


def test_a_mask_of_the_right_size_in_bytes_but_no_digits_is_refused(tmp_path):
    (tmp_path / "m.txt").write_bytes(b"0\nx\n0\n1\n")
    with pytest.raises(InputError, match="line 2"):
        read_mask(tmp_path / "m.txt", 4)


def write(folder, lines):
    (folder / "s.txt").write_text(lines)
    (folder / "m").mkdir(exist_ok=True)
    (folder / "m" / "0.txt").write_text("1\n0\n")
    return folder / "s.txt"


def test_a_mask_named_twice_counts_once_with_its_last_line(tmp_path):
    path = write(tmp_path, "m/0.txt 5 0.5\n\nm/0.txt  3.0\t0.25\r\n")
    (only,) = read_predictions(path, 2)
    assert (only.label, only.score, only.mask.tolist()) == (3, 0.25, [0])


def test_masks_of_other_classes_are_not_even_opened(tmp_path):
    path = write(tmp_path, "m/absent.txt 1 0.5\nm/0.txt 5 0.5\n")
    assert [p.label for p in read_predictions(path, 2, CLASSES)] == [5]
    with pytest.raises(InputError, match=r"absent\.txt: cannot be read"):
        read_predictions(path, 2)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("m/0.txt 5", "line 2: needs 'MASK_FILE LABEL_ID CONFIDENCE'"),
        ("m/0 0.txt 5 1", "line 2: needs"),
        ("m/0.txt chair 0.5", "line 2: label and confidence must be numbers"),
        ("m/0.txt inf 0.5", "line 2: label and confidence must be numbers"),
        ("m/0.txt 5 nan", "line 2: the confidence is not a number"),
        ("/m/0.txt 5 0.5", "line 2: mask .* must lie inside"),
        ("../m/0.txt 5 0.5", "line 2: mask .* must lie inside"),
        ("m/../../m/0.txt 5 0.5", "line 2: mask .* must lie inside"),
    ],
)
def test_a_wrong_line_of_a_submission_is_named(tmp_path, line, message):
    path = write(tmp_path, f"m/0.txt 5 0.5\n{line}\n")
    with pytest.raises(InputError, match=message):
        read_predictions(path, 2)


def test_a_folder_beside_the_submission_with_its_name_in_front_is_outside(tmp_path):
    for name in ("pred", "pred_secret"):
        (tmp_path / name).mkdir()
    path = write(tmp_path / "pred", "../pred_secret/m.txt 5 1\n")
    with pytest.raises(InputError, match="must lie inside"):
        read_predictions(path, 2)


def test_binary_files_and_missing_files_are_refused(tmp_path):
    (tmp_path / "s.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file"):
        read_predictions(tmp_path / "s.txt", 2)
    with pytest.raises(InputError, match="not a text file"):
        read_integers(tmp_path / "s.txt")
    with pytest.raises(InputError, match="cannot be read"):
        read_integers(tmp_path / "t.txt")


@pytest.mark.parametrize("name", ["", "a b", "../a", "a/b"])
def test_scene_names_that_the_format_cannot_hold_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="no space and no slash"):
        write_submission(tmp_path, name, [], 3)


def test_scenes_are_those_with_predictions(tmp_path):
    pred, truth = tmp_path / "pred", tmp_path / "gt"
    with pytest.raises(InputError, match="no such folder"):
        list_scenes(pred, truth)
    truth.mkdir()
    pred.mkdir()
    with pytest.raises(InputError, match=r"no SCENE\.txt"):
        list_scenes(pred, truth)
    for s in ("b", "a", "semantic_instance_evaluation"):
        (pred / f"{s}.txt").touch()
    for s in ("a", "c"):
        (truth / f"{s}.txt").touch()
    with pytest.raises(InputError, match=r"1 scenes have no file .*b\.txt"):
        list_scenes(pred, truth)
    (truth / "b.txt").touch()
    assert list_scenes(pred, truth) == ["a", "b"]


def random_folders(folder, rng):
    """Two to four small scenes with every corner in them; gives the least region size."""
    for s in range(int(rng.integers(2, 5))):
        n, pieces = int(rng.integers(60, 400)), int(rng.integers(2, 12))
        piece = np.searchsorted(np.sort(rng.integers(0, n, pieces)), np.arange(n), side="right")
        label = rng.choice([0, 1, 3, 5, 5, 39, 40], pieces + 1)
        ids = (label * 1000 + rng.integers(0, 5, pieces + 1))[piece]
        ids[rng.random(n) < rng.choice([0, 0.2])] = rng.choice([0, 12])
        (folder / "gt").mkdir(exist_ok=True)
        (folder / "gt" / f"s{s}.txt").write_text("".join(f"{i}\n" for i in ids))
        found = []
        for _ in range(int(rng.integers(0, 14))):
            inside = np.isin(ids, rng.choice(np.unique(ids), int(rng.integers(1, 3))))
            inside &= rng.random(n) < rng.choice([1.0, 0.8, 0.5])
            inside |= rng.random(n) < rng.choice([0.0, 0.1])
            score = rng.choice([0.25, 0.5]) if rng.random() < 0.5 else rng.random()
            found.append(Prediction(np.flatnonzero(inside), int(rng.choice([1, 3, 5, 39])), score))
        write_submission(folder / "pred", f"s{s}", found, n)
    return int(rng.choice([1, 10, 40]))


@pytest.mark.parametrize("seed", range(40))
def test_random_folders_score_as_the_plain_python_evaluation_does(tmp_path, seed):
    plain_evaluate = load_benchmark().plain_evaluate
    min_region = random_folders(tmp_path, np.random.default_rng(seed))
    pred, truth = tmp_path / "pred", tmp_path / "gt"
    result = evaluate_folders(pred, truth, CLASSES, min_region)
    plain = plain_evaluate(pred, truth, list_scenes(pred, truth), CLASSES, min_region)
    for threshold, by_name in plain.items():
        ours = [result.at(threshold)[name] for name in by_name]
        np.testing.assert_allclose(ours, list(by_name.values()), atol=1e-12)


def test_the_speed_benchmark_runs_and_agrees_with_plain_python():
    figures = load_benchmark().measure(scenes=3, points=4000, distinct=2, plain_scenes=2)
    assert figures["largest_difference"] < 1e-12
    assert figures["times_faster_than_plain_python"] > 5
