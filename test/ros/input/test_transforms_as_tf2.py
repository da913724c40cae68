"""Our transform buffer against tf2's own, on random trees: the same places, the same refusals."""

import numpy as np
import pytest
from geometry_msgs.msg import TransformStamped
from rclpy.time import Time
from scipy.spatial.transform import Rotation

from mtml_ros.core.transforms import TransformBuffer, TransformError

tf2_ros = pytest.importorskip("tf2_ros", reason="comes with ROS, in no wheel")

SECOND = 10**9
START = 1_700_000_000 * SECOND
FRAMES = [f"frame_{i}" for i in range(6)]


def random_tree(rng):
    """Frames that hang on each other, now and then on none of them; both buffers."""
    theirs, ours = tf2_ros.Buffer(), TransformBuffer()
    for i, child in enumerate(FRAMES[1:], 1):
        parent = FRAMES[rng.integers(i)] if rng.random() < 0.9 else "elsewhere"
        static = bool(rng.random() < 0.3)
        for _ in range(1 if static else rng.integers(2, 8)):
            place, stamp = rng.normal(0, 2, 3), START + int(rng.integers(8 * SECOND))
            turn = rng.normal(size=4)
            turn /= np.linalg.norm(turn)
            ours.add(parent, child, stamp, place, turn, static)
            entry = TransformStamped(child_frame_id=child)
            entry.header.frame_id, entry.header.stamp = parent, Time(nanoseconds=stamp).to_msg()
            t, q = entry.transform.translation, entry.transform.rotation
            t.x, t.y, t.z = place.tolist()
            q.x, q.y, q.z, q.w = turn.tolist()
            (theirs.set_transform_static if static else theirs.set_transform)(entry, "test")
    return theirs, ours


@pytest.mark.parametrize("seed", range(20))
def test_both_buffers_answer_alike(seed):
    rng = np.random.default_rng(seed)
    theirs, ours = random_tree(rng)
    for _ in range(50):
        target, source = rng.choice(FRAMES, 2)
        stamp = START + int(rng.integers(-SECOND, 9 * SECOND))
        try:
            expected = theirs.lookup_transform(target, source, Time(nanoseconds=stamp)).transform
        except tf2_ros.TransformException:
            with pytest.raises(TransformError):
                ours.lookup(target, source, stamp)
            continue
        found = ours.lookup(target, source, stamp)
        t, q = expected.translation, expected.rotation
        np.testing.assert_allclose(found.translation, [t.x, t.y, t.z], atol=1e-12)
        there = Rotation.from_quat([q.x, q.y, q.z, q.w])
        assert (there.inv() * Rotation.from_matrix(found.rotation)).magnitude() < 1e-12
