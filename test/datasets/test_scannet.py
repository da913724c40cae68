"""ScanNet's files, on scans of a few vertices written here in the same format."""

import json

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.datasets.scannet import ScanNet, read_annotation, read_label_map, read_split
from mtml_ros.datasets.scene_files import read_scene
from mtml_ros.io.point_files import write_points

TAXONOMY = Taxonomy.scannet()
CHAIR, TABLE, WALL = (TAXONOMY.index(n) for n in ("chair", "table", "wall"))
SCENE = "scene0000_00"

LABEL_MAP = """id\traw_category\tcategory\tcount\tnyu40id\teigen13id\tnyu40class
1\twall\twall\t8277\t1\t12\twall
2\tchair\tchair\t4646\t5\t4\tchair
8\toffice chair\tchair\t595\t5\t4\tchair
3\ttable\ttable\t1170\t7\t9\ttable
15\t"monitor"\tmonitor\t679\t40\t7\totherprop
"""

# vertex:     0  1  2  3   4   5  6  7  8  9
SEGMENTS = [11, 11, 4, 4, 70, 70, 4, 9, 9, 2]
OBJECTS = [
    {"id": 0, "objectId": 0, "segments": [11], "label": "wall"},
    {"id": 1, "objectId": 1, "segments": [4], "label": "office chair"},
    {"id": 2, "objectId": 2, "segments": [70], "label": "table"},
    {"id": 3, "objectId": 3, "segments": [9], "label": "monitor"},
]


def write_scan(root, scene=SCENE, objects=OBJECTS, segments=SEGMENTS, place="scans"):
    folder = root / place / scene
    folder.mkdir(parents=True)
    vertices = "".join(f"{0.3 * i} 1.5 {0.25 * i} 10 20 30 255\n" for i in range(10))
    (folder / f"{scene}_vh_clean_2.ply").write_text(
        "ply\nformat ascii 1.0\nelement vertex 10\n"
        "property float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\nproperty uchar alpha\n"
        "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
        f"{vertices}3 0 1 2\n"
    )
    if objects is not None:
        name = f"{scene}_vh_clean_2.0.010000.segs.json"
        (folder / name).write_text(json.dumps({"sceneId": scene, "segIndices": segments}))
        aggregation = {"sceneId": f"scannet.{scene}", "segGroups": objects}
        (folder / f"{scene}.aggregation.json").write_text(json.dumps(aggregation))
    (folder / f"{scene}.txt").write_text("axisAlignment = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n")
    return folder


@pytest.fixture
def root(tmp_path):
    (tmp_path / "scannetv2-labels.combined.tsv").write_text(LABEL_MAP)
    lists = tmp_path / "Tasks" / "Benchmark"
    lists.mkdir(parents=True)
    (lists / "scannetv2_val.txt").write_text(f"{SCENE}\nscene0001_00\n\n")
    (lists / "scannetv2_test.txt").write_text("scene0707_00\r\n")
    write_scan(tmp_path)
    return tmp_path


def test_a_scan_is_read_vertex_by_vertex(root):
    scan = ScanNet.open(root).read(SCENE)
    np.testing.assert_allclose(scan.xyz[3], [0.9, 1.5, 0.75], rtol=1e-6)
    unknown = 0  # the monitor is NYU40's otherprop (40), which the benchmark does not have
    expected = [WALL, WALL, CHAIR, CHAIR, TABLE, TABLE, CHAIR, unknown, unknown, unknown]
    assert scan.labels.tolist() == expected
    assert scan.instance.tolist() == [-1, -1, 1, 1, 2, 2, 1, -1, -1, -1]
    assert (scan.labels.dtype, scan.instance.dtype) == (np.uint8, np.int32)
    assert scan.noisy_labels is None


def test_splits_are_found_among_the_tasks(root):
    dataset = ScanNet.open(root)
    assert dataset.scenes("val") == [SCENE, "scene0001_00"]
    assert dataset.scenes("test") == ["scene0707_00"]
    with pytest.raises(InputError, match=r"no scannetv2_train\.txt"):
        dataset.scenes("train")
    with pytest.raises(InputError, match="train, val, test"):
        dataset.scenes("validation")


