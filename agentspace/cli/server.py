"""The command that serves a space: server."""

import gc
import logging
import resource
import signal
from typing import Final

import click

from agentspace.agent.parent_process import die_with_parent
from agentspace.cli.options import Seconds, log_option, set_up_logging, space_option
from agentspace.wire.address import parse

_GRACE: Final = 4.0  #: seconds that the server outlives its supervisor: the agents end first


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
@space_option
@log_option
def server(bind: str | None, lease: float, address: str, log_level: str) -> None:
    """Serve a space until SIGTERM or Ctrl-C.

    \b
    Examples:
      agentspace server
      agentspace server --space lab --bind 'tcp://*:7447'
    """  # noqa: D301
    from agentspace.server.server import Server

    set_up_logging("server", log_level)
    die_with_parent(_GRACE)
    where = parse(address)
    if not where.local:
        raise click.UsageError(
            f"a server has a local address; give {where.endpoint} as --bind, and a name as --space"
        )
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a descriptor for each client and each segment
    serving = Server(where, bind, lease)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: serving.stop())
    logging.getLogger("agentspace").info("serving %s", " and ".join(filter(None, (where.endpoint, serving.tcp))))
    try:
        gc.freeze()  # what is there now stays: the collector need not look through it again and again
        serving.run()
    finally:
        serving.close()
