"""The graph as the page draws it; laid out anew only when an agent, a slot or an arrow comes or goes."""

from __future__ import annotations

from typing import Any

from agentspace.inspect.graph import Edge, graph_of
from agentspace.inspect.layout import layout
from agentspace.inspect.views import Picture

Shape = tuple[frozenset[str], frozenset[Edge]]


class Chart:
    """Keeps the layout of the newest graph."""

    def __init__(self) -> None:
        self._shape: Shape | None = None
        self._drawn: dict[str, Any] = {}

    def draw(self, picture: Picture) -> dict[str, Any]:
        """Boxes and paths. May take long: not for the event loop."""
        graph = graph_of(picture)
        shape = frozenset(node.id for node in graph.nodes), frozenset(graph.edges)
        if shape != self._shape:
            self._drawn = layout(graph).to_dict()
            self._shape = shape
        return self._drawn
