"""Runs a plan on this machine: with its logs, its guardian and the signals of the terminal."""

from pathlib import Path
from typing import TextIO

from agentspace.launch.plan import Plan
from agentspace.supervise.localhost import LocalHost
from agentspace.supervise.logs import open_log
from agentspace.supervise.supervisor import SERVER, Contact, Supervisor


def launch(
    plan: Plan,
    contact: Contact,
    *,
    own_server: bool = True,
    runs: Path | None = None,
    console: TextIO | None = None,
) -> int:
    """Runs a plan to its end; returns the exit code of the launch (see `Supervisor.run`). For the main thread.

    Args:
        plan: what to run.
        contact: looks at the blackboard of the plan's server.
        own_server: start the server; False = one is running already.
        runs: folder for log files; None = `runs/` in the project.
        console: for what the processes say; None = stderr.
    """
    names = [SERVER, *(agent.role for agent in plan.agents)]
    log = open_log(names, plan.project / "runs" if runs is None else runs, plan.name, console)
    host = LocalHost(log, last=SERVER)
    return Supervisor(plan, host, contact, log.say, own_server=own_server).run()
