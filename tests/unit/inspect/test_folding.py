"""Simpler graphs, and which of them a page gets."""

from __future__ import annotations

import pytest

from agentspace.inspect.folding import agents_alone, folded, found, prefixes, without_attendants
from agentspace.inspect.graph import AGENT, READS, SLOT, WAKES, WRITES, Edge, Graph, Node
from agentspace.inspect.layout import layout
from agentspace.inspect.views import RoleView, SlotView, Snapshot
from agentspace.inspect.web.chart import READABLE, Chart, GraphWish


def graph(*edges: tuple[str, str, str]) -> Graph:
    """A graph of arrows (from, kind, to); agents are written in capitals."""
    made = [Edge(ident(source), ident(target), kind) for source, kind, target in edges]
    ids = sorted({end for edge in made for end in edge[:2]})
    nodes = [Node(name, name.partition(":")[0], name.partition(":")[2], "written", 1.0) for name in ids]
    return Graph(tuple(nodes), tuple(made))


def ident(name: str) -> str:
    return f"{AGENT if name.isupper() or name in ('server', 'supervisor') else SLOT}:{name}"


ROBOT = graph(
    ("SIM", WRITES, "icub/view"),
    ("SIM", WRITES, "icub/encoders"),
    ("icub/view", WAKES, "EYE"),
    ("icub/encoders", READS, "EYE"),
    ("EYE", WRITES, "features"),
    ("features", WAKES, "MIND"),
    ("features", READS, "supervisor"),
)


def test_slots_of_a_prefix_are_one():
    """With their number; of two arrows between the same nodes the one that tells more stays."""
    assert prefixes(ROBOT) == ["icub"]
    simple = folded(ROBOT, frozenset(["icub"]))
    assert [node.name for node in simple.nodes if node.kind == SLOT] == ["features", "icub/* (2)"]
    assert Edge("agent:SIM", "slot:icub/*", WRITES) in simple.edges
    assert [edge.kind for edge in simple.edges if edge.source == "slot:icub/*"] == [WAKES]
    assert folded(ROBOT, frozenset()).edges == tuple(sorted(ROBOT.edges))


def test_agents_alone_are_joined_by_what_they_write():
    """Who wakes whom, and who reads what of whom; nobody by itself."""
    simple = agents_alone(without_attendants(graph(*PAIRS, ("MIND", WRITES, "own"), ("own", WAKES, "MIND"))))
    assert {(edge.source[6:], edge.kind, edge.target[6:]) for edge in simple.edges} == {("EYE", WAKES, "MIND")}


PAIRS = [("EYE", WRITES, "features"), ("features", WAKES, "MIND"), ("features", READS, "MIND")]


def test_a_name_is_found_with_its_neighbours():
    """By a text or a glob, in whatever case."""
    assert {node.name for node in found(ROBOT, "FEAT").nodes} == {"features", "EYE", "MIND", "supervisor"}
    assert {node.name for node in found(ROBOT, "icub/v*").nodes} == {"icub/view", "SIM", "EYE"}
    assert found(ROBOT, "nothing").nodes == ()


def test_who_only_attends_is_left_out():
    """The supervisor that waits for a slot is no part of the robot, unless it writes."""
    assert "supervisor" not in {node.name for node in without_attendants(ROBOT).nodes}
    writing = graph(("supervisor", WRITES, "x"))
    assert without_attendants(writing) == writing


def test_a_graph_from_above_is_one_from_the_left_turned():
    """Nothing overlaps, arrows go down, all lies inside."""
    made = layout(ROBOT, down=True)
    place = {box.id: box for box in made.boxes}
    assert place["agent:SIM"].y < place["agent:EYE"].y < place["agent:MIND"].y
    for box in made.boxes:
        assert 0 <= box.x <= made.width - box.width
        assert 0 <= box.y <= made.height - box.height
    for one in made.boxes:
        for other in made.boxes:
            apart = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert one is other or apart or one.y + one.height <= other.y or other.y + other.height <= one.y


def snapshot(slots: int) -> Snapshot:
    """A chain of agents in which each has slots of its own."""
    roles = [RoleView(f"agent{n}", "running", triggers=((f"part{n}/0", "normal"),)) for n in range(5)]
    made = [
        SlotView(f"part{n}/{k}", "written", "int", 1, "w", 0.0, None, 0.0, 1, 0.0, False,
                 writers=(f"agent{n - 1}",), triggers=(f"agent{n}",) if k == 0 else ())
        for n in range(5) for k in range(slots)
    ]  # fmt: skip
    return Snapshot(0.0, slots=tuple(made), roles=tuple(roles))


@pytest.mark.parametrize(
    ("size", "slots", "level"),
    [
        ((1380, 780), 2, "slots"),
        ((1380, 780), 30, "folded"),
        ((390, 700), 9, "folded"),
        ((200, 300), 30, "agents"),
    ],
)
def test_a_page_gets_as_much_as_can_be_read_there(size, slots, level):
    """All slots if there is room, else folded, else agents alone."""
    wish = GraphWish(*map(float, size))
    drawn = Chart().draw(snapshot(slots), wish)
    assert drawn["level"] == level
    if level != "agents":
        assert min(wish.width / drawn["width"], wish.height / drawn["height"]) >= READABLE


def test_a_page_may_want_something_else():
    """A level, opened prefixes, a name to be found; nonsense is taken for the usual."""
    seen = snapshot(3)
    drawn = Chart().draw(seen, GraphWish(100.0, 100.0, "folded", ("part1",)))
    assert {"slot:part0/*", "slot:part1/0", "slot:part1/1"} <= drawn["boxes"].keys()
    drawn = Chart().draw(seen, GraphWish(900.0, 900.0, find="part3/2"))
    assert drawn["boxes"].keys() == {"slot:part3/2", "agent:agent2"}
    odd = GraphWish.of({"width": "1e9", "height": None, "level": 7, "open": [3], "find": None})
    assert odd == GraphWish(10_000.0, 50.0, "auto", ("3",), "")
