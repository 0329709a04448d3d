"""The command that runs a program of the original Agent-Space, classic."""

from pathlib import Path

import click

from agentspace.cli.terminal.options import Seconds, address_of, log_option, set_up_logging, space_option
from agentspace.wire.address import parse


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("program", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("arguments", metavar="[ARGUMENT]...", nargs=-1, type=click.UNPROCESSED)
@click.option("-r", "--role", help="The role of the program, above those of its agents; by default by its name.")
@click.option(
    "--stop-timeout",
    type=Seconds(min=0),
    default=3.0,
    show_default=True,
    help="Seconds to end after it was asked to.",
)
@space_option
@click.option("--name", "space_name", metavar="NAME", help="The named space, as #NAME in the address.")
@log_option
@click.pass_context
def classic(
    ctx: click.Context,
    program: Path,
    arguments: tuple[str, ...],
    role: str | None,
    stop_timeout: float,
    address: str,
    space_name: str | None,
    log_level: str,
) -> None:
    """Run a PROGRAM written for the original Agent-Space, as it is.

    Its `from agentspace import Agent, space` gives the original's names, on a space of this library: each of its
    agents is a role there, which all commands see. It has a space of its own, which is empty at its start. With
    --space it shares one with other programs, of other machines too.

    \b
    Examples:
      agentspace classic main.py
      agentspace slots -s '#duck'                the slots of duck/main.py
      agentspace classic --space lab main.py     with others on the server "lab"
      agentspace classic --space tcp://robot:7447 viewer.py
    """  # noqa: D301
    from agentspace.classic.run import run_program

    set_up_logging(role or program.stem, log_level, only_ours=True)
    given = ctx.get_parameter_source("address") is click.core.ParameterSource.COMMANDLINE
    where = address_of(address, space_name)
    shares = bool(given or space_name or "#" in address)
    if not shares:
        where = parse(where.endpoint)
    code = run_program(program, arguments, where, shares=shares, role=role, stop_timeout=stop_timeout)
    ctx.exit(code)
