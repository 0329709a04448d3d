"""The command that runs a program of the original Agent-Space, classic."""

import click

from agentspace.cli.terminal.options import Seconds, address_of, log_option, set_up_logging, space_option
from agentspace.wire.address import parse


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("program", type=click.Path())
@click.argument("arguments", metavar="[ARGUMENT]...", nargs=-1, type=click.UNPROCESSED)
@click.option("-m", "--module", "is_module", is_flag=True, help="PROGRAM is a module, as for python -m.")
@click.option("-r", "--role", help="The role of the program, above those of its agents; by default by its name.")
@click.option(
    "--stop-timeout",
    type=Seconds(min=0),
    default=3.0,
    show_default=True,
    help="Seconds to end after it was asked to.",
)
@click.option(
    "--translate",
    "translated",
    metavar="SLOT=HOW",
    multiple=True,
    help="What the program says in another way than others: SLOT=rgb, for pictures that are BGR there; "
    "SLOT=WORD,WORD,..., for its numbers 0, 1, ... May be given several times.",
)
@space_option
@click.option("--name", "space_name", metavar="NAME", help="The named space, as #NAME in the address.")
@log_option
@click.pass_context
def classic(
    ctx: click.Context,
    program: str,
    arguments: tuple[str, ...],
    is_module: bool,
    role: str | None,
    stop_timeout: float,
    translated: tuple[str, ...],
    address: str,
    space_name: str | None,
    log_level: str,
) -> None:
    """Run a PROGRAM written for the original Agent-Space, as it is.

    PROGRAM is a file, its folder (with __main__.py or main.py), or with -m a module; it runs as it does with
    python, in the folder where you are: relative names in it and in its ARGUMENTs are meant from there.

    Its `from agentspace import Agent, space` gives the original's names, on a space of this library: each of its
    agents is a role there, which all commands see. It has a space of its own, which is empty at its start. With
    --space it shares one with other programs, of other machines too.

    \b
    Examples:
      agentspace classic main.py
      agentspace classic duck/ data/video.mp4    duck/main.py, with an argument
      agentspace classic -m robot.demo --fast
      agentspace slots -s '#duck'                the slots of duck/main.py
      agentspace ps -s '#duck'                   its agents; `stop`, `inspect`, `record` likewise
      agentspace classic --space lab main.py     with others on the server "lab"
      agentspace classic --space tcp://robot:7447 viewer.py
      agentspace classic --space lab --translate camera=rgb --translate mode=acquire,use main.py
    """  # noqa: D301
    from agentspace.classic.run import run_program
    from agentspace.classic.script import script_of, script_of_module
    from agentspace.classic.space import OBJECTS
    from agentspace.classic.translation import translations

    OBJECTS.translations = translations(translated)
    script = script_of_module(program) if is_module else script_of(program)
    set_up_logging(role or script.file.stem, log_level, only_ours=True)
    given = ctx.get_parameter_source("address") is click.core.ParameterSource.COMMANDLINE
    where = address_of(address, space_name)
    shares = bool(given or space_name or "#" in address)
    if not shares:
        where = parse(where.endpoint)
    code = run_program(script, arguments, where, shares=shares, role=role, stop_timeout=stop_timeout)
    ctx.exit(code)
