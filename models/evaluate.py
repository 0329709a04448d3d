"""Measure how well the robot learns to imitate, as tables, plots and JSON.

    python -m models.evaluate mirror                          # extractors, decoders, numbers of pairs
    python -m models.evaluate robustness --seeds 10           # other light, walls, cameras
    python -m models.evaluate human                           # other people, rooms, places
    python -m models.evaluate human --own FOLDER              # you, in photographs: see models.study.people.own
    python -m models.evaluate presence --things FOLDER        # who takes things for people
    python -m models.evaluate speed                           # milliseconds
    python -m models.evaluate online                          # launch/mirror.yaml, compared with the functions
    python -m models.evaluate bars                            # what was aimed at, and what came out
    python -m models.evaluate all --write docs/learning/measured.md    # all of them, into the page

Each seed is a robot with postures and noises of its own; a cell is the mean of the robots' mean errors, and half
of the 95 % confidence interval of it (Student's t). With --quick everything is small: it shows that it works, no
more. Pictures, features and results are kept in the cache, so that repeating is quick, and Ctrl-C loses nothing.
"""

import dataclasses
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from models.cli import PATH, command
from models.files.cache import cache_folder
from models.study.candidate import Candidate
from models.study.plan import QUICK, Plan
from models.study.results import page
from models.study.results.result import Result
from models.study.results.session import OWN, Session

COMMANDS: Final = ("mirror", "robustness", "human", "presence", "speed", "online", "bars")
_FIXED: Final = ("online", "bars")
"""They have no extractors to choose: one measures a launch file as it is, one what others have measured."""


def _known(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        try:
            Candidate(name)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return names


@dataclass(frozen=True)
class _Choice:
    """Options of the command line; see its help."""

    command: str
    quick: bool
    as_json: bool
    seeds: int | None
    pairs: tuple[int, ...]
    extractor: tuple[str, ...]
    write: Path | None
    images: Path | None
    own: Path | None
    things: tuple[Path, ...]
    people: tuple[Path, ...]

    @property
    def plan(self) -> Plan:
        changes = {
            "seeds": self.seeds,
            "constellations": self.seeds,
            "extractors": self.extractor,
            "named": self.extractor,
            "counts": tuple(sorted(set(self.pairs))),
            "own": self.own,
            "teach": max(self.pairs, default=0),
            "things": self.things,
            "people": self.people,
        }
        given = {name: value for name, value in changes.items() if value}
        return dataclasses.replace(QUICK if self.quick else Plan(), **given)  # type: ignore[arg-type]  # by name

    @property
    def commands(self) -> tuple[str, ...]:
        if self.own is not None:
            return (OWN,)
        return COMMANDS if self.command == "all" else (self.command,)

    def typed(self, command: str) -> str:
        """The command that makes one block, as somebody would type it."""
        words = ["python -m models.evaluate", f"human --own {self.own}" if command == OWN else command]
        words += ["--quick"] if self.quick else []
        words += [f"--seeds {self.seeds}"] if self.seeds else []
        words += [f"--pairs {count}" for count in self.pairs]
        words += [f"--extractor {name}" for name in self.extractor if command not in _FIXED]
        words += [f"--things {folder}" for folder in self.things]
        words += [f"--people {folder}" for folder in self.people]
        return " ".join(words)

    def publish(self, result: Result) -> None:
        folder = self.images or (self.write.parent / "images" if self.write else None)
        image = None if folder is None else result.plot(folder)
        if self.write is None:
            return
        parts = [f"```sh\n{self.typed(result.command)}\n```", result.text()]
        if image is not None:
            parts.append(f"![{result.caption}]({os.path.relpath(image, self.write.parent)})")
        news = page.write(self.write, result.command, "\n\n".join(parts))
        print(f"{self.write}: {result.command} {'is new' if news else 'is as it was'}", file=sys.stderr)

    def run(self, session: Session) -> None:
        if self.write is not None:
            page.check(self.write, self.commands)
        found = {}
        for name in self.commands:
            found[name] = result = session.run(name)
            if not self.as_json:
                print(f"{result.text()}\n", flush=True)
            self.publish(result)
        if self.as_json:
            plain = {name: result.plain() for name, result in found.items()}
            print(json.dumps(plain if self.command == "all" else plain[self.commands[0]]))


@command("models.evaluate", __doc__)
@click.argument("command", type=click.Choice([*COMMANDS, "all"]), metavar="COMMAND")
@click.option("--quick", is_flag=True, help="two seeds, few pairs: under two minutes")
@click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")
@click.option(
    "--seeds",
    type=click.IntRange(1),
    help=f"robots that learn ({Plan.seeds}, online {Plan.constellations}; with --quick {QUICK.seeds})",
)
@click.option(
    "--pairs",
    type=click.IntRange(1),
    multiple=True,
    help="that are acquired; may be said again (10, 20, 50, 100, 200)",
)
@click.option(
    "--extractor",
    callback=_known,
    multiple=True,
    help="one of models.extractors.registry; again and again (mirror: the usual four, human: three, presence: 2)",
)
@click.option(
    "--own", type=PATH, metavar="FOLDER", help="human: photographs and postures.csv; the first --pairs teach"
)
@click.option("--things", type=PATH, multiple=True, metavar="FOLDER", help="presence: photographs without anybody")
@click.option("--people", type=PATH, multiple=True, metavar="FOLDER", help="presence: photographs of people")
@click.option("--cache", type=PATH, help="folder of what was computed ($XDG_CACHE_HOME/agentspace/evaluation)")
@click.option("--write", type=PATH, metavar="PAGE", help="write the tables into a page, between its marks")
@click.option("--images", type=PATH, metavar="FOLDER", help="for plots (images beside the page)")
def main(cache: Path | None, **options: Any) -> None:
    """Measure, tell, and write what was measured."""
    chosen, folder = _Choice(**options), cache or cache_folder() / "evaluation"
    if chosen.extractor and chosen.command in _FIXED:
        valid = ", ".join(name for name in COMMANDS if name not in _FIXED)
        raise click.UsageError(f"{chosen.command} takes no --extractor; these do: {valid}")
    for option, name in (("own", "human"), ("things", "presence"), ("people", "presence")):
        if options[option] and chosen.command != name:
            raise click.UsageError(f"{chosen.command} takes no --{option}; {name} does")
    try:
        with Session(folder, chosen.plan, quick=chosen.quick) as session:
            chosen.run(session)
    except KeyboardInterrupt:
        told = f"interrupted; what was computed is kept in {folder}, the same command goes on from there"
        raise KeyboardInterrupt(told) from None


if __name__ == "__main__":
    sys.exit(main())
