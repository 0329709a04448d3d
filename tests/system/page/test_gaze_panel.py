"""The panel of where the extractor looks: it asks only when it is told to, and shows what comes."""

from __future__ import annotations

import os

import numpy as np
from playwright.sync_api import Page, expect

from agents.pictures.gaze import GazeFollower
from agentspace.client.space import RemoteSpace
from models.extractors.network import Look
from tests.support.eventually import eventually
from tests.support.web.inspector_page import show


def test_the_panel_asks_for_looks_while_it_is_told_to(page: Page, space: RemoteSpace) -> None:
    """Nothing is asked for before; the wish has an end, and is taken back. Picture, kind and point are shown."""
    show(page, "panels")
    panel = page.locator("[data-panel=gaze]")
    expect(panel).to_contain_text("nothing is known of where it looks")
    assert space.entry("gaze/wanted") is None
    panel.get_by_role("button", name="Look").click()
    eventually(lambda: space.read("gaze/wanted") == 5)
    entry = space.entry("gaze/wanted")
    assert entry is not None
    assert 0 < entry.time_left <= 3.0

    image = np.full((240, 320, 3), 90, np.uint8)
    image[100:200, 200:300] = (200, 60, 40)
    maps = np.zeros((6, 28, 28), np.float32)
    for head in range(6):
        maps[head, 12 + head : 20, 18 + head : 26] = 1.0 + head
    gaze = GazeFollower().follow(image, Look(np.zeros(1, np.float32), maps), 0.0)
    assert gaze is not None
    space.write("gaze/of", "attention of a test")
    space.write("gaze/view", gaze.view)
    space.write("gaze/points", gaze.points)
    x, y = np.rint(100 * gaze.points[0]).astype(int)
    expect(panel).to_contain_text(f"attention of a test. Most at {x} % from the left, {y} % from the top.")
    expect(panel.locator("canvas")).to_have_attribute("width", str(gaze.view.shape[1]))
    if shot := os.environ.get("SHOT"):
        page.screenshot(path=shot)

    panel.get_by_role("button", name="Do not look").click()
    eventually(lambda: space.read("gaze/wanted") is None)
