"""Runs a plan: starts the server and the agents in order, restarts what fails, and stops everything in order.

The supervisor decides; a `Host` starts and ends processes and tells the time, the `Blackboard` looks at the
blackboard. Tests replace both, to replay whole histories without a process and without waiting.
"""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from agentspace.client.launches import supervisor
from agentspace.core.life import LifeState
from agentspace.core.role import FILLED
from agentspace.core.values.value import valid_text
from agentspace.launch.plan import SIMULATED, OnExit, Plan, Policy, Restart
from agentspace.supervise.blackboard import Blackboard
from agentspace.supervise.command import agent_command, server_command
from agentspace.supervise.host import Event, Exited, Host, Interrupted
from agentspace.supervise.lifecycle import Action, Lifecycle
from agentspace.supervise.orders import SupervisedOrders
from agentspace.supervise.swaps import SupervisedSwaps

EXIT_AGENTS_FAILED: Final = 1  #: every agent has ended, at least one of them not well
EXIT_NO_SERVER: Final = 3  #: the server did not start, or failed too often
POLL_STARTING: Final = 0.05  #: seconds between looks at the blackboard while something starts
POLL_RUNNING: Final = 0.2  #: seconds between looks for requests to stop
SILENCE: Final = 0.5  #: seconds that a process which fell silent may outlive its role
UNKNOWN: Final = 5.0  #: seconds that a process may go on that a new server neither knows in its role nor hears
SERVER: Final = "server"
SERVER_READY_TIMEOUT: Final = 30.0  #: seconds
SERVER_STOP_TIMEOUT: Final = 5.0  #: seconds
SERVER_HURRY: Final = 1.0  #: seconds that the server gets to clean up when all else is killed
_SERVER_RESTART: Final = Restart(Policy.ON_FAILURE, backoff=0.1, backoff_max=5.0, limit=10, window=30.0)
_SERVER_AT_ONCE: Final = 5  #: new starts of the server within its window that wait for nothing


