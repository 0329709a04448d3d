"""The graph as a page shows it: as much of it as can be read on that screen."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from agentspace.inspect.folding import agents_alone, folded, found, prefixes, without_attendants
from agentspace.inspect.graph import Edge, Graph, graph_of
from agentspace.inspect.layout import layout
from agentspace.inspect.views import Snapshot

LARGEST: Final = 300  #: nodes of a graph that is laid out; a larger one cannot be read, and would take long
READABLE: Final = 0.75  #: of its size; smaller, nobody reads the names
LEVELS: Final = ("auto", "slots", "folded", "agents")
_KEPT: Final = 16  #: drawings for the next page that wants them


class GraphWish(NamedTuple):
    """The wishes of a page.

    Attributes:
        width: Of the place for it (pixels).
        height: Of the place for it (pixels).
        level: Slots: all of them; folded: by prefix; agents: alone; auto: the first of these that can be read.
        open: Prefixes that are not folded.
        find: Only what has this in its name, with its neighbours.
    """

    width: float
    height: float
    level: str = "auto"
    open: tuple[str, ...] = ()
    find: str = ""

    @classmethod
    def of(cls, said: dict[str, Any]) -> "GraphWish":
        """The wish that a page sent."""
        width, height = (min(10_000.0, max(50.0, float(said.get(key) or 0.0))) for key in ("width", "height"))
        level = said.get("level") if said.get("level") in LEVELS else "auto"
        opened = tuple(sorted(str(name) for name in said.get("open") or ()))[:LARGEST]
        return cls(width, height, str(level), opened, str(said.get("find") or ""))


class Chart:
    """Keeps drawings: each is made anew only when an agent, a slot or an arrow comes or goes."""

    def __init__(self) -> None:
        self._drawn: OrderedDict[GraphWish, tuple[object, dict[str, Any]]] = OrderedDict()
        self._number = 0

    def draw(self, snapshot: Snapshot, wish: GraphWish) -> dict[str, Any]:
        """Boxes and paths, with a number that stays while the drawing does; or how many nodes are too many."""
        graph = without_attendants(graph_of(snapshot))
        shape = frozenset(node.id for node in graph.nodes), frozenset(graph.edges)
        known = self._drawn.get(wish)
        if known is None or known[0] != shape:
            self._number += 1
            self._drawn[wish] = shape, {"number": self._number, **_drawn(graph, wish)}
            while len(self._drawn) > _KEPT:
                self._drawn.popitem(last=False)
        return self._drawn[wish][1]


def _drawn(graph: Graph, wish: GraphWish) -> dict[str, Any]:
    names = prefixes(graph)
    if wish.find:
        graph = found(graph, wish.find)
    best: tuple[float, dict[str, Any]] = 0.0, {"nodes": len(graph.nodes)}
    for level, simple in _levels(graph, wish):
        if len(simple.nodes) > LARGEST:
            continue
        for down in (False, True):
            made = layout(simple, down)
            scale = min(wish.width / max(made.width, 1.0), wish.height / max(made.height, 1.0))
            if scale > best[0]:
                drawing = {**made.to_dict(), "level": level, "down": down, "names": _names(simple)}
                best = scale, {**drawing, "prefixes": names, "via": _via(graph) if level == "agents" else {}}
        if best[0] >= READABLE:
            break
    return best[1]


def _levels(graph: Graph, wish: GraphWish) -> Iterator[tuple[str, Graph]]:
    if wish.level in ("auto", "slots"):
        yield "slots", graph
    if wish.level in ("auto", "folded"):
        yield "folded", folded(graph, frozenset(prefixes(graph)) - set(wish.open))
    if wish.level in ("auto", "agents"):
        yield "agents", agents_alone(graph)


def _names(graph: Graph) -> dict[str, str]:
    return {node.id: node.name for node in graph.nodes}


def _via(graph: Graph) -> dict[str, list[str]]:
    """The slots between agents, by ``SOURCE TARGET``."""
    writers: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        writers.setdefault(edge.target, []).append(edge)
    via: dict[str, list[str]] = {}
    for edge in graph.edges:
        for writer in writers.get(edge.source, ()):
            via.setdefault(f"{writer.source} {edge.target}", []).append(edge.source.partition(":")[2])
    return via
