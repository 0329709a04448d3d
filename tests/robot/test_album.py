"""The album: pictures in step with the pairs, whatever happens to them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.album import Album
from agents.associator import Associator
from agents.pictures.thumbnail import GREY
from agentspace import Agent, Entry, Kind, LocalSpace, Writer
from agentspace.core.space import Wake
from tests.support.eventually import eventually

ALBUM = "memory/thumbnails"


class Eye(Agent):
    """Features are the mean colour of the picture."""

    def init(self) -> None:
        self.attach_trigger("camera")

    def sense_select_act(self) -> None:
        self.write("features", self.read("camera").mean(axis=(0, 1)).astype(np.float32), validity=60.0)


@pytest.fixture
def space(tmp_path: Path) -> Iterator[LocalSpace]:
    with LocalSpace() as space:
        space.write("features/space", "colour/3")
        space.run(Eye())
        space.run(Associator(novelty=0.0, forget_on_acquire=True, keys="raw"), project=tmp_path)
        space.run(Album())
        eventually(lambda: space.entry("memory/thumbnails") and space.entry("memory/values"))
        yield space


def picture(level: int) -> np.ndarray:
    return np.full((60, 80, 3), level, np.uint8)


def level_of(small: np.ndarray) -> int:
    """The brightness of what a thumbnail shows, which is grey above and below."""
    return int(small[len(small) // 2].mean())


def acquire(space: LocalSpace, level: int, point: float, albums: Sequence[str] = (ALBUM,)) -> None:
    """The robot is shown a picture, and acquires it; it goes on when the albums have its picture, too."""
    pairs = space.read("pairs", 0) + 1
    space.write("proprio", [point, 0.5])
    space.write("confirm", level)

    def acquired() -> bool:
        space.write("camera", picture(level))
        return bool(space.read("pairs") == pairs)

    eventually(acquired)
    for album in albums:  # a row may be counted, and grey, before its picture comes
        eventually(lambda: len(space.read(album)) == pairs and level_of(space.read(album)[-1]) == level)  # noqa: B023


def levels(space: LocalSpace) -> list[int]:
    """The brightness of each thumbnail."""
    pictures = space.read("memory/thumbnails")
    assert (pictures.dtype, pictures.shape[1:]) == (np.uint8, (48, 48, 3))
    return [level_of(each) for each in pictures]


def command(space: LocalSpace, **what: Any) -> None:
    entry = space.entry("memory/done")
    before = entry.revision if entry else 0
    space.write("memory/command", what)
    eventually(lambda: (entry := space.entry("memory/done")) and entry.revision > before)


def test_one_pair_less_is_one_picture_less(space: LocalSpace) -> None:
    """Of a pair that is forgotten, or taken back, the picture goes; the others stay, in step."""
    for level in (10, 20, 30, 40):
        acquire(space, level, level / 100)
    command(space, do="forget", pair=1)
    eventually(lambda: levels(space) == [10, 30, 40])
    command(space, do="undo")
    eventually(lambda: levels(space) == [10, 30])
    assert space.read("pairs") == 2


def test_the_picture_of_a_pair_that_had_to_go() -> None:
    """With a capacity, the replaced pair's picture goes, and that of the new one is the last."""
    with LocalSpace() as space:
        space.write("features/space", "colour/3")
        space.run(Eye())
        space.run(Associator(novelty=0.0, keys="raw", capacity=2))
        space.run(Album())
        eventually(lambda: space.entry("memory/thumbnails") and space.entry("memory/values"))
        acquire(space, 10, 0.1)
        acquire(space, 20, 0.9)
        space.write("proprio", [0.15, 0.5])
        space.write("confirm", "a third")
        eventually(
            lambda: space.write("camera", picture(30)) and space.read("memory/answer")["confirm"] == "a third"
        )
        assert space.read("memory/answer")["replaced"] == 0
        eventually(lambda: levels(space) == [20, 30])


def test_it_begins_empty(space: LocalSpace) -> None:
    """No pairs, no pictures, no latents; but all of their slots are there."""
    assert levels(space) == []
    assert space.read("memory/values").shape[0] == 0


def test_each_pair_has_its_picture_and_its_latent(space: LocalSpace) -> None:
    """In the order in which they were acquired, small, and of the same number."""
    for number, level in enumerate((10, 200, 90)):
        acquire(space, level, 0.1 * number)
    eventually(lambda: levels(space) == [10, 200, 90])
    values = space.read("memory/values")
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, [[0.0, 0.5], [0.1, 0.5], [0.2, 0.5]], atol=1e-6)


def test_what_is_forgotten_has_no_picture(space: LocalSpace) -> None:
    """By a command, and by the mode; then pictures begin anew."""
    acquire(space, 10, 0.0)
    command(space, do="forget")
    eventually(lambda: levels(space) == [])
    acquire(space, 20, 0.0)
    acquire(space, 30, 0.1)
    eventually(lambda: levels(space) == [20, 30])
    space.write("mode", "acquire")
    eventually(lambda: levels(space) == [] and len(space.read("memory/values")) == 0)
    acquire(space, 40, 0.0)
    eventually(lambda: levels(space) == [40])


