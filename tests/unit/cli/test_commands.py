"""The table of all commands: complete, and read without importing what they need."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import click

from agentspace.cli import main, roles, slots, tools


def defined() -> Iterator[click.Command]:
    """The commands that modules of the command line define, without those of inner groups."""
    for room in (roles, slots, tools):
        for info in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            items = vars(importlib.import_module(info.name)).values()
            found = [item for item in items if isinstance(item, click.Command)]
            inner = {id(one) for item in found if isinstance(item, click.Group) for one in item.commands.values()}
            yield from (item for item in found if id(item) not in inner)


def test_every_command_is_in_the_table() -> None:
    """What a module defines is found by its name, and what the table names is defined."""
    commands = dict(main.commands)
    found = {id(command) for command in commands.values()}
    assert {command.name for command in defined() if id(command) not in found} == set()
    assert {name for name, command in commands.items() if name != command.name} == set()
    assert len(main.commands) == len(commands) == len(found)
