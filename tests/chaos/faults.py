"""Each kind of fault: how it is done, and how it is undone."""

from __future__ import annotations

import contextlib
import resource
import signal
import time
from collections.abc import Iterator
from typing import Any, Final

import psutil

from agentspace import Limits
from agentspace.core.swap import ENDS
from agentspace.errors import AgentspaceError
from tests.chaos.schedule import Fault
from tests.chaos.world import World
from tests.support.program import send

BURST: Final = 1400  #: numbers; more than wait for an EVERY trigger
IN_STEP: Final = 15.0  #: seconds in which a swap comes to a step
SLOW: Final = 0.4  #: seconds of a step that is to be hit
AGAIN: Final = 5.0  #: seconds in which a swap begins; another one may be under way
LIMITS: Final = {"requested": 10.0, "prepare": 8.0, "first_handler": 3.0, "probation": 0.5}


class Hit:
    """A fault that is done to a world.

    Args:
        world: What is hit.
        fault: What to do.

    Attributes:
        missed: Why it hits nothing, if it does not.
    """

    def __init__(self, world: World, fault: Fault) -> None:
        self.world, self.fault = world, fault
        self.missed = "nobody was there"

    def do(self) -> bool:
        """Does it; False if there is nothing to do it to at the moment."""
        raise NotImplementedError

    def undo(self) -> None:
        """Undoes what lasts."""

    def _signal(self, role: str, number: signal.Signals) -> bool:
        pid = self.world.pid(role)
        return pid is not None and send(pid, number)


class Kill(Hit):
    """An agent is killed."""

    def do(self) -> bool:
        return self._signal(self.fault.target, signal.SIGKILL)


class KillSeveral(Hit):
    """Four agents are killed at once."""

    def do(self) -> bool:
        hits = [self._signal(role, signal.SIGKILL) for role in self.fault.detail.split()]
        return any(hits)


class Pause(Hit):
    """A process is stopped, and goes on later."""

    def pids(self) -> list[int]:
        """Which ones."""
        pid = self.world.pid(self.fault.target)
        return [] if pid is None else [pid]

    def do(self) -> bool:
        self._stopped = [psutil.Process(pid) for pid in self.pids() if send(pid, signal.SIGSTOP)]
        return bool(self._stopped)

    def undo(self) -> None:
        for process in self._stopped:
            with contextlib.suppress(psutil.Error):
                process.resume()  # it looks whether that is still the same process


class PauseReader(Pause):
    """The watcher reads nothing."""

    def pids(self) -> list[int]:
        return [self.world.clients["watcher"].pid]


class PauseServer(Pause):
    """The server answers nobody."""

    def pids(self) -> list[int]:
        return [self.world.server.process.pid]


class PauseSupervisor(Pause):
    """The supervisor looks after nobody."""

    def pids(self) -> list[int]:
        return [self.world.supervisor.pid]


class KillGuardian(Hit):
    """The guardian of the launch is killed."""

    def do(self) -> bool:
        pid = self.world.guardian()
        return pid is not None and send(pid, signal.SIGKILL)


class RestartServer(Hit):
    """The server is killed, and another one started."""

    def do(self) -> bool:
        self.world.restart_server()
        return True


class Swap(Hit):
    """A role is swapped; nobody waits for its end."""

    settings: dict[str, object] = {"fail": "", "slow": 0.0}  # noqa: RUF012  (read only)
    limits = LIMITS

    def do(self) -> bool:
        return self._request() is not None

    def _request(self) -> int | None:
        assert Limits.of(self.limits)
        if self.world.pid(self.fault.target) is None:
            return None
        with contextlib.suppress(AgentspaceError):
            return self.world.space.request_swap(self.fault.target, None, self.settings, limits=self.limits)
        return None


class FailingSwap(Swap):
    """The successor fails at a step, or hangs."""

    def do(self) -> bool:
        how = self.fault.detail
        self.settings = {"fail": how, "slow": 0.0}
        if how == "hang":
            self.settings, self.limits = {"fail": "", "slow": 3.0}, {**LIMITS, "prepare": 1.5, "resume": 1.0}
        return super().do()


