"""Simpler graphs, for small screens: slots folded by prefix, agents alone, a name with its neighbours."""

from fnmatch import fnmatchcase
from typing import Final

from agentspace.inspect.graph import AGENT, READS, SLOT, WAKES, WRITES, Edge, Graph, Node

_STRENGTH: Final = {WRITES: 2, WAKES: 1, READS: 0}  #: of two arrows between the same nodes the stronger one stays
_ATTENDANTS: Final = ("server", "supervisor")
_LEAST: Final = 2  #: slots that make a prefix worth folding


def prefixes(graph: Graph) -> list[str]:
    """The first parts of names that several slots have in common."""
    found: dict[str, int] = {}
    for node in graph.nodes:
        head, slash, _ = node.name.partition("/")
        if node.kind == SLOT and slash:
            found[head] = found.get(head, 0) + 1
    return sorted(name for name, count in found.items() if count >= _LEAST)


def folded(graph: Graph, names: frozenset[str]) -> Graph:
    """The graph with all slots under each of some prefixes as one: ``icub/* (6)``, with the id ``slot:icub/*``."""
    place: dict[str, str] = {}
    members: dict[str, list[Node]] = {}
    for node in graph.nodes:
        head, slash, _ = node.name.partition("/")
        if node.kind == SLOT and slash and head in names:
            place[node.id] = f"{SLOT}:{head}/*"
            members.setdefault(head, []).append(node)
    nodes = [node for node in graph.nodes if node.id not in place]
    for head, slots in members.items():
        rate, readable = max(slot.rate for slot in slots), any(slot.state == "written" for slot in slots)
        nodes.append(
            Node(f"{SLOT}:{head}/*", SLOT, f"{head}/* ({len(slots)})", "written" if readable else "empty", rate)
        )
    edges = [Edge(place.get(e.source, e.source), place.get(e.target, e.target), e.kind) for e in graph.edges]
    return Graph(tuple(sorted(nodes)), _strongest(edges))


def agents_alone(graph: Graph) -> Graph:
    """The agents, with an arrow from each that writes a slot to each that it wakes, or that reads it."""
    writers: dict[str, list[str]] = {}
    for edge in graph.edges:
        if edge.kind == WRITES:
            writers.setdefault(edge.target, []).append(edge.source)
    edges = [
        Edge(writer, edge.target, edge.kind)
        for edge in graph.edges
        if edge.kind != WRITES
        for writer in writers.get(edge.source, ())
        if writer != edge.target
    ]
    return Graph(tuple(node for node in graph.nodes if node.kind == AGENT), _strongest(edges))


def found(graph: Graph, text: str) -> Graph:
    """What has a text in its name, or fits a glob, with its neighbours."""
    wanted = text.strip().lower()
    pattern = wanted if any(sign in wanted for sign in "*?[") else f"*{wanted}*"
    hits = {node.id for node in graph.nodes if fnmatchcase(node.name.lower(), pattern)}
    edges = [edge for edge in graph.edges if edge.source in hits or edge.target in hits]
    near = hits.union(*(edge[:2] for edge in edges))
    return Graph(tuple(node for node in graph.nodes if node.id in near), tuple(edges))


def without_attendants(graph: Graph) -> Graph:
    """The graph without those that attend to it, and write nothing: the server, and the supervisor's readiness."""
    writers = {edge.source for edge in graph.edges if edge.kind == WRITES}
    away = {f"{AGENT}:{name}" for name in _ATTENDANTS} - writers
    nodes = tuple(node for node in graph.nodes if node.id not in away)
    return Graph(nodes, tuple(edge for edge in graph.edges if not away & set(edge[:2])))


def _strongest(edges: list[Edge]) -> tuple[Edge, ...]:
    best: dict[tuple[str, str], Edge] = {}
    for edge in edges:
        known = best.get(edge[:2])
        if known is None or _STRENGTH[edge.kind] > _STRENGTH[known.kind]:
            best[edge[:2]] = edge
    return tuple(sorted(best.values()))
