"""The group of all commands, and what becomes of errors."""

import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any, Final

import click
from click.shell_completion import get_completion_class

from agentspace import early
from agentspace.cli.terminal import streams
from agentspace.cli.terminal.exits import FAILED, INTERRUPTED, exit_code
from agentspace.errors import AgentspaceError, LaunchError
from agentspace.version import __version__

_MODULES: Final = {
    "agentspace.cli.roles.agent": ("agent", "describe"),
    "agentspace.cli.roles.classic": ("classic",),
    "agentspace.cli.roles.launch": ("launch", "schema"),
    "agentspace.cli.roles.orders": ("restart", "start"),
    "agentspace.cli.roles.parameters": ("get", "set"),
    "agentspace.cli.roles.ps": ("ps", "stop"),
    "agentspace.cli.roles.server": ("server",),
    "agentspace.cli.roles.swap": ("swap",),
    "agentspace.cli.slots.plot": ("plot",),
    "agentspace.cli.slots.rates": ("bw", "hz"),
    "agentspace.cli.slots.read": ("read", "slots", "watch"),
    "agentspace.cli.slots.write": ("delete", "write"),
    "agentspace.cli.tools.bench": ("bench",),
    "agentspace.cli.tools.clean": ("clean",),
    "agentspace.cli.tools.inspect": ("doctor", "graph", "inspect", "top"),
    "agentspace.cli.tools.keys": ("keys",),
    "agentspace.cli.tools.logs": ("logs",),
    "agentspace.cli.tools.record": ("record",),
    "agentspace.cli.tools.replay": ("replay",),
    "agentspace.cli.tools.scaffold": ("new",),
    "agentspace.cli.tools.store": ("store",),
}  #: the commands of each module


class _Loaded(MutableMapping[str, click.Command]):
    """All commands by name; the module of one is imported when it is asked for.

    A server that has died is missed until the next one has imported what it needs: that is not to be everything.
    """

    def __init__(self) -> None:
        self._modules = {name: module for module, names in _MODULES.items() for name in names}
        self._own: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._own:
            items = vars(import_module(self._modules[name])).values()
            self._own[name] = next(it for it in items if isinstance(it, click.Command) and it.name == name)
        return self._own[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._own[name] = command

    def __delitem__(self, name: str) -> None:
        del self._own[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._own, **self._modules})

    def __len__(self) -> int:
        return len({**self._own, **self._modules})


class _Commands(click.Group):
    """Turns the library's errors, and those of what it prints to, into one message and an exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        streams.soften()
        try:
            try:
                return super().main(*args, **extra)
            finally:
                streams.flush()
        except BrokenPipeError:
            streams.mute()
            sys.exit(streams.PIPE_CLOSED)
        except OSError as error:
            streams.mute()
            click.echo(f"agentspace: {error.filename or 'cannot print'}: {error.strerror or error}", err=True)
            sys.exit(FAILED)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        try:
            return super().make_context(*args, **extra)
        except KeyboardInterrupt:  # while it reads the command line; click would call both a failure
            raise click.exceptions.Exit(INTERRUPTED) from None
        except BrokenPipeError:  # of a help text
            streams.mute()
            raise click.exceptions.Exit(streams.PIPE_CLOSED) from None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        found = super().resolve_command(ctx, args)  # imports it
        if not ctx.resilient_parsing:  # nor is anything run
            early.give_back()
        return found

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AgentspaceError as error:
            mark = "" if isinstance(error, LaunchError) else "agentspace: "  # editors look for FILE:LINE:COLUMN
            click.echo(f"{mark}{error}", err=True)
            ctx.exit(exit_code(error))
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:  # click would call it a failure
            streams.mute()
            ctx.exit(streams.PIPE_CLOSED)


@click.group(
    cls=_Commands,
    commands=_Loaded(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
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
      agentspace set camera rate=15               change an agent while it runs
      agentspace stop --all                       end it

    \b
    Exit codes:
      0  done           3  no server answers
      1  failed         4  the write was refused
      2  wrong usage, file or value
      5  the slot is empty
      130  interrupted
      141  who read what it printed has had enough
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
