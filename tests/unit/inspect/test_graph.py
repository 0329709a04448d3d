"""The layout of graphs, and their drawings."""

from __future__ import annotations

import itertools
import json
import random
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from agentspace.inspect.export import FORMATS
from agentspace.inspect.graph import AGENT, READS, SLOT, WAKES, WRITES, Edge, Graph, Node
from agentspace.inspect.layout import Box, Layout, layout
from tests.support.examples import examples


def graph(*arrows: str) -> Graph:
    """``"a > X"``: the agent a writes the slot X; ``"X > a"``: that wakes it; ``"X ~ a"``: it reads it."""
    edges, names = [], set()
    for arrow in arrows:
        source, kind, target = arrow.split()
        names |= {source, target}
        edges.append(
            Edge(_id(source), _id(target), READS if kind == "~" else WAKES if _is_slot(source) else WRITES)
        )
    nodes = [
        Node(_id(n), SLOT if _is_slot(n) else AGENT, n, "written" if _is_slot(n) else "running", 0.0)
        for n in names
    ]
    return Graph(tuple(sorted(nodes)), tuple(sorted(set(edges))))


def _is_slot(name: str) -> bool:
    return name.isupper()


def _id(name: str) -> str:
    return ("slot:" if _is_slot(name) else "agent:") + name


CHAIN = graph("camera > IMAGE", "IMAGE > extractor", "extractor > FEATURES", "FEATURES > act", "act > JOINTS")
LOOP = graph("a > X", "X > b", "b > Y", "Y > a", "a > Z", "Z ~ b")


def boxes(drawn: Layout) -> dict[str, Box]:
    return {box.id.partition(":")[2]: box for box in drawn.boxes}


def overlaps(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def test_chain_goes_straight_from_left_to_right():
    """What follows from what is to its right, at the same height."""
    found = boxes(layout(CHAIN))
    order = [found[name] for name in ("camera", "IMAGE", "extractor", "FEATURES", "act", "JOINTS")]
    assert all(one.x + one.width < other.x for one, other in itertools.pairwise(order))
    middles = [box.y + box.height / 2 for box in order]
    assert max(middles) - min(middles) < 1.0


def test_cycles_are_turned_where_they_begin():
    """A loop is laid out from its first writer on, and one arrow leads back."""
    found = boxes(layout(LOOP))
    assert found["a"].x < found["X"].x < found["b"].x < found["Y"].x
    back = next(p for p in layout(LOOP).paths if p.edge == Edge("slot:Y", "agent:a", WAKES))
    assert back.points[0][0] > back.points[-1][0]


@given(st.integers(0, 1 << 32))
@examples(300)
def test_reads_beside_cycles_close_none(seed):
    """An arrow that is turned round for a cycle of writes and wakes makes no new cycle with what is only read."""
    dice = random.Random(seed)
    pairs = [(dice.choice("abcdefghij"), dice.choice("QRSTUVWXYZ"), dice.randrange(4)) for _ in range(40)]
    made = graph(*(f"{a} > {x}" if way == 0 else f"{x} {'>' if way == 1 else '~'} {a}" for a, x, way in pairs))
    assert len(layout(made).boxes) == len(made.nodes)


def test_crossings_are_avoided():
    """Two chains that are named so that they would cross do not."""
    found = boxes(layout(graph("a > Z", "b > Y", "Z > p", "Y > o")))
    assert (found["a"].y < found["b"].y) == (found["Z"].y < found["Y"].y) == (found["p"].y < found["o"].y)


arrows = st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("UVWXYZ"), st.integers(0, 2)), max_size=25)


@given(arrows)
def test_any_graph_is_laid_out(pairs):
    """Nodes never overlap, all is inside the picture, arrows lead from box to box, and it is always the same."""
    made = graph(*(f"{a} > {x}" if way == 0 else f"{x} {'>~'[way - 1]} {a}" for a, x, way in pairs))
    drawn = layout(made)
    assert {box.id for box in drawn.boxes} == {node.id for node in made.nodes}
    assert not any(overlaps(one, other) for one, other in itertools.combinations(drawn.boxes, 2))
    assert len(drawn.paths) == len(made.edges)
    within = [(x, y) for path in drawn.paths for x, y in path.points]
    within += [corner for b in drawn.boxes for corner in ((b.x, b.y), (b.x + b.width, b.y + b.height))]
    assert all(0 <= x <= drawn.width and 0 <= y <= drawn.height for x, y in within)
    places = {box.id: box for box in drawn.boxes}
    for path in drawn.paths:
        for end, (x, y) in ((path.edge.source, path.points[0]), (path.edge.target, path.points[-1])):
            box = places[end]
            assert abs(y - (box.y + box.height / 2)) < 1e-6
            assert min(abs(x - box.x), abs(x - box.x - box.width)) < 1e-6
    assert layout(made).to_dict() == drawn.to_dict()


def test_text_tells_of_each_agent_in_order():
    """Who comes first writes what others are woken by; slots that wake nobody are named at the end."""
    assert FORMATS["text"](CHAIN) == (
        "camera\n  writes    IMAGE\n\n"
        "extractor\n  woken by  IMAGE\n  writes    FEATURES\n\n"
        "act\n  woken by  FEATURES\n  writes    JOINTS\n\n"
        "wakes nobody: JOINTS\n"
    )
    assert FORMATS["text"](Graph((), ())) == "nobody is at work\n"
    assert "  reads     Z" in FORMATS["text"](LOOP)


def test_svg_is_well_formed_and_names_everything():
    """The drawing is XML with a title for each arrow and a legend, whatever names have in them."""
    strange = Graph(
        (Node("agent:<&>", AGENT, "<&>", "failed", 0.0), Node('slot:"q"', SLOT, '"q"', "empty", 0.0)),
        (Edge("agent:<&>", 'slot:"q"', WRITES),),
    )
    for made in (CHAIN, LOOP, strange, Graph((), ())):
        root = ET.fromstring(FORMATS["svg"](made))
        legend = next(part for part in root.iter() if part.get("class") == "legend")
        words = {part.text for part in legend.iter() if part.tag.endswith("}text")}
        assert {"agent", "fallen agent", "slot", "never written", "writes", "wakes the agent"} < words
        root.remove(legend)
        text = {element.text for element in root.iter() if element.tag.endswith("}text")}
        assert text == {node.name for node in made.nodes}
        titles = [element for element in root.iter() if element.tag.endswith("}title")]
        assert len(titles) == len(made.edges)


def test_dot_and_mermaid_escape_names():
    """Quotes in names do not end a label."""
    strange = Graph(
        (Node('agent:a"b', AGENT, 'a"b', "running", 0.0), Node("slot:X", SLOT, "X", "written", 0.0)), ()
    )
    assert '"agent:a\\"b" [label="a\\"b"' in FORMATS["dot"](strange)
    assert 'n0["a#quot;b"]' in FORMATS["mermaid"](strange)
    assert '"slot:IMAGE" -> "agent:extractor" [color=orange];' in FORMATS["dot"](CHAIN)
    assert FORMATS["mermaid"](CHAIN).startswith("flowchart LR\n")


def test_json_has_the_layout_for_other_programs():
    """Nodes, edges and where they go, in pixels."""
    data = json.loads(FORMATS["json"](CHAIN))
    assert set(data) == {"nodes", "edges", "layout"}
    assert set(data["layout"]["boxes"]) == {node["id"] for node in data["nodes"]}
    assert len(data["layout"]["paths"]) == len(data["edges"])
