"""mtml evaluate: AP of a submission in the ScanNet benchmark's file formats."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("evaluate", short_help="Score instance masks as the ScanNet benchmark does.")
@click.argument("pred_dir", type=FOLDER)
@click.argument("gt_dir", type=FOLDER)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the figures to this file.")  # fmt: skip
@click.option("--taxonomy", default="scannet", show_default=True,
              help="Whose thing classes are scored: scannet, toy, or a YAML file.")  # fmt: skip
@click.option("--min-region", type=click.IntRange(min=0), default=100, show_default=True,
              help="Objects and masks of fewer points are ignored.")  # fmt: skip
@click.option("--class-agnostic", is_flag=True, help="Let any mask match any object.")
def command(
    pred_dir: Path,
    gt_dir: Path,
    json_file: Path | None,
    taxonomy: str,
    min_region: int,
    class_agnostic: bool,
) -> None:
    """AP, AP50 and AP25 of each class, equal to those of the official evaluator.

    PRED_DIR holds SCENE.txt with a line "MASK_FILE LABEL_ID CONFIDENCE" for each mask, GT_DIR
    holds SCENE.txt with class id * 1000 + instance number for each point. The scenes are those
    that PRED_DIR has.
    """
    from mtml_ros.core.taxonomy import Taxonomy
    from mtml_ros.evaluation.benchmark import evaluate_folders
    from mtml_ros.evaluation.tables import ap_table

    things = {c.id: c.name for c in Taxonomy.load(taxonomy).classes if c.kind == "thing"}
    result = evaluate_folders(
        pred_dir, gt_dir, things, min_region, class_agnostic, progress=_with_bar
    )
    click.echo(ap_table(result))
    absent = _without_predictions(pred_dir, gt_dir)
    if absent:
        click.echo(
            f"note: {len(absent)} scenes of {gt_dir} have no file in {pred_dir} and are not "
            f"counted (the first is {absent[0]}); to count them, add empty files",
            err=True,
        )
    if json_file:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(result.to_json(), indent=2) + "\n", encoding="utf-8")


def _with_bar(scenes: Sequence[str]) -> Iterable[str]:
    from tqdm import tqdm

    bar: Iterable[str] = tqdm(scenes, desc="evaluating", unit="scene")
    return bar


def _without_predictions(pred_dir: Path, gt_dir: Path) -> list[str]:
    return sorted({f.name for f in gt_dir.glob("*.txt")} - {f.name for f in pred_dir.glob("*.txt")})
