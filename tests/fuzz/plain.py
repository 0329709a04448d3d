"""A fuzzer that is guided by nothing, and fast: ``python -m tests.fuzz.plain TARGET FOLDER SEED`` makes mutants.

It says what it does in the words of libFuzzer, and ends at the first failure, like that.
"""

from __future__ import annotations

import hashlib
import sys
import time
import traceback
from pathlib import Path

from tests.fuzz import corpus
from tests.fuzz.mutate import Mutator
from tests.fuzz.targets import TARGETS

TOLD = 5.0  # seconds between two lines
SLOW = 1.0  # CPU seconds for one input


def main() -> None:
    """Attacks a target until something fails."""
    name, folder, seed = sys.argv[1:]
    found = [path.read_bytes() for path in sorted(Path(folder).iterdir())]
    target, told = TARGETS[name], time.monotonic()
    for count, data in enumerate(Mutator([data for data in found if data], corpus.words(name), int(seed)), 1):
        begun = time.process_time()
        try:
            target(data)
            assert time.process_time() - begun < SLOW, "it takes too long"
        except Exception:
            traceback.print_exc()
            Path(folder).with_name(f"crash-{hashlib.sha1(data).hexdigest()}").write_bytes(data)
            sys.exit(1)
        if time.monotonic() - told > TOLD:
            told = time.monotonic()
            print(f"#{count}\tpulse", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
