"""The map of postures as a picture, and the files of pairs that a run keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from agents.pictures.kept_pictures import POINTS, KeptPictures
from agents.pictures.pair_pictures import CAMERA, ROBOT, PairPictures
from agents.pictures.pair_sheet import EACH, main, make_sheets
from agents.pictures.posture_map import GREEN, PAPER, RED, SIDE, draw_map
from models.attention.memory import Memory
from models.files.artifact import ArtifactError

NONE = np.empty((0, 2))
VALUES = np.array([[0.5, 0.5], [-0.5, 0.25], [0.0, -0.5]])


def coloured(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where the map has a colour: columns and rows (n, 2), from -1 at the left and the bottom to 1."""
    away = np.abs(picture[:SIDE].astype(int) - colour).max(axis=-1)
    rows, columns = np.nonzero(away < 70)
    return np.stack([columns / SIDE * 2 - 1, 1 - rows / SIDE * 2], axis=1)


def levels(folder: Path, kind: str) -> list[int]:
    files = sorted(folder.glob(f"*-{kind}.png"))
    return [int(cv2.imread(str(file)).mean()) for file in files]


def picture(level: int, height: int = 48) -> np.ndarray:
    return np.full((height, 64, 3), level, np.uint8)


# --- the map


def test_what_was_acquired_is_red_and_what_was_no_news_green() -> None:
    """Where the latents say, the second number upwards; both differ in shape, too."""
    board = draw_map(np.array([[0.5, 0.5]]), np.array([[-0.5, -0.5]]))
    red, green = coloured(board, RED), coloured(board, GREEN)
    np.testing.assert_allclose(red.mean(axis=0), np.array([0.5, 0.5]) / 1.18, atol=0.02)
    np.testing.assert_allclose(green.mean(axis=0), np.array([-0.5, -0.5]) / 1.18, atol=0.02)
    middle = np.abs(green - green.mean(axis=0)).max(axis=1).min()
    assert middle > 0.004  # a ring


@pytest.mark.parametrize("far", [0.1, 3.0, 40.0])
def test_all_points_are_on_the_map(far: float) -> None:
    """However far they lie."""
    points = far * np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
    seen = coloured(draw_map(points, NONE), RED)
    assert {tuple(np.sign(place)) for place in seen.tolist()} == {(1, 1), (-1, -1), (1, -1), (-1, 1)}
    assert np.abs(seen).max() < 0.98


def test_maps_of_other_dimensions_and_of_nothing() -> None:
    """One number lies on the axis, of more the first two count; no pairs, no points."""
    assert (coloured(draw_map(np.array([[0.7]]), NONE), RED)[:, 1].mean()) == pytest.approx(0.0, abs=0.02)
    four = draw_map(np.hstack([VALUES, VALUES]), NONE)
    np.testing.assert_array_equal(four, draw_map(VALUES, NONE))
    empty = draw_map(np.empty((0, 0)), np.empty((0, 0)))
    assert not len(coloured(empty, RED))
    assert tuple(empty[5, 200]) == PAPER


def test_a_marked_pair_has_a_ring() -> None:
    """On the small map of a sheet."""
    plain, marked = (len(coloured(draw_map(VALUES, NONE, which), RED)) for which in (None, 1))
    assert marked > 1.5 * plain
    assert draw_map(VALUES, NONE, 1, side=64, legend=False).shape == (64, 64, 3)


# --- files


def test_pictures_stay_in_step_with_the_pairs(tmp_path: Path) -> None:
    """Of a pair that is gone they go, and those after it move up; what is no picture is left out."""
    pictures = PairPictures(tmp_path / "new")
    for number in (1, 2, 3):
        pictures.add(number, {CAMERA: picture(10 * number), ROBOT: picture(100 + number) if number != 2 else None})
    assert (levels(pictures.folder, CAMERA), levels(pictures.folder, ROBOT)) == ([10, 20, 30], [101, 103])
    pictures.drop(2)
    assert (levels(pictures.folder, CAMERA), levels(pictures.folder, ROBOT)) == ([10, 30], [101, 103])
    assert pictures.numbers() == [1, 2]
    pictures.add(2, {CAMERA: "none", ROBOT: picture(7)})
    assert (levels(pictures.folder, CAMERA), levels(pictures.folder, ROBOT)) == ([10], [101, 7])


