"""Clouds in and out of files: one meaning whatever the format, errors that name the file."""

import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtml_ros.core.errors import InputError
from mtml_ros.io.point_files import PointFile, labels_missing, read_points, write_points

XYZ = np.array([[1.0, 2.0, 3.0], [-4.5, 0.25, 1e-3], [0.0, 0.0, 0.0]], dtype=np.float32)
LABEL = np.array([5, -1, 65535])
INSTANCE = np.array([0, -1, 7], dtype=np.int32)
SCORE = np.array([0.5, 0.0, 1.0], dtype=np.float32)
RGB = np.array([[255, 0, 1], [2, 3, 4], [5, 6, 7]], dtype=np.uint8)


def same(a, b):
    return (a is None and b is None) or (a.dtype == b.dtype and np.array_equal(a, b))


@pytest.mark.parametrize("suffix", [".ply", ".npz", ".PLY"])
@pytest.mark.parametrize("missing", [(), ("label",), ("instance", "score"), ("rgb",)])
def test_what_is_written_is_read_back(tmp_path, suffix, missing):
    columns = {"label": LABEL, "instance": INSTANCE, "score": SCORE, "rgb": RGB}
    columns = {name: column for name, column in columns.items() if name not in missing}
    path = tmp_path / f"cloud{suffix}"
    write_points(path, XYZ, **columns)
    cloud = read_points(path)
    assert same(cloud.xyz, XYZ)
    for name in ("label", "instance", "score"):
        assert same(getattr(cloud, name), columns.get(name))
    assert cloud.features is None
    assert len(cloud) == 3


@pytest.mark.parametrize("suffix", [".ply", ".npz"])
def test_what_the_network_gave_is_read_back(tmp_path, suffix):
    network = {
        "embedding": np.arange(36, dtype=np.float32).reshape(3, 12),  # past embedding_9
        "direction": np.eye(3, dtype=np.float32),
    }
    write_points(tmp_path / f"cloud{suffix}", XYZ, LABEL, network=network)
    cloud = read_points(tmp_path / f"cloud{suffix}")
    assert same(cloud.embedding, network["embedding"])
    assert same(cloud.direction, network["direction"])


def test_arrays_that_only_share_the_networks_names_are_left_alone(tmp_path):
    np.savez(tmp_path / "cloud.npz", xyz=XYZ, direction=np.array([1.0, 0.0]), embedding=LABEL)
    cloud = read_points(tmp_path / "cloud.npz")
    assert cloud.embedding is None
    assert cloud.direction is None


def test_numpy_reads_what_is_written(tmp_path):
    write_points(tmp_path / "cloud.npz", XYZ.astype(np.float64), LABEL, INSTANCE, SCORE, RGB)
    with np.load(tmp_path / "cloud.npz", allow_pickle=False) as archive:
        types = {name: archive[name].dtype.str for name in archive.files}
        assert types == {
            "xyz": "<f4", "label": "<i4", "instance": "<i4", "score": "<f4", "rgb": "|u1",
        }  # fmt: skip
        assert np.array_equal(archive["xyz"], XYZ)
        assert np.array_equal(archive["rgb"], RGB)


def test_open3d_reads_what_is_written_and_writes_what_is_read(tmp_path):
    o3d = pytest.importorskip("open3d")
    write_points(tmp_path / "ours.ply", XYZ, LABEL, INSTANCE, SCORE, RGB)
    cloud = o3d.t.io.read_point_cloud(str(tmp_path / "ours.ply"))
    assert np.array_equal(cloud.point.positions.numpy(), XYZ)
    assert np.array_equal(cloud.point["label"].numpy().ravel(), LABEL)
    theirs = o3d.t.geometry.PointCloud(o3d.core.Tensor(XYZ))
    theirs.point["label"] = o3d.core.Tensor(LABEL.astype(np.int32)[:, None])
    for name, options in (
        ("a.ply", {"write_ascii": True}),
        ("b.ply", {"write_ascii": False}),
        ("a.pcd", {"write_ascii": True}),
        ("b.pcd", {"write_ascii": False, "compressed": False}),
        ("c.pcd", {"write_ascii": False, "compressed": True}),
    ):
        o3d.t.io.write_point_cloud(str(tmp_path / name), theirs, **options)
        back = read_points(tmp_path / name)
        assert np.array_equal(back.xyz, XYZ), name
        assert np.array_equal(back.label, LABEL), name


