"""Whether histories are as the rules say: pure, without a clock, a process or a space.

The server is never asked what it did. What clients saw, did and were told gives for each accepted change of a slot
the earliest and the latest moment at which it can have been accepted; a rule is broken only if no moment between
them fits. The rules of slots hold within one life of a server (`Life`); what spans its end is left out, but for
the rules about restarts.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from tests.chaos.evidence import DURABLE, Change, Evidence, Slot, when
from tests.chaos.history import (
    Acted,
    Decided,
    Delivered,
    Event,
    Flaw,
    Joined,
    Life,
    Pair,
    Seen,
    Ticked,
)

TOLD: Final = 12  #: violations that are told with what was around them
SLACK: Final = 0.05  #: seconds by which the server's clock may be behind: it looks at it once for many messages
SERIES: Final = ("relayed/", "done/", "count/", "twin/")  #: slots of one writer, whose numbers count their changes


class Violation(NamedTuple):
    """A rule that was broken.

    Attributes:
        rule: Which one.
        what: How.
        at: When it was noticed.
        around: What happened around it.
    """

    rule: str
    what: str
    at: float
    around: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([f"{self.rule}: {self.what}", *(f"    {line}" for line in self.around)])


def check(events: Iterable[Event]) -> list[Violation]:
    """All violations, by time; the first ones with the events around them."""
    evidence = Evidence(events)
    found = [violation for rule in RULES for violation in rule(evidence)]
    found.sort(key=lambda violation: violation.at)
    for index, each in enumerate(found[:TOLD]):
        word = each.what.partition(" ")[0].rstrip(":")
        found[index] = each._replace(around=evidence.around(each.at, word))
    return found


# --- slots


def one_value(evidence: Evidence) -> Iterator[Violation]:
    """A revision of a slot names one change, and no two."""
    told: dict[tuple[Life, str], list[tuple[int, str, float]]] = defaultdict(list)
    for delivered in evidence.of(Delivered):
        life = evidence.life(delivered.at, delivered.at)
        if life is not None and delivered.ident:
            told[life, delivered.slot].append((delivered.revision, delivered.ident, delivered.at))
    for (life, name), slot in evidence.slots.items():
        told[life, name] += [(seen.revision, seen.ident, seen.end) for seen in slot.seen if seen.ident]
        told[life, name] += [
            (decided.revision, decided.ident, decided.end)
            for act, decided in slot.answered
            if decided.revision and not act.delete  # a delete of what is empty makes no revision
        ]
    for (_, name), each in told.items():
        known: dict[int, str] = {}
        for revision, ident, at in each:
            if known.setdefault(revision, ident) != ident:
                what = f"{name} has in revision {revision} {known[revision]} and {ident}"
                yield Violation("one value", what, at)


def monotone(evidence: Evidence) -> Iterator[Violation]:
    """Who reads after another one has read or written sees nothing older; changes come to each in order."""
    for slot in evidence.slots.values():
        done = [(decided.end, decided.revision) for _, decided in slot.answered if decided.revision]
        done += [(seen.end, seen.revision) for seen in slot.seen]
        done.sort()
        ends = [end for end, _ in done]
        most = list(_running_max(revision for _, revision in done))
        stream: dict[str, int] = defaultdict(int)
        for seen in slot.seen:
            if not seen.revision:
                continue
            before = bisect_right(ends, seen.begin) if seen.begin else 0
            least = most[before - 1] if before else 0
            if not seen.begin:
                least, stream[seen.who] = stream[seen.who], seen.revision
            if seen.revision < least:
                what = f"{slot.name} was seen by {seen.who} in revision {seen.revision}, after {least}"
                yield Violation("revisions never go back", what, seen.end)


def _running_max(numbers: Iterable[int]) -> Iterator[int]:
    most = 0
    for number in numbers:
        most = max(most, number)
        yield most


def known_writer(evidence: Evidence) -> Iterator[Violation]:
    """What is read was written by the role, epoch and priority that it is signed with."""
    for seen in evidence.of(Seen):
        if not seen.ident:
            continue
        act = evidence.acts.get(seen.ident)
        told = (seen.slot, seen.role, seen.priority, seen.number)
        if act is None:
            yield Violation("nobody else's value", f"{seen.slot} holds {seen.ident}, which nobody wrote", seen.end)
        elif (act.slot, act.who, act.priority, act.number) != told or not evidence.may_sign(act, seen.epoch):
            yield Violation("nobody else's value", f"{seen.slot} holds {seen}, written as {act}", seen.end)


def priority(evidence: Evidence) -> Iterator[Violation]:
    """A write is accepted only if the slot is free, or held by no higher priority."""
    for slot in evidence.slots.values():
        for held, after in pairwise(slot.changes):
            if after.revision != held.revision + 1 or after.act.priority >= held.act.priority:
                continue
            if held.act.delete and held.act.validity is None:
                continue
            if after.latest < held.earliest + _lasts(held.act) - SLACK:
                what = f"{slot.name} was held by {held.act.ident} when {after.act.ident} was accepted"
                yield Violation("priority", what, after.latest)


def refusal(evidence: Evidence) -> Iterator[Violation]:
    """A write is refused only while a higher priority can hold the slot, and the refusal says whose."""
    for slot in evidence.slots.values():
        by_holder = defaultdict(list)
        for act in slot.acted:
            by_holder[act.who, act.priority].append(act)
        for act, decided in slot.answered:
            if decided.revision:
                continue
            told = f"{slot.name} was refused to {act.ident} by {decided.holder} with priority {decided.held:g}"
            if decided.held <= act.priority:
                yield Violation("refusal", told, decided.end)
            elif not any(  # the last ones first: it is one of them
                _can_hold(evidence, other, decided)
                for other in _before(by_holder[decided.holder, decided.held], decided.end)
            ):
                yield Violation("refusal", f"{told}, who cannot hold it", decided.end)


def _before(acts: Sequence[Acted], at: float) -> Iterator[Acted]:
    """Those of a time before, the last one first."""
    return (acts[index] for index in range(bisect_right(acts, at, key=when) - 1, -1, -1))


def _can_hold(evidence: Evidence, act: Acted, refused: Decided) -> bool:
    """Whether a write can have held its slot at some moment of a refusal."""
    decided = evidence.decisions.get(act.ident)
    if decided is not None and not decided.revision:
        return False
    return decided is None or refused.begin <= decided.end + _lasts(act) + SLACK


def _lasts(act: Acted) -> float:
    return math.inf if act.validity is None else act.validity


def validity(evidence: Evidence) -> Iterator[Violation]:
    """Nobody reads a value whose time is over."""
    for slot in evidence.slots.values():
        changes = {change.revision: change for change in slot.changes}
        for seen in slot.seen:
            change = changes.get(seen.revision)
            if change is None or not seen.begin or not seen.ident:
                continue
            if change.latest + _lasts(change.act) + SLACK < seen.begin:
                late = seen.begin - change.latest - _lasts(change.act)
                what = f"{slot.name} holds {seen.ident} at least {late:.3f} s after its time"
                yield Violation("validity", what, seen.end)


def nothing_missing(evidence: Evidence) -> Iterator[Violation]:
    """A read sees what was accepted before, or what came after it, unless its time can be over."""
    for slot in evidence.slots.values():
        acked = [
            change
            for change in slot.changes
            if (found := evidence.decisions.get(change.act.ident)) is not None
            and found.revision == change.revision
        ]
        ends = list(_latest(acked))
        for seen in slot.seen:
            index = bisect_right(ends, seen.begin)
            if seen.revision or not seen.begin or not index:
                continue
            last = acked[index - 1]
            if last.act.delete or last.earliest + _lasts(last.act) - SLACK <= seen.end:
                continue
            if not any(_can_follow(evidence, act, last, seen) for act in slot.acted):
                what = f"{slot.name} was empty for {seen.who} while {last.act.ident} was valid"
                yield Violation("reads see what was accepted", what, seen.end)


def _latest(changes: Sequence[Change]) -> Iterator[float]:
    latest = 0.0
    for change in changes:
        latest = max(latest, change.latest)
        yield latest


def _can_follow(evidence: Evidence, act: Acted, last: Change, seen: Seen) -> bool:
    """Whether a write can have come between a change and a read."""
    decided = evidence.decisions.get(act.ident)
    if act.at > seen.end or act.ident == last.act.ident:
        return False
    return decided is None or decided.revision > last.revision or (act.delete and bool(decided.revision))


# --- roles


def epochs(evidence: Evidence) -> Iterator[Violation]:
    """The epochs of a role grow, over restarts of the server too."""
    last: dict[str, Joined] = {}
    for joined in evidence.of(Joined):
        before = last.get(joined.who)
        if before is not None and joined.epoch <= before.epoch and evidence.goes_on(before.at, joined.at):
            what = f"{joined.who} has epoch {joined.epoch} after {before.epoch}"
            yield Violation("epochs grow", what, joined.at)
        last[joined.who] = joined


def one_acts(evidence: Evidence) -> Iterator[Violation]:
    """What a role writes comes from one incarnation at a time: in the order of changes, epochs never go back."""
    for slot in evidence.slots.values():
        last: dict[str, tuple[int, str]] = {}
        for change in slot.changes:
            who, ident, (lowest, highest) = change.act.who, change.act.ident, evidence.epochs(change)
            if highest < last.get(who, (0, ""))[0]:
                what = f"{who} acted as epoch {highest} with {ident} after {last[who]} in {slot.name}"
                yield Violation("one acts at once", what, change.latest)
            last[who] = max(last.get(who, (0, "")), (lowest, ident))
    yield from _acts_of_the_past(evidence)


def _acts_of_the_past(evidence: Evidence) -> Iterator[Violation]:
    """A write at once that was asked for after a newer incarnation acted is not accepted."""
    newest: dict[str, Joined] = {}
    for event in evidence.events:
        if isinstance(event, Joined):
            newest[event.who] = event
        if not isinstance(event, Decided) or not event.revision or event.ident not in evidence.acts:
            continue
        act = evidence.acts[event.ident]
        joined = newest.get(act.who)
        if joined is None or joined.at >= event.begin or evidence.may_sign(act, joined.epoch):
            continue
        if evidence.life(joined.at, event.end) is not None:
            what = f"{act.who} wrote {act.ident} as epoch {act.epoch} when {joined.epoch} acted"
            yield Violation("one acts at once", what, event.end)


def commits(evidence: Evidence) -> Iterator[Violation]:
    """What one handler writes into two slots is there together, or not at all."""
    for pair in evidence.of(Pair):
        if pair.left != pair.right:
            what = f"twin/left and twin/right were {pair.left} and {pair.right} for {pair.who}"
            yield Violation("commits are atomic", what, pair.end)


def series(evidence: Evidence) -> Iterator[Violation]:
    """A role that counts its commits in its state goes on where its predecessor was, and counts none twice."""
    for (life, name), slot in evidence.slots.items():
        if not name.startswith(SERIES):
            continue
        chain = name.partition("/")[2]
        allowed = sum(lost for (when, who), lost in evidence.lost.items() if when == life and who.endswith(chain))
        skipped = 0
        for before, after in pairwise(slot.changes):
            steps, numbers = after.revision - before.revision, after.act.number - before.act.number
            skipped += max(0, numbers - steps)
            if numbers < steps or skipped > allowed:
                what = f"{name} goes from {before.act} ({before.revision}) to {after.act} ({after.revision})"
                yield Violation("state is handed on", what, after.latest)
                skipped = 0


def every(evidence: Evidence) -> Iterator[Violation]:
    """Each change comes to a role's EVERY trigger once and in order; of those that do not come it is told."""
    known: dict[tuple[str, int, float], tuple[int, int]] = {}  # after a change: lost ones, those not missed yet
    for event in evidence.of(Delivered):
        told, spare = known.get((event.who, event.last, event.since), (0, 0))
        news, since = event.told - told, event.since or event.at
        life, missing = evidence.life(since, event.at), event.revision - event.last - 1 if event.last else 0
        if life is None or evidence.met(event.who, since) != evidence.met(event.who, event.at):
            known[event.who, event.revision, event.at] = event.told, news
            continue
        if missing < 0:
            what = f"{event.who} got revision {event.revision} of {event.slot} after {event.last}"
            yield Violation("every change once", what, event.at)
        elif missing > spare + news:
            what = f"{event.who} missed {missing} changes of {event.slot} before revision {event.revision}"
            yield Violation("every change once", f"{what}, and was told of {spare + news}", event.at)
        known[event.who, event.revision, event.at] = event.told, max(0, spare + news - max(0, missing))


