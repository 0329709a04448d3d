"""How much memory a server lets values and messages take: the least of what limits it counts."""

from __future__ import annotations

import sys

import pytest

from agentspace.wire.memory import MOST_LINES, available, limits, share_of
from tests.support.program import Program

GIBI = 1 << 30


def test_a_half_is_for_values_and_a_quarter_for_messages():
    """Of much, messages get no more than they need; with very little, something is left for values."""
    assert share_of(GIBI) == (GIBI // 2, GIBI // 4)
    assert share_of(64 * GIBI) == (32 * GIBI, MOST_LINES)
    assert share_of(1 << 20).values == 16 << 20
    assert share_of(GIBI, 100).values == 100


@pytest.mark.parametrize("name", ["memory.max", "memory.limit_in_bytes"])
def test_limits_of_groups_are_found(tmp_path, name):
    """Those of a group, and of the groups that it is in; "max", or nothing, limits nothing."""
    inner = tmp_path / "robots" / "one"
    inner.mkdir(parents=True)
    (inner / name).write_text("max\n")
    (inner.parent / name).write_text("2000000000\n")
    (tmp_path / name).write_text("3000000000\n")
    assert list(limits(tmp_path, "/robots/one")) == [2_000_000_000, 3_000_000_000]
    assert list(limits(tmp_path, "/not/shown")) == [3_000_000_000]
    assert not list(limits(tmp_path / "none", "/"))


def test_the_limit_of_a_process_counts():
    """With `ulimit -v`, there is no more than that, less what is in use."""
    code = "from agentspace.wire.memory import available; print(available() >> 20, flush=True)"
    command = ["bash", "-c", 'ulimit -v 2000000; exec "$@"', "bash", sys.executable, "-c", code]
    with Program(command) as program:
        program.wait()
        assert 500 < int(program.lines[-1]) < 1900
    assert available() > 1 << 26
