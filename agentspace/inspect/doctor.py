"""The rules by which a running space is examined, one for each kind of fault. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from difflib import SequenceMatcher
from typing import Final, NamedTuple

from agentspace.core.life import BAD, LAUNCHES, ORDERS
from agentspace.core.values.plain import as_dict
from agentspace.inspect.environment import Environment
from agentspace.inspect.graph import awaited
from agentspace.inspect.views import RoleView, Snapshot, was_kept

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES: Final = (ERROR, WARNING, INFO)
_LAUNCH: Final = (LAUNCHES, ORDERS)  #: slots of supervisors
_NEAR: Final = 0.8  #: of two names, which may be the same one misspelt
_BEHIND: Final = 0.8  #: of the changes that it is to see, an agent sees fewer than that
_SLOWEST: Final = 2.0  #: changes per second below which it does not matter
FALLEN: Final = BAD | {"gone"}  #: as the space and the supervisor say
_HELD: Final = 5.0  #: seconds
_LAG: Final = 1.0  #: seconds
_NOW_AND_THEN: Final = 0.1  #: of the ticks of a timer that are missed, on a machine that is busy
_SELDOM: Final = 0.01  #: the same of which nobody need be told
_TURNS: Final = 0.5  #: changes of the writer per second that are no takeover


class Finding(NamedTuple):
    """Something that may be wrong.

    Attributes:
        severity: Error (an agent cannot do its work), warning (something is lost or late) or info (perhaps meant).
        rule: The kind of fault, for programs.
        subject: The role, slot or library.
        what: What is wrong.
        remedy: What to do.
    """

    severity: str
    rule: str
    subject: str
    what: str
    remedy: str


Rule = Callable[[Snapshot, Environment], Iterable[Finding]]


def unwritten(snapshot: Snapshot, _: Environment) -> Iterator[Finding]:
    """A slot that wakes an agent, and was never written: misspelt, or nobody writes it, or nothing happened."""
    waiting = awaited(snapshot)
    idle = {
        role.name
        for role in snapshot.roles
        if not role.handled and not any(role.wakes_on(slot.name) for slot in snapshot.slots)
    }
    written = {slot.name for slot in snapshot.slots if not slot.name.startswith(LAUNCHES)}
    for slot in dict(waiting):
        roles = [role for name, role in waiting if name == slot]
        what = f"nobody has written it, but {_and(roles)} {'waits' if len(roles) == 1 else 'wait'} for it"
        able = [
            role.name for role in snapshot.roles if role.filled and role.name not in roles and _names(role, slot)
        ]
        near = [name for name in sorted(written) if _may_be(slot, name)]
        severity, remedy = INFO, "fine if people write it, or if nothing has happened yet"
        if able:  # a whistle, a key: written when something happens
            word = "has" if len(able) == 1 else "have"
            remedy = f"fine if nothing has happened yet: {_and(able)} {word} it to write"
        elif near:
            severity, remedy = WARNING, f"did you mean {near[0]!r}? Correct the slot's name"
        elif not idle.isdisjoint(roles):
            severity = WARNING
            remedy = "if it is not for people to write: start the agent that does, or correct the slot's name"
        yield Finding(severity, "unwritten", slot, what, remedy)


def unread(snapshot: Snapshot, _: Environment) -> Iterator[Finding]:
    """A slot that is written, wakes no agent, and was never read."""
    if not snapshot.linked:
        return
    for slot in snapshot.slots:
        if slot.readable and not slot.triggers and not slot.readers and not slot.name.startswith(_LAUNCH):
            what = f"{_and(slot.writers) or 'somebody'} writes it, but nobody has read it"
            yield Finding(INFO, "unread", slot.name, what, "perhaps it is for you; else the writer can go")


def expired(snapshot: Snapshot, _: Environment) -> Iterator[Finding]:
    """A slot that was kept valid, and ran out although its writer is still at work; not one of single events."""
    running = {role.name for role in snapshot.roles if role.state == "running"}
    for slot in snapshot.slots:
        writer = slot.holder.partition("#")[0]
        if (
            slot.kind == "expired"
            and slot.timed
            and writer in running
            and was_kept(slot.history)
            and (slot.triggers or slot.readers)
        ):
            what = f"expired {slot.age:.1f} s ago, though {writer} runs"
            remedy = f"look at the log of {writer}: it writes too rarely for its validity, or its device is silent"
            yield Finding(WARNING, "expired", slot.name, what, remedy)


def turns(snapshot: Snapshot, _: Environment) -> Iterator[Finding]:
    """A slot that writers of equal priority write in turns: none of them overrides the others."""
    for slot in snapshot.slots:
        found = slot.turns
        if found is not None and found.rate >= _TURNS:
            what = (
                f"{_and(found.writers)} write it in turns with equal priority, {found.rate:.1f} times per second: "
                "readers see now the one's value, now the other's"
            )
            remedy = (
                "give the one that is to win a higher priority and a short validity, or give each its own slot"
            )
            yield Finding(WARNING, "turns", slot.name, what, remedy)


def slow(snapshot: Snapshot, _: Environment) -> Iterator[Finding]:
    """An agent that is slower than what wakes it."""
    for role in snapshot.roles:
        fastest = max((s for s in snapshot.slots if role.name in s.triggers), key=lambda s: s.rate, default=None)
        if role.state != "running" or fastest is None or fastest.rate < _SLOWEST or role.rate is None:
            continue
        if not 0 < role.rate < _BEHIND * fastest.rate:
            continue
        what = f"handles {role.rate:.1f} wake-ups per second, but {fastest.name} has {fastest.rate:.1f} writes"
        what += "" if role.handler_ms is None else f"; its handler takes {role.handler_ms:.0f} ms"
        remedy = "it sees the newest values only; make its handler faster, or its writers slower"
        yield Finding(WARNING, "slow", role.name, what, remedy)


def stuck(snapshot: Snapshot, _: Environment) -> Iterator[Finding]:
    """An agent whose handler does not come to an end."""
    for role in snapshot.roles:
        if role.state == "running" and role.busy and not role.rate and (role.lag or 0.0) > _LAG:
            what = f"has run one handler for at least {role.lag or 0:.0f} s; {role.pending} changes wait"
            remedy = f"look at its log; `agentspace stop {role.name}` ends it"
            yield Finding(ERROR, "stuck", role.name, what, remedy)


def refused(snapshot: Snapshot, _: Environment) -> Iterator[Finding]:
    """Writes that were refused: who overrode whom."""
    pairs = Counter((item.slot, _role(item.writer), _role(item.holder)) for item in snapshot.refusals)
    for (slot, writer, holder), count in pairs.items():
        last = next(r for r in reversed(snapshot.refusals) if (r.slot, _role(r.writer)) == (slot, writer))
        what = (
            f"{writer} was refused ({count} of the last {len(snapshot.refusals)} refusals): {holder} holds it "
            f"with priority {last.held_priority:g}, {writer} offers {last.priority:g}"
        )
        remedy = "fine if it is meant so; else give a validity with the priority, or another priority"
        for_ever = last.time_left is None and last.held_priority > last.priority
        yield Finding(WARNING if for_ever else INFO, "refused", slot, what, remedy)


def held(snapshot: Snapshot, _: Environment) -> Iterator[Finding]:
    """A role that keeps simulated time from passing, for longer than a handler should take."""
    clock = snapshot.clock
    if clock.simulated and clock.held_by and clock.held >= _HELD:
        what = f"holds the simulated clock at {clock.time:.3f} s, for {clock.held:.0f} s so far"
        remedy = "its handler is at work, or hangs, or its process has yet to start: look at its log"
        yield Finding(WARNING, "held", _and(clock.held_by), what, remedy)


def unkept(snapshot: Snapshot, _: Environment) -> Iterator[Finding]:
    """A store that cannot be written."""
    store = as_dict(snapshot.server.get("store"))
    if why := store.get("failed"):
        remedy = "make room, or let it be written: then everything is kept, also what was written meanwhile"
        yield Finding(ERROR, "unkept", str(store.get("file")), f"{why}; nothing durable is kept", remedy)


def fallen(snapshot: Snapshot, here: Environment) -> Iterator[Finding]:
    """Roles that are empty, but were not asked to end; why, by what they lack, or by their error."""
    for role in snapshot.roles:
        if role.state not in FALLEN or role.stop_requested:
            continue
        if lacks := here.lacks.get(role.name, ()):
            remedy = f"then: agentspace start {role.name}" if role.launch else "then start it again"
            yield from (Finding(ERROR, "lacking", role.name, f"is {role.state}: {what}", remedy) for what in lacks)
            continue
        last = (role.error or role.reason).strip().rpartition("\n")[2]
        what = f"is {role.state}" + (f": {last}" if last else "")
        remedy = f"`agentspace read _/errors/{role.name}` has its traceback" if role.error else "look at its log"
        yield Finding(ERROR, "fallen", role.name, what, remedy)


def lossy(snapshot: Snapshot, _: Environment) -> Iterator[Finding]:
    """Changes and timer ticks that were lost."""
    for role in snapshot.roles:
        if role.overflow:
            what = f"lost {role.overflow} changes: its queue for EVERY triggers was full"
            remedy = "make its handler faster, or use a trigger that coalesces"
            yield Finding(WARNING, "overflow", role.name, what, remedy)
        share = role.missed / max(1, role.handled + role.missed)
        if share > _SELDOM:
            what = f"missed {role.missed} ticks of its timer, of {role.handled + role.missed}"
            severity, remedy = INFO, "its handler takes longer than the period of its timer now and then"
            if share > _NOW_AND_THEN:
                severity = WARNING
                remedy = "its handler takes longer than its timer's period: make it faster, or the timer slower"
            yield Finding(severity, "missed", role.name, what, remedy)


def set_aside(snapshot: Snapshot, _: Environment) -> Iterator[Finding]:
    """Changes that were set aside because every incarnation failed at them."""
    for role, count in snapshot.set_aside.items():
        what = f"changes that were set aside: {count}; its handler failed at them again and again"
        remedy = f"`agentspace read _/dead_letters/{role}` has them; mend the writer or the agent"
        yield Finding(WARNING, "dead letters", role, what, remedy)


def mistaken(_: Snapshot, here: Environment) -> Iterator[Finding]:
    """Classes with one of the commonest mistakes."""
    for role, what, sure in here.mistakes:
        yield Finding(ERROR if sure else WARNING, "mistake", role, what, "correct it there, and swap the role")


def versions(snapshot: Snapshot, here: Environment) -> Iterator[Finding]:
    """Programs of different versions in one space."""
    server = snapshot.server.get("version")
    if server and server != here.version:
        what = f"the server is agentspace {server}, this is {here.version}"
        yield Finding(WARNING, "version", "server", what, "install one version everywhere, and restart the server")
    for role in snapshot.roles:
        theirs = role.told.get("version")
        if theirs and server and theirs != server:
            what = f"is agentspace {theirs}, the server is {server}"
            yield Finding(WARNING, "version", role.name, what, "install one version everywhere, and restart it")


def packages(_: Snapshot, here: Environment) -> Iterator[Finding]:
    """Packages that are installed in a version that this project does not support."""
    for name, installed, wanted in here.unfit:
        what = f"{name} {installed} is installed, agentspace needs {wanted}"
        yield Finding(WARNING, "package", name, what, f"pip install '{name}{wanted}'")


def libraries(_: Snapshot, here: Environment) -> Iterator[Finding]:
    """Packages that are installed, but do not work because the system lacks something."""
    for name, why in here.broken:
        remedy = "install the system library that it names (for Debian: libgl1, libosmesa6, libportaudio2, ...)"
        yield Finding(ERROR, "library", name, f"cannot be imported: {why}", remedy)
    for name, wanted in here.lacking:
        what = f"is installed, but the system has no library {' or '.join(wanted)}"
        remedy = "install one of them (for Debian: libosmesa6, libegl1, libportaudio2)"
        yield Finding(WARNING, "library", name, what, remedy)


def reachable(snapshot: Snapshot, _: Environment) -> Iterator[Finding]:
    """Whether there is a server at all."""
    if snapshot.away is not None:
        remedy = "start one with `agentspace server` or a launch, or name the right one with --space"
        yield Finding(ERROR, "server", "server", snapshot.away, remedy)


RULES: tuple[Rule, ...] = (
    *(
        reachable,
        fallen,
        stuck,
        unkept,
        held,
        unwritten,
        expired,
        turns,
        slow,
        refused,
        lossy,
        set_aside,
        mistaken,
        versions,
        packages,
        libraries,
        unread,
    ),
)


def examine(snapshot: Snapshot, here: Environment) -> list[Finding]:
    """All findings, the gravest first."""
    found = [finding for rule in RULES for finding in rule(snapshot, here)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def folded(findings: Iterable[Finding]) -> list[Finding]:
    """For people: what is said of many slots in the same words is said once."""
    alike: dict[tuple[str, ...], Finding] = {}
    for finding in findings:
        same = finding._replace(subject="")
        before = alike.get(same)
        subject = finding.subject if before is None else f"{before.subject}, {finding.subject}"
        alike[same] = finding._replace(subject=subject)
    return list(alike.values())


def _may_be(name: str, other: str) -> bool:
    """Whether a name may be another one misspelt; whole parts that they share, as left/, tell nothing of that."""
    ours, theirs = name.split("/"), other.split("/")
    while ours and theirs and ours[0] == theirs[0]:
        del ours[0], theirs[0]
    while ours and theirs and ours[-1] == theirs[-1]:
        del ours[-1], theirs[-1]
    return SequenceMatcher(None, "/".join(ours), "/".join(theirs)).ratio() >= _NEAR


def _names(role: RoleView, slot: str) -> bool:
    """Whether one of a role's settings is the name of a slot."""
    return slot in role.settings.values() or slot in as_dict(role.settings.get("slots")).values()


def _role(writer: str) -> str:
    return writer.partition("#")[0]


def _and(names: Iterable[str]) -> str:
    return " and ".join(names)
