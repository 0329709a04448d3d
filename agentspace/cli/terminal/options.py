"""Options that several commands share, what they mean, and what completes arguments."""

import ast
import contextlib
import logging
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from agentspace.agent.parent_process import PARENT_VARIABLE
from agentspace.client.account import SpaceAccount
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.setting import Setting
from agentspace.core.values.shown import json_line
from agentspace.errors import AgentspaceError
from agentspace.wire.address import Address, parse

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)  #: one that exists
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
log_option = click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    envvar="AGENTSPACE_LOG_LEVEL",
    help="Log no less than this.",
)


class Seconds(click.FloatRange):
    """A duration that ends."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number of seconds."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return number


def space_option(command: F) -> F:
    """``--space``."""
    return click.option(
        "-s",
        "--space",
        "address",
        metavar="ADDRESS",
        default="",
        envvar="AGENTSPACE_SPACE",
        help="A name, ipc:///PATH or tcp://HOST:PORT, each with or without #SPACE; by default 'default'.",
    )(command)


def address_of(address: str, space_name: str | None) -> Address:
    """The address that ``--space`` and ``--name`` mean together."""
    where = parse(address)
    return where if space_name is None else parse(f"{where.endpoint}#{space_name}")


def set_up_logging(role: str, level: str, *, only_ours: bool = False) -> None:
    """Log lines name the role, unless a supervisor puts its own mark before them.

    Args:
        role: The role.
        level: Of what is logged.
        only_ours: What others log is their own business: a program sets that up by itself.
    """
    mark = "" if os.environ.get(PARENT_VARIABLE) else f"{role}: "
    handler = logging.StreamHandler()
    handler.setFormatter(
        logging.Formatter(f"%(asctime)s.%(msecs)03d %(levelname)-7s {mark}%(message)s", "%H:%M:%S")
    )
    if only_ours:
        ours = logging.getLogger("agentspace")
        ours.addHandler(handler)
        ours.setLevel(level.upper())
        ours.propagate = False
    else:
        logging.basicConfig(level=level.upper(), handlers=[handler])


def echo_json(data: Any) -> None:
    """Prints one line of JSON."""
    click.echo(json_line(data))


def from_space(ctx: click.Context, ask: Callable[[RemoteSpace], T]) -> T | None:
    """What a space tells, for completion; None if it does not answer at once."""
    with contextlib.suppress(AgentspaceError), connect(ctx.params.get("address") or "", patience=1.0) as space:
        return ask(space)
    return None


def explain(setting: Setting) -> str:
    """A setting in words: its type, what it means, and which values are valid."""
    limits = [*setting.bounds, *([f"one of {', '.join(map(str, setting.choices))}"] if setting.choices else [])]
    text = "; ".join(filter(None, [setting.type.__name__, setting.help]))
    return text + (f" ({', '.join(limits)})" if limits else "")


def complete_slot(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The slots that exist now."""
    mask = "_*" if incomplete.startswith("_") else "*"
    found = from_space(ctx, lambda space: list(space.snapshot(mask))) or []
    return [CompletionItem(name) for name in found if name.startswith(incomplete)]


def complete_role(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The roles that exist now."""
    found = from_space(ctx, lambda space: list(SpaceAccount.of(space).everybody)) or []
    return [CompletionItem(name) for name in found if name.startswith(incomplete)]


def complete_agent(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The classes in the folder ``agents`` of the project, as its files name them: nothing is imported."""
    folder = Path(ctx.params.get("project") or ".") / "agents"
    found = [f"agents.{file.stem}:{name}" for file in sorted(folder.glob("[a-z]*.py")) for name in _classes(file)]
    return [CompletionItem(spec) for spec in found if spec.startswith(incomplete)]


def _classes(file: Path) -> list[str]:
    """The classes of a file that derive from others, as agents do."""
    try:
        body = ast.parse(file.read_text()).body
    except (OSError, SyntaxError, ValueError):
        return []
    return [node.name for node in body if isinstance(node, ast.ClassDef) and node.bases and node.name[0] != "_"]
