"""Label sets: ScanNet's own numbers, a user's file, and everything that a file can get wrong."""

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mtml_ros.core.errors import ConfigurationError
from mtml_ros.core.taxonomy import SemanticClass, Taxonomy

# ScanNet benchmark, "Semantic Label" documentation: the 20 classes that are scored
SCANNET_IDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 24, 28, 33, 34, 36, 39]


def made(*entries):
    return Taxonomy([SemanticClass(i, n, "thing", (1, 2, 3), n) for i, n in entries])


def load(tmp_path, content):
    path = tmp_path / "taxonomy.yaml"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return Taxonomy.load(path)


# ScanNet and toy


def test_scannet_has_the_benchmarks_classes():
    taxonomy = Taxonomy.scannet()
    assert taxonomy.ids.tolist() == [0, *SCANNET_IDS]
    assert taxonomy.ids.dtype == np.uint16
    assert len(taxonomy) == 20
    assert taxonomy.names[:3] == ("unknown", "wall", "floor")
    assert taxonomy.names[-1] == "otherfurniture"


def test_only_walls_and_floors_are_stuff_and_the_18_others_are_things():
    taxonomy = Taxonomy.scannet()
    assert [n for n, s in zip(taxonomy.names, taxonomy.is_stuff) if s] == ["wall", "floor"]
    assert int(taxonomy.is_thing.sum()) == 18
    assert not taxonomy.is_thing[0]
    assert not taxonomy.is_stuff[0]


def test_scannets_colours_are_those_of_the_benchmark_and_differ():
    colors = Taxonomy.scannet().colors
    assert colors.dtype == np.uint8
    assert colors[1].tolist() == [174, 199, 232]
    assert colors[Taxonomy.scannet().index("chair")].tolist() == [188, 189, 34]
    assert len(np.unique(colors, axis=0)) == 21


def test_the_toy_set_has_five_things():
    taxonomy = Taxonomy.load("toy")
    assert taxonomy == Taxonomy.toy()
    assert taxonomy.ids.tolist() == [0, 1, 2, 3, 4, 5]
    assert taxonomy.is_thing.tolist() == [False, True, True, True, True, True]


def test_taxonomies_that_are_equal_hash_equal():
    assert Taxonomy.load("scannet") == Taxonomy.scannet()
    assert hash(Taxonomy.scannet()) == hash(Taxonomy.scannet())
    assert Taxonomy.scannet() != Taxonomy.toy()
    assert Taxonomy.scannet() != "scannet"


def test_classes_are_found_by_name():
    assert Taxonomy.scannet().index("chair") == 5
    assert Taxonomy.scannet().index("desk") == 13
    with pytest.raises(ConfigurationError, match=r"no class 'stool'.*wall, floor"):
        Taxonomy.scannet().index("stool")


# labels in


@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i2", ">u4", ">i8"]
)
def test_ids_of_every_integer_type_are_encoded(dtype):
    labels = np.array([5, 0, 39, 13, 1, 40, 127], dtype=dtype)
    encoded = Taxonomy.scannet().encode(labels)
    assert encoded.tolist() == [5, 0, 20, 0, 1, 0, 0]
    assert encoded.dtype == np.uint8


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("i1", -1), ("i2", -32768), ("i4", -1), ("i8", -(2**63)), ("u4", 2**32 - 1), ("u8", 2**64 - 1),
     ("i8", 2**40 + 5), ("u2", 65535)],
)  # fmt: skip
def test_ids_outside_the_taxonomy_become_unknown(dtype, value):
    assert Taxonomy.scannet().encode(np.array([value, 5], dtype=dtype)).tolist() == [0, 5]


def test_no_labels_are_no_indices():
    for dtype in (np.uint8, np.int64):
        encoded = Taxonomy.scannet().encode(np.zeros(0, dtype))
        assert encoded.shape == (0,)
        assert encoded.dtype == np.uint8


