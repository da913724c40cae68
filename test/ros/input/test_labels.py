"""Label ids to classes: by the label set's ids, or by names that come with the images."""

import numpy as np
import pytest

from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.ros.input.labels import LabelEncoder
from mtml_ros.ros.output.health import Health

SCANNET = Taxonomy.scannet()
CHAIR, TABLE, CURTAIN = (SCANNET.index(n) for n in ("chair", "table", "shower curtain"))


@pytest.fixture
def health():
    return Health(lambda text: None)


@pytest.fixture
def encoder(health):
    return LabelEncoder(SCANNET, health)


def test_without_names_ids_are_the_label_sets(encoder):
    assert encoder.encode(np.array([5, 7, 0])).tolist() == [CHAIR, TABLE, 0]


def test_names_take_the_place_of_ids_whatever_their_case_and_hyphens(encoder):
    names = {0: "background", 1: "Table", 2: "shower_curtain", 9: "dragon", 65535: "UNLABELED"}
    assert encoder.use_names(names) == ["dragon"]
    found = encoder.encode(np.array([0, 1, 2, 9, 5, 65535, 70000, -1]))
    assert found.tolist() == [0, TABLE, CURTAIN, 0, 0, 0, 0, 0]


def test_ids_without_a_class_are_counted_and_0_is_none_of_them(encoder, health):
    encoder.encode(np.array([0, 5, 77, 77]))
    assert health.counts["points with unknown label"] == 2
    assert health.share_unknown == pytest.approx(2 / 3)
