"""Hot swaps under load: how long a role stands still, whether anything is lost, what the others notice.

    python tests/benchmarks/swap.py [--swaps 50] [--rate 500] [--case trivial] [--json]

A supervised role is swapped again and again for a new process of its own class while it works: `trivial` is woken
by every number of a source, `extractor` by the newest of 30 pictures (224x224) per second. Beside it a painter and
a looker exchange pictures at 30 Hz. After each swap nothing is done for as long as the swap took: `rest` compares
the frame rate of these two with and without swaps, side by side, because machines drift.

gap (report)    what `_/swaps/ROLE` says: from the predecessor's last handler to the moment when the successor can
gap (handlers)  from the end of the predecessor's last handler to the begin of the successor's first one, by their
                own clocks; it contains the wait for the next number or picture (up to one `interval`)
delay           from the writing of a value to the begin of its handler: the longest of each swap
lost            numbers that were not handled exactly once; of pictures, whether the newest was not seen at the end

Exits with 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import platform
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from agentspace import Trigger  # noqa: E402
from agentspace.errors import AgentspaceError  # noqa: E402
from tests.support.constellation import Constellation, is_gone, link_agents  # noqa: E402
from tests.support.eventually import eventually  # noqa: E402

PATIENCE = 60.0  # seconds
LAUNCH = """
version: 1
agents:
  painter: {class: "swap_agents:Painter", slots: {picture: beside/picture}}
  looker: {class: "swap_agents:Looker"}
  swapped: {class: "%s"}
  source: {class: "%s", params: {rate: %g}, after: [swapped]}
"""
CASES = {
    "trivial": ("swap_agents:Tally", "swap_agents:Source"),
    "extractor": ("swap_extractor:StampedExtractor", "swap_agents:Painter"),
}


class Handled(NamedTuple):
    """A number or picture that was handled: when it was written, by which process, when (s)."""

    number: int
    written: float
    pid: int
    begin: float
    end: float


class Follower:
    """Collects what a slot tells of handlers."""

    def __init__(self, constellation: Constellation, slot: str) -> None:
        self.all: list[Handled] = []
        self._watch = constellation.connect().watch(slot, Trigger.EVERY)
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        with contextlib.suppress(AgentspaceError):
            while (entries := self._watch.next()) is not None:
                for entry in entries:
                    self.all += [Handled(int(first), *rest) for first, *rest in entry.value or ()]

    def between(self, start: float, end: float) -> list[Handled]:
        return [one for one in list(self.all) if start <= one.begin < end]


class Span(NamedTuple):
    """A time (s, monotonic)."""

    start: float
    end: float


def add_agents(folder: Path) -> None:
    """To the agents of this project, those of the benchmark."""
    link_agents(folder)
    for file in HERE.glob("swap_*.py"):
        (folder / file.name).symlink_to(file)


def run_case(name: str, swaps: int, rate: float) -> dict[str, Any]:
    """Swaps, with pauses as long as each swap took; then looks what was lost."""
    spec, source = CASES[name]
    with Constellation(LAUNCH % (spec, source, rate), prepare=add_agents) as constellation:
        constellation.await_running("painter", "looker", "swapped", "source")
        handled, beside = Follower(constellation, "handled"), Follower(constellation, "beside/handled")
        eventually(lambda: len(handled.all) > 20 and len(beside.all) > 20, PATIENCE)
        busy, calm, reports = [], [], []
        for _ in range(swaps):
            start = time.monotonic()
            reports.append(constellation.space.swap("swapped"))
            eventually(lambda: is_gone(reports[-1].old["pid"]), PATIENCE)
            busy.append(Span(start, time.monotonic()))
            time.sleep(busy[-1].end - start)
            calm.append(Span(busy[-1].end, time.monotonic()))
        constellation.space.stop("source")
        eventually(lambda: constellation.role("source")["state"] == "stopped", PATIENCE)
        newest = last_number(constellation, name)
        with contextlib.suppress(AssertionError):  # then it is lost, and will be counted
            eventually(lambda: handled.all[-1].number >= newest, 5.0)
        load = constellation.space.read("_/loads")["swapped"]
    return {
        "swaps": swaps,
        "interval_ms": 1e3 / rate,
        "gap_report_ms": spread([1e3 * report.gap for report in reports]),
        "gap_handlers_ms": spread([1e3 * gap(handled, report) for report in reports]),
        "delay_ms": spread([1e3 * delay(handled, span) for span in busy]),
        "delay_calm_ms": spread([1e3 * delay(handled, span) for span in calm]),
        "carried": sum(report.carried for report in reports),
        "steps_ms": steps(reports),
        "handled": len(handled.all),
        "lost": lost(name, handled, newest) + load["overflow"],
        "twice": len(handled.all) - len({one.number for one in handled.all}),
        "rest_fps": {"swapping": fps(beside, busy), "calm": fps(beside, calm)},
        "rest_interval_ms": {"swapping": intervals(beside, busy), "calm": intervals(beside, calm)},
    }


def last_number(constellation: Constellation, name: str) -> int:
    """What the source has written last."""
    if name == "trivial":
        return int(constellation.space.read("number")[0])
    from swap_agents import stamp_of

    return int(stamp_of(constellation.space.read("camera"))[0])


def gap(handled: Follower, report: Any) -> float:
    """Seconds between the last handler of the old and the first of the new."""
    old = max(one.end for one in handled.all if one.pid == report.old["pid"])
    return min(one.begin for one in handled.all if one.pid == report.new["pid"]) - old


def delay(handled: Follower, span: Span) -> float:
    """The longest that something waited for its handler (s)."""
    return max(one.begin - one.written for one in handled.between(*span))


def lost(name: str, handled: Follower, newest: int) -> int:
    """How many numbers were never handled; of pictures, whether the newest was not."""
    seen = {one.number for one in handled.all}
    if name == "trivial":
        return newest - min(seen) + 1 - len(seen)
    return int(newest not in seen)


def fps(beside: Follower, spans: Sequence[Span]) -> float:
    """Pictures per second that arrived at the end of the chain."""
    return round(sum(len(beside.between(*s)) for s in spans) / sum(s.end - s.start for s in spans), 2)


def intervals(beside: Follower, spans: Sequence[Span]) -> dict[str, float]:
    """Between two pictures at the end of the chain."""
    found = []
    for span in spans:
        times = [one.begin for one in beside.between(*span)]
        found += [1e3 * (b - a) for a, b in itertools.pairwise(times)]
    return spread(found)


def steps(reports: Sequence[Any]) -> dict[str, float]:
    """The usual length of each step."""
    names = [step for step, _ in reports[0].steps]
    return {n: round(1e3 * statistics.median(dict(r.steps)[n] for r in reports), 2) for n in names}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Of milliseconds."""
    ordered = sorted(values)
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(ordered[round(share * (len(ordered) - 1))], 2) for name, share in at.items()}


