"""Graphs for other programs and for people: text, DOT, Mermaid, SVG, JSON."""

import json
from collections.abc import Callable
from html import escape
from typing import Final

from agentspace.inspect.graph import AGENT, READS, WAKES, WRITES, Graph, Node
from agentspace.inspect.layout import Box, Path, agents_in_order, layout

_BAD: Final = ("failed", "gone")
_STYLE: Final = """
text { font: 12px ui-monospace, 'DejaVu Sans Mono', monospace; text-anchor: middle; dominant-baseline: central }
.agent rect { fill: #3b6ea8; stroke: none } .agent text { fill: #fff; font-weight: 600 }
.client rect { fill: #8a94a0 } .bad rect { fill: #c0463d } .idle rect { fill: #8a94a0 }
.slot rect { fill: #f4f1e8; stroke: #b8a76a } .slot text { fill: #3a3524 }
.empty rect { fill: none; stroke: #c0463d; stroke-dasharray: 4 3 } .empty text { fill: #c0463d }
path { fill: none; stroke: #7d8894; stroke-width: 1.3 } path.wakes { stroke: #d08a2e }
path.reads { stroke-dasharray: 3 4; stroke-width: 1 } .head { fill: #7d8894; stroke: none }
.wakes-head { fill: #d08a2e; stroke: none } .legend .word { text-anchor: start; fill: #7d8894 }
""".strip()

_NODES_MEAN: Final = {  #: how nodes look, by their classes
    "agent": "agent",
    "agent bad": "fallen agent",
    "agent idle": "no agent now",
    "slot": "slot",
    "slot empty": "never written",
}
_EDGES_MEAN: Final = {WRITES: "writes", WAKES: "wakes the agent", READS: "is read, wakes nobody"}
_LEGEND_WIDTH: Final = 620.0
_LEGEND_HEIGHT: Final = 70.0


def to_text(graph: Graph) -> str:
    """One block for each agent: what wakes it, what it reads besides, what it writes.

    Agents come in the order in which what they write reaches others.
    """
    blocks = [_block(graph, node) for node in agents_in_order(graph)]
    unread = [node.name for node in graph.nodes if node.kind != AGENT and not graph.of(node.id)[1]]
    if unread:
        blocks.append("wakes nobody: " + ", ".join(unread))
    return "\n\n".join(blocks) + "\n" if blocks else "nobody is at work\n"


def _block(graph: Graph, node: Node) -> str:
    incoming, outgoing = graph.of(node.id)
    names = {
        "woken by": [_name(edge.source) for edge in incoming if edge.kind == WAKES],
        "reads": [_name(edge.source) for edge in incoming if edge.kind == READS],
        "writes": [_name(edge.target) for edge in outgoing],
    }
    lines = [node.name if node.state == "running" else f"{node.name} ({node.state})"]
    return "\n".join(lines + [f"  {what:<8}  {', '.join(found)}" for what, found in names.items() if found])


def _name(identity: str) -> str:
    return identity.partition(":")[2]


def to_json(graph: Graph) -> str:
    """Nodes, edges, and a layout of them."""
    return json.dumps({**graph.to_dict(), "layout": layout(graph).to_dict()}, ensure_ascii=False) + "\n"


def to_dot(graph: Graph) -> str:
    """For Graphviz."""
    lines = ["digraph agentspace {", "  rankdir=LR;", '  node [fontname="monospace", fontsize=11];']
    for node in graph.nodes:
        look = "box, style=filled, fillcolor=lightblue" if node.kind == AGENT else "ellipse"
        lines.append(f"  {_quoted(node.id)} [label={_quoted(node.name)}, shape={look}];")
    styles = {WRITES: "", WAKES: " [color=orange]", READS: " [style=dashed]"}
    lines += [f"  {_quoted(e.source)} -> {_quoted(e.target)}{styles[e.kind]};" for e in graph.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def to_mermaid(graph: Graph) -> str:
    """For Markdown pages that draw Mermaid."""
    number = {node.id: f"n{n}" for n, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for node in graph.nodes:
        label = node.name.replace("#", "#35;").replace('"', "#quot;")
        shape = f'["{label}"]' if node.kind == AGENT else f'(["{label}"])'
        lines.append(f"  {number[node.id]}{shape}")
    arrows = {WRITES: "-->", WAKES: "==>", READS: "-.->"}
    lines += [f"  {number[e.source]} {arrows[e.kind]} {number[e.target]}" for e in graph.edges]
    return "\n".join(lines) + "\n"


def to_svg(graph: Graph) -> str:
    """A drawing that looks well on light and on dark pages."""
    drawn = layout(graph)
    nodes = {node.id: node for node in graph.nodes}
    legend = _legend(drawn.height)
    width, height = max(drawn.width, _LEGEND_WIDTH), drawn.height + _LEGEND_HEIGHT
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f"<style>{_STYLE}</style>",
        "<defs>" + _marker("head") + _marker("wakes-head") + "</defs>",
        *(_curve(path) for path in drawn.paths),
        *(_shape(box, nodes[box.id]) for box in drawn.boxes),
        *legend,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(top: float) -> list[str]:
    """What the shapes, colours and arrows mean, in two lines below the drawing."""
    parts, y = ['<g class="legend">'], top + 18
    for number, (classes, text) in enumerate(_NODES_MEAN.items()):
        x, kind = 20 + 118 * number, AGENT if classes.startswith(AGENT) else "slot"
        node = Node("", kind, text, "", 0.0)
        parts.append(_shape(Box("", x, y - 10, 104, 20), node, classes))
    y += 32
    for number, (kind, text) in enumerate(_EDGES_MEAN.items()):
        x, head = 20 + 200 * number, "wakes-head" if kind == WAKES else "head"
        parts.append(f'<path class="{kind}" d="M{x},{y:.1f} H{x + 40}" marker-end="url(#{head})"/>')
        parts.append(f'<text class="word" x="{x + 48}" y="{y:.1f}">{text}</text>')
    return [*parts, "</g>"]


def _marker(name: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7"'
        f' orient="auto"><path class="{name}" d="M0,0 L8,4 L0,8 z"/></marker>'
    )


def _curve(path: Path) -> str:
    (x, y), *rest = path.points
    way = f"M{x:.1f},{y:.1f}"
    for to_x, to_y in rest:
        middle = (x + to_x) / 2
        way += f" C{middle:.1f},{y:.1f} {middle:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}"
        x, y = to_x, to_y
    kind = path.edge.kind
    head = "wakes-head" if kind == WAKES else "head"
    title = escape(f"{_name(path.edge.source)} {kind} {_name(path.edge.target)}")
    return f'<path class="{kind}" d="{way}" marker-end="url(#{head})"><title>{title}</title></path>'


def _shape(box: Box, node: Node, classes: str = "") -> str:
    corner = 4 if node.kind == AGENT else box.height / 2
    return (
        f'<g class="{classes or _classes(node)}"><rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}"'
        f' height="{box.height:.1f}" rx="{corner:g}"/><text x="{box.x + box.width / 2:.1f}"'
        f' y="{box.y + box.height / 2:.1f}">{escape(node.name)}</text></g>'
    )


def _classes(node: Node) -> str:
    if node.kind != AGENT:
        return "slot empty" if node.state == "empty" else "slot"
    if node.state in _BAD:
        return "agent bad"
    return "agent" if node.state in ("running", "starting") else "agent idle"


FORMATS: dict[str, Callable[[Graph], str]] = {
    "text": to_text,
    "dot": to_dot,
    "mermaid": to_mermaid,
    "svg": to_svg,
    "json": to_json,
}
