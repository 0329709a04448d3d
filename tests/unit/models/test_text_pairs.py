"""The pairs of the original, which are text, and files that are something else than they should be."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from models.attention.memory import UNKNOWN, Memory
from models.files.artifact import ArtifactError
from models.files.sniffing import sniff

KEYS = np.random.default_rng(0).normal(size=(8, 384)).astype(np.float32)
VALUES = np.random.default_rng(1).normal(size=(8, 2))


def original(folder: Path, keys: np.ndarray = KEYS, values: np.ndarray = VALUES) -> Path:
    """The files as the original writes them."""
    np.savetxt(folder / "keys.npy", keys)
    np.savetxt(folder / "values.npy", values)
    return folder


@pytest.mark.parametrize("name", ["", "keys.npy", "values.npy"])
def test_the_original_s_files_are_read(tmp_path: Path, name: str) -> None:
    """The folder or one of the two is named; that they are text is said."""
    memory = Memory.load(original(tmp_path) / name)
    np.testing.assert_allclose(memory.keys, KEYS)
    np.testing.assert_allclose(memory.values, VALUES)
    assert (memory.features, memory.space) == (UNKNOWN, UNKNOWN)
    assert memory.source.endswith("keys.npy and values.npy (text, as numpy.savetxt writes it)")


def test_they_are_taken_for_the_spaces_in_use(tmp_path: Path) -> None:
    """The files do not tell of which features and decoder they are."""
    memory = Memory.load(original(tmp_path), "dino-vits8", None, None, "ancestor-2/01234567")
    assert (memory.features, memory.space) == ("dino-vits8", "ancestor-2/01234567")
    np.testing.assert_allclose(memory.answer(10 * KEYS[3])[0], VALUES[3], atol=1e-2)


def test_real_arrays_and_one_pair_are_read_too(tmp_path: Path) -> None:
    """As numpy.save writes them; text of a single row; commas in place of spaces."""
    np.save(tmp_path / "keys.npy", KEYS)
    np.savetxt(tmp_path / "values.npy", VALUES, delimiter=",", header="latents")
    memory = Memory.load(tmp_path)
    np.testing.assert_allclose(memory.values, VALUES)
    assert "one NumPy array and text" in memory.source
    assert len(Memory.load(original(tmp_path, KEYS[:1], VALUES[:1]))) == 1


def test_a_folder_of_saved_pairs_is_read(tmp_path: Path) -> None:
    """What this project saves comes first; a folder with neither is said to have neither."""
    memory = Memory("a", space="b")
    memory.add(KEYS[0], VALUES[0])
    memory.save(tmp_path / "memory.npz")
    assert Memory.load(original(tmp_path)).features == "a"
    (tmp_path / "none").mkdir()
    with pytest.raises(ArtifactError, match=r"none has neither memory\.npz in it nor keys\.npy and values\.npy"):
        Memory.load(tmp_path / "none")


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """One that is missing, of another length, or with a word in it; the line is told."""
    original(tmp_path, values=VALUES[:7])
    with pytest.raises(ArtifactError, match=r"keys\.npy has 8 rows, values\.npy has 7; each pair is one row"):
        Memory.load(tmp_path)
    (tmp_path / "values.npy").write_text("1 2\n3 four\n")
    with pytest.raises(ArtifactError, match=r"text, but not rows of numbers: line 2: .*'four'"):
        Memory.load(tmp_path)
    (tmp_path / "values.npy").write_text("1 2\n3\n")
    with pytest.raises(ArtifactError, match="line 2 has 1 numbers, the first row 2"):
        Memory.load(tmp_path)
    (tmp_path / "values.npy").unlink()
    with pytest.raises(ArtifactError, match=r"values\.npy cannot be read: No such file.*lie beside each other"):
        Memory.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n", "a PNG picture"),
        (pickle.dumps([1, 2]), "a pickle of Python objects, which is never read"),
        (b"", "empty"),
        (b"\x00\x01\x02\xff" * 9, "no kind of file that is known here"),
    ],
)
def test_a_wrong_file_is_called_by_its_name(tmp_path: Path, content: bytes, kind: str) -> None:
    """In the place of keys and of a memory."""
    original(tmp_path)
    for name in ("keys.npy", "memory.npz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ArtifactError, match=rf"{name} is {kind}"):
            Memory.load(tmp_path / name)


def test_text_in_the_place_of_a_memory_is_said_to_be_text(tmp_path: Path) -> None:
    """Also when it has the ending of something else; a cut archive is not text."""
    path = tmp_path / "memory.npz"
    path.write_text("0.1 0.2\n")
    with pytest.raises(ArtifactError, match=r"memory\.npz is text, not an \.npz file"):
        Memory.load(path)
    memory = Memory()
    memory.add(KEYS[0], VALUES[0])
    memory.save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ArtifactError, match=r"is cut off, or not an \.npz file"):
        Memory.load(path)


def test_text_is_known_whatever_its_letters() -> None:
    """Also if the look at it ends within a letter; what has control characters is none."""
    assert sniff("ľščťž 1 2\n".encode() * 2000) == "text"
    assert sniff(b"a" * 4095 + "ž".encode()) == "text"
    assert sniff(b"\xff\xfe1") != "text"
    assert sniff(b"1 2\x00") != "text"
