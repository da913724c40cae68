"""The page holds the whole scene, asks for nothing else, and runs in a browser."""

import base64
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtml_ros.core.errors import InputError
from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.visualization.colors import instance_colors
from mtml_ros.visualization.page import write_page
from mtml_ros.visualization.view import Cells

Scene = tuple[Cells, list[ObjectRecord]]
VOID = {"meta", "link", "input", "br"}


class Parser(HTMLParser):
    """Checks that elements close in order; keeps ids, addresses and the script texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.scripts: list[str] = []
        self.title = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href"):
                self.addresses.append(value or "")
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        if self.open and self.open[-1] == "title":
            self.title += data


def parse(path: Path) -> Parser:
    parser = Parser()
    parser.feed(path.read_text(encoding="utf-8"))
    parser.close()
    assert parser.open == []
    return parser


def array(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


def scene_of(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(parse(path).scripts[0])
    return loaded


def test_arrays_decode_to_the_exact_voxels(
    scene: Scene, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    cells, objects = scene
    write_page(tmp_path / "a.html", cells, objects, taxonomy)
    data = scene_of(tmp_path / "a.html")
    places = array(data["positions"], "<u2").reshape(-1, 3) * data["step"] + data["origin"]
    np.testing.assert_allclose(places, cells.centers, atol=1e-6)
    voxels = np.floor(places / cells.edge).astype(int)
    assert (voxels == np.floor(cells.centers / cells.edge)).all()
    assert (array(data["labels"], "u1") == cells.labels).all()
    owners = array(data["owners"], "<u2")
    ids = np.array([-1] + [o["id"] for o in data["objects"][1:]])
    assert (ids[owners] == cells.instance).all()
    assert data["edge"] == pytest.approx(0.1)


def test_objects_carry_their_records_and_the_shared_colors(
    scene: Scene, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    cells, objects = scene
    write_page(tmp_path / "a.html", cells, objects, taxonomy)
    chair, table = scene_of(tmp_path / "a.html")["objects"][1:]
    assert (chair["id"], chair["name"], chair["score"]) == (4, "chair", 0.9)
    assert chair["color"] == instance_colors(np.array([4]))[0].tolist()
    assert chair["size"] == pytest.approx([0.5, 0.5, 0.5])
    assert table["size"] == pytest.approx([1.0, 0.7, 0.5])
    assert table["center"] == pytest.approx([2.1, 0.85, 0.35])
    assert table["yaw"] == pytest.approx(0.0)


def test_page_asks_for_nothing_from_outside(
    scene: Scene, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    write_page(tmp_path / "a.html", *scene, taxonomy)
    parser, text = parse(tmp_path / "a.html"), (tmp_path / "a.html").read_text(encoding="utf-8")
    assert parser.addresses == ["data:,"]
    assert "http://" not in text
    assert "https://" not in text
    assert "default-src 'none'" in text
    assert "{{" not in text
    assert len(text) < 60_000 + 16 * len(scene[0])


def test_every_element_the_script_asks_for_exists(
    scene: Scene, taxonomy: Taxonomy, tmp_path: Path
) -> None:
    write_page(tmp_path / "a.html", *scene, taxonomy)
    parser = parse(tmp_path / "a.html")
    asked = set(re.findall(r'(?:byId|bind)\("([\w-]+)"', parser.scripts[1]))
    assert len(asked) > 8
    assert asked <= set(parser.ids)


def test_names_cannot_break_out_of_the_page(scene: Scene, tmp_path: Path) -> None:
    cells, objects = scene
    evil = "</script><script>alert(1)</script>{{data}}"
    shown = [replace(o, id=4, class_name=evil, score=0.5, num_voxels=3) for o in objects[:1]]
    write_page(tmp_path / "a.html", cells, shown, Taxonomy.scannet(), title=evil)
    parser = parse(tmp_path / "a.html")
    assert len(parser.scripts) == 2
    assert parser.title == evil
    assert json.loads(parser.scripts[0])["objects"][1]["name"] == evil


def test_truth_and_ids_without_a_record(scene: Scene, taxonomy: Taxonomy, tmp_path: Path) -> None:
    cells, objects = scene
    truth = np.where(cells.labels == taxonomy.index("table"), 12, -1)
    cells = Cells(cells.centers, cells.edge, cells.labels, cells.instance, truth)
    write_page(tmp_path / "a.html", cells, objects[:1], taxonomy)
    data = scene_of(tmp_path / "a.html")
    assert "size" not in data["objects"][2]  # the table has cubes and a colour, no record
    truth_owner = array(data["truth"], "<u2")
    assert (truth_owner == (truth == 12)).all()
    assert data["truthColors"][1] == instance_colors(np.array([12]))[0].tolist()


def test_wide_scenes_keep_their_places(taxonomy: Taxonomy, tmp_path: Path) -> None:
    centers = np.array([[0.05, 0.05, 0.05], [5000.05, 0.05, 0.05]], np.float32)
    cells = Cells(centers, 0.1, np.zeros(2, np.uint8), np.full(2, -1))
    write_page(tmp_path / "a.html", cells, [], taxonomy)
    data = scene_of(tmp_path / "a.html")
    places = array(data["positions"], "<u2").reshape(-1, 3) * data["step"] + data["origin"]
    np.testing.assert_allclose(places, centers, atol=5000 / 65535)


def test_nothing_to_show_is_an_error(taxonomy: Taxonomy, tmp_path: Path) -> None:
    none = Cells(np.empty((0, 3), np.float32), 0.1, np.empty(0, np.uint8), np.empty(0, int))
    with pytest.raises(InputError, match="1 to 2 million cubes"):
        write_page(tmp_path / "a.html", none, [], taxonomy)
    assert not (tmp_path / "a.html").exists()


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.browser
def test_page_runs_in_a_browser(scene: Scene, taxonomy: Taxonomy, tmp_path: Path) -> None:
    assert CHROMIUM is not None, "needs Chromium (Debian: apt-get install chromium)"
    cells, objects = scene
    red = np.tile(np.array([[255, 0, 0]], np.uint8), (len(cells), 1))
    corrected = np.where(
        cells.labels == taxonomy.index("table"), taxonomy.index("sofa"), cells.labels
    )
    cells = replace(cells, corrected=corrected, colorings={"input colours": red})
    page = tmp_path / "a.html"
    write_page(page, cells, objects, taxonomy, title="two boxes")
    probe = """<script>setTimeout(() => {
      const place = (o) => viewer.project(o.center);
      const pick = (o) => viewer.pick(...place(o).slice(0, 2));
      const drawn = () => { viewer.draw(); return viewer.scene.objects.slice(1).map(pick); };
      const toggle = (name) => {
        const entries = [...document.querySelectorAll("#legend button")];
        entries.find((b) => b.textContent === name).click();
      };
      const click = (query) => document.querySelector(query).click();
      const found = { picked: drawn() };
      const [chair] = viewer.scene.objects.slice(1), [x, y] = place(chair);
      view.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y }));
      found.told = document.getElementById("place").textContent;
      click(".row.object .swatch");
      found.objectHidden = drawn();
      click(".row.object .swatch");
      click("input[value='corrected']");
      toggle("sofa");
      found.classHidden = drawn();
      toggle("sofa");
      click("input[value='input colours']");
      viewer.draw();
      const pixel = viewer.read(x, y, 0);
      found.colour = pixel[0] > 150 && pixel[1] === 0 && pixel[2] === 0;
      document.querySelectorAll(".row.object")[1].click();
      document.body.dataset.found = JSON.stringify({ ...found,
        rows: document.querySelectorAll(".row.object").length, chosen: viewer.chosen,
        error: viewer.gl.getError(), names: document.querySelectorAll("#labels span").length });
    }, 300)</script>"""
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", probe + "</body>"))
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--use-gl=angle", "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader", "--window-size=900,600", "--virtual-time-budget=4000",
        "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'data-found="([^"]*)"', done.stdout)
    assert found is not None, done.stderr[-2000:]
    told = json.loads(found.group(1).replace("&quot;", '"'))
    metres, said = told.pop("told").split(" m · ")
    assert said == "chair"
    near = np.abs(np.array([float(v) for v in metres.split(",")]) - objects[0].box.center)
    assert near.max() < 0.35  # the cube that is seen in the direction of the middle
    assert told == {
        "picked": [1, 2],
        "objectHidden": [0, 2],
        "classHidden": [1, 0],
        "colour": True,
        "rows": 2,
        "chosen": 2,
        "error": 0,
        "names": 2,
    }
