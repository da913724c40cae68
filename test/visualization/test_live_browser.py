"""The live view in a browser: what is shown, and what its switches change."""

import base64
import io
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mtml_ros.core.object_record import ObjectRecord
from mtml_ros.core.taxonomy import Taxonomy
from mtml_ros.visualization.colors import instance_colors, score_colors
from mtml_ros.visualization.live import LiveScene, Voxels
from mtml_ros.visualization.view import Cells

connect = pytest.importorskip("websockets.sync.client", reason="comes with viser").connect
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
Scene = tuple[Cells, list[ObjectRecord]]


class Browser:
    """Headless Chromium with one page, driven through its DevTools protocol."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [
                CHROMIUM, "--headless", "--no-sandbox", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                f"--user-data-dir={folder}", "--use-gl=angle", "--use-angle=swiftshader",
                "--enable-unsafe-swiftshader", "--window-size=1000,700",
                "--remote-debugging-port=0", "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        told = folder / "DevToolsActivePort"
        wait(lambda: told.exists() and "\n" in told.read_text(), "Chromium")
        port = told.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=20) as answer:
            (page,) = [p for p in json.load(answer) if p["type"] == "page"]
        self.socket = connect(page["webSocketDebuggerUrl"], max_size=None)
        self.number = 0

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv(timeout=60))
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def picture(self) -> np.ndarray:
        """(h, w, 3) uint8, what the page shows."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def close(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(20)


def wait(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.1)
    return value


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    assert CHROMIUM is not None, "needs Chromium (Debian: apt-get install chromium)"
    made = Browser(tmp_path / "profile")
    yield made
    made.close()


@pytest.fixture
def live(scene: Scene, taxonomy: Taxonomy) -> Iterator[LiveScene]:
    made = LiveScene(taxonomy, port=18090)
    cells, objects = scene
    score = np.where(cells.instance >= 0, 0.5, 0).astype(np.float32)
    made.show_voxels(Voxels(cells.centers, cells.labels, cells.instance, score, cells.edge))
    made.show_objects(objects)
    yield made
    made.close()


def share(picture: np.ndarray, color: np.ndarray) -> float:
    """Of the picture's pixels, those of about this colour's hue, which lighting leaves as it is."""
    hue, saturation, _ = np.asarray(Image.fromarray(picture).convert("HSV"), int).transpose(2, 0, 1)
    wanted = int(Image.new("RGB", (1, 1), tuple(color.tolist())).convert("HSV").getpixel((0, 0))[0])
    off = np.abs((hue - wanted + 128) % 256 - 128)
    return float(((off < 5) & (saturation > 25)).mean())


@pytest.mark.browser
def test_colours_names_and_boxes_follow_the_switches(
    browser: Browser, live: LiveScene, taxonomy: Taxonomy
) -> None:
    by_id = instance_colors(np.array([9]))[0]
    by_class = taxonomy.colors[taxonomy.index("table")]
    by_score = score_colors(np.array([0.5]))[0]

    browser.call("Page.navigate", url=f"http://127.0.0.1:{live.port}")
    wait(lambda: "2 objects in 1,525 voxels" in said(browser), "the controls")
    wait(lambda: share(browser.picture(), by_id) > 0.01, "the table in its own colour")
    assert share(browser.picture(), by_class) < 0.005

    choose(browser, "class")
    wait(lambda: share(browser.picture(), by_class) > 0.01, "the table in its class's colour")
    assert share(browser.picture(), by_id) < 0.005
    choose(browser, "score")
    wait(lambda: share(browser.picture(), by_score) > 0.01, "both in the colour of their score")

    switch(browser, -1, "names")
    switch(browser, -2, "boxes")
    assert not live._shown
    live.show_objects([])
    live.show_voxels(Voxels.none(0.1))
    wait(lambda: "0 objects in 0 voxels" in said(browser), "the map to be empty")
    wait(lambda: share(browser.picture(), by_score) < 0.001, "nothing to see")


def said(browser: Browser) -> str:
    """The text of the page; names in the scene are drawn, and none of it."""
    return str(browser.evaluate("document.body?.innerText ?? ''"))


def scene_of(browser: Browser) -> np.ndarray:
    """The left of the picture, where no controls are."""
    return browser.picture()[:, :660]


def choose(browser: Browser, mode: str) -> None:
    """What to colour by."""
    browser.evaluate("[...document.querySelectorAll('input')].find(i => i.value in "
                     "{instance: 1, class: 1, score: 1}).click()")  # fmt: skip
    option = f"[...document.querySelectorAll('[role=option]')].find(o => o.innerText == '{mode}')"
    wait(lambda: browser.evaluate(f"!!{option}"), "the list of modes")
    browser.evaluate(f"{option}.click()")


def switch(browser: Browser, which: int, what: str) -> None:
    """A check box, counted from the last, and with it what it hides."""
    before = scene_of(browser)
    browser.evaluate(f"[...document.querySelectorAll('input[type=checkbox]')].at({which}).click()")
    wait(lambda: (scene_of(browser) != before).any(axis=2).mean() > 0.0005, f"no {what}")