def test_scans_may_lie_in_the_root_or_among_the_test_scans(root):
    write_scan(root, "scene0001_00", place=".")
    write_scan(root, "scene0707_00", objects=None, place="scans_test")
    dataset = ScanNet.open(root)
    assert len(dataset.read("scene0001_00").xyz) == 10
    hidden = dataset.read("scene0707_00")
    assert hidden.labels.tolist() == [0] * 10
    assert hidden.instance.tolist() == [-1] * 10
    with pytest.raises(InputError, match="no scene0002_00/"):
        dataset.read("scene0002_00")


@pytest.mark.parametrize("name", ["", "..", "../scans/scene0000_00", "a/b"])
def test_names_that_leave_the_folder_are_refused(root, name):
    with pytest.raises(InputError):
        ScanNet.open(root).read(name)


@pytest.fixture
def annotate(tmp_path):
    """Classes and objects of vertices with these segments, from an annotation of these groups."""

    def read(groups, segments):
        path = tmp_path / "groups.json"
        path.write_text(json.dumps({"segGroups": groups}))
        categories = {"chair": CHAIR, "table": TABLE}
        category, instance = read_annotation(path, np.array(segments, np.int64), categories)
        return category.tolist(), instance.tolist()

    return read


def test_a_segment_claimed_twice_belongs_to_the_later_object(annotate):
    groups = [{"segments": [1, 2], "label": "chair"}, {"segments": [2], "label": "table"}]
    assert annotate(groups, [1, 2, 3]) == ([CHAIR, TABLE, 0], [0, 1, -1])


def test_no_objects_and_no_vertices(annotate):
    assert annotate([], [5, 5]) == ([0, 0], [-1, -1])
    assert annotate([], []) == ([], [])
    assert annotate([{"segments": [], "label": "chair"}], []) == ([], [])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([7], "segGroups.0. needs 'segments'"),
        ([{"segments": "1", "label": "chair"}], "needs 'segments', a list"),
        ([{"segments": [1], "label": "spaceship"}], "'spaceship' is not in"),
        ([{"segments": [1], "label": ["chair"]}], "is not in"),
        ([{"segments": [8], "label": "chair"}], "a segment that no vertex has"),
        ([{"segments": [1.5], "label": "chair"}], "must be integers"),
        ([{"segments": [1 << 70], "label": "chair"}], "must be integers"),
    ],
)
def test_a_malformed_annotation_is_refused(annotate, groups, message):
    with pytest.raises(InputError, match=message):
        annotate(groups, [1, 2, 3])


def test_segments_must_fit_the_mesh(root):
    write_scan(root, "scene0001_00", segments=SEGMENTS[:-1])
    with pytest.raises(InputError, match="9 segIndices for a mesh of 10 vertices"):
        ScanNet.open(root).read("scene0001_00")


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not JSON"), ("[]", "needs 'segGroups'"), ("[" * 100_000, "not JSON")],
)
def test_what_is_no_json_of_scannet_is_refused(root, text, message):
    (root / "scans" / SCENE / f"{SCENE}.aggregation.json").write_text(text)
    with pytest.raises(InputError, match=message):
        ScanNet.open(root).read(SCENE)


def test_the_label_map_is_read_by_its_columns(root, tmp_path):
    categories = read_label_map(root / "scannetv2-labels.combined.tsv", TAXONOMY)
    assert categories == {
        "wall": WALL, "chair": CHAIR, "office chair": CHAIR, "table": TABLE, "monitor": 0,
    }  # fmt: skip
    path = tmp_path / "map.tsv"
    path.write_text("raw_category\tid\nchair\t2\n")
    with pytest.raises(InputError, match="no column nyu40id"):
        read_label_map(path, TAXONOMY)
    path.write_text("raw_category\tnyu40id\nchair\t5\ntable\n")
    with pytest.raises(InputError, match="line 3"):
        read_label_map(path, TAXONOMY)
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match="not a text file"):
        read_label_map(path, TAXONOMY)


