"""Tables: layout, spread over seeds, and the paper's figures in their places."""

import math

import numpy as np
import pytest

from mtml_ros.evaluation.average_precision import APResult
from mtml_ros.evaluation.tables import (
    PAPER_SCANNET_VALIDATION,
    PAPER_TOY,
    Spread,
    ap_table,
    format_table,
    scannet_table,
    toy_table,
)


def constant(names, value):
    thresholds = (0.25, *np.arange(0.5, 0.95, 0.05).tolist())
    return APResult(names, thresholds, np.full((len(names), 10), value))


def test_spread_is_the_sample_deviation():
    # mean 3, squared distances 4 + 0 + 4 over 3 - 1
    assert Spread.of([1.0, 3.0, 5.0]) == Spread(3.0, 2.0)
    assert Spread.of([1.0, math.nan, 5.0]) == Spread(3.0, pytest.approx(math.sqrt(8)))
    assert math.isnan(Spread.of([2.0]).deviation)
    assert math.isnan(Spread.of([]).mean)


def test_text_table_aligns_figures():
    rows = [("a", (0.5, None)), ("", ()), ("long name", (Spread(0.25, 0.125), math.nan))]
    assert format_table(("what", "x", "y"), rows, digits=2).splitlines() == [
        "what                 x  y",
        "-------------------------",
        "a                 0.50  -",
        "-------------------------",
        "long name  0.25 ± 0.12  -",
    ]


def test_markdown_table():
    rows = [("a", (0.5, "n")), ("", ()), ("b", (1, None))]
    assert format_table(("what", "x", "y"), rows, markdown=True, digits=1).splitlines() == [
        "| what |   x | y |",
        "|------|----:|--:|",
        "| a    | 0.5 | n |",
        "| b    | 1.0 | - |",
    ]


def test_ap_table_has_a_row_a_class_and_the_mean():
    result = constant(("chair", "table"), 0.5)
    result.values[1] = math.nan
    lines = ap_table(result).splitlines()
    assert lines[2].split() == ["chair", "0.500", "0.500", "0.500"]
    assert lines[3].split() == ["table", "-", "-", "-"]
    assert lines[-1].split() == ["mean", "0.500", "0.500", "0.500"]


def test_toy_table_sets_ours_under_the_papers_row():
    ours = {
        "multi-task": [[0.98, 0.99, 1.0, 0.97, 0.96], [1.0, 0.99, 1.0, 0.97, 0.98]],
        "multi-task, dense": [[0.9] * 5],
        "labels as instances": [[0.1] * 5],
    }
    lines = [line for line in toy_table(ours).splitlines() if line]
    names = [line[:29].strip() for line in lines[2:]]
    assert names == [
        "connected components (paper)",
        "FE only (paper)",
        "multi-task (paper)",
        "multi-task",
        "multi-task, dense",
        "labels as instances",
    ]
    paper, own = lines[4], lines[5]
    # the paper's mean: (98.0 + 93.5 + 96.1 + 96.6 + 95.3) / 5
    assert paper.split()[2:] == ["98.0", "93.5", "96.1", "96.6", "95.3", "95.9"]
    assert own.split()[1:4] == ["99.0", "±", "1.4"]
    assert own.split()[-3:] == ["98.4", "±", "0.6"]  # means 98.0 and 98.8


def test_scannet_table_has_the_papers_rows_and_the_hidden_test_set():
    text = scannet_table({"connected components": constant(("chair",), 0.5)})
    lines = text.splitlines()
    assert lines[3].split()[-3:] == ["0.118", "0.230", "0.338"]
    assert lines[4].split() == ["connected", "components", "0.500", "0.500", "0.500"]
    assert lines[-1].split()[-3:] == ["-", "0.549", "-"]


def test_the_papers_figures_are_those_of_its_text():
    # Table 1's means and Table 2's ratio multi-task over components, 1.75 in AP50
    assert np.mean(PAPER_TOY["multi-task"]) == pytest.approx(0.959)
    components, multi = (
        PAPER_SCANNET_VALIDATION[n][1] for n in ("connected components", "multi-task")
    )
    assert multi / components == pytest.approx(1.75, abs=0.01)
