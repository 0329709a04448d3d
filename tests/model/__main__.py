"""`make model`: larger worlds than the tests have; ``python -m tests.model STATES`` ends each after so many."""

from __future__ import annotations

import sys
import time

from tests.model.search import Found, search
from tests.model.world import Bounds

LARGE = {
    "two changes, a swap, a crash, a failure": Bounds(writes=2, crashes=1, failures=1, swaps=1, jumps=1),
    "three processes, two forced swaps, a crash": Bounds(
        processes=3, writes=1, crashes=1, swaps=2, jumps=2, forced=True
    ),
    "three processes, a forced swap, a crash, a failure, a silence": Bounds(
        processes=3, writes=1, crashes=1, failures=1, silences=1, swaps=1, jumps=1, forced=True
    ),
    "one process, two changes, a restart": Bounds(processes=1, writes=2, crashes=0, restarts=1),
    "one process, a change, two restarts": Bounds(processes=1, writes=1, crashes=0, restarts=2),
    "a change, a restart": Bounds(writes=1, crashes=0, restarts=1),
    "a change, a failure, a restart": Bounds(writes=1, crashes=0, failures=1, restarts=1),
    "a change, a swap, a restart": Bounds(writes=1, crashes=0, swaps=1, restarts=1),
    "three processes, three changes, two crashes, a stop": Bounds(processes=3, writes=3, crashes=2, stops=1),
}


def main() -> int:
    """Searches all of them; the exit code is 1 if something is wrong."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 10**9
    begun, wrong = time.monotonic(), False
    for name, bounds in LARGE.items():

        def note(found: Found, name: str = name) -> None:
            print(f"{time.monotonic() - begun:6.0f} s  {name}: {found}", flush=True)

        found = search(bounds, most, note)
        note(found)
        wrong |= bool(found.wrong)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
