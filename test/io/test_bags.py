"""Recordings: written and read back, and each way in which one can be unusable."""

import re
from pathlib import Path

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.core.transforms import Transform
from mtml_ros.io.bag_clouds import BagClouds, CloudTopics
from mtml_ros.io.bag_writer import STORE, BagWriter, camera_info, image, point_cloud2, transforms
from mtml_ros.io.bags import Bag
from mtml_ros.io.camera import Camera
from mtml_ros.io.images import LABELS, decode_image
from mtml_ros.io.point_cloud2 import decode_cloud

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
CAMERA = Camera(40, 30, (20.0, 20.0), (20.0, 15.0), "plumb_bob", (0.1, 0.0, 0.0, 0.0, 0.0))
LEFT = (0.0, 0.0, np.sqrt(0.5), np.sqrt(0.5))


def cloud(stamp: int, frame: str = "camera"):
    xyz = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    columns = {**dict(zip("xyz", xyz.T)), "label": np.array([5, 7], np.int32)}
    return point_cloud2(stamp, frame, columns)


def pose(x: float) -> Transform:
    return Transform.from_quaternion((x, 0, 0), LEFT)


@pytest.fixture(params=["mcap", "sqlite3"])
def storage(request: pytest.FixtureRequest) -> str:
    return request.param


def clouds_of(path: Path, topics: CloudTopics) -> tuple[BagClouds, list]:
    with Bag(path) as bag:
        topics.check(bag)
        clouds = BagClouds(bag, topics)
        return clouds, list(clouds)


def test_messages_come_back_as_written(tmp_path: Path, storage: str) -> None:
    labels = np.arange(1200, dtype=np.int32).reshape(30, 40)
    with BagWriter(tmp_path / "bag", storage) as writer:
        writer.write("/points", START, cloud(START))
        writer.write("/labels", START + 1, image(START, "camera", labels))
        writer.write("/info", START + 2, camera_info(START, "camera", CAMERA))
    with Bag(tmp_path / "bag") as bag:
        assert bag.topics["/points"] == ("sensor_msgs/msg/PointCloud2", 1)
        (_, when, points), (_, _, picture), (_, _, info) = bag.messages(
            ["/points", "/labels", "/info"]
        )
        assert when == START
        assert decode_cloud(points).label.tolist() == [5, 7]
        np.testing.assert_array_equal(decode_image(picture, LABELS, "label"), labels)
        assert Camera.from_message(info) == CAMERA


def test_the_file_alone_is_readable_too(tmp_path: Path, storage: str) -> None:
    with BagWriter(tmp_path / "bag", storage) as writer:
        writer.write("/points", START, cloud(START))
    (file,) = [f for f in (tmp_path / "bag").iterdir() if f.suffix in (".mcap", ".db3")]
    with Bag(file) as bag:
        assert bag.count(["/points"]) == 1


def test_the_mcap_library_reads_what_was_written(tmp_path: Path) -> None:
    mcap_reader = pytest.importorskip("mcap.reader", reason="comes with the extra `test`")
    tilt = Transform.identity()
    with BagWriter(tmp_path / "bag") as writer:
        writer.write("/tf_static", START, transforms(START, [("map", "camera", tilt)]), True)
        writer.write("/points", START + 7, cloud(START))
    (path,) = (tmp_path / "bag").glob("*.mcap")
    with path.open("rb") as file:
        reader = mcap_reader.make_reader(file)
        found = [(s.name, s.encoding, c.topic, m.log_time) for s, c, m in reader.iter_messages()]
    assert found == [
        ("tf2_msgs/msg/TFMessage", "ros2msg", "/tf_static", START),
        ("sensor_msgs/msg/PointCloud2", "ros2msg", "/points", START + 7),
    ]


def test_serialized_messages_are_the_bytes_that_ros_sends(tmp_path: Path, storage: str) -> None:
    with BagWriter(tmp_path / "bag", storage) as writer:
        writer.write("/points", START, cloud(START))
        writer.write("/tf_static", START, transforms(START, []), latched=True)
    with Bag(tmp_path / "bag") as bag:
        ((topic, when, data),) = bag.serialized(["/points"])
        assert bag.latched == {"/tf_static"}
    assert (topic, when) == ("/points", START)
    assert data == bytes(STORE.serialize_cdr(cloud(START), "sensor_msgs/msg/PointCloud2"))


