"""Commands that change slots: write, delete."""

import json
import math
from pathlib import Path

import click
import numpy as np

from agentspace.cli.terminal.exits import REFUSED
from agentspace.cli.terminal.options import complete_slot, echo_json, json_option, space_option
from agentspace.client.space import connect
from agentspace.core.change import Decision, Refused
from agentspace.core.values.shown import parse_value, to_array
from agentspace.core.values.value import Value


class _WriteCommand(click.Command):
    """Takes negative numbers for values, and not for a row of options of one letter."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = [each for each in self.params if isinstance(each, click.Option) and not each.is_flag]
        takers = {name for option in options for name in option.opts}
        before = ["", *args]
        found = [at for at, word in enumerate(args) if _is_negative(word) and before[at] not in takers]
        if found and "--" not in args:
            others = [word for at, word in enumerate(args) if at not in found]
            args = [*others, "--", *(args[at] for at in found)]
        return super().parse_args(ctx, args)


def _is_negative(word: str) -> bool:
    """Whether a word of the command line is a number with a sign.

    >>> [_is_negative(word) for word in ("-1", "-1e-3", "-Infinity", "-p", "7")]
    [True, True, True, False, False]
    """
    try:
        return word.startswith("-") and not math.isnan(float(word))
    except ValueError:
        return False


@click.command(cls=_WriteCommand, context_settings={"ignore_unknown_options": True})
@click.argument("name", shell_complete=complete_slot)
@click.argument("value", required=False)
@click.option("-p", "--priority", type=float, default=0.0, help="Accepted if at least that of the present holder.")
@click.option("-v", "--validity", type=float, help="Seconds; by default for ever.")
@click.option("-d", "--delay", type=float, default=0.0, help="Seconds until it becomes readable.")
@click.option("-a", "--array", metavar="DTYPE", help="Make an array of that dtype of VALUE, such as float32.")
@click.option("-t", "--text", is_flag=True, help="VALUE is text, even if it begins like JSON.")
@click.option(
    "-f", "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Take a .npy or .json file."
)
@space_option
@json_option
def write(
    name: str,
    value: str | None,
    priority: float,
    validity: float | None,
    delay: float,
    array: str | None,
    text: bool,
    file: Path | None,
    address: str,
    as_json: bool,
) -> None:
    """Write VALUE to the slot NAME; exit code 4 if it is refused.

    VALUE is JSON; what does not begin like JSON is text: words need no quotation marks. To begin like JSON is to
    begin with [ { " or a number. True, False and None are taken for slips of true, false and null.

    \b
    Examples:
      agentspace write mode use
      agentspace write version --text 3rd
      agentspace write act '[0.1, -0.3]' --priority 5 --validity 2
      agentspace write camera --file image.npy --validity 1
    """  # noqa: D301
    if (value is None) == (file is None):
        raise click.UsageError("give a VALUE or a --file, one of both")
    given = value or ""
    parsed = given if text else _from_file(file) if file is not None else parse_value(given, "add --text")
    if array is not None:
        parsed = to_array(parsed, array)
    with connect(address) as space:
        _tell(space.write(name, parsed, validity, priority, delay), as_json)


def _from_file(file: Path) -> Value:
    try:
        return (
            json.loads(file.read_text(encoding="utf-8"))
            if file.suffix == ".json"
            else np.load(file, allow_pickle=False)
        )
    except (OSError, ValueError, EOFError, RecursionError, MemoryError) as error:
        raise click.UsageError(f"{file} is no value: {error}") from None


@click.command()
@click.argument("name", shell_complete=complete_slot)
@click.option("-p", "--priority", type=float, default=0.0, help="Accepted if at least that of the present holder.")
@click.option("-v", "--validity", type=float, help="Hold the slot empty for so many seconds.")
@space_option
@json_option
def delete(name: str, priority: float, validity: float | None, address: str, as_json: bool) -> None:
    """Empty the slot NAME; with a validity, hold it empty against lower priorities.

    \b
    Examples:
      agentspace delete act
      agentspace delete joints --priority 100 --validity 5
    """  # noqa: D301
    with connect(address) as space:
        _tell(space.delete(name, priority, validity), as_json)


def _tell(decision: Decision, as_json: bool) -> None:
    if isinstance(decision, Refused):
        if as_json:
            held = {"held_priority": decision.held_priority, "time_left": decision.time_left}
            echo_json({"accepted": False, "holder": str(decision.holder), **held})
        click.echo(f"agentspace: {decision}", err=True)
        raise click.exceptions.Exit(REFUSED)
    if as_json:
        echo_json({"accepted": True, "name": decision.name, "revision": decision.revision})