def show(found: dict[str, Any]) -> None:
    """As a table."""
    names = list(found["cases"])
    rows = [
        ("swaps", lambda case: f"{case['swaps']}"),
        ("interval of the load", lambda case: f"{case['interval_ms']:.1f} ms"),
        ("gap (report) p50 / p99 / max", lambda case: _triple(case["gap_report_ms"])),
        ("gap (handlers) p50 / p99 / max", lambda case: _triple(case["gap_handlers_ms"])),
        ("longest delay, swap, p50 / p99 / max", lambda case: _triple(case["delay_ms"])),
        ("longest delay, calm, p50 / p99 / max", lambda case: _triple(case["delay_calm_ms"])),
        ("handled; lost; twice", lambda case: f"{case['handled']}; {case['lost']}; {case['twice']}"),
        ("rest, frames/s, swapping / calm", lambda case: "{swapping} / {calm}".format(**case["rest_fps"])),
        ("rest, interval, swapping", lambda case: _triple(case["rest_interval_ms"]["swapping"])),
        ("rest, interval, calm", lambda case: _triple(case["rest_interval_ms"]["calm"])),
        *(
            (f"step {step}", lambda case, step=step: f"{case['steps_ms'].get(step, 0.0):.2f} ms")
            for step in found["cases"][names[0]]["steps_ms"]
        ),
    ]
    print(f"{found['cores']} cores, load {found['load'][0]} at the beginning, {found['load'][1]} at the end")
    print(f"{'':40}" + "".join(f"{name:>24}" for name in names))
    for title, cell in rows:
        print(f"{title:40}" + "".join(f"{cell(case):>24}" for case in found["cases"].values()))


def _triple(values: dict[str, float]) -> str:
    return " / ".join(f"{value:.1f}" for value in values.values()) + " ms"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--swaps", type=int, default=50)
    parser.add_argument("--rate", type=float, default=500.0, help="numbers per second for the trivial agent")
    parser.add_argument("--case", choices=tuple(CASES), action="append", help="only this one")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    began = round(os.getloadavg()[0], 2)
    rates = {"trivial": options.rate, "extractor": 30.0}
    cases = {name: run_case(name, options.swaps, rates[name]) for name in options.case or CASES}
    load = [began, round(os.getloadavg()[0], 2)]
    found = {"machine": platform.processor(), "cores": os.cpu_count(), "load": load, "cases": cases}
    if options.json:
        json.dump(found, sys.stdout)
    else:
        show(found)
    return int(any(case["lost"] or case["twice"] * (name == "trivial") for name, case in cases.items()))


if __name__ == "__main__":
    sys.exit(main())