def test_scannets_layout_is_read(tmp_path):
    # *_vh_clean_2.labels.ply: float x y z, uchar red green blue alpha, ushort label, then faces
    body = b"".join(struct.pack("<fffBBBBH", *p, 9, 8, 7, 255, i) for i, p in enumerate(XYZ))
    header = (
        "ply\nformat binary_little_endian 1.0\ncomment VCGLIB generated\nelement vertex 3\n"
        "property float x\nproperty float y\nproperty float z\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\nproperty uchar alpha\n"
        "property ushort label\nelement face 1\nproperty list uchar int vertex_indices\n"
        "end_header\n"
    )
    path = tmp_path / "scene0000_00_vh_clean_2.labels.ply"
    path.write_bytes(header.encode() + body + b"\x03" + struct.pack("<iii", 0, 1, 2))
    cloud = read_points(path)
    assert same(cloud.xyz, XYZ)
    assert cloud.label.tolist() == [0, 1, 2]
    assert cloud.instance is None


def ascii_ply(tmp_path, names, rows):
    properties = "".join(f"property float {n}\n" for n in names)
    text = f"ply\nformat ascii 1.0\nelement vertex {len(rows)}\n{properties}end_header\n"
    path = tmp_path / "cloud.ply"
    path.write_text(text + "\n".join(" ".join(map(str, row)) for row in rows) + "\n")
    return path


def test_cloudcompares_scalar_fields_are_understood(tmp_path):
    names = ["x", "y", "z", "scalar_Label", "scalar_Instance"]
    cloud = read_points(ascii_ply(tmp_path, names, [(0, 0, 0, 5, -1), (1, 1, 1, 7, 2)]))
    assert cloud.label.tolist() == [5, 7]
    assert cloud.instance.tolist() == [-1, 2]


def test_a_pcd_file_with_labels_is_read(tmp_path):
    path = tmp_path / "cloud.pcd"
    path.write_text(
        "VERSION .7\nFIELDS x y z label\nSIZE 4 4 4 4\nTYPE F F F U\nWIDTH 2\nHEIGHT 1\n"
        "POINTS 2\nDATA ascii\n1 2 3 5\nnan nan nan 0\n"
    )
    cloud = read_points(path)
    assert cloud.label.tolist() == [5, 0]
    assert cloud.finite.tolist() == [True, False]


def test_features_come_with_an_npz(tmp_path):
    features = np.arange(12, dtype=np.float64).reshape(3, 4)
    np.savez(tmp_path / "cloud.npz", xyz=XYZ, features=features)
    cloud = read_points(tmp_path / "cloud.npz")
    assert cloud.label is None
    assert same(cloud.features, features.astype(np.float32))


BAD_ARRAYS = [
    ({}, "no points"),
    ({"xyz": np.zeros((0, 3))}, "N at least 1"),
    ({"xyz": np.zeros((3, 2))}, r"must be \(N, 3\)"),
    ({"xyz": np.zeros(3)}, r"must be \(N, 3\)"),
    ({"xyz": np.zeros(())}, r"must be \(N, 3\)"),
    ({"xyz": np.full((1, 3), "a")}, "numbers"),
    ({"xyz": np.zeros((1, 3), complex)}, "numbers"),
    ({"xyz": XYZ, "label": LABEL[:2]}, "does not fit 3 points"),
    ({"xyz": XYZ, "label": LABEL[:, None]}, "does not fit 3 points"),
    ({"xyz": XYZ, "label": np.array([0.5, 1, 2])}, "holds 0.5"),
    ({"xyz": XYZ, "label": np.array([np.nan, 1, 2])}, "holds nan"),
    ({"xyz": XYZ, "label": np.array([1e300, 1, 2])}, "holds 1e"),
    ({"xyz": XYZ, "label": np.array([2**64 - 1, 1, 2], np.uint64)}, "holds 18446744073709551615"),
    ({"xyz": XYZ, "label": np.array([True, False, True])}, "must be integers"),
    ({"xyz": XYZ, "instance": np.array([2**31, 1, 2])}, "holds 2147483648"),
    ({"xyz": XYZ, "instance": np.array([2.0**31, 1, 2])}, "holds 2147483648"),
    ({"xyz": XYZ, "features": np.zeros(3)}, "does not fit"),
    ({"xyz": XYZ, "features": np.zeros((3, 0))}, "none a point"),
    ({"xyz": XYZ, "features": np.full((3, 2), np.nan)}, "not all finite"),
    ({"xyz": XYZ, "score": np.array(["a", "b", "c"])}, "numbers"),
]


