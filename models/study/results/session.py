"""Runs the commands of `models.evaluate` one after the other; they share the cache and the process that draws."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from models.study import arms, mirror, online, robustness, speed
from models.study.gallery import Gallery
from models.study.outcome import Outcome
from models.study.people import free_arms, human, own, presence
from models.study.pictures.cache import Cache
from models.study.pictures.drawing_process import DrawingProcess
from models.study.plan import Plan
from models.study.results import tables, targets
from models.study.results.result import Learned, Listed, Result, keep, kept, path_of

if TYPE_CHECKING:
    from tqdm import tqdm

Measure = Callable[[Gallery, Plan, int], Iterator[Outcome]]


def _before_the_mirror(gallery: Gallery, plan: Plan, seed: int) -> Iterator[Outcome]:
    yield from mirror.measure(gallery, plan, seed)
    yield from arms.measure(gallery, plan, seed)


def _before_people(gallery: Gallery, plan: Plan, seed: int) -> Iterator[Outcome]:
    yield from human.measure(gallery, plan, seed)
    yield from free_arms.measure(gallery, plan, seed)


_LEARNED: Final[Mapping[str, Measure]] = {
    "mirror": _before_the_mirror,
    "robustness": robustness.measure,
    "human": _before_people,
}
OWN: Final = "own"
"""What `human` is called with photographs of one's own: its result is kept apart."""
_QUICK_EXAM: Final = online.Exam(pairs=5, fresh=3, timeout=240.0)


class Session:
    """Commands, and what they share.

    Args:
        folder: Of the cache.
        plan: How much is measured.
        quick: Whether results are kept apart from those of a full measurement.

    Raises:
        ArtifactError: The cache cannot be used.
    """

    def __init__(self, folder: Path, plan: Plan, quick: bool = False) -> None:
        self._folder, self._plan, self._quick = folder, plan, quick
        self._cache = Cache(folder / "evaluation.sqlite")
        self._drawing = DrawingProcess()
        self._progress = Progress()
        self._gallery = Gallery(self._cache, self._drawing, self._progress.move)

    def run(self, command: str) -> Result:
        """Runs one command, and keeps its result.

        Raises:
            ArtifactError: A file is missing or damaged, or a constellation failed.
            NoDisplayError: Nothing on this machine can draw.
        """
        result = self._learned(command) if command in _LEARNED else self._listed(command)
        keep(result, path_of(self._folder, command, self._quick))
        return result

    def _learned(self, command: str) -> Learned:
        outcomes: list[Outcome] = []
        for seed in range(self._plan.seeds):
            self._progress.title = f"{command}, robot {seed + 1} of {self._plan.seeds}"
            outcomes += _LEARNED[command](self._gallery, self._plan, seed)
            self._progress.end()
            print(f"{self._progress.title} is done", file=sys.stderr)
        return Learned(command, self._plan.seeds, outcomes)

    def _listed(self, command: str) -> Listed:
        make = {
            "presence": self._presence,
            OWN: self._own,
            "speed": self._speed,
            "online": self._online,
            "bars": self._bars,
        }
        text, numbers = make[command]()
        return Listed(command, text, numbers)

    def _presence(self) -> tuple[str, dict[str, Any]]:
        used = presence.candidates(self._plan)
        found: list[presence.Mistakes] = []
        for sort in presence.sorts(self._gallery, self._plan):
            self._progress.title = sort.title
            found += presence.look(sort, used, self._progress.move)
            self._progress.end()
        return tables.presence(found), {"mistakes": [one.plain() for one in found]}

    def _own(self) -> tuple[str, dict[str, Any]]:
        assert self._plan.own is not None
        album = own.Album.read(self._plan.own)
        self._progress.title = str(album.folder)
        found = list(own.measure(album, self._plan, self._progress.move))
        self._progress.end()
        for name in album.others:
            print(f"{name} is left out: {own.FILE} has no posture of it", file=sys.stderr)
        text, alone = tables.own(found, album, self._plan.teach), own.decoded(album)
        numbers = {"folder": str(album.folder), "teach": self._plan.teach, "decoder": alone}
        return text, {**numbers, "looks": [one.plain() for one in found], "left out": list(album.others)}

    def _speed(self) -> tuple[str, dict[str, Any]]:
        machine = speed.Machine.now()
        timings = []
        for one in speed.measure(self._plan, lambda text: print(text, file=sys.stderr)):
            timings.append(one)
            print(f"{one.name}: {one.p50:.2f} ms", file=sys.stderr)
        text = f"{machine}; one thread each:\n\n{speed.table(timings)}"
        return text, {"machine": machine.plain(), "timings": [one.plain() for one in timings]}

    def _online(self) -> tuple[str, dict[str, Any]]:
        exam = _QUICK_EXAM if self._quick else online.Exam()
        agreements = []
        for seed in range(self._plan.constellations):
            print(
                f"online, seed {seed}: launch/mirror.yaml pairs={exam.pairs} fresh={exam.fresh}", file=sys.stderr
            )
            found = online.launch(exam, seed)
            self._progress.title = f"offline, seed {seed}"
            agreements.append(online.Agreement(seed, found, online.compute(self._gallery, exam, seed)))
            self._progress.end()
        head = (
            f"K={exam.pairs}, {exam.fresh} fresh postures, decoder {exam.decoder}, novelty gate {mirror.GATE:g}:"
        )
        return f"{head}\n\n{online.table(agreements)}", {"agreements": [one.plain() for one in agreements]}

    def _bars(self) -> tuple[str, dict[str, Any]]:
        found = {}
        for command in ("mirror", "robustness", "human", "speed"):
            result = kept(path_of(self._folder, command, self._quick))
            if result is None:
                print(f"there is no result of {command} yet: python -m models.evaluate {command}", file=sys.stderr)
            found[command] = result or {}
        cells = targets.compare(found)
        return targets.table(cells), {"bars": [one.plain() for one in cells]}

    def close(self) -> None:
        """Ends the process that draws, closes the cache; may be called again."""
        self._progress.end()
        self._drawing.close()
        self._cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Progress:
    """A progress bar for some pictures, then another one; on terminals only.

    Attributes:
        title: What is looked at.
    """

    def __init__(self) -> None:
        self.title = ""
        self._bar: tqdm[Any] | None = None
        self._total = 0

    def move(self, done: int, total: int) -> None:
        """Shows that some pictures of a total are done."""
        from tqdm import tqdm

        if self._bar is None or total != self._total or done <= self._bar.n:
            self.end()
            self._bar = tqdm(total=total, desc=self.title, unit=" pictures", disable=None, leave=False)
            self._total = total
        self._bar.update(done - self._bar.n)

    def end(self) -> None:
        """Takes it away; may be called again."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
