"""An outcome as tables: the same for terminals and for pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from agentspace.bench.outcome import Growth, LatencyCase, Outcome, Rate, Timing
from agentspace.bench.peers.all import OWN


@dataclass(frozen=True)
class Sheet:
    """A table of texts.

    Attributes:
        title: What it shows.
        columns: Their heads; all but the first are numbers.
        rows: As many cells as columns.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def to_markdown(self) -> str:
        """It, with its title, as a page has it."""
        lines = [self.columns, ["---", *("---:" for _ in self.columns[1:])], *self.rows]
        return f"**{self.title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def sheets(outcome: Outcome) -> list[Sheet]:
    """All tables of an outcome, of what was measured."""
    readers = sorted({case.readers for case in outcome.latency})
    found = [_latency([case for case in outcome.latency if case.readers == number]) for number in readers]
    if outcome.rates:
        found.append(_rates(outcome.rates))
    if outcome.growth:
        found.append(_growth(outcome.growth))
    if outcome.footprint is not None:
        found.append(_footprint(outcome))
    return found


def preface(outcome: Outcome) -> str:
    """Where, when and how it was measured, and whether the figures can be trusted."""
    before, after = outcome.before, outcome.after
    told = (
        f"{outcome.machine.date}; {outcome.machine}. Load average {before.load} before and {after.load} after; "
        f"others used {before.others:.0%} of all cores before and {after.others:.0%} after. The run took "
        f"{outcome.seconds:.0f} s."
    )
    quiet = before.quiet and after.quiet
    return told if quiet else f"{told} The machine was not quiet: only the ratios mean something."


def missing(outcome: Outcome) -> list[str]:
    """Lines about who was not compared."""
    return [f"{name}: {why}" for name, why in outcome.left_out.items()]


def _latency(cases: Sequence[LatencyCase]) -> Sheet:
    readers = cases[0].readers
    whom = "one reader" if readers == 1 else f"the last of {readers} readers"
    names = list(dict.fromkeys(name for case in cases for name in case.timings))
    rows = [[name, *(_cell(case.timings.get(name)) for case in cases)] for name in names]
    rows.sort(key=lambda row: row[0] == OWN.name)  # ourselves last
    columns = [f"to {whom}", *(f"{case.payload}, {case.rate:.0f} Hz" for case in cases)]
    return Sheet(
        f"From the write until {whom} has the value: p50 / p99 in µs, and ours by theirs (p50)", columns, rows
    )


def _cell(timing: Timing | None) -> str:
    if timing is None or timing.spread is None:
        return "-"
    text = f"{timing.spread.p50:.0f} / {timing.spread.p99:.0f}"
    text += "" if timing.ratio is None else f" ({timing.ratio:.2f})"
    return text + (f", {timing.lost} lost" if timing.lost else "")


def _rates(rates: Sequence[Rate]) -> Sheet:
    rows = [
        [
            rate.what,
            _count(rate.per_second),
            "-" if rate.server_us is None else f"{rate.server_us:.1f}",
            ", ".join(f"{name} {_count(number)}" for name, number in rate.beside.items()) or "-",
        ]
        for rate in rates
    ]
    return Sheet("How much one server does", ["one server", "per second", "server, µs each", "beside it"], rows)


def _growth(growth: Sequence[Growth]) -> Sheet:
    rows = [
        [
            f"{_count(it.few)} or {_count(it.many)} {it.of}",
            f"{it.few_us:.0f}",
            f"{it.many_us:.0f}",
            "-" if it.ratio is None else f"{it.ratio:.2f}",
            f"{it.few_server_us:.1f}",
            f"{it.many_server_us:.1f}",
            "-" if it.server_ratio is None else f"{it.server_ratio:.2f}",
        ]
        for it in growth
    ]
    columns = ["with", "few, µs", "many, µs", "ratio", "server, few, µs", "server, many, µs", "ratio"]
    return Sheet("What one write with an answer costs (p50), and of it the server's processor", columns, rows)


def _footprint(outcome: Outcome) -> Sheet:
    found = outcome.footprint
    assert found is not None  # noqa: S101  (the caller has looked)
    rows = [
        [f"processor, idle, {_count(found.slots)} slots", f"{found.idle:.2%} of a core"],
        ["processor, idle, next to no slots", f"{found.empty_idle:.2%} of a core"],
        ["memory, next to no slots", f"{found.empty_bytes / (1 << 20):.0f} MiB"],
        ["memory for each slot", f"{found.slot_bytes:.0f} B"],
        ["memory for each client", f"{found.client_bytes / (1 << 10):.1f} KiB"],
        ["file descriptors for each client", f"{found.client_descriptors:.1f}"],
    ]
    return Sheet("What a server takes", ["of a server", "taken"], rows)


def _count(number: float) -> str:
    """With thin gaps between thousands.

    >>> _count(39812.4)
    '39 812'
    """
    return f"{number:,.0f}".replace(",", " ")