@pytest.mark.parametrize(("arrays", "message"), BAD_ARRAYS, ids=lambda v: str(v)[:40])
def test_arrays_that_make_no_cloud_are_refused_by_name(tmp_path, arrays, message):
    path = tmp_path / "cloud.npz"
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=message) as caught:
        read_points(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["x", "y", "label"], "x, y, z .* missing"),
        (["x", "y", "z", "X"], "'x' twice"),
        (["x", "y", "z", "label", "scalar_label"], "'label' twice"),
    ],
)
def test_columns_that_make_no_cloud_are_refused(tmp_path, names, message):
    with pytest.raises(InputError, match=message):
        read_points(ascii_ply(tmp_path, names, [tuple(range(len(names)))]))


@pytest.mark.filterwarnings("error")
def test_labels_that_are_nans_that_signal_are_refused(tmp_path):
    label = np.array([0x7FA00000, 0, 0], np.uint32).view(np.float32)
    np.savez(tmp_path / "cloud.npz", xyz=XYZ, label=label)
    with pytest.raises(InputError, match="label holds nan"):
        read_points(tmp_path / "cloud.npz")


def test_files_that_cannot_be_read_are_named(tmp_path):
    for path, message in (
        (tmp_path / "cloud.ply", "no such file"),
        (tmp_path / "cloud.las", "end in .ply, .pcd, .npz"),
        (tmp_path / "cloud", "end in .ply, .pcd, .npz"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            read_points(path)
        assert str(path) in str(caught.value)
    (tmp_path / "folder.ply").mkdir()
    with pytest.raises(InputError, match="no such file"):
        read_points(tmp_path / "folder.ply")


def test_files_that_cannot_be_written_are_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot be written.*No such file"):
        write_points(tmp_path / "nowhere" / "cloud.ply", XYZ)
    with pytest.raises(InputError, match=r"end in .ply or .npz"):
        write_points(tmp_path / "cloud.pcd", XYZ)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": LABEL[:2]}, "does not fit"),
        ({"label": np.array([2**31, 0, 0])}, "holds 2147483648"),
        ({"rgb": RGB.astype(np.float32)}, "rgb is float32"),
        ({"rgb": RGB[:2]}, "rgb is uint8"),
    ],
)
@pytest.mark.parametrize("suffix", [".ply", ".npz"])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, suffix, columns, message):
    path = tmp_path / f"cloud{suffix}"
    write_points(path, XYZ, LABEL)
    before = path.read_bytes()
    with pytest.raises(InputError, match=message):
        write_points(path, XYZ, **columns)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "cloud.npz"
    write_points(path, XYZ, LABEL)
    before = path.read_bytes()

    def full(file, **_):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(InputError, match="No space left"):
        write_points(path, XYZ)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_what_is_written_has_the_permissions_of_an_ordinary_file(tmp_path):
    (tmp_path / "ordinary").touch()
    write_points(tmp_path / "cloud.ply", XYZ)
    assert (tmp_path / "cloud.ply").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    write_points(folder / "a.ply", XYZ, LABEL, INSTANCE, SCORE, RGB)
    write_points(folder / "a.npz", XYZ, LABEL, INSTANCE, SCORE)
    names = ["x", "y", "z", "label"]
    ascii_ply(folder, names, [(1, 2, 3, 4), (5, 6, 7, 8)]).rename(folder / "b.ply")
    (folder / "a.pcd").write_bytes(
        b"VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 3\nPOINTS 3\n"
        b"DATA binary_compressed\n"
        + struct.pack("<II", 3 + 2 + 4, 36)
        + b"\x01\x00\x80\xe0\x13\x00"  # not whole; what it is damaged into is what counts
        + b"\x20\x00\x00"
    )
    (folder / "b.pcd").write_bytes(
        b"VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 3\nPOINTS 3\nDATA binary\n"
        + XYZ.tobytes()
    )
    return [(path.suffix, path.read_bytes()) for path in sorted(folder.iterdir())]


