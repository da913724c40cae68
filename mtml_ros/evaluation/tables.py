"""Tables of results: classes of an evaluation, ours beside the paper's, and spread over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtml_ros.evaluation.average_precision import APResult

PAPER_TOY = {
    "connected components": (0.925, 0.851, 0.869, 0.935, 0.799),
    "FE only": (0.973, 0.927, 0.950, 0.964, 0.952),
    "multi-task": (0.980, 0.935, 0.961, 0.966, 0.953),
}
"""AP50 of the toy set's classes 1 to 5 (MTML, Table 1)."""

PAPER_SCANNET_VALIDATION = {
    "labels as instances": (0.068, 0.145, 0.239),
    "connected components": (0.118, 0.230, 0.338),
    "FE only": (0.171, 0.333, 0.492),
    "multi-task": (0.203, 0.402, 0.554),
}
"""AP, AP50, AP25 averaged over ScanNet's 18 classes, validation set (MTML, Table 2)."""

PAPER_SCANNET_TEST_AP50 = 0.549
"""AP50 averaged over ScanNet's 18 classes, hidden test set (MTML, Table 3)."""


@dataclass(frozen=True)
class Spread:
    """A figure over several runs: their mean and sample standard deviation (NaN for one run)."""

    mean: float
    deviation: float

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        """From one value a run; runs in which it is undefined (NaN) are left out."""
        defined = np.array([v for v in values if not math.isnan(v)])
        mean = float(defined.mean()) if len(defined) else math.nan
        return Spread(mean, float(defined.std(ddof=1)) if len(defined) > 1 else math.nan)


Cell = str | float | Spread | None


def format_table(
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[Cell]]],
    markdown: bool = False,
    digits: int = 3,
) -> str:
    """A table of figures, names to the left and figures to the right; an undefined one is "-".

    columns: head of the names' column, then of each figure's. An empty name of a row with no
    cells draws a line.
    """
    texts = [(name, [_text(c, digits) for c in cells]) for name, cells in rows]
    width = [max([len(columns[0]), *(len(name) for name, _ in texts)])]
    for i, head in enumerate(columns[1:]):
        width.append(max([len(head), *(len(cells[i]) for _, cells in texts if cells)]))
    edge, gap = ("| ", " | ") if markdown else ("", "  ")

    def line(name: str, cells: Sequence[str]) -> str:
        figures = [c.rjust(w) for c, w in zip(cells, width[1:])]
        return edge + gap.join([name.ljust(width[0]), *figures]) + edge[::-1]

    rule = "-" * (sum(width) + len(gap) * (len(width) - 1))
    if markdown:
        rule = (
            "|" + "|".join(["-" * (width[0] + 2), *("-" * (w + 1) + ":" for w in width[1:])]) + "|"
        )
    lines = [line(columns[0], columns[1:]), rule]
    for name, cells in texts:
        if cells:
            lines.append(line(name, cells))
        elif not markdown:
            lines.append(rule)
    return "\n".join(lines)


def ap_table(result: APResult, markdown: bool = False) -> str:
    """AP, AP50 and AP25 of each class, and their mean."""
    ap, ap50, ap25 = result.ap, result.ap50, result.ap25
    rows: list[tuple[str, Sequence[Cell]]] = [(n, (ap[n], ap50[n], ap25[n])) for n in result.names]
    if len(rows) > 1:
        rows += [("", ()), ("mean", (result.mean_ap, result.mean_ap50, result.mean_ap25))]
    return format_table(("class", "AP", "AP50", "AP25"), rows, markdown)


def toy_table(ours: Mapping[str, Sequence[Sequence[float]]], markdown: bool = False) -> str:
    """The paper's Table 1 with ours: AP50 of each class in percent, mean and spread over seeds.

    ours: name of a row to one sequence of the five classes' AP50 (0..1) a seed.
    """
    rows: list[tuple[str, Sequence[Cell]]] = []
    for name, values in PAPER_TOY.items():
        rows.append((f"{name} (paper)", _percent([values])))
        rows += [(n, _percent(seeds)) for n, seeds in ours.items() if _is_variant(n, name)]
    others = [n for n in ours if not any(_is_variant(n, p) for p in PAPER_TOY)]
    rows += [(n, _percent(ours[n])) for n in others]
    columns = ("AP50 in %", *(f"class {i}" for i in range(1, 6)), "mean")
    return format_table(columns, rows, markdown, digits=1)


def scannet_table(ours: Mapping[str, APResult], markdown: bool = False) -> str:
    """The paper's Tables 2 and 3 with ours: AP, AP50, AP25 averaged over ScanNet's classes."""
    rows: list[tuple[str, Sequence[Cell]]] = []
    for name, values in PAPER_SCANNET_VALIDATION.items():
        rows.append((f"{name} (paper)", values))
        rows += [(n, _means(r)) for n, r in ours.items() if _is_variant(n, name)]
    others = [n for n in ours if not any(_is_variant(n, p) for p in PAPER_SCANNET_VALIDATION)]
    rows += [(n, _means(ours[n])) for n in others]
    rows.append(("multi-task (paper, hidden test set)", (None, PAPER_SCANNET_TEST_AP50, None)))
    return format_table(("mean of 18 classes", "AP", "AP50", "AP25"), rows, markdown)


def _is_variant(name: str, of: str) -> bool:
    return name == of or name.startswith(f"{of},")


def _means(result: APResult) -> tuple[float, float, float]:
    return result.mean_ap, result.mean_ap50, result.mean_ap25


def _percent(seeds: Sequence[Sequence[float]]) -> list[Cell]:
    """Each class, then their mean, over seeds."""
    per_seed = 100 * np.array(seeds, dtype=np.float64)
    columns = [*per_seed.T, per_seed.mean(axis=1)]
    return [Spread.of(c.tolist()) for c in columns]


def _text(cell: Cell, digits: int) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Spread):
        mean = _text(cell.mean, digits)
        return mean if math.isnan(cell.deviation) else f"{mean} ± {cell.deviation:.{digits}f}"
    return "-" if cell is None or math.isnan(cell) else f"{cell:.{digits}f}"
