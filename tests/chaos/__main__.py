"""``python -m tests.chaos``: faults without end, checked."""

from __future__ import annotations

import math
import random
import sys

import click

from tests.chaos.run import run
from tests.chaos.schedule import WEIGHTS


@click.command()
@click.option("--seed", type=int, default=None, help="Of the schedule; by default another one each time.")
@click.option("--faults", type=click.IntRange(1), default=1000, show_default=True, help="How many.")
@click.option("--seconds", type=float, default=math.inf, help="No faults after that.")
@click.option(
    "--only", multiple=True, type=click.Choice(list(WEIGHTS)), help="Faults of this kind, and others so named."
)
def main(seed: int | None, faults: int, seconds: float, only: tuple[str, ...]) -> None:
    """Lets faults come over a constellation, and checks what all its clients noted; 1 if something was wrong."""
    chosen = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    print(f"seed {chosen}", flush=True)
    report = run(chosen, faults, seconds, only, lambda line: print(line, flush=True))
    print(report)
    if report.violations:
        print(f"python -m tests.chaos --seed {chosen} --faults {faults}; histories and logs: {report.folder}")
    sys.exit(bool(report.violations))


if __name__ == "__main__":
    main()
