"""Outputs: nothing for nobody, all for a newcomer, and for the others what has changed."""

from types import SimpleNamespace

import numpy as np
import pytest
from visualization_msgs.msg import Marker, MarkerArray

from mtml_ros.core.instances import Segmentation, make_instance
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.core.voxels import VoxelGrid
from mtml_ros.mapper import Update
from mtml_ros.msg import ObjectInstanceArray, PointsUpdate
from mtml_ros.ros.output import publishing
from mtml_ros.ros.output.publishing import Outputs
from mtml_ros.ros.tools.followed_voxels import FollowedVoxels, voxels_of
from mtml_ros.tracking.changes import ChangeLog
from mtml_ros.tracking.tracker import TrackedInstance

TAXONOMY = Taxonomy.scannet()
CHAIR, TABLE = (TAXONOMY.index(n) for n in ("chair", "table"))
SHOWN = ("instances", "points", "points_updates", "markers")


class Publisher:
    """Keeps what is published; `joins` is somebody subscribing."""

    def __init__(self, events):
        self.sent = []
        self._matched = events.matched
        self._total = self._now = 0

    def publish(self, msg):
        self.sent.append(msg)

    def get_subscription_count(self):
        return self._now

    def joins(self):
        self._total, self._now = self._total + 1, self._now + 1
        self._matched(SimpleNamespace(total_count=self._total, total_count_change=1))

    def leaves(self):
        self._now -= 1
        self._matched(SimpleNamespace(total_count=self._total, total_count_change=0))


class FakeNode:
    def __init__(self):
        self.publishers_by_name = {}

    def create_lifecycle_publisher(self, type_, name, profile, event_callbacks):
        made = self.publishers_by_name[name.removeprefix("~/")] = Publisher(event_callbacks)
        return made


class World:
    """Rooms of one object each, of which some are seen anew with every update."""

    def __init__(self, rooms=3):
        self.node, self.newcomers, self.log = FakeNode(), [], ChangeLog()
        self.outputs = Outputs(self.node, TAXONOMY, "map", lambda: self.newcomers.append(1))
        self.topics = self.node.publishers_by_name
        columns = [(4 * r, 0, z) for r in range(rooms) for z in range(5)]
        self.grid = VoxelGrid(np.array(columns, np.int32), np.zeros(5 * rooms, np.uint8), 0.1)
        self.found = {r: self.look(r, 0.5) for r in range(rooms)}
        self.stamp = 0.0

    def look(self, room, score):
        label = TABLE if room else CHAIR
        return make_instance(self.grid, np.arange(5 * room, 5 * room + 5), label, score)

    def update(self, *altered, score=0.5, gone=(), class_filter=frozenset(), publish=True):
        self.stamp += 1.0
        for room in altered:
            self.found[room] = self.look(room, score)
        for room in gone:
            del self.found[room]
        tracked = [TrackedInstance(r + 1, i, 0.0, self.stamp) for r, i in self.found.items()]
        labels = self.grid.labels.copy()
        for instance in self.found.values():
            labels[instance.voxels] = instance.label
        none = np.full(len(self.grid), -1, np.int32)
        segmentation = Segmentation(self.grid, none, list(self.found.values()), [], labels)
        changes = self.log.update(segmentation, tracked)
        if publish:
            self.outputs.publish(Update(segmentation, tracked, self.stamp, changes), class_filter)


@pytest.fixture
def world(monkeypatch):
    monkeypatch.setattr(publishing, "WHOLE_SHARE", 1.0)
    return World()


def marked(msg: MarkerArray, action=Marker.ADD):
    return sorted({m.id for m in msg.markers if m.action == action})


def test_nothing_is_made_while_nobody_listens(world):
    world.update(0)
    world.update(1, gone=[2])
    assert not any(topic.sent for topic in world.topics.values())


def test_a_newcomer_gets_all_at_once_and_then_what_changes(world):
    world.update(0, 1, 2)
    for name in SHOWN:
        world.topics[name].joins()
    assert len(world.newcomers) == len(SHOWN)
    world.outputs.catch_up()
    world.outputs.catch_up()  # nothing is owed any more
    world.update(1, score=0.75)
    sent = {name: world.topics[name].sent for name in SHOWN}
    assert {name: len(messages) for name, messages in sent.items()} == dict.fromkeys(SHOWN, 2)
    whole, update = sent["points_updates"]
    assert (whole.complete, whole.points.width, update.complete) == (True, 15, False)
    assert voxels_of(update.points)["instance"].tolist() == [2] * 5
    assert [p.width for p in sent["points"]] == [15, 15]
    assert [[o.id for o in m.instances] for m in sent["instances"]] == [[1, 2, 3], [1, 2, 3]]
    first, second = sent["markers"]
    assert (first.markers[0].action, marked(first)) == (Marker.DELETEALL, [1, 2, 3])
    assert marked(second, Marker.DELETEALL) == []


