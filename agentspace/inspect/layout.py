"""The layout of a graph: layers from left to right, few crossings, straight chains.

After Sugiyama, Tagawa, Toda (1981): arrows that close a cycle are turned round, nodes get the layer of the longest
path that leads to them, arrows over several layers get a bend in each, layers are ordered by the barycentres of
their neighbours, and every node is pulled to the height of its neighbours as far as there is room.
"""

import itertools
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, Final, NamedTuple

from agentspace.inspect.graph import AGENT, READS, Edge, Graph, Node

CHARACTER: Final = 7.0  #: width of a letter (all lengths are pixels)
HEIGHT: Final = {AGENT: 34.0}
SLOT_HEIGHT: Final = 26.0
_BEND_HEIGHT: Final = 8.0
_PADDING: Final = 26.0
_GAP: Final = 14.0  #: between nodes of a layer
_LANE: Final = 70.0  #: between layers
_LANE_DOWN: Final = 28.0  #: between layers one below the other
_MARGIN: Final = 20.0
_SWEEPS: Final = 12
_PULLS: Final = 24


class Box(NamedTuple):
    """A node's place: its upper left corner and its size."""

    id: str
    x: float
    y: float
    width: float
    height: float


class Path(NamedTuple):
    """An arrow's way: points from its source to its target."""

    edge: Edge
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Layout:
    """A drawing of a graph."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    paths: tuple[Path, ...]

    def turned(self) -> "Layout":
        """With its axes exchanged."""
        boxes = tuple(Box(box.id, box.y, box.x, box.height, box.width) for box in self.boxes)
        paths = tuple(Path(path.edge, tuple((y, x) for x, y in path.points)) for path in self.paths)
        return Layout(self.height, self.width, boxes, paths)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "width": round(self.width, 1),
            "height": round(self.height, 1),
            "boxes": {b.id: [round(n, 1) for n in (b.x, b.y, b.width, b.height)] for b in self.boxes},
            "paths": [
                {**path.edge._asdict(), "points": [[round(x, 1), round(y, 1)] for x, y in path.points]}
                for path in self.paths
            ],
        }


def layout(graph: Graph, down: bool = False) -> Layout:
    """Lays a graph out, its layers from left to right or one below the other."""
    drawing = _Drawing(graph, down)
    drawing.rank()
    drawing.bend()
    drawing.order()
    made = drawing.place()
    return made.turned() if down else made


def agents_in_order(graph: Graph) -> list[Node]:
    """The agents, in the order in which what they write reaches others."""
    column = {box.id: box.x for box in layout(graph).boxes}
    agents = (node for node in graph.nodes if node.kind == AGENT)
    return sorted(agents, key=lambda node: (column[node.id], node.name))


class _Drawing:
    def __init__(self, graph: Graph, down: bool) -> None:
        self.graph = graph
        self.lane = _LANE_DOWN if down else _LANE
        sizes = {
            node.id: (_PADDING + CHARACTER * len(node.name), HEIGHT.get(node.kind, SLOT_HEIGHT))
            for node in graph.nodes
        }
        self.sizes = {name: size[::-1] if down else size for name, size in sizes.items()}
        self.layer: dict[str, int] = {}
        self.layers: list[list[str]] = []
        self.above: dict[str, list[str]] = {}  # neighbours in the layer to the left
        self.below: dict[str, list[str]] = {}  # and to the right
        self.chains: dict[Edge, list[str]] = {}  # what an arrow passes, from left to right
        self.y: dict[str, float] = {}  # of the middle

    # --- layers

    def rank(self) -> None:
        """Longest paths from the left, then sources are moved next to what they lead to."""
        turned = self._cycle_edges()
        after: dict[str, list[str]] = {node.id: [] for node in self.graph.nodes}
        before: dict[str, list[str]] = {node.id: [] for node in self.graph.nodes}
        for edge in self.graph.edges:
            source, target = (edge.target, edge.source) if edge in turned else edge[:2]
            after[source].append(target)
            before[target].append(source)
        for name in TopologicalSorter(before).static_order():
            self.layer[name] = max((self.layer[other] + 1 for other in before[name]), default=0)
        for name, found in after.items():
            if found and not before[name]:
                self.layer[name] = min(self.layer[other] for other in found) - 1

    def _cycle_edges(self) -> set[Edge]:
        """The arrows to turn so that there is no cycle: the ones that lead back on a walk along writes and wakes.

        Plain reads go where these leave them to go: one that would close a cycle is turned, which closes no other.
        """
        turned: set[Edge] = set()
        firm: dict[str, list[Edge]] = {}
        for edge in self.graph.edges:
            if edge.kind != READS:
                firm.setdefault(edge.source, []).append(edge)
        done: set[str] = set()
        entered = {edge.target for edges in firm.values() for edge in edges}
        for root in sorted((node.id for node in self.graph.nodes), key=lambda name: (name in entered, name)):
            _walk(root, firm, done, turned)
        after: dict[str, list[str]] = {}
        for edge in sorted(self.graph.edges, key=lambda edge: edge.kind == READS):
            if edge.kind == READS and _reaches(after, edge.target, edge.source):
                turned.add(edge)
            source, target = (edge.target, edge.source) if edge in turned else edge[:2]
            after.setdefault(source, []).append(target)
        return turned

    def bend(self) -> None:
        """Arrows over several layers get a bend in each layer between."""
        self.layers = [[] for _ in range(max(self.layer.values(), default=-1) + 1)]
        for node in self.graph.nodes:
            self.layers[self.layer[node.id]].append(node.id)
        for number, edge in enumerate(self.graph.edges):
            left, right = sorted(edge[:2], key=lambda name: self.layer[name])
            bends = {f"bend:{number}:{depth}": depth for depth in range(self.layer[left] + 1, self.layer[right])}
            for bend, depth in bends.items():
                self.layers[depth].append(bend)
            self.layer |= bends
            self.sizes |= dict.fromkeys(bends, (0.0, _BEND_HEIGHT))
            self.chains[edge] = [left, *bends, right]
            for one, other in itertools.pairwise(self.chains[edge]):
                self.below.setdefault(one, []).append(other)
                self.above.setdefault(other, []).append(one)

    # --- order and height

    def order(self) -> None:
        """Orders each layer by the mean position of its neighbours; keeps the order with the fewest crossings."""
        best, fewest = [list(layer) for layer in self.layers], self._crossings()
        for sweep in range(_SWEEPS):
            down = sweep % 2 == 0
            neighbours = self.above if down else self.below
            for layer in self.layers if down else reversed(self.layers):
                wanted = _wanted(layer, neighbours, self._places())
                layer.sort(key=wanted.__getitem__)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _places(self) -> dict[str, float]:
        return {name: n for layer in self.layers for n, name in enumerate(layer)}

    def _crossings(self) -> int:
        place, count = self._places(), 0
        for layer in self.layers[:-1]:
            lines = sorted((place[name], place[other]) for name in layer for other in self.below.get(name, ()))
            ends = [end for _, end in lines]
            count += sum(end < other for n, end in enumerate(ends) for other in ends[:n])
        return count

    def place(self) -> Layout:
        """Gives each node its height and each layer its column."""
        for layer in self.layers:
            self._stack(layer, dict.fromkeys(layer, 0.0))
        for pull in range(_PULLS):
            neighbours = (self.above, self.below)[pull % 2]
            for layer in self.layers if pull % 2 == 0 else reversed(self.layers):
                self._stack(layer, _wanted(layer, neighbours, self.y))
        return self._finished()

    def _stack(self, layer: list[str], wanted: dict[str, float]) -> None:
        """Puts a layer's nodes as near as possible to where they want to be, in order, without overlaps.

        Blocks of nodes that touch are merged and put where their members want to be on the average
        (pool adjacent violators), which is the best in the sense of least squares.
        """
        blocks: list[tuple[float, list[str]]] = []  # sum of wanted offsets, names
        offset, offsets = 0.0, {}
        for name in layer:
            half = self.sizes[name][1] / 2
            offsets[name] = offset + half
            offset += 2 * half + _GAP
            total, names = wanted[name] - offsets[name], [name]
            while blocks and blocks[-1][0] / len(blocks[-1][1]) > total / len(names):
                before, earlier = blocks.pop()
                total, names = before + total, earlier + names
            blocks.append((total, names))
        for total, names in blocks:
            self.y |= {name: total / len(names) + offsets[name] for name in names}

    def _finished(self) -> Layout:
        top = min((self.y[name] - self.sizes[name][1] / 2 for name in self.y), default=0.0) - _MARGIN
        columns: list[tuple[float, float]] = []  # of each layer the left and the right end
        x = _MARGIN
        for layer in self.layers:
            columns.append((x, x + max((self.sizes[name][0] for name in layer), default=0.0)))
            x = columns[-1][1] + self.lane
        boxes = {}
        for node in self.graph.nodes:
            width, height = self.sizes[node.id]
            left, right = columns[self.layer[node.id]]
            corner = left + (right - left - width) / 2
            boxes[node.id] = Box(node.id, corner, self.y[node.id] - height / 2 - top, width, height)
        paths = []
        for edge, (start, *bends, end) in self.chains.items():
            first, last = boxes[start], boxes[end]
            points = [(first.x + first.width, first.y + first.height / 2)]
            points += [(x, self.y[bend] - top) for bend in bends for x in columns[self.layer[bend]]]
            points.append((last.x, last.y + last.height / 2))
            paths.append(Path(edge, tuple(points if start == edge.source else reversed(points))))
        height = max((box.y + box.height for box in boxes.values()), default=0.0) + _MARGIN
        lowest = max((y for path in paths for _, y in path.points), default=0.0) + _MARGIN
        return Layout(max(x - self.lane, 0.0) + _MARGIN, max(height, lowest), tuple(boxes.values()), tuple(paths))


def _wanted(layer: list[str], neighbours: dict[str, list[str]], at: dict[str, float]) -> dict[str, float]:
    """Where a layer's nodes want to be: in the middle of their neighbours, without any where they are."""
    near = {name: neighbours.get(name) or [name] for name in layer}
    return {name: sum(at[other] for other in found) / len(found) for name, found in near.items()}


def _reaches(after: dict[str, list[str]], start: str, goal: str) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        new = [other for other in after.get(name, ()) if other not in seen]
        seen.update(new)
        waiting += new
    return False


def _walk(root: str, out: dict[str, list[Edge]], done: set[str], turned: set[Edge]) -> None:
    """Depth first, without recursion: an arrow to a node on the present way closes a cycle."""
    if root in done:
        return
    way, here = [(root, iter(out.get(root, ())))], {root}
    while way:
        name, edges = way[-1]
        edge = next(edges, None)
        if edge is None:
            way.pop()
            here.discard(name)
            done.add(name)
        elif edge.target in here:
            turned.add(edge)
        elif edge.target not in done:
            here.add(edge.target)
            way.append((edge.target, iter(out.get(edge.target, ()))))
