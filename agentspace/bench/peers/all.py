"""All that can be compared, in the order in which they are shown."""

from typing import Final

from agentspace.bench.peers.agents import Agents, LendingAgents
from agentspace.bench.peers.contestant import Contestant
from agentspace.bench.peers.dora import Dora
from agentspace.bench.peers.iceoryx import Iceoryx
from agentspace.bench.peers.pyzmq import ZmqBroker, ZmqDirect
from agentspace.bench.peers.redis import Redis
from agentspace.bench.peers.zenoh import Zenoh, ZenohMemory

OWN: Final = Agents()
ALWAYS: Final[tuple[Contestant, ...]] = (LendingAgents(), ZmqDirect(), ZmqBroker())  #: what is always compared
OTHERS: Final[tuple[Contestant, ...]] = (Zenoh(), ZenohMemory(), Iceoryx(), Dora(), Redis())  #: if asked for
BY_NAME: Final[dict[str, Contestant]] = {it.name: it for it in (OWN, *ALWAYS, *OTHERS)}
