"""Commands that measure how often slots are written, and how much: hz, bw."""

import itertools
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from agentspace.cli.terminal.options import Seconds, complete_slot, echo_json, json_option, space_option
from agentspace.cli.terminal.progress import tell_contact
from agentspace.cli.terminal.render import in_bytes, seconds
from agentspace.client.contact import Contact
from agentspace.client.space import connect
from agentspace.core.change import Kind
from agentspace.core.mailbox import Trigger
from agentspace.core.space import Watch
from agentspace.core.values.value import size_of
from agentspace.inspect.observer import INSPECTOR

_PERIOD: Final = 1.0  #: seconds between two lines
_PATIENCE: Final = 2.0  #: longest intervals after which who wrote is silent
_PULL: Final = 0.05  #: seconds for which changes collect: many in one message cost less


@dataclass(frozen=True)
class Intervals:
    """The times between arrivals, in a window.

    Attributes:
        rate: Arrivals per second; 0 if there are fewer than two.
        min: The shortest interval (s).
        max: The longest (s).
        std: Standard deviation (s).
        window: How many arrivals the window has.
        bandwidth: Bytes per second.
        silent: Seconds since the last arrival.
    """

    rate: float = 0.0
    min: float = 0.0
    max: float = 0.0
    std: float = 0.0
    window: int = 0
    bandwidth: float = 0.0
    silent: float = 0.0


class Rhythm:
    """Notes arrivals; tells their intervals.

    Args:
        window: How many arrivals count.
    """

    def __init__(self, window: int) -> None:
        self._arrivals: deque[tuple[float, int]] = deque(maxlen=window)

    def note(self, at: float, size: int = 0) -> None:
        """Something of a size (bytes) arrived at a time (s); never before what was noted last."""
        if self._arrivals:
            at = max(at, self._arrivals[-1][0])
        self._arrivals.append((at, size))

    def intervals(self, now: float) -> Intervals:
        """The intervals between the arrivals in the window; after a silence there is no rate."""
        times = [at for at, _ in self._arrivals]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        span = sum(gaps)
        silent = max(0.0, now - times[-1]) if times else 0.0
        if span <= 0 or silent > max(_PERIOD, _PATIENCE * max(gaps)):
            return Intervals(window=len(times), silent=silent)
        moved = sum(size for _, size in list(self._arrivals)[1:])
        std = statistics.pstdev(gaps)
        return Intervals(len(gaps) / span, min(gaps), max(gaps), std, len(times), moved / span, silent)


Lines = Callable[[str, Intervals], str]


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of both commands."""
    for option in (
        json_option,
        space_option,
        click.option("-t", "--timeout", type=Seconds(min=0), help="End after so many seconds."),
        click.option(
            "-w",
            "--window",
            type=click.IntRange(min=2),
            default=1000,
            show_default=True,
            help="Writes that count.",
        ),
        click.argument("names", metavar="SLOT...", nargs=-1, required=True, shell_complete=complete_slot),
    ):
        command = option(command)
    return command


@click.command()
@_options
def hz(**options: Any) -> None:
    """Measure how often slots are written, and how evenly, once a second until Ctrl-C. SLOT may be a glob.

    \b
    Examples:
      agentspace hz camera
      agentspace hz 'arm/*' --timeout 10 --json
    """  # noqa: D301
    _measure(_rate_line, **options)


@click.command()
@_options
def bw(**options: Any) -> None:
    """Measure how many bytes slots take, once a second until Ctrl-C. SLOT may be a glob.

    \b
    Examples:
      agentspace bw camera
      agentspace bw '*' --timeout 5 --json
    """  # noqa: D301
    _measure(_bandwidth_line, **options)


def _measure(
    line: Lines, names: tuple[str, ...], window: int, timeout: float | None, address: str, as_json: bool
) -> None:
    """Tells once a second what the intervals are; with JSON one document per second."""
    rhythms: dict[str, Rhythm] = {}
    with connect(address, INSPECTOR) as space:
        watches = [space.watch(name, Trigger.EVERY) for name in dict.fromkeys(names)]
        contact = Contact(space.watch)
        until = float("inf") if timeout is None else time.monotonic() + timeout
        for end in _periods(until):
            _collect(watches, rhythms, window, end)
            tell_contact(contact)
            now = time.monotonic()
            found = {name: rhythm.intervals(now) for name, rhythm in sorted(rhythms.items())}
            if contact.away:
                rhythms.clear()  # what is written meanwhile, nobody knows
                if not as_json:
                    click.echo(f"unknown: no sign of life from the server for {seconds(contact.silent)}")
            elif as_json:
                echo_json({name: vars(intervals) for name, intervals in found.items()})
            else:
                _print(found, names, line)
        lost = sum(watch.overflow for watch in watches)
    if lost:
        click.echo(f"agentspace: {lost} writes were lost: this reader was too slow", err=True)


def _periods(until: float) -> Iterator[float]:
    """When each second ends; the last one is cut off."""
    end = time.monotonic()
    while end < until:
        end = min(end + _PERIOD, until)
        yield end


def _collect(watches: Sequence[Watch], rhythms: dict[str, Rhythm], window: int, until: float) -> None:
    """Notes every write until a time comes. What was there before it began has no interval to tell."""
    share = _PULL / len(watches)
    while (left := until - time.monotonic()) > 0:
        for watch in watches:
            entries = watch.next(min(share, max(0.0, left))) or ()
            now = time.monotonic()
            for entry in entries:
                if entry.kind is Kind.WRITTEN:
                    rhythms.setdefault(entry.name, Rhythm(window)).note(now - entry.age, size_of(entry.value))


def _print(found: dict[str, Intervals], names: tuple[str, ...], line: Lines) -> None:
    if not found:
        click.echo(f"{', '.join(names)}: nothing was written yet")
    width = max(map(len, found), default=0)
    for name, intervals in found.items():
        click.echo(f"{name:<{width}}  {line(name, intervals) if intervals.rate > 0 else _still(intervals)}")


def _still(found: Intervals) -> str:
    """Words for a slot that is not written now."""
    return f"{'written once' if found.window < 2 else 'silent: last written'} {seconds(found.silent)} ago"


def _rate_line(_: str, found: Intervals) -> str:
    jitter = f"min {seconds(found.min)}  max {seconds(found.max)}  std {_fine(found.std)}"
    return f"{found.rate:8.2f} Hz   {jitter}  window {found.window}"


def _bandwidth_line(_: str, found: Intervals) -> str:
    return f"{in_bytes(found.bandwidth)}/s  {found.rate:.2f} Hz  mean {in_bytes(found.bandwidth / found.rate)}"


def _fine(time_span: float) -> str:
    return f"{1e3 * time_span:.2f} ms" if time_span < 1 else seconds(time_span)
