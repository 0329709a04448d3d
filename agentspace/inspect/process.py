"""What the processes of this machine use."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

import psutil

from agentspace.inspect.observer import Usage
from agentspace.inspect.views import RoleView


class ProcessMeter:
    """Measures CPU time and memory of processes, from one call to the next."""

    def __init__(self) -> None:
        self._processes: dict[int, psutil.Process] = {}
        self._host = os.uname().nodename

    def measure(self, roles: Iterable[RoleView]) -> dict[int, Usage]:
        """What the processes of roles use that run here; the first time, CPU is 0."""
        pids = {role.pid for role in roles if role.filled and role.pid and role.host == self._host}
        self._processes = {pid: process for pid, process in self._processes.items() if pid in pids}
        found = {}
        for pid in sorted(pids):
            with contextlib.suppress(psutil.Error):
                process = self._processes.get(pid) or psutil.Process(pid)
                self._processes[pid] = process
                with process.oneshot():
                    found[pid] = Usage(process.cpu_percent(), process.memory_info().rss)
        return found
