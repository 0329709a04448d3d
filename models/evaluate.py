"""Measure how well the robot learns to imitate, as tables, plots and JSON.

    python -m models.evaluate mirror                          # extractors, decoders, numbers of pairs
    python -m models.evaluate robustness --seeds 10           # other light, walls, cameras
    python -m models.evaluate human                           # other people, rooms, places
    python -m models.evaluate speed                           # milliseconds
    python -m models.evaluate online                          # launch/mirror.yaml, compared with the functions
    python -m models.evaluate bars                            # what was aimed at, and what came out
    python -m models.evaluate all --write docs/learning.md    # all of them, into the page

Each seed is a robot with postures and noises of its own; a cell is the mean of the robots' mean errors, and half
of the 95 % confidence interval of it (Student's t). With --quick everything is small: it shows that it works, no
more. Pictures, features and results are kept in the cache, so that repeating is quick, and Ctrl-C loses nothing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from models.files.artifact import ArtifactError
from models.files.cache import cache_folder
from models.study.candidate import Candidate
from models.study.plan import QUICK, Plan
from models.study.results import page
from models.study.results.result import Result
from models.study.session import Session

_FAILED, _INTERRUPTED = 1, 130
COMMANDS = ("mirror", "robustness", "human", "speed", "online", "bars")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def _extractor(text: str) -> str:
    try:
        return Candidate(text).name
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=[*COMMANDS, "all"], help="what is measured")
    parser.add_argument("--quick", action="store_true", help="two seeds, few pairs: under two minutes")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument(
        "--seeds",
        type=_positive,
        help=f"robots that learn ({Plan.seeds}, online {Plan.constellations}; with --quick {QUICK.seeds})",
    )
    parser.add_argument(
        "--pairs",
        type=_positive,
        action="append",
        help="that are acquired; may be said again (10, 20, 50, 100, 200)",
    )
    parser.add_argument(
        "--extractor",
        type=_extractor,
        action="append",
        help="one of models.extractors.registry; may be said again (the usual four)",
    )
    parser.add_argument(
        "--cache", type=Path, help="folder of what was computed ($XDG_CACHE_HOME/agentspace/evaluation)"
    )
    parser.add_argument(
        "--write", type=Path, metavar="PAGE", help="write the tables into a page, between its marks"
    )
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="for plots (images beside the page)")
    return parser


def _plan(chosen: argparse.Namespace) -> Plan:
    plan = QUICK if chosen.quick else Plan()
    changes = {
        "seeds": chosen.seeds,
        "constellations": chosen.seeds,
        "extractors": chosen.extractor and tuple(chosen.extractor),
        "counts": chosen.pairs and tuple(sorted(set(chosen.pairs))),
    }
    return dataclasses.replace(plan, **{name: value for name, value in changes.items() if value})


def _typed(chosen: argparse.Namespace, command: str) -> str:
    """The command that makes one block, as somebody would type it."""
    words = ["python -m models.evaluate", command]
    words += ["--quick"] if chosen.quick else []
    words += [f"--seeds {chosen.seeds}"] if chosen.seeds else []
    words += [f"--pairs {count}" for count in chosen.pairs or ()]
    words += [f"--extractor {name}" for name in chosen.extractor or ()]
    return " ".join(words)


def _publish(chosen: argparse.Namespace, result: Result) -> None:
    folder = chosen.images or (chosen.write.parent / "images" if chosen.write else None)
    image = None if folder is None else result.plot(folder)
    if chosen.write is None:
        return
    parts = [f"```sh\n{_typed(chosen, result.command)}\n```", result.text()]
    if image is not None:
        parts.append(f"![{result.caption}]({os.path.relpath(image, chosen.write.parent)})")
    news = page.write(chosen.write, result.command, "\n\n".join(parts))
    print(f"{chosen.write}: {result.command} {'is new' if news else 'is as it was'}", file=sys.stderr)


def _run(chosen: argparse.Namespace, session: Session) -> None:
    if chosen.write is not None:
        page.check(chosen.write, COMMANDS if chosen.command == "all" else [chosen.command])
    found = []
    for command in COMMANDS if chosen.command == "all" else [chosen.command]:
        result = session.run(command)
        found.append(result)
        if not chosen.json:
            print(f"{result.text()}\n", flush=True)
        _publish(chosen, result)
    if chosen.json:
        plain = {result.command: result.plain() for result in found}
        print(json.dumps(plain if chosen.command == "all" else plain[chosen.command]))


def _guarded(run: Callable[[], None], folder: Path) -> int:
    from models.offscreen import NoDisplayError

    try:
        run()
    except (ArtifactError, NoDisplayError) as error:
        print(f"models.evaluate: {error}", file=sys.stderr)
        return _FAILED
    except ImportError as error:
        print(f"models.evaluate: {error}; pip install 'agentspace[robot]'", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print(
            f"interrupted; what was computed is kept in {folder}, the same command goes on from there",
            file=sys.stderr,
        )
        return _INTERRUPTED
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is 1 if it could not be done, 130 if it was interrupted."""
    chosen = _parser().parse_args(arguments)
    folder = chosen.cache or cache_folder() / "evaluation"

    def run() -> None:
        with Session(folder, _plan(chosen), quick=chosen.quick) as session:
            _run(chosen, session)

    return _guarded(run, folder)


if __name__ == "__main__":
    sys.exit(main())
