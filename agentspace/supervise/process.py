"""A child process in a group of its own."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import IO

from agentspace.agent.parent_process import PARENT_VARIABLE, SAFE_PATH, own_environment
from agentspace.supervise.command import Command
from agentspace.supervise.guardian import MARK_VARIABLE, mark


@dataclass(frozen=True)
class Child:
    """A running child process, leader of its own session and process group.

    Attributes:
        name: The role.
        tag: Tells it from other processes of the role, in the environment of all its descendants.
        pid: Of the process, and of its group.
        pidfd: Becomes readable when it ends.
        output: What it says, on stdout and stderr; does not block.
    """

    name: str
    tag: str
    pid: int
    pidfd: int
    output: IO[bytes]
    _popen: "subprocess.Popen[bytes]"

    @classmethod
    def spawn(cls, name: str, tag: str, command: Command, run: str) -> "Child":
        """Starts a process.

        Args:
            name: The role.
            tag: Tells it from other processes of the role.
            command: What to start.
            run: Of the launch, put into its environment so that all its descendants can be found.

        Raises:
            OSError: The program or the folder does not exist, the CPU cores do not, no process can be given such
                words, or there are no file descriptors or processes left.
        """
        environment = {
            **own_environment(),
            **SAFE_PATH,
            "PYTHONUNBUFFERED": "1",  # else log lines appear late, or never after a crash
            **command.env,
            PARENT_VARIABLE: str(os.getpid()),
            MARK_VARIABLE: mark(run, tag),
        }
        try:
            with _on_cpus(set(command.cpus)), _as_input(command.given) as given:
                popen = subprocess.Popen(
                    command.argv,
                    cwd=command.cwd,
                    env=environment,
                    stdin=given,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except (ValueError, TypeError, subprocess.SubprocessError) as error:  # words that no process can be given
            raise OSError(str(error)) from error
        try:
            output = popen.stdout
            if output is None:
                raise OSError(f"no pipe from {name}")
            os.set_blocking(output.fileno(), False)
            return cls(name, tag, popen.pid, os.pidfd_open(popen.pid), output, popen)
        except OSError:  # there are no file descriptors left
            popen.kill()
            popen.communicate()
            raise

    def renice(self, nice: int) -> None:
        """Adds to the niceness of this process; its threads to come inherit it.

        Raises:
            PermissionError: A negative one needs privileges.
        """
        os.setpriority(os.PRIO_PROCESS, self.pid, os.getpriority(os.PRIO_PROCESS, 0) + nice)

    def terminate(self) -> None:
        """Asks the process to end."""
        signal.pidfd_send_signal(self.pidfd, signal.SIGTERM)

    def kill_group(self) -> None:
        """Kills the process and all in its group; only before `reap`, as later the number may be another's."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def reap(self) -> int:
        """Waits for the end; returns the exit code, negative for a signal.

        What is left of the group is killed while the ended leader still holds the group's number.
        """
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOWAIT)
        self.kill_group()
        code = self._popen.wait()
        os.close(self.pidfd)
        return code


@contextlib.contextmanager
def _as_input(given: bytes) -> Iterator[int]:
    """What a process is to read, as a file descriptor; the file has no name, and is gone with the process."""
    if not given:
        yield subprocess.DEVNULL
        return
    descriptor = os.memfd_create("agentspace-given")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(given)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _on_cpus(cpus: Set[int]) -> Iterator[None]:
    """Moves this thread for a moment: what it starts inherits the cores from its first instruction on."""
    if not cpus:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
