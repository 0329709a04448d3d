"""The panels of the robot: its face, its standard posture, and where the extractor looks."""

from __future__ import annotations

import os

import numpy as np
from playwright.sync_api import Page, expect

from agents.pictures.gaze import GazeFollower
from agentspace.client.space import RemoteSpace
from models.extractors.network import Look
from models.icub.kinematics import STANDARD
from tests.support.eventually import eventually
from tests.support.web.inspector_page import show


def test_the_face_is_shown_where_there_is_one(page: Page, space: RemoteSpace) -> None:
    """Beside the robot, as soon as somebody makes pictures of it; before, there is no place for it."""
    show(page, "panels")
    face = page.locator("[data-panel=robot] figure", has=page.locator('canvas[data-picture="icub/face"]'))
    expect(face).to_be_hidden()
    space.write("icub/face", np.full((96, 128, 3), 200, np.uint8))
    expect(face).to_be_visible()
    expect(face.locator("canvas")).to_have_attribute("width", "128")


def test_the_robot_is_renewed_by_a_button(page: Page, space: RemoteSpace) -> None:
    """The standard posture is written for the arms and for the rest, above what agents write, for a while."""
    show(page, "panels")
    page.get_by_role("button", name="Renew").click()
    eventually(lambda: space.read("icub/renew") == "all")
    entry = eventually(lambda: space.entry("joints"))
    np.testing.assert_array_equal(entry.value, [*STANDARD, 0.0, 0.0, 0.0])
    assert (entry.priority, 0 < entry.time_left <= 10.0) == (20.0, True)
    space.delete("joints", priority=20.0)


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