def test_who_joined_late_holds_the_same_as_who_was_there_from_the_start(world):
    rng = np.random.default_rng(0)
    early, late = FollowedVoxels(), FollowedVoxels()
    world.topics["points"].joins()
    world.topics["points_updates"].joins()
    for step in range(20):
        world.update(*rng.permutation(3)[: step % 3].tolist(), score=float(rng.random()))
        if step == 9:
            world.topics["points_updates"].joins()
            world.outputs.catch_up()
        heard = world.topics["points_updates"].sent
        late_ones = heard[-2:] if step == 9 else heard[-1:]
        for msg in late_ones:
            early.apply(msg)
            if step >= 9:
                late.apply(msg)
        whole = voxels_of(world.topics["points"].sent[-1])
        assert np.array_equal(early.records, whole)
        if step >= 9:
            assert np.array_equal(late.records, whole)


def test_an_update_that_was_not_shown_is_made_up_for(world):
    world.topics["points_updates"].joins()
    world.update(0)
    world.update(1, score=0.25, publish=False)
    world.update(2)
    assert [m.complete for m in world.topics["points_updates"].sent] == [True, True]


def test_after_a_message_that_could_not_be_sent_all_is(world, monkeypatch):
    topic = world.topics["points_updates"]
    topic.joins()
    world.update(0)
    with monkeypatch.context() as broken:
        broken.setattr(topic, "publish", lambda msg: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.update(1)
    world.outputs.catch_up()
    world.update(2)
    assert [m.complete for m in topic.sent] == [True, True, False]


def test_who_left_is_sent_nothing_and_who_comes_back_all(world):
    topic = world.topics["points_updates"]
    topic.joins()
    world.update(0)
    topic.leaves()
    world.update(1)
    topic.joins()
    world.update(2)
    assert [(m.number, m.complete) for m in topic.sent] == [(1, True), (2, True)]


def test_another_choice_of_classes_shows_all_anew(world):
    for name in SHOWN:
        world.topics[name].joins()
    world.update(0)
    world.update(1, class_filter=frozenset({"chair"}))
    world.update(1, class_filter=frozenset({"chair"}))
    heard: list[PointsUpdate] = world.topics["points_updates"].sent
    assert [m.complete for m in heard] == [True, True, False]
    assert set(voxels_of(heard[1].points)["instance"].tolist()) == {0, 1}
    markers = world.topics["markers"].sent
    assert (marked(markers[1]), marked(markers[1], Marker.DELETE)) == ([1], [2, 3])


def test_a_change_is_marked_again_for_a_while(world):
    topic = world.topics["markers"]
    topic.joins()
    world.update()
    topic.sent.clear()
    world.update(1, gone=[2])
    for _ in range(publishing.REPEATED):
        world.update()
    # the first update of all, in which everything was new, is repeated too
    assert all(1 + 1 in marked(m) for m in topic.sent[: publishing.REPEATED])
    assert all(marked(m, Marker.DELETE) == [3] for m in topic.sent[: publishing.REPEATED])
    assert topic.sent[-1].markers == []


def test_an_object_that_stays_as_it_was_is_not_encoded_anew(world, monkeypatch):
    topic = world.topics["instances"]
    topic.joins()
    world.update(0, 1, 2)
    kept = [id(o) for o in topic.sent[-1].instances]
    world.update(1, score=0.25)
    last: ObjectInstanceArray = topic.sent[-1]
    assert [id(o) == k for o, k in zip(last.instances, kept)] == [True, False, True]
    assert [o.score for o in last.instances] == [0.5, 0.25, 0.5]
    assert {o.last_seen.sec for o in last.instances} == {2}


def test_the_whole_cloud_is_put_off_while_its_share_is_used_up_but_comes(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(publishing.time, "monotonic", lambda: now[0])
    world = World()
    topic = world.topics["points"]
    topic.publish = lambda msg: (topic.sent.append(msg), now.__setitem__(0, now[0] + 0.3))
    topic.joins()
    world.update(0)
    world.update(1, score=0.25)
    world.outputs.catch_up()
    assert len(topic.sent) == 1
    now[0] += 9 * 0.3
    world.outputs.catch_up()
    world.outputs.catch_up()
    assert len(topic.sent) == 2
    assert voxels_of(topic.sent[-1])["score"][5:10].tolist() == [0.25] * 5


def test_an_object_is_had_by_its_id(world):
    world.update(0)
    assert world.outputs.get_object(9) is None
    header, record, centers = world.outputs.get_object(2)
    assert (header.frame_id, record.id, record.class_name) == ("map", 2, "table")
    assert np.array_equal(centers, world.grid.centers[5:10])
