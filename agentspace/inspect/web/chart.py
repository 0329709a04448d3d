"""The graph as the page draws it; laid out anew only when an agent, a slot or an arrow comes or goes."""

from __future__ import annotations

from typing import Any

from agentspace.inspect.graph import Edge, graph_of
from agentspace.inspect.layout import layout
from agentspace.inspect.views import Snapshot

LARGEST = 300  #: nodes that are laid out; a larger graph cannot be read, and would take long
_REST = 1.0  #: seconds between two layouts
Shape = tuple[frozenset[str], frozenset[Edge]]


class Chart:
    """Keeps the layout of the newest graph."""

    def __init__(self) -> None:
        self._shape: Shape | None = None
        self._drawn: dict[str, Any] = {}
        self._at = float("-inf")

    def draw(self, snapshot: Snapshot) -> dict[str, Any]:
        """Boxes and paths, or how many nodes are too many. May take long: not for the event loop."""
        if snapshot.at < self._at + _REST:
            return self._drawn
        graph = graph_of(snapshot)
        shape = frozenset(node.id for node in graph.nodes), frozenset(graph.edges)
        if shape != self._shape:
            small = len(graph.nodes) <= LARGEST
            self._drawn = layout(graph).to_dict() if small else {"nodes": len(graph.nodes)}
            self._shape, self._at = shape, snapshot.at
        return self._drawn
