"""One coherent labelling out of several partitions: a whole against all of its pieces."""

import numpy as np

from mtml_ros.grouping.selection import choose_partition

ONE = (1.0, 1.0)


def chosen(partitions, scores, advantage=ONE):
    arrays = [np.array(p, dtype=np.int64) for p in partitions]
    return choose_partition(arrays, [np.array(s, dtype=float) for s in scores], advantage)


def test_the_whole_is_taken_where_it_is_worth_more_than_its_pieces():
    whole, pieces = [0, 0, 0, 0], [0, 0, 1, 1]
    # 4 voxels of 0.8 are 3.2; 2 of 0.9 and 2 of 0.6 are 3.0
    assert chosen([whole, pieces], [[0.8], [0.9, 0.6]]) == [(0, 0)]
    # with 2 of 0.9 and 2 of 0.8 they are 3.4
    assert chosen([whole, pieces], [[0.8], [0.9, 0.8]]) == [(1, 0), (1, 1)]


def test_each_region_chooses_for_itself():
    one = [0, 0, 0, 0, 1, 1, 1, 1]
    other = [0, 0, 1, 1, 2, 2, 3, 3]
    found = chosen([one, other], [[0.9, 0.2], [0.5, 0.5, 0.8, 0.8]])
    assert found == [(0, 0), (1, 2), (1, 3)]


def test_ties_go_to_the_earlier_partition():
    assert chosen([[0, 0], [0, 0]], [[0.5], [0.5]]) == [(0, 0)]


def test_an_advantage_must_be_surpassed():
    partitions = [[0, 0, 0, 0], [0, 0, 1, 1]]
    scores = [[0.8], [0.75, 0.75]]  # 3.2 against 3.0
    assert chosen(partitions, scores) == [(0, 0)]
    assert chosen(partitions, scores, (1.0, 1.1)) == [(1, 0), (1, 1)]  # 3.3


def test_masks_of_score_zero_are_never_chosen():
    assert chosen([[0, 0, 1]], [[0.9, 0.0]], (1.0,)) == [(0, 0)]


def test_masks_that_hardly_overlap_do_not_concern_each_other():
    # 20 voxels each, one shared: 5 %; neither has to give way for the other
    first = [0] * 20 + [-1] * 19
    second = [-1] * 19 + [0] * 20
    assert chosen([first, second], [[0.9], [0.5]]) == [(0, 0), (1, 0)]


def test_voxels_in_no_mask_choose_nothing():
    assert chosen([[-1, -1], [-1, -1]], [[], []]) == []
