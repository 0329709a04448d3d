"""What successors are given in a swap: any setting reaches them as it is, or is refused in words."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentspace.errors import RoleNotFoundError, SwapError
from agentspace.wire.from_client import RequestSwap
from tests.support.constellation import COUNTER, Constellation
from tests.support.eventually import eventually
from tests.support.program import PATIENCE

EXTRA = """
    note = Parameter(None, "text or nothing", type=str)
    flip = Parameter(False)
    size = Parameter([1, 2])"""


@pytest.fixture(scope="module")
def small() -> Iterator[Constellation]:
    """A launch with a role ``counter``; no test may lose it."""
    with Constellation(
        counter=COUNTER.replace('tag = Parameter("old")', 'tag = Parameter("old")' + EXTRA)
    ) as all_:
        all_.await_running("counter")
        yield all_
        assert not all_.supervisor.ended


@pytest.mark.parametrize("name", ["--project", "", "a b", 5, None])
def test_setting_that_is_no_name_is_refused(small, name):
    """It would be an option of the successor's command line, or nothing at all."""
    before = small.swap("counter")
    for asks in (small.space.swap, small.space.request_swap):
        with pytest.raises(SwapError, match=f"{name!r} is no name of a parameter or slot"):
            asks("counter", settings={name: "/"})
    assert small.swap("counter") == before


@pytest.mark.parametrize("role", [None, 5, ["counter"], b"counter", "countr"])
def test_what_is_no_role_is_told_with_those_that_there_are(small, role):
    """Whatever is given for one."""
    with pytest.raises(RoleNotFoundError, match="counter"):
        small.space.swap(role)


@pytest.mark.parametrize(
    ("spec", "settings", "why"),
    [
        (5, {}, "5 is not an agent"),
        ("agents", {}, "'agents' is not an agent"),
        (b"agents.counter:Counter", {}, "is not an agent"),
        (
            "agents.counter:" + "C" * 300_000,
            {},
            r"C'\.\.\. is not an agent: MODULE:CLASS has 300015 bytes; at most 255",
        ),
        (None, [("tag", 1)], "settings are a dict"),
        (None, "tag=1", "settings are a dict"),
    ],
)
def test_what_is_no_swap_is_told(small, spec, settings, why):
    """A class or settings of another kind."""
    before = small.swap("counter")
    for asks in (small.space.swap, small.space.request_swap):
        with pytest.raises(SwapError, match=why):
            asks("counter", spec, settings)
    assert small.swap("counter") == before


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("tag", "true", "true"), ("note", None, None), ("note", "x", "x"), ("pause", "0.001", 0.001),
        ("pause", 0, 0.0), ("flip", "yes", True), ("flip", True, True), ("size", [], []), ("size", "[3]", [3]),
        ("handled", "handled", "handled"),
    ],
)  # fmt: skip
def test_a_setting_reaches_the_successor_as_it_is(small, name, value, shown):
    """With its type; a text is read as on a command line."""
    assert small.space.swap("counter", None, {name: value}).state == "done"
    assert small.role("counter")["settings"][name] == shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tag", None), ("tag", True), ("tag", 1.5), ("tag", ["a"]), ("note", 3), ("pause", None), ("pause", True),
        ("pause", "soon"), ("flip", 1), ("flip", None), ("size", {"a": 1}), ("size", None), ("handled", None),
        ("handled", True), ("handled", ["handled"]), ("handled", 3),
    ],
)  # fmt: skip
def test_a_setting_of_another_type_is_refused(small, name, value):
    """As in a launch file: nothing becomes a text, or a number, by itself."""
    before = small.role("counter")
    with pytest.raises(SwapError, match=rf"rolled back: .*{name}"):
        small.space.swap("counter", None, {name: value})
    assert small.role("counter") == before


LOOP: list[Any] = []
LOOP.append(LOOP)


UNFIT = {
    "NUL": "a\0b", "half": "a\ud800b", "in a list": ["\udfff"], "a key": {"a": {"\0": 1}}, "bytes": b"bytes",
    "scalar": np.float32(1), "array": np.zeros(3), "long": 10**5000, "65 bits": 2**64, "64 bits, minus": -(2**64),
    "set": {1, 2}, "itself": LOOP, "number as key": [{1: 2}],
}  # fmt: skip


@pytest.mark.parametrize("value", UNFIT.values(), ids=UNFIT)
def test_setting_that_no_process_can_be_given(small, value):
    """It is refused before anything happens, in words that show it."""
    before = small.swap("counter")
    for asks in (small.space.swap, small.space.request_swap):
        with pytest.raises(SwapError, match=r"no process can be given this for 'tag': .* contains"):
            asks("counter", settings={"tag": value})
    assert small.swap("counter") == before


def test_a_setting_may_be_long(small):
    """Longer than any word of a command line, from everywhere; no list of processes shows it."""
    for word in ("x" * 1_000_000, "ä€" * 500_000):
        assert small.space.swap("counter", None, {"tag": word}).state == "done"
        small.space.write("number", len(word))
        assert eventually(lambda word=word: small.space.read("by") == word, PATIENCE)
    pid = small.role("counter")["pid"]
    assert "ä" not in Path(f"/proc/{pid}/cmdline").read_text() + Path(f"/proc/{pid}/environ").read_text()
    os.kill(pid, signal.SIGKILL)
    eventually(
        lambda: small.role("counter")["pid"] != pid and small.role("counter")["state"] == "running", PATIENCE
    )
    assert small.role("counter")["settings"]["tag"] == "ä€" * 500_000, "a restart keeps it"


@pytest.mark.parametrize(
    ("spec", "value"),
    [("a\0b:X", 1), (None, b"bytes")],
    ids=["NUL", "bytes"],
)
def test_successor_that_cannot_be_started(small, spec, value):
    """Whoever asks, and whatever for: the swap is rolled back, the role and its launch go on."""
    before = small.role("counter")
    wish = (small.space.name, "counter", spec, {"tag": value}, {}, False, False)
    small.space._call(lambda call: (RequestSwap(call, *wish),))  # private: as a client of another kind may send it
    report = eventually(lambda: (told := small.swap("counter")).get("state") == "rolled back" and told, PATIENCE)
    assert "cannot be started" in report["reason"]
    assert small.role("counter") == before
    assert small.space.swap("counter", None, {"tag": "newer"}).state == "done"


@pytest.mark.parametrize("spec", ["http.server:HTTPServer", "agentspace.agent.agent:Agent", "os:path"])
def test_what_the_launch_does_not_have_is_not_swapped_in(small, spec):
    """Its module is not imported: the swap is rolled back with the folder that it may be from."""
    with pytest.raises(SwapError, match=r"a swap takes modules of") as caught:
        small.space.swap("counter", spec)
    assert str(small.folder) in str(caught.value)
    assert small.space.read("_/roles/counter")["class"] == "agents.counter:Counter"