def test_labels_need_not_lie_one_after_the_other_in_memory():
    records = np.zeros(4, dtype=[("label", "u1"), ("rest", "u2")])
    records["label"] = [5, 1, 7, 9]
    assert Taxonomy.scannet().encode(records["label"]).tolist() == [5, 1, 7, 9]
    assert Taxonomy.scannet().encode(records["label"].astype(np.int32)[::2]).tolist() == [5, 7]


@given(
    hnp.arrays(np.int64, st.integers(0, 30), elements=st.integers(-5, 70000)),
    st.lists(st.integers(0, 65535), min_size=1, max_size=30, unique=True),
)
def test_encoding_is_looking_up(labels, ids):
    taxonomy = made(*((i, f"class {i}") for i in ids))
    expected = [ids.index(v) + 1 if v in ids else 0 for v in labels.tolist()]
    assert taxonomy.encode(labels).tolist() == expected


@given(st.permutations(range(65530, 65536)))
def test_indices_go_back_to_ids(ids):
    taxonomy = made(*((i, f"class {i}") for i in ids))
    assert taxonomy.ids[taxonomy.encode(np.array(ids))].tolist() == ids


def test_an_id_of_zero_is_allowed():
    assert made((0, "thing"), (7, "other")).encode(np.array([0, 7, 1])).tolist() == [1, 2, 0]


def test_255_classes_are_the_most():
    full = made(*((i, str(i)) for i in range(255)))
    assert full.encode(np.array([254])).tolist() == [255]
    with pytest.raises(ConfigurationError, match="1 to 255"):
        made(*((i, str(i)) for i in range(256)))
    with pytest.raises(ConfigurationError, match="1 to 255"):
        made()


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([(1, "a"), (1, "b")], "id given twice: 1"),
        ([(1, "a"), (2, "a")], "name given twice: a"),
        ([(-1, "a")], r"outside 0\.\.65535"),
        ([(65536, "a")], r"outside 0\.\.65535"),
        ([(1, "")], "needs a name"),
        ([(1, "a\0b")], "cannot be shown"),
        ([(1, "a\nb")], "cannot be shown"),
        ([(1, "unknown")], "needs a name"),
    ],
)
def test_classes_that_contradict_each_other_are_refused(entries, message):
    with pytest.raises(ConfigurationError, match=message):
        made(*entries)


# the network's channels


def test_classes_are_fed_in_as_the_networks_classes():
    taxonomy = Taxonomy(
        [
            SemanticClass(56, "seat", "thing", (0, 0, 0), "chair"),
            SemanticClass(57, "couch", "thing", (0, 0, 0), "sofa"),
            SemanticClass(99, "thingamajig", "thing", (0, 0, 0), "unknown"),
        ]
    )
    assert taxonomy.network_channels(["sofa", "chair"]).tolist() == [0, 2, 1, 0]
    with pytest.raises(ConfigurationError, match=r"do not know: chair.*one of: sofa"):
        taxonomy.network_channels(["sofa"])


# files


def test_a_file_maps_a_users_labels(tmp_path):
    taxonomy = load(
        tmp_path,
        "classes:\n"
        "  - {id: 0, name: person, kind: ignore, as: unknown}\n"
        "  - {id: 56, name: seat, as: chair}\n"
        "  - {id: 2, name: floor}\n"
        "  - {id: 7, name: robot, kind: thing, color: [1, 2, 3], as: otherfurniture}\n",
    )
    # a class has the id 0, so that unknown has another one
    assert taxonomy.ids.tolist() == [65535, 0, 56, 2, 7]
    assert taxonomy.names == ("unknown", "person", "seat", "floor", "robot")
    assert taxonomy.is_thing.tolist() == [False, False, True, False, True]
    assert taxonomy.is_stuff.tolist() == [False, False, False, True, False]
    assert taxonomy.colors[2].tolist() == [188, 189, 34]  # as a chair's
    assert taxonomy.colors[4].tolist() == [1, 2, 3]
    channels = taxonomy.network_channels(Taxonomy.scannet().names[1:])
    assert channels.tolist() == [0, 0, 5, 2, 20]


