"""Clients that fill no role: one on another machine, as it were, and one that reads slowly. They never give up."""

from __future__ import annotations

import sys
import time

from agentspace import AgentspaceError, RemoteSpace, Trigger, connect
from agentspace.agent.parent_process import die_with_parent
from tests.chaos.agents import PERIOD, Scribe

SLOTS = ("shared/voice", "count/counter", "remote")


def remote(scribe: Scribe, space: RemoteSpace) -> None:
    """Writes and reads over a link that is cut now and then."""
    number = 0
    while True:
        number += 1
        scribe.write("remote", number)
        for slot in SLOTS:
            scribe.read(slot)
        time.sleep(PERIOD)


def watcher(scribe: Scribe, space: RemoteSpace) -> None:
    """Follows each change of slots that are written often."""
    with space.watch("number/*", Trigger.EVERY) as changes:
        for entry in changes:
            scribe.see(entry)


def main(name: str, address: str, folder: str) -> None:
    """Works until it is killed."""
    die_with_parent()
    work = {"remote": remote, "watcher": watcher}[name]
    while True:
        try:
            with connect(address, name, timeout=5.0) as space:
                scribe = Scribe(folder, name, space)
                try:
                    work(scribe, space)
                finally:
                    scribe.history.close()
        except AgentspaceError as error:
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            time.sleep(PERIOD)


if __name__ == "__main__":
    main(*sys.argv[1:4])
