"""Charts of results."""

from __future__ import annotations

import json
from pathlib import Path

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
    width = 0.13
    for i, (name, paper) in enumerate(PAPER_TOY.items()):
        color = colors[name]
        at = x + (2 * i - 2.5) * width
        axes.bar(at, 100 * np.array(paper), width, color=color, alpha=0.45, label=f"{name}, paper")
        runs = 100 * np.array([list(r["ap50"].values()) for r in ours[name]])
        spread = runs.std(axis=0, ddof=1) if len(runs) > 1 else None
        axes.bar(
            at + width,
            runs.mean(axis=0),
            width,
            yerr=spread,
            color=color,
            label=f"{name}, ours ({len(runs)} seed{'s' * (len(runs) > 1)})",
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
