"""The command that makes a new project: new."""

import re
from pathlib import Path
from typing import Final

import click

from agentspace.errors import AgentspaceError

_TEMPLATE: Final = Path(__file__).parents[2] / "template"
_PLACEHOLDER: Final = "my_robot"  #: what the project is called in the template, in texts and in file names
_SUFFIX: Final = ".in"  #: of all files of the template, so that no tool takes them for a part of this package
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class ScaffoldError(AgentspaceError, ValueError):
    """A project cannot be made there, or not with that name."""


def scaffold(folder: Path) -> list[Path]:
    """Makes a project; it is called as its folder.

    Args:
        folder: Where; it may exist if it is empty.

    Returns:
        The files that were made, in the order of their names.

    Raises:
        ScaffoldError: The name is not one, or the folder cannot be made or is not empty. Nothing was written.
    """
    name = folder.absolute().name
    if not _NAME.fullmatch(name):
        raise ScaffoldError(
            f"{name!r} is not a name for a project: use letters, digits, '_' and '-', beginning with a letter"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = sorted(item.name for item in folder.iterdir())
    except OSError as error:
        raise ScaffoldError(f"cannot make the folder {folder}: {error.strerror}") from None
    if present:
        raise ScaffoldError(f"{folder} is not empty (it has {present[0]!r}): name a new folder")
    made = []
    for file in sorted(_TEMPLATE.rglob(f"*{_SUFFIX}"), key=lambda file: file.with_suffix("")):
        path = folder / str(file.relative_to(_TEMPLATE).with_suffix("")).replace(_PLACEHOLDER, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.read_text(encoding="utf-8").replace(_PLACEHOLDER, name), encoding="utf-8")
        made.append(path)
    return made


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def new(folder: Path) -> None:
    """Make a FOLDER with one agent, one launch file and one test that passes.

    \b
    Example:
      agentspace new my_robot
    """  # noqa: D301
    for file in scaffold(folder):
        click.echo(file)
    name = folder.absolute().name
    click.echo(f"\nNow: cd {folder} && agentspace launch launch/{name}.yaml    and: python -m pytest")