class KillInSwap(Swap):
    """The predecessor or the successor is killed at a step of a swap."""

    settings = {"fail": "", "slow": SLOW}  # noqa: RUF012  (read only)

    def do(self) -> bool:
        step, party = self.fault.detail.split()
        linger = f"linger/{self.fault.target}"
        with contextlib.suppress(AgentspaceError):
            if step == "quiesce":  # the end of a quick handler is over too soon to be seen
                self.world.space.write(linger, SLOW, validity=AGAIN + IN_STEP)
        number = self._begun()
        hit = number is not None and self._kill_at(number, step, party)
        with contextlib.suppress(AgentspaceError):
            self.world.space.delete(linger)
        return hit

    def _begun(self) -> int | None:
        """The number of the swap, asked for until it begins."""
        end = time.monotonic() + AGAIN
        while (number := self._request()) is None and time.monotonic() < end:
            time.sleep(0.1)
        self.missed = "no swap began"
        return number

    def _kill_at(self, number: int, step: str, party: str) -> bool:
        seen = dict[str, None]()
        for told in self._reports(number):
            seen[told["state"]] = None
            if told["state"] == step:
                pid = told["old" if party == "predecessor" else "new"].get("pid")
                if isinstance(pid, int) and send(pid, signal.SIGKILL):
                    return True
            elif step in seen:
                self.missed = f"there was no {party} at that step"
                return False
            elif told["state"] in ENDS:
                break
        self.missed = f"the swap was seen at {', '.join(seen) or 'no step'} only"
        return False

    def _reports(self, number: int) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + IN_STEP
        while time.monotonic() < end:
            told = self.world.tell(f"_/swaps/{self.fault.target}")
            if told.get("number") == number:
                yield told
            time.sleep(0.01)


class FullQueue(Hit):
    """A source writes more than wait for an EVERY trigger, while its relay is stopped."""

    def do(self) -> bool:
        relay = self.world.pid(self.fault.target.replace("source", "relay"))
        if relay is None:
            return False
        send(relay, signal.SIGSTOP)
        with contextlib.suppress(AgentspaceError):
            self.world.space.write(f"burst/{self.fault.target}", BURST, validity=5.0)
        time.sleep(0.5)
        send(relay, signal.SIGCONT)
        return True


class Jump(Hit):
    """The wall clock shows another time."""

    def do(self) -> bool:
        self.world.shift_clock(float(self.fault.detail))
        return True


class Narrow(Hit):
    """An agent that runs gets no descriptor more than it has."""

    limit = resource.RLIMIT_NOFILE

    def pids(self) -> list[int]:
        """Which ones."""
        pid = self.world.pid(self.fault.target)
        return [] if pid is None else [pid]

    def value(self, process: psutil.Process) -> int:
        """What it has now, and no more."""
        return process.num_fds()

    def do(self) -> bool:
        self._before: list[tuple[psutil.Process, tuple[int, int]]] = []
        for pid in self.pids():
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                soft, hard = process.rlimit(self.limit)
                process.rlimit(self.limit, (self.value(process), hard))
                self._before.append((process, (soft, hard)))
        return bool(self._before)

    def undo(self) -> None:
        for process, limits in self._before:
            with contextlib.suppress(psutil.Error):
                process.rlimit(self.limit, limits)


class FullDisk(Narrow):
    """Server and supervisor can write into no file any more."""

    limit = resource.RLIMIT_FSIZE

    def pids(self) -> list[int]:
        return [self.world.server.process.pid, self.world.supervisor.pid]

    def value(self, process: psutil.Process) -> int:
        return 0

    def do(self) -> bool:
        self._since = time.monotonic()
        return super().do()

    def undo(self) -> None:
        super().undo()
        self.world.note_full(self._since)


class CutLink(Hit):
    """The client on tcp hears nothing, or loses its connection, or gets none."""

    def do(self) -> bool:
        if self.fault.detail == "freeze":
            self.world.link.freeze()
        else:
            self.world.link.refuse()
            if self.fault.detail == "cut":
                self.world.link.mend()
        return True

    def undo(self) -> None:
        if self.fault.detail == "freeze":
            self.world.link.thaw()
        elif self.fault.detail == "refuse":
            self.world.link.mend()


HITS: Final[dict[str, type[Hit]]] = {
    "kill": Kill,
    "stop": Pause,
    "swap": Swap,
    "failing swap": FailingSwap,
    "kill in swap": KillInSwap,
    "kill of several": KillSeveral,
    "restart of the server": RestartServer,
    "stop of the server": PauseServer,
    "full queue": FullQueue,
    "slow reader": PauseReader,
    "jump of the wall clock": Jump,
    "full disk": FullDisk,
    "no descriptors": Narrow,
    "cut link": CutLink,
    "stop of the supervisor": PauseSupervisor,
    "kill of the guardian": KillGuardian,
}