def timers(evidence: Evidence) -> Iterator[Violation]:
    """A timer ticks once a period, and those that passed before its last handler are counted."""
    passed: dict[tuple[str, float], float] = defaultdict(float)
    for tick in evidence.of(Ticked):
        due, before = (tick.at - tick.began) / tick.period, passed[tick.who, tick.began]
        if not before - 1.0 <= tick.ticks <= due + 1.0:
            what = f"{tick.who} counts {tick.ticks} ticks, where {before:.2f} to {due:.2f} were due"
            yield Violation("timers", what, tick.at)
        passed[tick.who, tick.began] = due


def flaws(evidence: Evidence) -> Iterator[Violation]:
    """Nothing is wrong that clients can see for themselves: checksums, leaks, ends that nobody asked for."""
    for flaw in evidence.of(Flaw):
        yield Violation("seen at once", f"{flaw.who}: {flaw.what}", flaw.at)


# --- restarts of the server


def nothing_stale(evidence: Evidence) -> Iterator[Violation]:
    """What is not durable is empty after a restart, or written anew."""
    accepted = {
        ident: (decided.end, decided.revision) for ident, decided in evidence.decisions.items() if decided.revision
    }
    for seen in evidence.of(Seen):
        if seen.ident:
            accepted[seen.ident] = min((seen.end, seen.revision), accepted.get(seen.ident, (math.inf, 0)))
    for (life, name), slot in evidence.slots.items():
        for seen in slot.seen:
            if not seen.begin or not seen.ident or name.startswith(DURABLE):
                continue
            at, revision = accepted[seen.ident]
            if at < life.begin and (seen.revision == revision or _is_over(evidence, seen, life)):
                what = f"{name} holds {seen.ident} of before the restart"
                yield Violation("nothing stale after a restart", what, seen.end)