@settings(max_examples=800, deadline=None, database=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_in_bounded_memory(whole_files, tmp_path_factory, data):
    suffix, content = data.draw(st.sampled_from(whole_files))
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged)))
        cut = data.draw(st.sampled_from([0, 1, 1, 2, 8, 1000]))
        damaged[at : at + cut] = data.draw(
            st.one_of(
                st.binary(max_size=4), st.sampled_from([b"9999999", b"-", b" ", b"\n", b"\0"])
            )
        )
    path = tmp_path_factory.getbasetemp() / f"damaged{suffix}"
    path.write_bytes(damaged)
    tracemalloc.start()
    try:
        cloud = read_points(path)
        assert isinstance(cloud, PointFile)
        assert len(cloud) >= 1
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 1_000_000 + 1100 * len(damaged)


def test_another_field_is_the_label_where_it_is_named(tmp_path):
    names = ["x", "y", "z", "scalar_Classification", "label"]
    path = ascii_ply(tmp_path, names, [(0, 0, 0, 5, 1), (1, 1, 1, 7, 2)])
    for name in ("Classification", "scalar_Classification", "classification"):
        assert read_points(path, name).label.tolist() == [5, 7]
    assert read_points(path).label.tolist() == [1, 2]
    missing = read_points(path, "class")
    assert missing.label is None
    assert missing.fields == tuple(names)
    np.savez(tmp_path / "a.npz", xyz=XYZ, semantic=LABEL)
    assert read_points(tmp_path / "a.npz", "semantic").label.tolist() == LABEL.tolist()
    assert read_points(tmp_path / "a.npz").fields == ("xyz", "semantic")


def test_the_error_for_missing_labels_lists_the_fields(tmp_path):
    path = ascii_ply(tmp_path, ["x", "y", "z", "class"], [(0, 0, 0, 5)])
    text = str(labels_missing(read_points(path)))
    assert "x, y, z, class" in text
    assert "--label-field NAME" in text


def test_colours_of_every_kind_come_out_as_bytes(tmp_path):
    write_points(tmp_path / "a.ply", XYZ, rgb=RGB)
    assert same(read_points(tmp_path / "a.ply").rgb, RGB)
    write_points(tmp_path / "a.npz", XYZ, rgb=RGB)
    assert same(read_points(tmp_path / "a.npz").rgb, RGB)
    shares = ascii_ply(tmp_path, ["x", "y", "z", "red", "green", "blue"], [(0, 0, 0, 1, 0.5, 0)])
    assert read_points(shares).rgb.tolist() == [[255, 127, 0]]
    bits = 255 << 16 | 128 << 8 | 1
    (tmp_path / "a.pcd").write_text(
        "VERSION .7\nFIELDS x y z rgb\nSIZE 4 4 4 4\nTYPE F F F U\nWIDTH 1\nHEIGHT 1\nPOINTS 1\n"
        "DATA binary\n"
    )
    with (tmp_path / "a.pcd").open("ab") as file:
        file.write(struct.pack("<fffI", 1, 2, 3, bits))
    assert read_points(tmp_path / "a.pcd").rgb.tolist() == [[255, 128, 1]]
