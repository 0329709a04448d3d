"""Launches that go on by themselves: started in a session of their own, and left when everything is ready."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import click

from agentspace.agent.parent_process import PARENT_VARIABLE
from agentspace.cli.terminal.exits import FAILED, INTERRUPTED
from agentspace.client.account import SpaceAccount
from agentspace.client.reports import LaunchAccount
from agentspace.client.space import connect
from agentspace.core.life import BAD, FINAL, LifeState
from agentspace.core.space import DEFAULT_SPACE
from agentspace.errors import AgentspaceError
from agentspace.launch.plan import Plan
from agentspace.wire.address import Address, run_folder

_LOOK: Final = 0.1  #: seconds between looks
_SETTLED: Final = FINAL | {LifeState.RUNNING}


def start_detached(
    file: Path, arguments: Sequence[str], plan: Plan, where: Address, *, own_server: bool, logs: Path | None
) -> int:
    """Starts a launch that goes on when this process and its terminal have ended.

    What it says is shown until every role is ready, or has ended; then it says the rest into its log files only.

    Returns:
        0 if every role is ready or has ended well, 1 if one has not; if the launch has ended, its exit code.
    """
    words = ["launch", str(file), *arguments, *([] if own_server else ["--join"])]
    words += ["--logs", str(logs.absolute())] if logs is not None else []
    words += ["--space", where.endpoint] if plan.address is not None else []
    child = subprocess.Popen(
        [sys.executable, "-m", "agentspace", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if name != PARENT_VARIABLE},
    )
    assert child.stderr is not None  # noqa: S101  (it is a pipe)
    showing = threading.Thread(target=_show, args=(child.stderr,), daemon=True)
    showing.start()
    try:
        launch = _awaited(child, plan.name, where)
    except KeyboardInterrupt:
        click.echo(f"agentspace: it still starts, as process {child.pid}; {_how(where)}", err=True)
        return INTERRUPTED
    if launch is None:
        showing.join(timeout=1.0)
        return child.returncode
    bad = [f"{role} ({life.state})" for role, life in launch.roles.items() if life.state in BAD]
    if bad:
        click.echo(f"agentspace: not well: {', '.join(bad)}; the others run", err=True)
    click.echo(f"{plan.name} runs as process {child.pid}; {_how(where)}")
    return FAILED if bad else 0


def _awaited(child: "subprocess.Popen[bytes]", name: str, where: Address) -> LaunchAccount | None:
    """The launch, when every role of it is ready or has ended; None if it has ended itself."""
    while child.poll() is None:
        with contextlib.suppress(AgentspaceError), connect(where, patience=1.0) as space:
            while child.poll() is None:
                launch = SpaceAccount.of(space).launches.get(name)
                if launch is not None and launch.pid == child.pid and _is_settled(launch):
                    return launch
                time.sleep(_LOOK)
        time.sleep(_LOOK)
    return None


def _is_settled(launch: LaunchAccount) -> bool:
    return launch.state == "running" and all(life.state in _SETTLED for life in launch.roles.values())


def _show(stream: IO[bytes]) -> None:
    """Passes on what the launch says."""
    with contextlib.suppress(OSError, ValueError):
        for line in iter(stream.readline, b""):
            sys.stderr.write(line.decode(errors="replace"))
            sys.stderr.flush()


def _how(where: Address) -> str:
    """How to see and end it."""
    return f"logs: agentspace logs -f{space_words(where)}; end: agentspace stop --all{space_words(where)}"


def space_words(where: Address) -> str:
    """The option that names a space, as a user would write it; nothing for the usual one."""
    server = where.endpoint
    folder = where.path.parent if where.local else None
    if folder is not None and folder.parent == run_folder() and where.path.name == "server.sock":
        server = folder.name
    name = "" if where.space == DEFAULT_SPACE else f"#{where.space}"
    if server == "default" and not name:
        return ""
    return f" --space '{server}{name}'" if name else f" --space {server}"
