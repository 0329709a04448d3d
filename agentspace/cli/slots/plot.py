"""The command that draws slots over time in the terminal: plot."""

import itertools
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import click
import numpy as np

from agentspace.cli.slots.part import PartError, ValuePart, complete_part, find_part, holds_something
from agentspace.cli.terminal.options import Seconds, space_option
from agentspace.cli.terminal.render import console
from agentspace.cli.terminal.render import seconds as duration
from agentspace.client.contact import Contact
from agentspace.client.space import RemoteSpace, connect
from agentspace.core.mailbox import Trigger
from agentspace.core.space import Entry, Watch
from agentspace.core.values.names import check_name
from agentspace.core.values.value import Value, describe
from agentspace.inspect.curves import Sample, draw
from agentspace.inspect.observer import INSPECTOR

if TYPE_CHECKING:
    from rich.text import Text

_NUMBERS: Final = (bool, int, float, np.bool_, np.integer, np.floating)
_DEEP: Final = 3  #: dicts in dicts
FEW: Final = 8  #: curves of one slot
_SAMPLES: Final = 20_000  #: that a curve keeps
_FRAME: Final = 0.2  #: seconds between two pictures
_LOOKS: Final = 2.0  #: seconds for one picture, where there is no terminal
_COLOURS: Final = ("cyan", "yellow", "green", "magenta", "blue", "red", "bright_cyan", "bright_yellow")


@dataclass
class Followed:
    """A slot, or a part of one, and the curves of its numbers.

    Attributes:
        part: What is followed.
        curves: By the name of each: samples on this machine's monotonic clock.
        newest: The newest numbers; None where there is none.
        note: Why there are no curves, if there is a reason.
        at: When the slot was written last (s, monotonic); None if nothing is known.
    """

    part: ValuePart
    curves: dict[str, deque[Sample]] = field(default_factory=dict)
    newest: dict[str, float | None] = field(default_factory=dict)
    note: str = "empty"
    at: float | None = None

    def take(self, entry: Entry, now: float) -> None:
        """A change of the slot."""
        if entry.kind != "written":
            self.gap(now, "held empty" if entry.kind == "deleted" and entry.time_left else str(entry.kind))
            return
        try:
            numbers = numbers_in(self.part.of(entry.value), self.part.slot + self.part.path)
        except PartError as error:
            self.gap(now, str(error))
            return
        self.at, self.note = now - entry.age, ""
        for name in [name for name in self.curves if name not in numbers]:
            self._add(name, self.at, None)
        for name, number in numbers.items():
            self._add(name, self.at, number)

    def gap(self, now: float, why: str) -> None:
        """From now on nothing is known, or there is nothing."""
        self.note = why
        for name in self.curves:
            self._add(name, now, None)

    def _add(self, name: str, at: float, number: float | None) -> None:
        samples = self.curves.setdefault(name, deque(maxlen=_SAMPLES))
        samples.append((max(at, samples[-1][0]) if samples else at, number))
        self.newest[name] = number


def numbers_in(value: Value, name: str) -> dict[str, float]:
    """The numbers of a value, each with its name.

    Raises:
        PartError: There is none, or there are too many.
    """
    found = dict(_numbers(value, name, 0))
    if not found:
        raise PartError(f"{describe(value)}: no number to plot")
    if len(found) > FEW:
        raise PartError(f"{describe(value)}: more than {FEW} numbers; name some, such as '{name}[0:{FEW}]'")
    return found


