"""read, watch and plot of parts of a value; graph as JSON."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest

from tests.support.commands import lines_of
from tests.support.eventually import eventually


@pytest.fixture
def arm(space):
    """Slots with parts; their names have dots, too."""
    space.write("part/arm", {"speed": 1.5, "joints": [1, 2, 3], "mode": "rest"})
    space.write("part/arm.name", "left")
    space.write("part/array", np.arange(6).reshape(2, 3))
    return space


def test_read_prints_a_part(cli, arm):
    """A field, an element, a slice; a slot of the whole name comes first; JSON tells the rest."""
    shown = {word: cli("read", f"part/{word}").stdout.strip() for word in ("arm.speed", "arm.mode", "arm.name")}
    assert shown == {"arm.speed": "1.5", "arm.mode": "rest", "arm.name": "left"}
    assert cli("read", "part/arm.joints[-1]").stdout == "3\n"
    assert json.loads(cli("read", "part/arm.joints[0:2]").stdout) == [1, 2]
    assert json.loads(cli("read", "part/array[1, 0:2]").stdout) == [3, 4]
    told = json.loads(cli("read", "part/arm.speed", "--json").stdout)
    assert (told["name"], told["type"], told["value"]) == ("part/arm.speed", "float", 1.5)


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("part/arm.sped", 2, "did you mean 'speed'"),
        ("part/arm.joints[7]", 2, "no element [7]: the value is list(3)"),
        ("part/arm[x]", 2, "write an index"),
        ("part/leg.speed", 5, "the slot 'part/leg.speed' is empty"),
        ("part/leg[2]", 5, "is empty"),
    ],
)
def test_read_tells_what_is_not_there(cli, arm, name, code, why):
    """2: the value has no such part; 5: there is no such slot."""
    result = cli("read", name)
    assert result.exit_code == code
    assert why in result.stderr


def test_watch_follows_a_part(start, arm):
    """Each change of the slot, with the part of it; where it has none, that is said in its place."""
    watch = start("watch", "part/arm.joints[1]", "--every", "--json", "-n", "4")
    watch.expect('{"name": "part/arm.joints[1]"')
    arm.write("part/arm", {"joints": [1, 20]})
    arm.write("part/arm", {"joints": [1]})
    arm.delete("part/arm")
    assert watch.wait() == 0
    told = [json.loads(line) for line in watch.lines]
    assert [(entry["kind"], entry.get("value")) for entry in told] == [
        ("written", 2),
        ("written", 20),
        ("written", None),
        ("deleted", None),
    ]
    assert "no element [1]" in told[2]["error"]
    waiting = start("watch", "part/later[0]", "-n", "1")  # a slot that comes later
    waiting_for = start("watch", "part/lat[e]r", "-n", "1")  # a mask
    arm.write("part/later", [5, 6])
    assert waiting.wait() == waiting_for.wait() == 0
    assert "part/later[0]  5" in waiting.lines[0]


def test_plot_without_a_terminal_is_one_picture(cli, arm):
    """Curves, names, newest values and their age; what has no numbers says so."""
    shown = cli("plot", "part/arm.joints", "part/arm.mode", "part/nothing", "part/array", "-t", "0.3").stdout
    for text in (
        "part/arm.joints[2]  3",
        "ago",
        "str: no number to plot",
        "part/nothing  empty",
        "part/array[1, 2]  5",
    ):
        assert text in shown
    assert any("\u2800" < sign <= "\u28ff" for sign in shown) or "*" in shown
    arm.write("part/many", np.zeros(100))
    assert (
        "more than 8 numbers; name some, such as 'part/many[0:8]'" in cli("plot", "part/many", "-t", "0.2").stdout
    )
    arm.write("part/vast", 10**5000)
    assert "an int of 16610 bits is too large to plot" in cli("plot", "part/vast", "-t", "0.2").stdout
    assert cli("plot", "part/arm[x]").exit_code == 2


def test_plot_ends_with_ctrl_c(start, arm):
    """Code 130, no traceback."""
    arm.write("part/drawn", 1)
    plot = start("plot", "part/drawn", "--timeout", "60")
    eventually(lambda: "part/drawn" in arm.read("_/links")["reads"].get("inspector", ()), 30.0)
    plot.signal(signal.SIGINT)
    assert plot.wait() == 130
    assert plot.errors == []


def test_graph_as_json(cli, arm):
    """Nodes and edges with their kinds."""
    session = arm.join("drawer", {"class": "x:Drawer"})
    session.attach_trigger("part/arm")
    session.running()
    session.write("part/drawn", 1)
    told = json.loads("\n".join(lines_of(cli("graph", "--json"))))
    assert {"nodes", "edges", "layout"} <= told.keys()
    assert {"source": "slot:part/arm", "target": "agent:drawer", "kind": "wakes"} in told["edges"]
    assert {node["kind"] for node in told["nodes"]} == {"agent", "slot"}
    assert cli("graph", "--json", "--format", "dot").exit_code == 2
    session.leave("stopped")


def test_parts_complete(arm, completed):
    """Slots, and the fields of one that is named already."""
    assert completed("watch", "part/ar") == ["part/arm", "part/arm.name", "part/array"]
    assert completed("plot", "part/arm.") == [
        "part/arm.name",
        "part/arm.speed",
        "part/arm.joints",
        "part/arm.mode",
    ]
    assert completed("watch", "part/arm.sp") == ["part/arm.speed"]
    assert completed("watch", "part/array.") == completed("watch", "part/leg.a") == []
