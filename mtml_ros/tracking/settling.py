"""Settling: other objects than before, which the map does not explain, are shown once they last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mtml_ros.core.instances import Instance, Segmentation, make_instance
from mtml_ros.core.sorted_keys import find

CONFIRM, LONGEST = 3, 10
"""Least and most updates in a row in which objects split, merge or are missing before that is
shown: as many as there were in which the objects were found as they are shown."""

CHANGED = 0.25
"""Share of the voxels in question that are new, gone or labelled otherwise than in the update
before, summed over the updates in question: above it the map itself has changed, and what is found
is shown at once."""

TOUCH = 0.25
"""Share of the smaller that an object and an instance have in common where they are in question
together."""


class Settling:
    """Remembers what was shown, and withholds what contradicts it without new evidence.

    Near-tied ways to divide a table flip with every voxel whose label errs; an object scored near
    the threshold comes and goes. So what is found is set beside what was shown. Where one object is
    one instance, or an instance is nobody's yet, it is shown as it is found. Where objects split,
    merge or are missing, they are shown as before, with what they have grown by, until that was
    found in as many updates in a row as they were themselves, CONFIRM to LONGEST, or the map has
    changed there by CHANGED. So a near tie that flips every few updates comes to rest.
    withholds: whether something of the last that was found is not shown yet; the same found again
    shows it in the end.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets what was shown: the next is shown as it is found."""
        self.withholds = False
        self._shown: Segmentation | None = None
        self._kept = np.zeros(0, dtype=np.int64)  # updates for which each instance has been kept
        self._stood = np.zeros(0, dtype=np.int64)  # and those before, in which it was found
        self._changed = np.zeros(0)  # share of it that has changed while it was kept

    def settle(self, found: Segmentation) -> Segmentation:
        """What is to be shown of what was found."""
        shown, kept, stood, changed = self._shown, self._kept, self._stood, self._changed
        self.withholds = False
        self._shown, self._kept = found, np.zeros(len(found.instances), dtype=np.int64)
        self._stood, self._changed = self._kept + 1, np.zeros(len(found.instances))
        if shown is None or not shown.instances:
            return found
        known, at = find(shown.grid.keys, found.grid.keys)
        before = np.where(known, shown.instance[at], -1)
        same = known & (shown.grid.labels[at] == found.grid.labels)
        questions = _Questions.of(shown, found, before)
        updates, found_in = questions.greatest(kept + 1), questions.greatest(stood)
        contradict = questions.contradict
        self._stood = np.where(contradict, updates, found_in + 1)[questions.of_instance]
        withheld = contradict & (updates < np.clip(found_in, CONFIRM, LONGEST))
        if withheld.any():  # which is rare, and looking at every voxel is not cheap
            share = questions.greatest(changed) + questions.share_changed(same)
            withheld &= share <= CHANGED
        self.withholds = bool(withheld.any())
        if not self.withholds:
            return found

        part = questions.answered(withheld)
        order = np.argsort(part, kind="stable")
        starts = np.searchsorted(part[order], np.arange(questions.num_parts + 1))
        stay = np.flatnonzero(withheld[questions.of_object]) + len(found.instances)
        go_on = np.flatnonzero(~withheld[questions.of_instance])
        shown_now = [(found.instances[i], 0, int(self._stood[i]), 0.0) for i in go_on]
        for number in stay.tolist():
            was = shown.instances[number - len(found.instances)]
            rows = order[starts[number] : starts[number + 1]]
            if len(rows):
                of = questions.of_object[number - len(found.instances)]
                again = make_instance(found.grid, rows, was.label, was.score)
                shown_now.append((again, int(updates[of]), int(found_in[of]), float(share[of])))
        shown_now.sort(key=lambda entry: -entry[0].score)
        self._shown = _with_instances(found, [entry[0] for entry in shown_now])
        self._kept = np.array([entry[1] for entry in shown_now], dtype=np.int64)
        self._stood = np.array([entry[2] for entry in shown_now], dtype=np.int64)
        self._changed = np.array([entry[3] for entry in shown_now])
        return self._shown


@dataclass(frozen=True)
class _Questions:
    """K objects shown before and I instances found now, grouped by what they share.

    of_object: (K,), of_instance: (I,), the group of each. before, now: (V,), the object that each
    voxel was in and the instance that it is in, -1 for none. size: (K,) int64, voxels of each
    object, those included that have left the map. partner: (I,), the object that each instance
    shares most with, -1 for none.
    """

    count: int
    of_object: np.ndarray
    of_instance: np.ndarray
    before: np.ndarray
    now: np.ndarray
    size: np.ndarray
    partner: np.ndarray

    @staticmethod
    def of(shown: Segmentation, found: Segmentation, before: np.ndarray) -> _Questions:
        """before: (V,) object of each voxel of the grid of `found`."""
        old, new, now = len(shown.instances), len(found.instances), found.instance
        both = (before >= 0) & (now >= 0)
        width = max(1, new)
        pair, common = np.unique(before[both] * width + now[both], return_counts=True)
        obj, instance = np.divmod(pair, width)
        left = np.bincount(before[before >= 0], minlength=old)
        smaller = np.minimum(left[obj], np.bincount(now[now >= 0], minlength=new)[instance])
        touch = common >= TOUCH * smaller
        obj, instance, common = obj[touch], instance[touch], common[touch]
        ones = np.ones(len(common), dtype=bool)
        graph = coo_matrix((ones, (obj, old + instance)), (old + new, old + new))
        count, group = connected_components(graph, directed=False)
        partner = np.full(new, -1, dtype=np.int64)
        most_last = np.argsort(common, kind="stable")
        partner[instance[most_last]] = obj[most_last]
        size = np.array([len(i.voxels) for i in shown.instances], dtype=np.int64)
        return _Questions(count, group[:old], group[old:], before, now, size, partner)

    @property
    def num_parts(self) -> int:
        return len(self.of_instance) + len(self.of_object)

    def greatest(self, values: np.ndarray) -> np.ndarray:
        """(count,) greatest of the values (K,) of the objects of each group, 0 without any."""
        result = np.zeros(self.count, dtype=values.dtype)
        np.maximum.at(result, self.of_object, values)
        return result

    @property
    def contradict(self) -> np.ndarray:
        """(count,) bool: groups with an object that are not one object and one instance."""
        objects = np.bincount(self.of_object, minlength=self.count)
        instances = np.bincount(self.of_instance, minlength=self.count)
        result: np.ndarray = (objects > 1) | ((objects == 1) & (instances != 1))
        return result

    @property
    def _group_now(self) -> np.ndarray:
        return np.append(self.of_instance, -1)[self.now]

    @property
    def _group_before(self) -> np.ndarray:
        return np.append(self.of_object, -1)[self.before]

    def share_changed(self, same: np.ndarray) -> np.ndarray:
        """(count,) share of the voxels of each group, then and now, that have left the map, or are
        not the same: (V,) bool, whether a voxel was in the map and had this label."""
        voxels = np.where(self.now >= 0, self._group_now, self._group_before)
        here = np.bincount(voxels[voxels >= 0], minlength=self.count)
        other = np.bincount(voxels[(voxels >= 0) & ~same], minlength=self.count)
        left = np.bincount(self.before[self.before >= 0], minlength=len(self.size))
        gone = np.bincount(self.of_object, self.size - left, minlength=self.count)
        share: np.ndarray = (other + gone) / np.maximum(here + gone, 1)
        return share

    def answered(self, withheld: np.ndarray) -> np.ndarray:
        """(V,) what each voxel is in: an instance, or I plus an object where its group (count,) is
        withheld; -1 for nothing."""
        part = self.now.astype(np.int64)
        in_question = (part >= 0) & withheld[self._group_now]
        own = (self.before >= 0) & withheld[self._group_before] & (in_question | (part < 0))
        grown = in_question & ~own
        part[grown] = len(self.of_instance) + self.partner[self.now[grown]]
        part[own] = len(self.of_instance) + self.before[own]
        return part


def _with_instances(found: Segmentation, instances: list[Instance]) -> Segmentation:
    """What was found, with these instances in place of its own."""
    instance = np.full(len(found.grid), -1, dtype=np.int32)
    labels = found.grid.labels.copy()
    for number, one in enumerate(instances):
        instance[one.voxels] = number
        labels[one.voxels] = one.label
    return Segmentation(found.grid, instance, instances, found.proposals, labels, found.seconds)
