"""Telling how something goes that takes its time, and ending it by a signal."""

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

import click

from agentspace.client.contact import Contact

_PERIOD: Final = 0.5  #: seconds between two lines of progress


class Line:
    """A line of progress on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._next = 0.0
        self._shown = sys.stderr.isatty()

    def show(self, text: Callable[[], str]) -> None:
        """Shows it, if it is time to."""
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + _PERIOD
            click.echo(f"\r\x1b[K{text()}", nl=False, err=True)

    def clear(self) -> None:
        """Takes it away."""
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)


def tell_contact(contact: Contact) -> None:
    """Says, beside what a command prints, when its server falls silent and when it is back."""
    news = contact.look()
    if news is not None:
        click.echo(f"agentspace: {news}", err=True)


@contextlib.contextmanager
def until_signal(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM stop what goes on; the list has the signals that came."""
    came: list[int] = []

    def handle(number: int, frame: object) -> None:
        came.append(number)
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
