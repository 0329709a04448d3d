"""The graph of a space, agents -> slots -> agents: who writes what, and whom that wakes."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from agentspace.core.life import LAUNCHES
from agentspace.core.mailbox import Trigger
from agentspace.core.values.masks import Mask
from agentspace.core.values.names import OWN
from agentspace.inspect.views import Snapshot

AGENT, SLOT = "agent", "slot"
WRITES, WAKES, READS = "writes", "wakes", "reads"


class Node(NamedTuple):
    """An agent or a slot.

    Attributes:
        id: ``agent:NAME`` or ``slot:NAME``.
        kind: Agent or slot.
        name: Of the role (or of a client without one), or of the slot.
        state: Of a role its state, or "client"; of a slot its kind.
        rate: Handlers, or writes, per second.
    """

    id: str
    kind: str
    name: str
    state: str
    rate: float


class Edge(NamedTuple):
    """An arrow.

    Attributes:
        source: The id of a node.
        target: The id of a node.
        kind: Writes (agent -> slot), wakes or reads (slot -> agent).
    """

    source: str
    target: str
    kind: str


@dataclass(frozen=True)
class Graph:
    """Nodes and arrows, sorted by name."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "nodes": [node._asdict() for node in self.nodes],
            "edges": [edge._asdict() for edge in self.edges],
        }

    def of(self, node: str) -> tuple[list[Edge], list[Edge]]:
        """The arrows that end at a node, and those that begin there."""
        return [e for e in self.edges if e.target == node], [e for e in self.edges if e.source == node]


def graph_of(snapshot: Snapshot) -> Graph:
    """The graph of a space as it has been seen so far.

    A slot that is written again and again but empty now belongs to it; clients without a role too. Reads are
    drawn only where the slot does not wake the reader anyway.
    """
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    for role in snapshot.roles:
        nodes[_agent(role.name)] = Node(_agent(role.name), AGENT, role.name, role.state, role.rate or 0.0)
    shown = [slot for slot in snapshot.slots if not slot.name.startswith(LAUNCHES)]
    for slot in shown:
        here = f"{SLOT}:{slot.name}"
        nodes[here] = Node(here, SLOT, slot.name, slot.kind, slot.rate)
        edges += [Edge(_agent(name), here, WRITES) for name in slot.writers]
        edges += [Edge(here, _agent(name), WAKES) for name in slot.triggers]
        edges += [Edge(here, _agent(name), READS) for name in slot.readers if name not in slot.triggers]
    for name in _unseen(snapshot):
        nodes[f"{SLOT}:{name}"] = Node(f"{SLOT}:{name}", SLOT, name, "expired", 0.0)
        edges += _unseen_edges(snapshot, name)
    quiet = {(slot, role.name) for role in snapshot.roles for slot, kind in role.triggers if kind == Trigger.QUIET}
    for slot_name, role_name in awaited(snapshot):
        here = f"{SLOT}:{slot_name}"
        nodes[here] = Node(here, SLOT, slot_name, "empty", 0.0)
        kind = READS if (slot_name, role_name) in quiet else WAKES
        edges.append(Edge(here, _agent(role_name), kind))
    for edge in edges:
        for end in (edge.source, edge.target):
            if end not in nodes:
                nodes[end] = Node(end, AGENT, end.partition(":")[2], "client", 0.0)
    return Graph(tuple(sorted(nodes.values())), tuple(sorted(set(edges))))


def _unseen(snapshot: Snapshot) -> list[str]:
    """The slots that ran out, or were deleted, before anybody looked."""
    names = snapshot.written.keys() - {slot.name for slot in snapshot.slots}
    return [name for name in names if not name.startswith(LAUNCHES)]


def _unseen_edges(snapshot: Snapshot, name: str) -> list[Edge]:
    """The arrows of a slot that holds nothing, as far as the space tells of them."""
    here, woken = f"{SLOT}:{name}", [role.name for role in snapshot.roles if role.wakes_on(name)]
    readers = (*snapshot.read.get(name, ()), *(role.name for role in snapshot.roles if role.collects(name)))
    return [
        *(Edge(_agent(writer), here, WRITES) for writer in snapshot.written[name]),
        *(Edge(here, _agent(role), WAKES) for role in woken),
        *(Edge(here, _agent(reader), READS) for reader in readers if reader not in woken),
    ]


def awaited(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Slots that were never written, each with a role that is to be woken by it."""
    known = {slot.name for slot in snapshot.slots} | snapshot.written.keys()
    return [
        (mask, role.name)
        for role in snapshot.roles
        for mask, _ in role.triggers
        if Mask(mask).exact and mask not in known and not mask.startswith(OWN)
    ]


def _agent(name: str) -> str:
    return f"{AGENT}:{name}"
