"""Options that several commands share, and what completes their arguments."""

from __future__ import annotations

import ast
import contextlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from agentspace.client.space import RemoteSpace, connect
from agentspace.errors import AgentspaceError

F = TypeVar("F", bound=Callable[..., Any])


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


def json_option(command: F) -> F:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def echo_json(data: Any) -> None:
    """Prints one line of JSON."""
    click.echo(json.dumps(data, ensure_ascii=False))


def _from_space(ctx: click.Context, names: Callable[[RemoteSpace], list[str]]) -> list[str]:
    with contextlib.suppress(AgentspaceError), connect(ctx.params.get("address") or "", patience=1.0) as space:
        return names(space)
    return []


def complete_slot(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The slots that exist now."""
    mask = "_*" if incomplete.startswith("_") else "*"
    found = _from_space(ctx, lambda space: list(space.snapshot(mask)))
    return [CompletionItem(name) for name in found if name.startswith(incomplete)]


def complete_role(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The roles that exist now."""
    found = _from_space(ctx, lambda space: [name.removeprefix("_/roles/") for name in space.snapshot("_/roles/*")])
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
