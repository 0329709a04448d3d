"""A supervisor's world that tests control: clock, host and blackboard. No process runs, and no time is waited."""

import json
import signal
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any

from agentspace.client.orders import Order
from agentspace.client.reports import SwapReport
from agentspace.launch.plan import REAL, AgentPlan, Plan
from agentspace.supervise.command import Command
from agentspace.supervise.host import Event, Exited, Interrupted
from agentspace.supervise.supervisor import (
    Supervisor,
)

Behaviour = Callable[["World", int], None]


def settings_of(command: Command) -> list[str]:
    """The settings that an agent is given, as ``name=value``."""
    given = json.loads(command.given or b"{}")
    return [f"{name}={value}" for name, value in given.get("values", {}).items()]


class World:
    """A host and a blackboard in which nothing happens but what a test arranged.

    Processes end at once when asked to, unless their name is in `deaf`; they are ready at once, unless their name
    is in `unready`.
    """

    def __init__(self) -> None:
        self.time = 0.0
        self.limit = 1000.0
        self.names: dict[int, str] = {}  # of every process ever started, by pid
        self.words: dict[int, tuple[str, ...]] = {}  # how each was started
        self.alive: set[int] = set()
        self.history: list[tuple[float, str, str]] = []  # (time, what, name)
        self.said: list[tuple[str, str]] = []
        self.agenda: list[tuple[float, Callable[[], None]]] = []
        self.events: list[Event] = []
        self.on_start: dict[str, Behaviour] = {}
        self.deaf: set[str] = set()
        self.undying: set[str] = set()
        self.unready: set[str] = set()
        self.gone: set[str] = set()
        self.left: dict[str, str] = {}  # the state in which a process left its role
        self.heard: set[str] = set()  # those that give the server signs of life
        self.words_left: dict[str, str] = {}
        self.codes_left: dict[str, int] = {}
        self.letters: dict[str, tuple[int, int]] = {}  # dead letters, and those in a row
        self.broken: set[str] = set()
        self.suffix = ""  # of what is said of what is broken
        self.slots: set[str] = set()
        self.requested: set[str] = set()
        self.swapping: dict[str, SwapReport] = {}  # what `_/swaps/ROLE` shows
        self.given_up: list[tuple[str, int, str]] = []
        self.ended_by_user: list[tuple[float, str]] = []
        self.given: list[Order] = []
        self.withdrawn: set[str] = set()
        self.told_orders: list[Order] = []
        self.reports: list[dict[str, Any]] = []
        self.casts: list[tuple[float, list[str]]] = []  # without whom simulated time stands
        self.connectable = True
        self.own_server = True
        self.closed = False

    # What tests arrange

    def at(self, time: float, what: Callable[[], None]) -> None:
        self.agenda.append((time, what))

    def exit(self, name: str, code: int) -> None:
        self.end(self.pid(name), code)

    def end(self, pid: int, code: int) -> None:
        self.alive.remove(pid)
        self.history.append((self.time, "ended", self.names[pid]))
        self.events.append(Exited(pid, code))

    def interrupt(self, number: int = signal.SIGINT) -> None:
        self.events.append(Interrupted(number))

    def always(self, name: str, seconds: float, code: int) -> None:
        """Every process of that name ends after so many seconds."""

        def end_later(world: "World", pid: int) -> None:
            world.at(world.time + seconds, lambda: world.exit(name, code) if pid in world.alive else None)

        self.on_start[name] = end_later

    # What tests look at

    def pid(self, name: str) -> int:
        return next(pid for pid in self.alive if self.names[pid] == name)

    def when(self, what: str, name: str) -> list[float]:
        return [round(time, 3) for time, action, who in self.history if (action, who) == (what, name)]

    def order(self, what: str) -> list[str]:
        return [name for _, action, name in self.history if action == what]

    # Host

    def now(self) -> float:
        return self.time

    def spawn(self, name: str, command: Command) -> int:
        if name in self.broken:
            raise FileNotFoundError(f"no such program: {command.argv[0]}{self.suffix}")
        pid = 100 + len(self.names)
        self.names[pid] = name
        self.words[pid] = (*command.argv, *settings_of(command))
        self.alive.add(pid)
        self.history.append((self.time, "started", name))
        if name in self.on_start:
            self.on_start[name](self, pid)
        return pid

    def terminate(self, pid: int) -> None:
        name = self.names[pid]
        self.history.append((self.time, "asked", name))
        if name not in self.deaf:
            self.end(pid, -signal.SIGTERM)

    def kill(self, pid: int) -> None:
        self.history.append((self.time, "killed", self.names[pid]))
        if self.names[pid] not in self.undying and pid in self.alive:
            self.end(pid, -signal.SIGKILL)

    def wait(self, seconds: float) -> list[Event]:
        assert self.time < self.limit, "the launch does not end"
        if not self.events:
            due = min([self.time + seconds, *(time for time, _ in self.agenda)])
            self.time = max(self.time, due)
            for entry in [entry for entry in self.agenda if entry[0] <= self.time]:
                self.agenda.remove(entry)
                entry[1]()
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        self.closed = True

    # Blackboard

    def connect(self) -> bool:
        return self.connectable

    def ask(self) -> None:
        assert not self.own_server or "server" in {self.names[pid] for pid in self.alive}, "asked in vain"

    def valid(self, slot: str) -> bool:
        self.ask()
        return slot in self.slots

    def role_state(self, role: str, pid: int) -> str | None:
        self.ask()
        assert self.names[pid] == role
        if role in self.gone:
            return "gone"
        if role in self.left:
            return None if self.left[role] == "unknown" else self.left[role]
        return "starting" if role in self.unready else "running"

    def is_heard(self, pid: int) -> bool:
        self.ask()
        return self.names[pid] in self.heard

    def last_words(self, role: str, pid: int) -> str:
        assert self.names[pid] == role
        return self.words_left.get(role, "")

    def exit_code(self, role: str, pid: int) -> int | None:
        assert self.names[pid] == role
        return self.codes_left.get(role)

    def dead_letters(self, role: str) -> tuple[int, int]:
        self.ask()
        return self.letters.get(role, (0, 0))

    def orders(self) -> list[Order]:
        self.ask()
        return list(self.given)

    def take(self, order: Order) -> bool:
        self.given.remove(order)
        return order.ident not in self.withdrawn

    def tell(self, order: Order) -> None:
        self.told_orders.append(order)

    def swaps(self) -> dict[str, SwapReport]:
        return self.swapping

    def successor_lost(self, role: str, number: int, why: str) -> None:
        self.given_up.append((role, number, why))

    def stop_requested(self) -> Set[str]:
        self.ask()
        return frozenset(self.requested)

    def give_up(self, role: str) -> None:
        self.ask()
        assert role not in {self.names[pid] for pid in self.alive}, "a process is left that could keep something"
        self.ended_by_user.append((self.time, role))

    def conduct(self, roles: list[str]) -> None:
        self.ask()
        self.casts.append((self.time, roles))

    def report(self, report: dict[str, Any]) -> None:
        self.ask()
        self.reports.append(report)

    def say(self, name: str, text: str) -> None:
        self.said.append((name, text))


def run(world: World, *agents: AgentPlan, own_server: bool = True, clock: str = REAL) -> int:
    world.own_server = own_server
    plan = Plan("test", Path("/p/test.yaml"), Path("/p"), agents, clock=clock)
    return Supervisor(plan, world, world, world.say, own_server=own_server).run()


def agent(role: str, *after: str, **settings: Any) -> AgentPlan:
    return AgentPlan(role, f"agents.{role}:Agent", after=after, **settings)
