"""Frames: rendered by another process, or collected from whatever lies in a folder."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from models.dino import pictures, scenery
from models.dino.frames import UNKNOWN, Fact, Frames, write
from models.dino.render import Script
from models.files.artifact import ArtifactError
from models.icub.view import View
from models.people.appearance import Sight


def picture(seed: int, size: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def fact(number: float) -> Fact:
    return Fact(np.full(10, number), number / 10)


def test_frames_come_back(tmp_path):
    """As they were written, also if there are fewer than expected; every fifth is held back."""
    given = [(picture(i), fact(i)) for i in range(10)]
    assert write(tmp_path / "f", 12, 20, given, "some") == 10
    frames = Frames.load(tmp_path / "f")
    assert (len(frames), frames.size, frames.origin) == (10, 20, "some")
    assert all(np.array_equal(frames.images[i], given[i][0]) for i in range(10))
    assert frames.postures[3] == pytest.approx(np.full(10, 3.0))
    assert list(np.flatnonzero(frames.is_held)) == [4, 9]
    assert list(frames.pool(0.3)) == [0, 1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_frames_without_postures_are_all_learned_from(tmp_path):
    """There is nothing to probe with them."""
    write(tmp_path / "f", 10, 20, [(picture(i), UNKNOWN) for i in range(10)], "")
    assert len(Frames.load(tmp_path / "f").pool(1.0)) == 10


def test_what_was_there_stays_until_the_new_frames_are_whole(tmp_path):
    """An interruption leaves the old folder, and nothing beside it."""
    write(tmp_path / "f", 1, 20, [(picture(0), fact(0))], "old")

    def broken():
        yield picture(1), fact(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "f", 2, 20, broken(), "new")
    assert Frames.load(tmp_path / "f").origin == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    """Photographs, say, are not lost when their folder is named by mistake; nothing is rendered first."""
    album = tmp_path / "album"
    album.mkdir()
    (album / "holiday.jpg").write_bytes(b"precious")
    (album / "frames.npy").write_bytes(b"")

    def frames():
        raise AssertionError("too late to refuse")
        yield

    with pytest.raises(
        ArtifactError, match=r"album has other things than frames \(holiday\.jpg\).* name a new folder"
    ):
        write(album, 1, 20, frames(), "")
    with pytest.raises(ArtifactError, match="is a file; frames need a folder"):
        write(album / "holiday.jpg", 1, 20, frames(), "")
    assert (album / "holiday.jpg").read_bytes() == b"precious"
    assert [path.name for path in tmp_path.iterdir()] == ["album"]


def test_frames_that_are_not_whole(tmp_path):
    """Missing, cut off and exchanged files are refused."""
    with pytest.raises(ArtifactError, match=r"facts.npz cannot be read"):
        Frames.load(tmp_path)
    write(tmp_path / "f", 2, 20, [(picture(0), fact(0)), (picture(1), fact(1))], "")
    images = tmp_path / "f" / "frames.npy"
    whole = images.read_bytes()
    images.write_bytes(whole[:-100])
    with pytest.raises(ArtifactError, match="does not hold whole frames"):
        Frames.load(tmp_path / "f")
    np.save(images, np.zeros((3, 20, 20, 3), np.uint8))
    with pytest.raises(ArtifactError, match=r"not of facts\.npz"):
        Frames.load(tmp_path / "f")


def test_a_folder_of_images(tmp_path):
    """However deep, of any kind; what cannot be read is skipped and named."""
    source = tmp_path / "album"
    (source / "a" / "b").mkdir(parents=True)
    kinds = {"a/grey.png": "L", "a/b/alpha.PNG": "RGBA", "one.jpg": "RGB", "bits.bmp": "1", "palette.tif": "P"}
    for name, mode in kinds.items():
        Pillow.fromarray(picture(1)).convert(mode).save(source / name)
    Pillow.new("RGB", (1, 1), (9, 8, 7)).save(source / "tiny.webp", lossless=True)
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    (source / "empty.png").write_bytes(b"")
    cv2.imwrite(str(source / "deep.png"), np.zeros((5, 5), np.uint16))
    (source / "notes.txt").write_text("no image")
    found = pictures.collect(source, tmp_path / "f", 16, progress=False)
    assert found.taken == 6
    assert sorted(path.name for path in found.skipped) == ["broken.jpg", "deep.png", "empty.png"]
    assert "valid is 8 bits" in found.skipped[source / "deep.png"]
    frames = Frames.load(tmp_path / "f")
    assert frames.images.shape == (6, 16, 16, 3)
    assert not frames.is_held.any()
    assert tuple(pictures.read(source / "tiny.webp", 16)[3, 3]) == (9, 8, 7)


def test_photographs_stand_upright(tmp_path):
    """They are turned as their EXIF data say."""
    image = np.zeros((10, 20, 3), np.uint8)
    image[:, :10] = 255
    turned = Pillow.Exif()
    turned[0x0112] = 6  # turn it to the right by a quarter
    Pillow.fromarray(image).save(tmp_path / "a.png", exif=turned)
    upright = pictures.read(tmp_path / "a.png", 8)
    assert upright[:3].min() == 255
    assert upright[-3:].max() == 0


def test_folders_without_images(tmp_path):
    """The message names the suffixes that are valid, or what is wrong with the images."""
    with pytest.raises(ArtifactError, match=r"has no images; valid are files that end with \.bmp, \.jpeg, \.jpg"):
        pictures.collect(tmp_path, tmp_path / "f")
    with pytest.raises(ArtifactError, match="is no folder"):
        pictures.collect(tmp_path / "nowhere", tmp_path / "f")
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(ArtifactError, match=r"none of the 1 images .* can be read: a\.png"):
        pictures.collect(tmp_path, tmp_path / "f", progress=False)
    assert not (tmp_path / "f").exists()


def test_a_scene_that_does_not_vary_is_the_usual_one():
    """At 0 only noise and who is seen are drawn; at 1 they differ, within what is valid."""
    random = np.random.default_rng(0)
    still = scenery.view(0.0, random)
    assert (still.azimuth, still.elevation, still.light) == (0.0, 0.0, 1.0)
    assert still.wall == pytest.approx(View().wall)
    assert len({scenery.view(1.0, random).azimuth for _ in range(20)}) == 20
    sights = [scenery.person(1.0, random)[2] for _ in range(50)]
    assert max(abs(sight.turn) for sight in sights) > 6.0
    assert len({sight.room for sight in sights}) == 4
    assert scenery.person(0.0, random)[2].distance == Sight().distance


def test_another_background():
    """The figure stays, the wall becomes the background, edges are mixed."""
    black = np.zeros((2, 2, 3), np.uint8)
    white = np.full((2, 2, 3), 255, np.uint8)
    black[0, 0] = white[0, 0] = 90  # the figure
    black[0, 1], white[0, 1] = 45, 173  # half of it
    background = np.full((2, 2, 3), 100, np.uint8)
    found = scenery.behind(black, white, background)
    assert tuple(found[:, :, 0].ravel()) == (90, 95, 100, 100)


def test_patterns_differ():
    """Each is another one, in colour, and not flat."""
    random = np.random.default_rng(0)
    one, other = scenery.pattern(32, random), scenery.pattern(32, random)
    assert one.shape == (32, 32, 3)
    assert one.std() > 10
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0), "valid is 1 or more"),
        ((1, 0, 8), r"size is 8"),
        ((-1, 5), "-1 frames"),
        ((1, 0, 16, -1), "seed is -1"),
    ],
)
def test_bad_scripts(arguments, message):
    """Nothing to render, and pictures too small, are refused."""
    with pytest.raises(ValueError, match=message):
        Script(*arguments)


def test_the_command_renders(tmp_path):
    """Robot and people, in random scenes, with postures; the same seed gives the same frames."""
    for name in ("a", "b"):
        command = [sys.executable, "-m", "models.dino.render", str(tmp_path / name)]
        options = ["--robot", "4", "--people", "2", "--size", "48", "--seed", "3"]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{tmp_path / name}: 6 frames\n"
    one, other = (Frames.load(tmp_path / name) for name in ("a", "b"))
    assert np.array_equal(one.images, other.images)
    assert np.isfinite(one.postures).all()
    assert all(image.std() > 5 for image in one.images)
    assert len({image.tobytes() for image in one.images}) == 6
