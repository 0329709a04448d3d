"""The graph as text: for each agent what wakes it to its left, what it writes and whom that wakes to its right."""

import itertools
from typing import Final

from rich.text import Text

from agentspace.inspect.graph import READS, WAKES, Edge, Graph, Node
from agentspace.inspect.layout import agents_in_order
from agentspace.inspect.wording import frequency

_COLOURS: Final = {"running": "bold cyan", "starting": "yellow", "failed": "bold red", "gone": "bold red"}


def drawing(graph: Graph, width: int, wanted: frozenset[str] | None = None) -> Text:
    """Draws agents in the order in which what they write reaches others.

    Args:
        graph: What to draw.
        width: Characters in a line.
        wanted: Names of agents; by default all.
    """
    agents = [node for node in agents_in_order(graph) if wanted is None or node.name in wanted]
    nodes = {node.id: node for node in graph.nodes}
    centre = max((len(node.name) for node in agents), default=0) + 2
    left = max(12, (width - centre - 6) * 2 // 5)
    text = Text(no_wrap=True)
    for node in agents:
        for line in _block(graph, nodes, node, left, centre):
            line.truncate(width, overflow="ellipsis")
            text.append_text(line).append("\n")
    return text


def _block(graph: Graph, nodes: dict[str, Node], node: Node, left: int, centre: int) -> list[Text]:
    incoming, outgoing = graph.of(node.id)
    colour = _COLOURS.get(node.state, "dim")
    sources = sorted(incoming, key=lambda edge: (edge.kind != WAKES, edge.source))
    lines = [Text(" " * (left + 3)).append("╭" + "─" * centre + "╮", colour)]
    rows = list(itertools.zip_longest(sources, outgoing)) or [(None, None)]
    for number, (source, target) in enumerate(rows):
        inside = node.name if number == 0 else node.state if number == 1 and node.state != "running" else ""
        line = _input(source, nodes, left)
        line.append("┤" if source else "│", colour).append(inside.center(centre), colour)
        line.append("├" if target else "│", colour)
        lines.append(line.append_text(_output(target, graph, nodes)))
    lines.append(Text(" " * (left + 3)).append("╰" + "─" * centre + "╯", colour))
    return lines


def _input(edge: Edge | None, nodes: dict[str, Node], width: int) -> Text:
    if edge is None:
        return Text(" " * (width + 3))
    label = _slot(nodes[edge.source])
    label.truncate(width - 1, overflow="ellipsis")
    arrow, style = ("┄┄▸", "dim") if edge.kind == READS else ("──▶", _activity(nodes[edge.source]))
    return Text(" " * (width - label.cell_len - 1)).append_text(label).append(" ").append(arrow, style)


def _output(edge: Edge | None, graph: Graph, nodes: dict[str, Node]) -> Text:
    if edge is None:
        return Text()
    slot = nodes[edge.target]
    line = Text().append("──▶ ", _activity(slot)).append_text(_slot(slot))
    woken = [e.target.partition(":")[2] for e in graph.of(slot.id)[1] if e.kind == WAKES]
    return line.append("  wakes " + ", ".join(woken) if woken else "", "dim")


def _slot(node: Node) -> Text:
    if node.state == "empty":
        return Text(f"✗ {node.name}", "bold red")
    text = Text().append(node.name, "" if node.state == "written" else "dim")
    return text.append(f" {frequency(node.rate)}Hz", "green") if node.rate else text


def _activity(node: Node) -> str:
    return "green" if node.rate else "dim"