def test_the_map_is_kept_every_so_many_pairs(tmp_path: Path) -> None:
    """And at the end, once; nothing is kept before it is known where the pairs are saved."""
    kept = KeptPictures(lambda: tmp_path, every=2, full=False)
    kept.finish(picture(1))
    kept.added({"pairs": 1}, {}, picture(1))
    assert not list(tmp_path.iterdir())
    for pairs in range(1, 6):
        kept.added({"pairs": pairs, "folder": "pairs"}, {CAMERA: picture(9)}, picture(pairs))
    assert sorted(file.name for file in (tmp_path / "pairs").iterdir()) == ["points-002.png", "points-004.png"]
    kept.finish(picture(5))
    (tmp_path / "pairs" / POINTS).unlink()
    kept.finish(picture(5))  # nothing is new
    assert not (tmp_path / "pairs" / POINTS).exists()


def test_a_folder_cannot_lead_elsewhere(tmp_path: Path) -> None:
    """What lies in a slot names a folder of the run, and none above it."""
    kept = KeptPictures(lambda: tmp_path / "run", every=1, full=False)
    kept.added({"pairs": 1, "folder": "../../outside"}, {}, picture(1))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def saved(folder: Path, pairs: int) -> Path:
    memory, pictures = Memory(), PairPictures(folder)
    for number in range(1, pairs + 1):
        memory.add(np.eye(64)[number], VALUES[number % 3])
        pictures.add(number, {CAMERA: picture(100, 60), ROBOT: picture(200)})
    memory.save(folder / "memory.npz")
    return folder


def test_a_sheet_shows_pairs_in_full_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with both pictures as they are, and its place on the map; many pairs make another sheet."""
    pytest.importorskip("matplotlib")  # has the font; it comes with the robot
    assert main([str(saved(tmp_path, EACH + 1))]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "sheet.png"), str(tmp_path / "sheet-2.png")]
    with Image.open(tmp_path / "sheet-2.png") as one, Image.open(tmp_path / "sheet.png") as many:
        assert many.width > 3.5 * 128 > one.width - 100
        sheet = np.asarray(one.convert("RGB"))
    assert (sheet == 100).all(axis=-1).sum() > 0.45 * 60 * 64
    assert (sheet == 200).all(axis=-1).sum() > 0.45 * 48 * 64
    assert (np.abs(sheet.astype(int) - RED).max(axis=-1) < 40).sum() > 20


def test_a_sheet_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said what keeps pictures; a folder without pairs is named."""
    saved(tmp_path, 1)
    for file in tmp_path.glob("*.png"):
        file.unlink()
    with pytest.raises(ArtifactError, match="an album keeps them with pictures=true"):
        make_sheets(tmp_path)
    assert main([str(tmp_path / "nowhere")]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_what_was_taken_back_is_taken_out(tmp_path: Path) -> None:
    """Of full-size pictures as well; a replaced pair goes before the new one comes."""
    kept = KeptPictures(lambda: tmp_path, every=0, full=True)

    def add(pairs: int, level: int, **more: Any) -> None:
        kept.added({"pairs": pairs, "folder": "pairs", **more}, {CAMERA: picture(level)}, picture(0))

    add(1, 10)
    add(2, 20)
    add(2, 30, replaced=0)
    assert levels(tmp_path / "pairs", CAMERA) == [20, 30]
    kept.dropped(1)
    assert levels(tmp_path / "pairs", CAMERA) == [20]
