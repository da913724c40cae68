"""The example's label image, as far as the messages go."""

import runpy
from pathlib import Path
from types import SimpleNamespace

EXAMPLE = Path(__file__).parents[2] / "examples" / "detections_to_label_image.py"


def test_masks_become_ids_and_the_better_score_lies_on_top() -> None:
    example = runpy.run_path(str(EXAMPLE))

    def detection(name: str, score: float, corners: list[tuple[int, int]]) -> SimpleNamespace:
        data = [SimpleNamespace(x=x, y=y) for x, y in corners]
        return SimpleNamespace(class_name=name, score=score, mask=SimpleNamespace(data=data))

    square = [(1, 1), (5, 1), (5, 5), (1, 5)]
    shifted = [(x + 2, y) for x, y in square]
    msg = SimpleNamespace(
        detections=[
            detection("chair", 0.9, square),
            detection("couch", 0.5, shifted),
            detection("no such class", 0.99, square),
            detection("chair", 0.99, []),
        ]
    )
    labels = example["draw_labels"]((10, 8), example["polygons"](msg))
    assert labels.shape == (8, 10)
    assert labels[3].tolist() == [0, 62, 62, 62, 62, 62, 63, 63, 0, 0]
