"""Turns the masks of a 2D detector into the label image that mtml_ros takes with its depth.

Topics: in `detections` (yolo_msgs/DetectionArray of yolo_ros, with masks), out `labels`
(sensor_msgs/Image, mono8) with COCO's ids and the detections' stamp, 0 where nothing was found.
Start the node with `taxonomy: coco`. For another detector only `polygons` changes.
"""

from __future__ import annotations

import array
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from mtml_ros.core.taxonomy import Taxonomy

ID_OF = dict(zip(Taxonomy.load("coco").names[1:], Taxonomy.load("coco").ids[1:].tolist()))

Mask = tuple[str, float, Sequence[tuple[float, float]]]
"""A class's name, its score, the outline of its mask in pixels."""


def draw_labels(size: tuple[int, int], masks: Iterable[Mask]) -> np.ndarray:
    """(height, width) uint8 ids; the better score lies on top. size: (width, height)."""
    image = Image.new("L", size, 0)
    pen = ImageDraw.Draw(image)
    for name, _, outline in sorted(masks, key=lambda mask: mask[1]):
        if name in ID_OF and len(outline) >= 3:
            pen.polygon(list(outline), fill=ID_OF[name])
    return np.array(image)


def polygons(msg: object) -> list[Mask]:
    """The masks of a yolo_msgs/DetectionArray."""
    return [
        (d.class_name, d.score, [(p.x, p.y) for p in d.mask.data])
        for d in msg.detections  # type: ignore[attr-defined]
    ]


def main() -> None:
    import rclpy
    from sensor_msgs.msg import Image as ImageMessage
    from yolo_msgs.msg import DetectionArray

    rclpy.init()
    node = rclpy.create_node("detections_to_label_image")
    publisher = node.create_publisher(ImageMessage, "labels", 10)

    def answer(msg: object) -> None:
        found = msg.detections  # type: ignore[attr-defined]
        size = (found[0].mask.width, found[0].mask.height) if found else (640, 480)
        labels = draw_labels(size, polygons(msg))
        data = array.array("B", labels.tobytes())
        out = ImageMessage(header=msg.header, encoding="mono8", data=data)  # type: ignore[attr-defined]
        out.height, out.width, out.step = *labels.shape, labels.shape[1]
        publisher.publish(out)

    node.create_subscription(DetectionArray, "detections", answer, 10)
    rclpy.spin(node)


if __name__ == "__main__":
    main()
