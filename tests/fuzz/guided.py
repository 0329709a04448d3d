"""A fuzzer that is guided by what it reaches: libFuzzer, by way of atheris, which `make fuzz` installs.

``python -m tests.fuzz.guided TARGET [FOLDER OPTION ...]`` runs it on one core; see `tests.fuzz.run` for all.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["agentspace", "agents", "models", "tests.fuzz", "yaml", "mcap"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Attacks a target until libFuzzer has enough."""
    program, name, *options = sys.argv
    atheris.Setup([program, *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
