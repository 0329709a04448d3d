"""Declarations beside networks: small files of YAML in which nothing can hide."""

from pathlib import Path

import pytest

from models.files.artifact import ArtifactError
from models.files.flat import read_flat

NAMES = ("size", "mean", "output")


def test_values(tmp_path: Path) -> None:
    """Words, numbers as in YAML 1.2, lists of them; JSON too; an empty file says nothing."""
    path = tmp_path / "n.yaml"
    for text, expected in (
        ("size: 4\nmean: [1e-1, .5, -2]\noutput: off", {"size": 4, "mean": (0.1, 0.5, -2), "output": "off"}),
        ('{"size": 4, "mean": [true, null], "output": "7"}', {"size": 4, "mean": (True, None), "output": "7"}),
        ("# nothing", {}),
    ):
        path.write_text(text)
        assert read_flat(path, NAMES) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"size: 4\nsize: 5", "n.yaml:2:1: 'size' appears twice, in line 1 and in line 2"),
        (b"size: 4\nsise: 5", "n.yaml:2:1: 'sise' is no name here; valid are size, mean, output"),
        (b"size: &a 4\nmean: *a", "n.yaml:1:7: this is not YAML of names with words"),
        (b"size: !!int 4", "n.yaml:1:7: this is not YAML of names with words"),
        (b"mean: [[1]]", "n.yaml:1:8: this is not YAML of names with words"),
        (b"mean: " + b"[" * 50_000, "n.yaml:1:8: this is not YAML of names"),
        (b"size: 1\n---\nsize: 1", "n.yaml:2:1: this is not YAML of names"),
        (b'size: "\\U00110000"', "n.yaml is not YAML"),
        (b"\xff\xfes", "n.yaml is not YAML"),
        (b"#" * 70_000, "n.yaml is longer than 65536 bytes"),
    ],
)
def test_what_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    """Each with its place; a step is never dropped, and depth and length cost nothing."""
    (tmp_path / "n.yaml").write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        read_flat(tmp_path / "n.yaml", NAMES)
    assert message in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    """A device is not read for ever."""
    with pytest.raises(ArtifactError, match="is not a file"):
        read_flat(Path("/dev/zero"), NAMES)
    with pytest.raises(FileNotFoundError):
        read_flat(tmp_path / "n.yaml", NAMES)
