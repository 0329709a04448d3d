"""The group of all commands, and what becomes of errors."""

import sys
from typing import Any

import click
from click.shell_completion import get_completion_class

from agentspace.cli import agent, inspect, launch, ps, rates, read, record, replay, scaffold, server, swap, write
from agentspace.cli.exits import INTERRUPTED, exit_code
from agentspace.errors import AgentspaceError, LaunchError
from agentspace.version import __version__


class _Commands(click.Group):
    """Turns the library's errors into one message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AgentspaceError as error:
            mark = "" if isinstance(error, LaunchError) else "agentspace: "  # editors look for FILE:LINE:COLUMN
            click.echo(f"{mark}{error}", err=True)
            ctx.exit(exit_code(error))
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", prog_name="agentspace")
def main() -> None:
    """A blackboard for robots: agents read and write named slots, and run when slots change.

    \b
    Examples:
      agentspace launch launch/mirror.yaml        start a constellation
      agentspace slots                            what is on the blackboard
      agentspace watch 'arm/*'                    follow it
      agentspace write act '[0.1, -0.3]' --priority 5 --validity 2
      agentspace ps                               who is at work
      agentspace inspect                          all of it, live
      agentspace stop --all                       end it

    \b
    Exit codes:
      0  done           3  no server answers
      1  failed         4  the write was refused
      2  wrong usage, file or value
      5  the slot is empty
      130  interrupted
    """  # noqa: D301  (\b is click's mark for text that is not wrapped)


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Example:
      eval "$(agentspace completion bash)"
    """  # noqa: D301
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    sys.stdout.write(found(main, {}, "agentspace", "_AGENTSPACE_COMPLETE").source() + "\n")


for _module in (launch, server, agent, scaffold, ps, read, write, swap, inspect, rates, record, replay):
    for _command in vars(_module).values():
        if isinstance(_command, click.Command):
            main.add_command(_command)