class Supervisor:
    """Runs one plan, once."""

    def __init__(
        self,
        plan: Plan,
        host: Host,
        blackboard: Blackboard,
        say: Callable[[str, str], None],
        *,
        own_server: bool = True,
        logs: Path | None = None,
    ) -> None:
        """Prepares a launch.

        Args:
            plan: What to run.
            host: Starts processes.
            blackboard: Looks at the blackboard.
            say: Tells people (name of a role or "launch", what happened).
            own_server: Start the server; False = one is running already.
            logs: The folder with the log files; None for no files.
        """
        self._plan = plan
        self._host = host
        self._blackboard = blackboard
        self._say = say
        self._own_server = own_server
        self._logs = logs
        self._agents = {agent.role: agent for agent in plan.agents}
        self._server = Lifecycle(
            SERVER, Restart(Policy.NEVER), SERVER_READY_TIMEOUT, SERVER_STOP_TIMEOUT, _SERVER_AT_ONCE
        )
        self._simulated = plan.clock == SIMULATED
        longest = max(agent.ready.timeout for agent in plan.agents)  # in simulated time, all wait for each other
        self._lives = {
            agent.role: Lifecycle(
                agent.role, agent.restart, longest if self._simulated else agent.ready.timeout, agent.stop_timeout
            )
            for agent in plan.agents
        }
        self._cast: list[str] = []  # without which simulated time stands
        self._needed_by = {
            role: [other.role for other in plan.agents if role in other.after] for role in self._agents
        }
        self._swaps = SupervisedSwaps(plan, self._agents, self._lives, host, blackboard, say)
        self._given_up: set[str] = set()  # roles that the user has ended, and whose next process begins anew
        self._orders = SupervisedOrders(
            self._lives, self._swaps.holds, host, blackboard, self._do, self._given_up.add, say
        )
        self._me = supervisor()
        self._lost: dict[str, float] = {}  # since when a role is lost, though its process lives
        self._exit_code: int | None = None  # set when the launch begins to stop
        self._announced: dict[str, tuple[LifeState, int]] = {}
        self._reported: dict[str, Any] | None = None

    def run(self) -> int:
        """Runs the launch to its end; returns its exit code.

        0: every agent ended well, or the launch was asked to stop; the exit code of an agent with
        `on_exit: shutdown`; `EXIT_AGENTS_FAILED`; `EXIT_NO_SERVER`; 128 + n when ended by signal n.
        """
        try:
            self._do(self._server, self._server.start(self._host.now()))
            self._step()
            while not self._is_over():
                for event in self._host.wait(self._patience()):
                    self._handle(event)
                self._step()
            return self._exit_code or 0
        finally:
            self._host.close()

    # What happens

    def _handle(self, event: Event) -> None:
        match event:
            case Exited(pid, code, why):
                if not self._swaps.exited(pid, code):
                    self._ended(pid, code, why)
            case Interrupted(number):
                name = signal.Signals(number).name
                if self._exit_code is None:
                    self._begin_stop(128 + number, f"{name}: stopping; once more kills at once", wanted=True)
                elif number == signal.SIGINT:
                    self._kill_all()

    def _ended(self, pid: int, code: int, why: str) -> None:
        for life in [life for life in self._all() if life.pid == pid]:
            life.pid = None
            if life is self._server:
                self._swaps.server_lost()
            else:
                self._obey_requests()  # it may have ended because it was asked to
                self._forgive(life)
            life.exited(code, self._host.now(), why)
            self._announce_one(life)  # it may start again before others are told of

    def _step(self) -> None:
        if self._serves():
            self._swaps.watch()
        for life in self._all():
            if not self._swaps.holds(life.name):
                self._do(life, life.due(self._host.now()))
        self._give_up()
        self._watch_server()
        self._obey_requests()
        if self._serves():
            self._report()  # who is told that an order is done may look at once
            self._orders.watch("" if self._exit_code is None else "the launch stops")
        self._watch_readiness()
        self._watch_roles()
        for life in self._lives.values():
            self._forgive(life)
        self._watch_ends()
        if self._exit_code is None:
            if self._simulated:
                self._conduct()
            self._start_next()
            self._watch_ends()
        else:
            self._stop_next()
        self._announce()
        self._report()

    def _do(self, life: Lifecycle, action: Action | None) -> None:
        if life is self._server and not self._own_server:
            if action in (Action.TERMINATE, Action.KILL):
                life.exited(0, self._host.now())
            return
        match action:
            case Action.SPAWN:
                self._spawn(life)
            case Action.TERMINATE if life.pid is not None:
                self._host.terminate(life.pid)
            case Action.KILL if life.pid is not None:
                self._say(life.name, "does not end: killing its process group")
                self._host.kill(life.pid)

    def _spawn(self, life: Lifecycle) -> None:
        try:
            if life is self._server:
                command = server_command(self._plan)
            else:
                fresh = life.name in self._given_up
                self._given_up.discard(life.name)
                command = agent_command(self._plan, self._agents[life.name], fresh=fresh)
            life.pid = self._host.spawn(life.name, command)
        except Exception as error:  # whatever it is: it must not end all the others
            why = valid_text(str(error))
            self._say(life.name, f"cannot be started: {why}")
            life.exited(127, self._host.now(), why)

    # Starting

    def _watch_server(self) -> None:
        server = self._server
        if server.state == LifeState.STARTING and self._blackboard.connect():
            server.ready(self._host.now())
            server.restart = _SERVER_RESTART  # one that never worked is not started again
            self._reported, self._cast = None, []
        if server.is_final and self._exit_code is None:
            asked = server.state == LifeState.DONE and server.was_ready
            why = "the server was asked to stop: stopping" if asked else f"there is no server: {server.reason}"
            self._begin_stop(0 if asked else EXIT_NO_SERVER, why)

    def _watch_readiness(self) -> None:
        for role, life in self._lives.items() if self._serves() else ():
            pid = life.pid if life.state == LifeState.STARTING else None
            if pid is not None and self._blackboard.role_state(role, pid) == "running":
                slot = None if self._simulated else self._agents[role].ready.slot
                if slot is None or self._blackboard.valid(slot):
                    life.ready(self._host.now())

    def _watch_roles(self) -> None:
        """Looks after processes that have left their role, or lost it: a successor is needed."""
        for role, life in self._lives.items() if self._serves() else ():
            pid = life.pid if life.ends_itself or life.state in (LifeState.STARTING, LifeState.RUNNING) else None
            if pid is None or self._swaps.holds(role):
                self._lost.pop(role, None)
                continue
            state = self._blackboard.role_state(role, pid)
            if life.ends_itself:
                if state == "running" and not life.is_restarting:  # it had only lost its connection
                    life.ready(self._host.now())
                continue
            if state in FILLED or (state is None and self._may_come(life, pid)):
                self._lost.pop(role, None)
            elif state in ("gone", None):
                self._lose(life, SILENCE if state == "gone" else UNKNOWN)
            else:
                told = self._blackboard
                life.left(self._host.now(), told.last_words(role, pid), told.exit_code(role, pid))

    def _may_come(self, life: Lifecycle, pid: int) -> bool:
        """Whether a process may yet fill a role of which the server, a new one perhaps, does not know.

        It starts; or it gives that server signs of life, and is in a long handler, after which it comes back.
        """
        return life.state == LifeState.STARTING or self._blackboard.is_heard(pid)

    def _lose(self, life: Lifecycle, patience: float) -> None:
        """A process lives, but the space hears nothing of it: it was suspended, or hangs."""
        now = self._host.now()
        if now - self._lost.setdefault(life.name, now) >= patience:
            del self._lost[life.name]
            self._say(life.name, "gave no sign of life and lost its role: killing its process group")
            self._do(life, life.lost(now, "gave no sign of life"))

    def _forgive(self, life: Lifecycle) -> None:
        """What fails and yet makes progress, by setting changes aside, is started again."""
        if self._serves():
            life.forgive(*self._blackboard.dead_letters(life.name))

    def _conduct(self) -> None:
        """Tells in which order roles begin, and that simulated time stands while one of them is not there."""
        cast = [role for role, life in self._lives.items() if not life.is_final]
        if self._serves() and cast != self._cast:
            self._cast = cast
            self._blackboard.conduct(cast)

    def _start_next(self) -> None:
        if not self._serves():
            return
        for role, agent in self._agents.items():
            life = self._lives[role]
            if life.state not in (LifeState.WAITING, LifeState.BLOCKED):
                continue
            needed = [self._lives[other] for other in agent.after]
            lost = [other.name for other in needed if other.is_final and not other.lets_others_start]
            if lost:
                life.block(f"never started: {', '.join(lost)} never became ready")
            elif self._simulated or all(other.lets_others_start for other in needed):
                self._do(life, life.start(self._host.now()))
            else:
                life.wait(other.name for other in needed if not other.lets_others_start)

    # Ending

    def _obey_requests(self) -> None:
        requested = self._blackboard.stop_requested() if self._serves() else frozenset()
        if "*" in requested and self._exit_code is None:
            self._begin_stop(0, "stopping on request", wanted=True)
        for role in requested & self._lives.keys():
            self._given_up.add(role)
            self._do(self._lives[role], self._lives[role].stop_for_good(self._host.now()))

    def _give_up(self) -> None:
        """Tells the space which roles the user has ended, once no process is left that could keep anything."""
        for role in list(self._given_up) if self._serves() else ():
            if self._lives[role].pid is None and not self._swaps.holds(role):
                self._given_up.remove(role)
                self._blackboard.give_up(role)

    def _watch_ends(self) -> None:
        if self._exit_code is not None:
            return
        for role, life in self._lives.items():
            if life.is_final and self._agents[role].on_exit == OnExit.SHUTDOWN:
                status = _exit_status(life)
                self._begin_stop(status, f"{role} has ended: stopping", wanted=not status)
                return
        if all(life.is_final for life in self._lives.values()):
            bad = [life.name for life in self._lives.values() if life.is_bad]
            ending = f"; not well: {', '.join(bad)}" if bad else ""
            self._begin_stop(EXIT_AGENTS_FAILED if bad else 0, f"every agent has ended{ending}")

    def _begin_stop(self, code: int, why: str, *, wanted: bool = False) -> None:
        """Ends the launch; `wanted`: by its user, or by its file because all went well: with it, its roles end."""
        self._announce()  # what led to this comes first
        self._exit_code = code
        if wanted:
            self._given_up.update(self._lives)
        self._swaps.close("the launch stops")
        self._say("launch", why)
        self._report()  # while there is a server to tell

    def _stop_next(self) -> None:
        """Stops what is not needed any more: an agent before those that it comes after, the server last."""
        now = self._host.now()
        for role in reversed(self._lives):
            if all(self._lives[other].is_final for other in self._needed_by[role]):
                self._do(self._lives[role], self._lives[role].stop(now, "with the launch"))
        if all(life.is_final for life in self._lives.values()):
            self._do(self._server, self._server.stop(now, "with the launch"))

    def _kill_all(self) -> None:
        self._say("launch", "killing everything")
        for life in self._lives.values():
            self._do(life, life.kill(self._host.now()))
        self._server.stop_timeout = SERVER_HURRY
        if self._server.state == LifeState.STOPPING:
            self._do(self._server, self._server.kill(self._host.now()))

    def _is_over(self) -> bool:
        ended = all(life.is_final for life in self._all())
        return self._exit_code is not None and ended and not self._swaps.busy

    # Telling

    def _announce(self) -> None:
        for life in self._all():
            self._announce_one(life)

    def _announce_one(self, life: Lifecycle) -> None:
        if life is self._server and not self._own_server:
            return  # it was here before and stays
        if life.ends_itself:
            return  # its end says more
        news = (life.state, life.restarts)
        before = self._announced.get(life.name, (LifeState.WAITING, 0))
        if news != before and (before[0], life.state) != (LifeState.WAITING, LifeState.STOPPED):
            self._say(life.name, life.sentence(self._host.now()) + self._where_told(life))
        self._announced[life.name] = news

    def _where_told(self, life: Lifecycle) -> str:
        """Where to read on, after an end that was not well."""
        ended_badly = life.is_bad or life.state == LifeState.BACKOFF
        if self._logs is None or not ended_badly or life.state == LifeState.BLOCKED:
            return ""
        return f" (log: {self._logs / life.name}.log)"

    def _report(self) -> None:
        report = {
            "launch": self._plan.name,
            "file": str(self._plan.file),
            "project": str(self._plan.project),
            **self._me,
            "state": "running" if self._exit_code is None else "stopping",
            "roles": {life.name: life.to_dict() for life in self._all()},
        }
        if report != self._reported and self._serves():
            self._reported = report
            self._blackboard.report(report)

    def _serves(self) -> bool:
        """Whether the server can be asked; asking one that is gone would only cost time."""
        return self._server.state == LifeState.RUNNING

    def _all(self) -> list[Lifecycle]:
        return [self._server, *self._lives.values()]

    def _patience(self) -> float:
        now = self._host.now()
        starting = self._swaps.busy or any(life.state == LifeState.STARTING for life in self._all())
        lives = [life for life in self._all() if not self._swaps.holds(life.name)]
        deadlines = [life.deadline - now for life in lives if life.deadline is not None]
        return max(0.0, min([POLL_STARTING if starting else POLL_RUNNING, *deadlines]))


def _exit_status(life: Lifecycle) -> int:
    """As a shell says it: 128 + n for signal n; never 0 for a role that failed."""
    code = life.exit_code or 0
    status = 128 - code if code < 0 else code
    return status or (EXIT_AGENTS_FAILED if life.is_bad else 0)