def test_loaded_pairs_are_grey(space: LocalSpace) -> None:
    """Nobody saw them acquired; those that come after have pictures again."""
    for level in (10, 20):
        acquire(space, level, 0.01 * level)
    command(space, do="save", path="m.npz")
    eventually(lambda: levels(space) == [10, 20])
    acquire(space, 30, 0.3)
    command(space, do="load", path="m.npz")
    eventually(lambda: levels(space) == [GREY, GREY])
    command(space, do="load", path="none.npz")
    acquire(space, 50, 0.5)
    eventually(lambda: levels(space) == [GREY, GREY, 50])


def test_a_successor_takes_the_pictures_over(space: LocalSpace) -> None:
    """With those that are missing for the pairs of the time between."""
    acquire(space, 10, 0.0)
    eventually(lambda: levels(space) == [10])
    space.stop("album")
    eventually(lambda: space.read("_/roles/album")["state"] == "stopped")
    acquire(space, 20, 0.2, albums=())
    space.run(Album())
    eventually(lambda: levels(space)[:1] == [10] and len(levels(space)) == 2)


def test_a_picture_that_came_too_late_is_grey() -> None:
    """What the camera sees some seconds after a pair was acquired is not what was acquired."""
    with LocalSpace() as space:
        space.write("camera", picture(10))
        album, session = Album(), space.join("album")
        album.bind(session, logging.getLogger("album"), Path.cwd())
        album.init()
        album.finish()
        for age, pairs in ((0.1, 1), (5.0, 2)):
            value = {"added": True, "pairs": pairs}
            change = Entry("memory/answer", Kind.WRITTEN, value, 1, 0.0, Writer("associator", 1), age, None, 0.0)
            album.begin(Wake(changes=(change,)))
            album.sense_select_act()
            session.commit(None, album.finish())
        assert levels(space) == [10, GREY]


def test_pairs_beyond_the_limit_have_no_picture(space: LocalSpace) -> None:
    """The album is bounded."""
    space.run(Album(limit=2, thumbnails="few"), role="few")
    eventually(lambda: space.entry("few"))
    for level in (10, 20):
        acquire(space, level, 0.01 * level, (ALBUM, "few"))
    acquire(space, 30, 0.3)
    eventually(lambda: levels(space) == [10, 20, 30])
    eventually(lambda: [level_of(each) for each in space.read("few")] == [10, 20])


def test_nothing_that_lies_in_the_slots_harms_it() -> None:
    """Values that are none of an associator are passed over."""
    with LocalSpace() as space:
        space.run(Album())  # alone: an associator would tell its own number of pairs
        eventually(lambda: space.entry("memory/thumbnails"))
        answers = {"added": True, "pairs": "many"}, {"added": True}, {"ok": True, "command": 7}
        for value in (None, "x", *answers, -3):
            for slot in ("memory/answer", "memory/done", "pairs"):
                space.write(slot, value)
        space.write("memory/answer", {"added": True, "pairs": 1})
        eventually(lambda: levels(space) == [GREY])  # there was no picture
        assert not space.snapshot("_/errors/*")


def test_the_map_is_a_picture_in_a_slot(space: LocalSpace) -> None:
    """It changes with each pair, for a viewer to show."""
    before = eventually(lambda: space.entry("memory/map"))
    acquire(space, 10, 0.4)
    after = eventually(lambda: (entry := space.entry("memory/map")).revision > before.revision and entry)
    assert not np.array_equal(before.value, after.value)


def test_pictures_of_pairs_are_kept_beside_them(tmp_path: Path) -> None:
    """In full size, with the robot's, while they are acquired; map and sheet when that ends."""
    with LocalSpace() as space:
        space.write("features/space", "colour/3")
        space.write("icub/view", picture(77))
        space.write("mode", "acquire")
        space.run(Eye())
        associator = Associator(novelty=0.0, keys="raw", saved="pairs")
        space.run(associator, project=tmp_path)
        album = Album(every=2, pictures=True)
        space.run(album, project=tmp_path)
        eventually(lambda: space.entry("memory/thumbnails") and space.entry("memory/values"))
        for level in (10, 20):
            acquire(space, level, 0.01 * level)
        folder = album.run_folder / "pairs"
        (folder / "memory.npz").symlink_to(associator.run_folder / "pairs" / "memory.npz")  # one run, if launched
        eventually(
            lambda: {"001-camera.png", "002-robot.png", "points-002.png"} <= {f.name for f in folder.iterdir()}
        )
        space.write("mode", "use")
        eventually(lambda: {"points.png", "sheet.png"} <= {file.name for file in folder.iterdir()})
        shown = [file for file in folder.iterdir() if file.suffix == ".png"]
        assert {file.stat().st_mode & 0o777 for file in shown} == {0o600}  # people may be on them
        assert not space.snapshot("_/errors/*")