def test_moving_clouds_are_placed_by_the_bags_own_transforms(tmp_path: Path, storage: str) -> None:
    mount = Transform.from_quaternion((0, 0, 1), (0, 0, 0, 1))
    with BagWriter(tmp_path / "bag", storage) as writer:
        writer.write("/tf_static", START, transforms(0, [("base", "camera", mount)]), latched=True)
        for i in range(4):
            stamp = START + i * SECOND
            # a cloud between two poses, recorded before the second of them
            writer.write("/points", stamp + 1, cloud(stamp + SECOND // 2))
            writer.write("/tf", stamp + 2, transforms(stamp, [("map", "base", pose(i))]))
    clouds, found = clouds_of(tmp_path / "bag", CloudTopics(points="/points"))
    assert clouds.received == 4
    assert [c.stamp - START / SECOND for c in found] == [0.5, 1.5, 2.5]
    for i, c in enumerate(found):
        np.testing.assert_allclose(c.origin, [i + 0.5, 0, 1], atol=1e-9)
        # a quarter turn to the left: x becomes y
        np.testing.assert_allclose(c.cloud.xyz[0], [i + 0.5 - 2, 1, 4], atol=1e-5)
    assert clouds.dropped == {"too_late": 1}
    assert "0.500 s after the newest" in clouds.reasons["too_late"]


def test_clouds_in_the_map_frame_need_no_transforms(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.write("/points", START, cloud(START, "/map"))
    _, (found,) = clouds_of(tmp_path / "bag", CloudTopics(points="/points"))
    assert found.origin is None
    assert found.cloud.xyz[0].tolist() == [1, 2, 3]


DEPTH = CloudTopics(depth="/depth", camera_info="/info", labels="/labels", map_frame="camera")


def test_depth_and_label_images_pair_by_stamp(tmp_path: Path) -> None:
    depth = np.full((30, 40), 2000, np.uint16)
    with BagWriter(tmp_path / "bag") as writer:
        writer.write("/info", START, camera_info(START, "camera", CAMERA))
        for i in range(3):
            stamp = START + i * SECOND
            writer.write("/depth", stamp, image(stamp, "camera", depth))
            if i != 1:  # the network was late once, and skipped a frame
                labels = np.full((30, 40), i + 5, np.uint8)
                late = stamp + SECOND * 3 // 2
                writer.write("/labels", late, image(stamp + 1_000_000, "camera", labels))
    clouds, found = clouds_of(tmp_path / "bag", DEPTH)
    assert [set(c.cloud.label.tolist()) for c in found] == [{5}, {7}]
    assert [c.stamp - START / SECOND for c in found] == [0, 2]
    np.testing.assert_allclose(found[0].cloud.xyz[:, 2], 2)
    assert clouds.received == 2
    assert clouds.dropped == {"unmatched": 1}


def test_images_of_another_size_are_dropped_with_the_reason(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.write("/info", START, camera_info(START, "camera", CAMERA))
        writer.write("/depth", START, image(START, "camera", np.ones((30, 40), np.float32)))
        writer.write("/labels", START, image(START, "camera", np.ones((60, 80), np.uint8)))
    clouds, found = clouds_of(tmp_path / "bag", DEPTH)
    assert found == []
    assert clouds.dropped == {"size_mismatch": 1}


def test_wrong_topics_are_told_with_those_that_there_are(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.write("/points", START, cloud(START))
    for topic in ("/cloud", "/points"):
        wanted = CloudTopics(points=topic) if topic == "/cloud" else CloudTopics(depth=topic)
        with pytest.raises(InputError, match=r"there are: /points \(sensor_msgs/msg/PointCloud2"):
            clouds_of(tmp_path / "bag", wanted)


def test_what_is_no_bag_or_a_broken_one_is_told_by_name(tmp_path: Path, storage: str) -> None:
    with BagWriter(tmp_path / "bag", storage) as writer:
        for i in range(50):
            writer.write("/points", START + i, cloud(START))
    (file,) = [p for p in (tmp_path / "bag").iterdir() if p.suffix in (".mcap", ".db3")]
    whole = file.read_bytes()
    for content in (b"", b"nonsense" * 100, whole[: len(whole) // 2]):
        file.write_bytes(content)
        for path in (tmp_path / "bag", file):
            with pytest.raises(InputError, match=re.escape(f"{path}: ")):
                read_all(path)
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(InputError, match=re.escape(f"{path}: ")):
            read_all(path)


def read_all(path: Path) -> int:
    with Bag(path) as bag:
        return len(list(bag.messages(["/points"])))


def test_a_bag_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "bag").mkdir()
    with pytest.raises(InputError, match="exists already"):
        BagWriter(tmp_path / "bag")