def _is_over(evidence: Evidence, seen: Seen, life: Life) -> bool:
    """Whether what is seen was not asked of two servers, as the end of the first one took its answer along."""
    act = evidence.acts.get(seen.ident)
    return act is None or evidence.is_over(act, life.begin)


def kept(evidence: Evidence) -> Iterator[Violation]:
    """What was accepted as durable, or shown, is there after a restart: nobody reads less."""
    least: dict[str, int] = defaultdict(int)
    for life in evidence.lives:
        for name, slot in evidence.slots_of(life):
            if not name.startswith(DURABLE):
                continue
            for seen in slot.seen if life.durable else ():
                if seen.begin and seen.revision < least[name]:
                    what = f"{name} was in revision {seen.revision} after a restart; {least[name]} was accepted"
                    yield Violation("durable", what, seen.end)
            shown = (seen.revision for seen in slot.seen if evidence.is_kept(seen.end))
            least[name] = max(least[name], *(decided.revision for _, decided in slot.answered), *shown, 0)


def revisions_go_on(evidence: Evidence) -> Iterator[Violation]:
    """No revision is used again after a restart."""
    most: dict[str, tuple[int, str]] = {}
    for life in evidence.lives:
        for name, slot in evidence.slots_of(life):
            before, ident = most.get(name, (0, ""))
            for change in slot.changes:
                if life.durable and change.revision <= before and change.act.ident != ident:
                    what = f"{name} has revision {change.revision} after a restart, and had {before} before it"
                    yield Violation("revisions never go back", what, change.latest)
            shown = [change for change in slot.changes if not _is_lost(evidence, slot, change)]
            if shown and shown[-1].revision > before:
                most[name] = shown[-1].revision, shown[-1].act.ident


def _is_lost(evidence: Evidence, slot: Slot, change: Change) -> bool:
    """Whether a durable change may be forgotten: it was shown only while nothing could be kept."""
    if not slot.name.startswith(DURABLE) or change.act.ident in evidence.decisions:
        return False
    return not any(seen.revision == change.revision and evidence.is_kept(seen.end) for seen in slot.seen)


RULES: Final[tuple[Callable[[Evidence], Iterator[Violation]], ...]] = (
    one_value,
    monotone,
    known_writer,
    priority,
    refusal,
    validity,
    nothing_missing,
    epochs,
    one_acts,
    commits,
    series,
    every,
    timers,
    flaws,
    nothing_stale,
    kept,
    revisions_go_on,
)
