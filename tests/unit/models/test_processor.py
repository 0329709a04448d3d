"""What the processor says of itself."""

import platform
from pathlib import Path

import pytest

from models.files import processor

SAID = "processor\t: 0\nmodel name\t: {name}\nflags\t\t: fpu sse4_2 {flags}\nbugs\t\t: avx_vnni\n"


@pytest.mark.parametrize(
    ("flags", "known"), [("avx2", False), ("avx512f avx512_vnni", True), ("avx2 avx_vnni", True), ("vnni", False)]
)
def test_bytes_are_multiplied_where_it_says_so(flags: str, known: bool, tmp_path: Path) -> None:
    """By the instructions of either kind; what else is in the file does not count."""
    path = tmp_path / "cpuinfo"
    path.write_text(SAID.format(name="Some CPU @ 3.0 GHz", flags=flags))
    assert processor.multiplies_bytes(path) is known
    assert processor.name(path) == "Some CPU @ 3.0 GHz"


def test_where_nobody_says_it_is_not_known(tmp_path: Path) -> None:
    """Other systems have no such file, and other processors no such lines."""
    path = tmp_path / "cpuinfo"
    assert not processor.multiplies_bytes(path)
    path.write_text("Features : asimd asimddp\n")
    assert not processor.multiplies_bytes(path)
    assert processor.name(path) == platform.machine()
