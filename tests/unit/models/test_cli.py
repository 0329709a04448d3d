"""Command lines of the models: what they tell, and their exit codes."""

from __future__ import annotations

import click
import pytest

from models.cli import command, group
from models.offscreen import NoDisplayError


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (ValueError("size is 0"), 1, "models.it: size is 0\n"),
        (OSError("no room"), 1, "models.it: no room\n"),
        (NoDisplayError("cannot draw"), 1, "models.it: cannot draw\n"),
        (FloatingPointError("the loss is nan"), 1, "models.it: the loss is nan\n"),
        (
            ImportError("no x"),
            1,
            "models.it: no x; pip install 'agentspace[robot]'\n",
        ),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (KeyboardInterrupt("all is kept"), 130, "all is kept\n"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    raised: BaseException, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a traceback, also from a command of a group; the exit code says what it was."""

    def fail() -> None:
        raise raised

    commands = group("models.it", "Commands.")(lambda: None)
    commands.command("fail")(fail)
    assert command("models.it", "A command.")(fail)([]) == code
    assert commands(["fail"]) == code
    assert capsys.readouterr().err == 2 * told


def test_other_errors_are_not_hidden() -> None:
    """A mistake in the program keeps its traceback."""
    with pytest.raises(ZeroDivisionError):
        command("models.it", "")(lambda: 1 // 0)([])


def test_usage_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage is 2; the help is as it was written, line by line; what a command returns is its exit code."""
    text = "Examples.\n\n    python -m models.it 1       # one\n    python -m models.it 2\n"
    it = command("models.it", text)(click.argument("count", type=int)(lambda count: count))
    assert (it(["x"]), it(["--help"]), it(["7"])) == (2, 0, 7)
    said = capsys.readouterr()
    assert text in said.out
    assert "'x' is not a valid integer" in said.err
