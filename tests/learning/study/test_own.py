"""Photographs of one's own: their postures in a file, a sheet to copy, and how well a robot imitates them."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.evaluate import main as evaluate
from models.files.artifact import ArtifactError
from models.icub.kinematics import JOINTS
from models.people.person import Person
from models.study.exercise import Exercise
from models.study.people import own
from models.study.people.own import Album
from models.study.plan import Plan

POSTURE = ",".join(["-80", "80", "0", "50", "0"] * 2)
HEAD = ",".join(["file", *JOINTS])


def a_folder(folder: Path, *lines: str, images: int = 3) -> Path:
    for number in range(images):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((16, 20, 3), 60 * number, np.uint8))
    (folder / own.FILE).write_text("\n".join(lines), encoding="utf-8-sig")
    return folder


def test_postures_are_read_with_or_without_a_head(tmp_path: Path) -> None:
    """In the order of the file; spaces and empty lines do not count; other images are told."""
    folder = a_folder(tmp_path, HEAD, f"2.png, {POSTURE}", "", f"0.png,{POSTURE}", f"1.png,{POSTURE}", images=5)
    album = Album.read(folder)
    assert [path.name for path in album.paths] == ["2.png", "0.png", "1.png"]
    assert album.postures.tolist() == [[-80.0, 80.0, 0.0, 50.0, 0.0] * 2] * 3
    assert album.others == ("3.png", "4.png")
    (folder / own.FILE).write_text("\n".join(f"{number}.png,{POSTURE}" for number in range(3)))
    assert len(Album.read(folder).paths) == 3


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([f"0.png,{POSTURE}"], "has 1 photographs; valid is 3 at least, 20 are good"),
        ([f"{name}.png,{POSTURE}" for name in (0, 1, 1)], r"has 1\.png more than once"),
        (
            [f"{name}.png,{POSTURE}" for name in (0, 1, 7)],
            r"lacks 1 of the 3 photographs in postures\.csv: 7\.png",
        ),
        ([f"0.png,{POSTURE}", "1.png,1,2,3"], r"line 2: 1\.png has 3 angles; valid are 10: right_shoulder_pitch"),
        ([f"0.png,{POSTURE[:-1]}x"], "line 1: could not convert string to float: 'x'; valid are degrees"),
        ([f"0.png,{POSTURE[:-1]}nan"], "line 1: left_wrist_prosup is nan; valid are -180 to 180 degrees"),
        ([f"0.png,-800{POSTURE[3:]}"], "line 1: right_shoulder_pitch is -800; valid are"),
        (["file,left_elbow", f"0.png,{POSTURE}"], "line 1: the columns are file, right_shoulder_pitch"),
    ],
)
def test_wrong_files_are_told(tmp_path: Path, lines: list[str], message: str) -> None:
    """With the line, what is there, and what is valid."""
    with pytest.raises(ArtifactError, match=message):
        Album.read(a_folder(tmp_path, *lines))


def test_a_sheet_is_what_a_camera_would_see(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its postures are those of the file, mirrored; what somebody has written is not overwritten."""
    assert own.main(["sheet", str(tmp_path / "me"), "--count", "3"]) == 0
    rows = list(csv.reader((tmp_path / "me" / own.FILE).read_text().splitlines()))
    assert rows[0] == ["file", *JOINTS]
    assert [row[0] for row in rows[1:]] == ["01.jpg", "02.jpg", "03.jpg"]
    sheet = cv2.imread(str(tmp_path / "me" / own.SHEET))
    assert sheet is not None
    with Person(size=256) as person:
        drawn = person.render([float(angle) for angle in rows[3][1:]])
    shown = sheet[:256, 512:768, ::-1]
    assert np.abs(shown[:, ::-1].astype(int) - drawn).mean() < 4.0 < np.abs(shown.astype(int) - drawn).mean()
    assert own.main(["sheet", str(tmp_path / "me")]) == 1
    assert "is there already; name another folder" in capsys.readouterr().err


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a simulated person, eight postures; in the last one the camera is covered."""
    folder = tmp_path_factory.mktemp("photographs")
    postures = Exercise("wide", 1).practised(8)
    lines = []
    with Person(size=160) as person:
        for number, posture in enumerate(postures):
            picture = person.render(posture) if number < 7 else np.zeros((160, 160, 3), np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), picture[..., ::-1])
            lines.append(",".join([f"{number}.png", *(f"{angle:.3f}" for angle in posture)]))
    (folder / own.FILE).write_text("\n".join(lines))
    return folder


def test_each_photograph_is_asked_of_who_has_learned_the_others(photographs: Path) -> None:
    """Nobody is no posture; or the first ones teach, and only the rest is asked."""
    album, plan = Album.read(photographs), Plan(named=("blazepose",))
    (found,) = own.measure(album, plan)
    assert (found.pictures, found.seen, list(found.errors)) == (8, 7.0, [f"{number}.png" for number in range(7)])
    assert found.oracle <= found.chance
    (some,) = own.measure(album, Plan(named=plan.named, teach=5))
    assert list(some.errors) == ["5.png", "6.png"]
    with pytest.raises(ValueError, match=r"8 pairs are asked for, of 8 photographs; valid are 1\.\.7"):
        list(own.measure(album, Plan(named=plan.named, teach=8)))


def test_who_shows_what_was_taught_is_imitated(photographs: Path, tmp_path: Path) -> None:
    """The same pictures again, with the person's arms exchanged for the robot's."""
    album = Album.read(photographs)
    twice = Album(album.folder, album.paths[:7] * 2, np.vstack([album.postures[:7]] * 2))
    (found,) = own.measure(twice, Plan(named=("blazepose",), teach=7))
    assert found.error < own.decoded(album) + 2.0
    assert (found.look, found.oracle) == ("blazepose", 0.0)


def test_the_command_tells_it(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table, and apart from the result with simulated people; wrong words end it at once."""
    arguments = ["human", "--own", str(photographs), "--extractor", "blazepose"]
    assert evaluate([*arguments, "--cache", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "| blazepose | 7 of 8 | " in told
    assert "each is asked of a robot that has learned all others" in told
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["own.json"]
    assert evaluate(["human", "--own", str(tmp_path), "--cache", str(tmp_path)]) == 1
    assert "postures.csv is missing" in capsys.readouterr().err
    assert evaluate(["presence", "--own", str(photographs)]) == 2
    assert "presence takes no --own; human does" in capsys.readouterr().err
