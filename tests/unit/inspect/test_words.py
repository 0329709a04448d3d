"""How an inspector puts values, numbers, times and pictures into characters, and reads typed values."""

from __future__ import annotations

import numpy as np
import pytest

from agentspace.errors import ParameterError
from agentspace.inspect.blocks import bar, curve, picture, profile
from agentspace.inspect.commander import parse_settings, value_of
from agentspace.inspect.tui.head import short_address
from agentspace.inspect.tui.rows import Column, fitted
from agentspace.inspect.views import Sample, Snapshot, timeline
from agentspace.inspect.wording import age, amount, brief, doubt, duration, is_stale


def test_typed_values():
    """JSON is JSON, the rest is text; lists become arrays like the present one, or it is said why not."""
    assert value_of("1.5") == 1.5
    assert value_of("use it") == "use it"
    assert value_of("[1, 2]", np.zeros(3, np.int16)).dtype == np.int16
    with pytest.raises(ParameterError, match="no array of float32"):
        value_of('["a"]', np.zeros(1, np.float32))
    assert parse_settings("a=1  b=x=y") == {"a": "1", "b": "x=y"}
    with pytest.raises(ParameterError, match="'a' is not a setting"):
        parse_settings("a")


def test_pictures_in_characters_keep_proportions():
    """A picture is as wide or as high as there is room; two pixels in a character; grey ones are grey."""
    image = np.zeros((40, 80, 3), np.uint8)
    image[:20] = (255, 0, 0)
    drawn = picture(image, 40, 30)
    lines = drawn.plain.splitlines()
    assert (len(lines), len(lines[0])) == (10, 40)
    assert drawn.spans[0].style.color.get_truecolor() == (255, 0, 0)
    assert drawn.spans[-2].style.bgcolor.get_truecolor() == (0, 0, 0)
    grey = picture(np.full((64, 64), 7, np.uint8), 8, 100)
    assert grey.spans[0].style.color.get_truecolor() == (7, 7, 7)
    assert len(grey.plain.splitlines()) == 4


def test_bars_and_profiles():
    """Bars go from the middle to the right, or to the left; profiles from the least to the most."""
    assert bar(1.0, 1.0, 9) == "    │████"
    assert bar(-0.5, 1.0, 9) == "  ██│    "
    assert bar(0.0, 0.0, 9) == "    │    "
    assert profile([0, 1, 2]) == "▁▅█"
    assert profile([3, 3]) == "▁▁"


@pytest.mark.parametrize(
    ("time", "text"),
    [(None, "∞"), (0.0352, "35ms"), (1.54, "1.5s"), (59.6, "60s"), (700, "12m"), (11_000, "3.1h"), (4e5, "5d")],
)
def test_durations_are_short(time, text):
    """Durations have five characters at most."""
    assert duration(time) == text


def test_amounts_and_values_are_short():
    """Bytes with a unit; values in one line."""
    assert [amount(n) for n in (0, 999, 1500, 230_400, 4.6e6, 2.5e9)] == [
        "", "999 B", "1.5 kB", "230 kB", "4.6 MB", "2.5 GB",
    ]  # fmt: skip
    assert brief({"a": [1, 2.5], "b": b"xyz"}) == "{a: [1, 2.5], b: b'xyz'}"
    assert brief("two\nlines") == "two lines"


def test_columns_that_fit():
    """Where there is no room, columns of high rank go first; what is left over is given to those that stretch."""
    columns = (Column("a", "a", 10, stretch=1), Column("b", "b", 5, 2), Column("c", "c", 5, 1))
    assert [(c.key, c.width) for c in fitted(columns, 30)] == [("a", 14), ("b", 5), ("c", 5)]
    assert [c.key for c in fitted(columns, 25)] == ["a", "c"]
    assert [c.key for c in fitted(columns, 3)] == ["a"]


def test_addresses_are_short():
    """A local server is called by its name."""
    assert short_address("ipc:///run/user/0/agentspace/lab/server.sock#DATA") == "lab"
    assert short_address("ipc:///run/user/0/agentspace/lab/server.sock#LEFT") == "lab#LEFT"
    assert short_address("tcp://robot:7447") == "tcp://robot:7447"


def test_curves_have_gaps_where_nothing_was_valid():
    """Over expiry, deletion and a silent server there is no column; a value without end holds until now."""
    samples = (
        Sample(0.0, 1, (1.0,), 1.0),
        Sample(4.0, 2, (3.0, 4.0), 6.0),
        Sample(5.0, 2, ()),
        Sample(7.0, 3, (2.0,)),
    )
    assert timeline(samples, 10.0, 10) == [1.0, None, None, 5.0, None, None, 2.0, 2.0, 2.0, 2.0]
    assert timeline(samples, 10.0, 10, heard=7.0)[-3:] == [2.0, None, None]
    assert curve([0.0, None, 1.0, None], height=2).splitlines() == ["  █ ", "▁ █ "]
    assert curve([None, None], 1) == "  "


def test_view_tells_its_age_and_when_it_is_stale():
    """After 2.5 s without a sign of life, or when the server is away, nothing that is shown may be so any more."""
    fresh = Snapshot(10.0, heard=9.5)
    assert age(fresh, 10.0) == 0.5
    assert [is_stale(fresh, now) for now in (10.0, 11.9, 12.1)] == [False, False, True]
    assert is_stale(Snapshot(10.0, away="gone", heard=10.0), 10.0)
    assert doubt(fresh, 12.0) == ""
    assert doubt(fresh, 12.5) == "as of 3.0s ago; waiting: no sign of life from the server"
    assert doubt(Snapshot(10.0, away="gone", heard=9.0), 10.0) == "as of 1.0s ago; waiting: server away: gone"