def test_scannet_written_to_a_file_is_scannet(tmp_path):
    entries = [
        {"id": c.id, "name": c.name, "kind": c.kind, "color": list(c.color), "as": c.network_name}
        for c in Taxonomy.scannet().classes
    ]
    assert load(tmp_path, {"classes": entries}) == Taxonomy.scannet()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "needs a list 'classes'"),
        ("5", "needs a list 'classes'"),
        ("- 1", "needs a list 'classes'"),
        ({"classes": {}}, "needs a list 'classes'"),
        ({"klasses": []}, "needs a list 'classes'"),
        ({"classes": []}, "1 to 255"),
        ({"classes": [5]}, "must be a mapping"),
        ({"classes": [{"name": "a"}]}, "'id' must be an integer"),
        ({"classes": [{"id": "1", "name": "a"}]}, "'id' must be an integer"),
        ({"classes": [{"id": True, "name": "a"}]}, "'id' must be an integer"),
        ({"classes": [{"id": 1.0, "name": "a"}]}, "'id' must be an integer"),
        ({"classes": [{"id": 10**40, "name": "a"}]}, "outside 0"),
        (f"classes: [{{id: 0x{'f' * 5000}, name: a}}]", "limit"),
        ({"classes": [{"id": 1}]}, "'name' must be a text"),
        ({"classes": [{"id": 1, "name": 5}]}, "'name' must be a text"),
        ({"classes": [{"id": 1, "name": "a", "as": 5}]}, "'as' must be a text"),
        ({"classes": [{"id": 1, "name": "a", "kind": "object"}]}, "'kind' must be one of"),
        ({"classes": [{"id": 1, "name": "a", "kind": ["thing"]}]}, "'kind' must be one of"),
        ({"classes": [{"id": 1, "name": "a", "color": "red"}]}, "'color' must be three"),
        ({"classes": [{"id": 1, "name": "a", "color": [1, 2]}]}, "'color' must be three"),
        ({"classes": [{"id": 1, "name": "a", "color": [1, 2, 256]}]}, "'color' must be three"),
        ({"classes": [{"id": 1, "name": "a", "color": [1, 2, True]}]}, "'color' must be three"),
        ({"classes": [{"id": 1, "name": "a", "colour": [1, 2, 3]}]}, "unknown key colour"),
        ({"classes": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "given twice"),
        ("classes: [{id: 1, name: a}, {id: 1, name: b}", "cannot be read"),
        ("classes: [&a {id: 1, name: a}, *b]", "cannot be read"),
        ("classes: !!python/object/apply:os.getcwd []", "cannot be read"),
        ("a: " * 3000, "cannot be read"),
        ("[" * 200_000, "cannot be read"),
        ("classes: [{id: 2001-02-30, name: a}]", "cannot be read"),
        (b"classes: \xff\xfe", "cannot be read"),
        (b"\x00", "cannot be read"),
        ("#" * (1 << 18) + "#", "larger than"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_malformed_file_is_refused_by_name(tmp_path, content, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        load(tmp_path, content)
    assert "taxonomy.yaml" in str(caught.value)
    assert len(str(caught.value)) < 3000


def test_a_file_that_is_missing_or_a_folder_is_refused(tmp_path):
    for path in (tmp_path / "nothing.yaml", tmp_path):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            Taxonomy.load(path)


def test_references_within_a_file_do_not_multiply(tmp_path):
    """The "billion laughs": each level holds the one before nine times."""
    text = "a: &a [x]\n" + "".join(
        f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi")
    )
    with pytest.raises(ConfigurationError, match="references"):
        load(tmp_path, text + "classes: [*i]\n")