def test_lists_of_scenes_hold_names_only(tmp_path):
    (tmp_path / "list.txt").write_text("scene0000_00\n../../secret\n")
    with pytest.raises(InputError, match="secret"):
        read_split(tmp_path / "list.txt")


def test_a_folder_that_is_not_scannet_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no scannetv2-labels\.combined\.tsv"):
        ScanNet.open(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        ScanNet.open(tmp_path / "absent")


PREDICTED = [1, 1, 5, 5, 7, 7, 7, 40, 0, 5]


def write_predicted(kind, folder):
    if kind == "txt":
        (folder / f"{SCENE}.txt").write_text("".join(f"{i}\n" for i in PREDICTED))
    elif kind == "npy":
        np.save(folder / f"{SCENE}.npy", np.array(PREDICTED, np.uint16))
    else:
        nested = folder / SCENE
        nested.mkdir()
        xyz = np.zeros((10, 3), np.float32)
        write_points(nested / f"{SCENE}_vh_clean_2.labels.ply", xyz, label=np.array(PREDICTED))
        (nested / f"{SCENE}.txt").write_text("numDepthFrames = 5578\n")


@pytest.mark.parametrize("kind", ["txt", "npy", "labels.ply"])
def test_labels_of_a_network_are_read_beside_the_true_ones(root, tmp_path_factory, kind):
    folder = tmp_path_factory.mktemp("labels")
    write_predicted(kind, folder)
    scan = ScanNet.open(root).read(SCENE, folder)
    expected = [WALL, WALL, CHAIR, CHAIR, TABLE, TABLE, TABLE, 0, 0, CHAIR]
    assert scan.noisy_labels.tolist() == expected
    assert scan.labels[6] == CHAIR


def test_labels_that_are_missing_or_do_not_fit_are_refused(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    dataset = ScanNet.open(root)
    with pytest.raises(InputError, match=f"no labels of {SCENE}"):
        dataset.read(SCENE, folder)
    np.save(folder / f"{SCENE}.npy", np.zeros((10, 20), np.float32))
    with pytest.raises(InputError, match="integer label for each of 10"):
        dataset.read(SCENE, folder)
    (folder / f"{SCENE}.txt").write_text("1\n" * 9)
    with pytest.raises(InputError, match="integer label for each of 10"):
        dataset.read(SCENE, folder)


def test_ground_truth_is_written_as_the_benchmark_has_it(root, tmp_path):
    ScanNet.open(root).write_ground_truth(SCENE, tmp_path / "gt")
    lines = (tmp_path / "gt" / f"{SCENE}.txt").read_text().split()
    # one chair and one table, numbered from 1 in each class; walls and unknown are 0
    assert lines == ["0", "0", "5001", "5001", "7001", "7001", "5001", "0", "0", "0"]


def test_scenes_are_written_for_training_whole_and_a_point_a_voxel(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    write_predicted("txt", folder)
    dataset = ScanNet.open(root)
    dataset.write_scene(SCENE, root / "out", folder)
    whole = read_scene(root / "out" / f"{SCENE}.npz", TAXONOMY)
    expected = dataset.read(SCENE, folder)
    for name in ("xyz", "labels", "instance", "noisy_labels"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(expected, name))
    # voxels of 0.7 m, vertex i at x .3 i, z .25 i: 0 to 2 share the first (two of three are wall),
    # then (3, 4), 5, 6, (7, 8), 9
    dataset.write_scene(SCENE, root / "coarse", voxel_size=0.7)
    coarse = read_scene(root / "coarse" / f"{SCENE}.npz", TAXONOMY)
    assert len(coarse.xyz) == 6
    np.testing.assert_allclose(coarse.xyz[0], [0.35, 1.75, 0.35], rtol=1e-6)
    assert (coarse.labels[0], coarse.instance[0]) == (WALL, -1)
    assert coarse.noisy_labels is None
