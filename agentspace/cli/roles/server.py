"""The command that serves a space: server."""

import logging
import resource
import signal
import sys
from pathlib import Path
from typing import Final

import click

from agentspace.agent.parent_process import die_with_parent
from agentspace.cli.terminal.options import Seconds, log_option, set_up_logging, space_option
from agentspace.wire.address import parse
from agentspace.wire.collector import Collector

_GRACE: Final = 4.0  #: seconds that the server outlives its supervisor: the agents end first
_SWITCH: Final = 0.0005  #: seconds for which the thread that writes the store may hold the one that serves


@click.command()
@click.option(
    "--bind",
    metavar="tcp://HOST:PORT",
    help="Serve other machines too; needs keys: docs/reference/protocol.md.",
)
@click.option(
    "--lease",
    type=Seconds(min=0.2),
    default=5.0,
    show_default=True,
    help="Seconds of silence after which a client is gone.",
)
@click.option(
    "--clock",
    type=click.Choice(["real", "simulated"]),
    default="real",
    show_default=True,
    help="What validity and timers follow; simulated: a clock that jumps, see docs/guides/simulated_time.md.",
)
@click.option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep durable slots, roles and queues in this file: they outlive the server; see docs/guides/durable.md.",
)
@click.option(
    "--durable", metavar="MASK", multiple=True, help="Slots to be kept in the store; may be given several times."
)
@click.option(
    "--memory",
    type=click.IntRange(min=16),
    metavar="MB",
    help="Megabytes that all values together may take; by default a half of what there is for the server.",
)
@space_option
@log_option
def server(
    bind: str | None,
    lease: float,
    clock: str,
    store: Path | None,
    durable: tuple[str, ...],
    memory: int | None,
    address: str,
    log_level: str,
) -> None:
    """Serve a space until SIGTERM or Ctrl-C.

    \b
    Examples:
      agentspace server
      agentspace server --space lab --bind 'tcp://*:7447'
      agentspace server --store lab.db --durable 'memory/*' --durable mode
    """  # noqa: D301
    from agentspace.server.server import Server, Store

    set_up_logging("server", log_level)
    die_with_parent(_GRACE)
    where = parse(address)
    if not where.local:
        raise click.UsageError(
            f"a server has a local address; give {where.endpoint} as --bind, and a name as --space"
        )
    if durable and store is None:
        raise click.UsageError("--durable needs a --store to keep the slots in")
    kept = None if store is None else Store(store, durable)
    if kept is not None:
        sys.setswitchinterval(_SWITCH)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a descriptor for each client and each segment
    most = None if memory is None else memory << 20
    serving = Server(where, bind, lease, simulated=clock == "simulated", store=kept, memory=most)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: serving.stop())
    logging.getLogger("agentspace").info("serving %s", " and ".join(filter(None, (where.endpoint, serving.tcp))))
    try:
        serving.run(Collector().turn)
    finally:
        serving.close()
