"""Charts of results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mtml_ros.evaluation.tables import PAPER_TOY


def draw_toy_table(path: str | Path, results: str | Path) -> None:
    """Table 1 as bars: AP50 of each class, the paper's and ours, with the spread over seeds.

    results: the `toy.json` of `mtml reproduce toy`.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    ours = json.loads(Path(results).read_text(encoding="utf-8"))
    colors = {"connected components": "#9aa5b1", "FE only": "#e0a458", "multi-task": "#2f7fb8"}
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    x = np.arange(5)
    bars: list[tuple[str, str, float, np.ndarray]] = []  # label, color, opacity, runs of 5 classes
    for name, paper in PAPER_TOY.items():
        bars.append((f"{name}, paper", colors[name], 0.45, np.array([paper])))
        row = name if name in ours else f"{name}, as in the paper"
        bars.append((row, colors[name], 1.0, _ap50(ours[row])))
    bars.append(("ours", "#2a9d6f", 1.0, _ap50(ours["ours"])))
    width = 0.8 / len(bars)
    for i, (label, color, opacity, runs) in enumerate(bars):
        several = len(runs) > 1
        axes.bar(
            x + (i - (len(bars) - 1) / 2) * width,
            100 * runs.mean(axis=0),
            width,
            yerr=100 * runs.std(axis=0, ddof=1) if several else None,
            color=color,
            alpha=opacity,
            label=f"{label} ({len(runs)} seeds)" if several else label,
        )
    axes.set_xticks(x, [f"class {i}" for i in range(1, 6)])
    axes.set_ylabel("AP50, %")
    lowest = min(v for r in [*ours.values()] for run in r for v in run["ap50"].values())
    axes.set_ylim(max(0, 100 * min(lowest, 0.799) - 5), 101)
    axes.set_title("Toy experiment (MTML, Table 1): one non-overlapping labelling, 100 test scenes")
    axes.legend(ncols=3, fontsize="small", loc="lower center", bbox_to_anchor=(0.5, -0.32))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _ap50(runs: list[dict[str, Any]]) -> np.ndarray:
    """(runs, 5) AP50 of each class."""
    return np.array([list(run["ap50"].values()) for run in runs])