def _numbers(value: Value, name: str, depth: int) -> Iterator[tuple[str, float]]:
    if isinstance(value, _NUMBERS):
        yield name, _as_float(value)
    elif isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        for index in itertools.islice(np.ndindex(value.shape), FEW + 1):
            yield f"{name}[{', '.join(map(str, index))}]" if index else name, _as_float(value[index])
    elif isinstance(value, dict) and depth < _DEEP:
        for key, item in value.items():
            yield from _numbers(item, f"{name}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        numbers = [(place, item) for place, item in enumerate(value) if isinstance(item, _NUMBERS)]
        yield from ((f"{name}[{place}]", _as_float(item)) for place, item in numbers[: FEW + 1])


def _as_float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        bits = number.bit_length()
        raise PartError(f"an int of {bits} bits is too large to plot; floats end at 1.8e308") from None


@click.command()
@click.argument("names", metavar="SLOT...", nargs=-1, required=True, shell_complete=complete_part)
@click.option(
    "--seconds", "span", type=Seconds(min=0.1), default=20.0, show_default=True, help="The time that is shown."
)
@click.option("-t", "--timeout", type=Seconds(min=0), help="End after so many seconds.")
@space_option
def plot(names: tuple[str, ...], span: float, timeout: float | None, address: str) -> None:
    """Draw the numbers in slots over time, until Ctrl-C. SLOT may name a part: arm[0], state.speed.

    A list, array or dict of numbers has a line for each, up to 8. There are gaps where a slot was empty or
    expired, and where nothing was heard of the server. Without a terminal it looks for 2 s (or --timeout), prints
    one picture, and ends.

    \b
    Examples:
      agentspace plot speed
      agentspace plot 'icub/encoders[0:4]' --seconds 60
      agentspace plot camera/state.pictures camera/state.lost
    """  # noqa: D301
    with connect(address, INSPECTOR) as space:
        try:
            followed = [_followed(space, name) for name in dict.fromkeys(names)]
        except PartError as error:
            raise click.UsageError(str(error)) from None
        _run(_Plot(space, followed, span), timeout)


def _followed(space: RemoteSpace, name: str) -> Followed:
    """The slot of that name, or its part.

    Raises:
        PartError: It is no part.
        SlotNameError: It is no name of a slot.
    """
    part = find_part(name, lambda slot: holds_something(space, slot)) or ValuePart(name)
    check_name(part.slot)
    return Followed(part)


def _run(plotted: "_Plot", timeout: float | None) -> None:
    from rich.live import Live

    shown = console()
    if not shown.is_terminal:
        plotted.look_once(_LOOKS if timeout is None else timeout)
        shown.width = 80
        shown.print(plotted.picture(80, 24), soft_wrap=True)
        return
    until = float("inf") if timeout is None else time.monotonic() + timeout
    with Live(console=shown, screen=True, auto_refresh=False) as live:
        while time.monotonic() < until:
            plotted.look(time.monotonic() + _FRAME)
            size = shutil.get_terminal_size()
            live.update(plotted.picture(size.columns, size.lines, cut=True), refresh=True)


class _Plot:
    """What is followed, and its picture."""

    def __init__(self, space: RemoteSpace, followed: list[Followed], span: float) -> None:
        self._followed = followed
        self._span = span
        slots = dict.fromkeys(item.part.slot for item in followed)
        self._watches: Mapping[str, Watch] = {slot: space.watch(slot, Trigger.EVERY) for slot in slots}
        self._contact = Contact(space.watch)
        self._encoding = sys.stdout.encoding or "ascii"  # what rich puts in its place has none

    def look(self, until: float) -> None:
        """Takes what comes, until a time (s, monotonic)."""
        while True:
            share = max(0.0, min(0.05, until - time.monotonic())) / len(self._watches)
            for slot, watch in self._watches.items():
                self._take(slot, watch.next(share) or ())
            if self._contact.look() and self._contact.away:
                for item in self._followed:
                    item.gap(self._contact.heard, "unknown")
            if time.monotonic() >= until:
                return

    def look_once(self, seconds: float) -> None:
        """Takes what comes for some time; the picture shows no more than that."""
        self._span = max(0.1, min(self._span, seconds))
        self.look(time.monotonic() + seconds)

    def _take(self, slot: str, entries: Any) -> None:
        for entry in entries:
            for item in self._followed:
                if item.part.slot == slot:
                    item.take(entry, time.monotonic())

    def picture(self, width: int, height: int, cut: bool = False) -> "Text":
        """The curves, their names, and how old what is shown is."""
        from rich.text import Text

        now = time.monotonic()
        named = [(name, samples) for item in self._followed for name, samples in item.curves.items()]
        legend = self._legend(now)
        room = max(3, height - len(legend) - 2)
        drawn = draw([samples for _, samples in named], now - self._span, now, max(10, width - 12), room)
        text = Text(no_wrap=True, end="")
        for number, row in enumerate(drawn.rows):
            label = {0: f"{drawn.high:.4g}", room - 1: f"{drawn.low:.4g}"}.get(number, "")
            text.append(f"{label if named else '':>10.10} {_sign('│', self._encoding)}", "dim")
            for curve, cells in itertools.groupby(row, key=lambda cell: cell.curve):
                lives = curve >= 0 and not self._contact.away
                style = _COLOURS[curve % len(_COLOURS)] if lives else "dim"
                text.append("".join(_sign(cell.sign, self._encoding) for cell in cells), style)
            text.append("\n")
        left = f"{-self._span:g} s"
        text.append(f"{'':11}{left}{'now':>{max(4, width - 12 - len(left))}}", "dim")
        for line in legend:
            if cut:
                line.truncate(width)
            text.append("\n").append_text(line)
        return text

    def _legend(self, now: float) -> "list[Text]":
        from rich.text import Text

        lines, number = [], 0
        if self._contact.away:
            since = f"for {duration(self._contact.silent)}; waiting for it"
            lines.append(Text(f"no sign of life from the server {since}", "bold red"))
        for item in self._followed:
            age = "" if item.at is None else f"  {duration(now - item.at)} ago"
            for name in item.curves:
                newest = item.newest.get(name)
                told = item.note or ("none" if newest is None else f"{newest:.6g}")
                style = "dim" if newest is None or self._contact.away else _COLOURS[number % len(_COLOURS)]
                lines.append(Text(f"{_sign('━━', self._encoding)} {name}  {told}{age}", style, no_wrap=True))
                number += 1
            if not item.curves:
                lines.append(Text(f"   {item.part.slot}{item.part.path}  {item.note}", "dim", no_wrap=True))
        return lines


def _sign(sign: str, encoding: str) -> str:
    """The sign, or a plain one where the terminal has no other."""
    try:
        sign.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return {"│": "|", "━━": "--"}.get(sign, "*")
    return sign
