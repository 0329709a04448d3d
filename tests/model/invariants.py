"""What holds in every state of the world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from agentspace.core.seats import Part
from tests.model.world import IN, OUT, ROLE, Process, World


def broken(world: World) -> Iterator[str]:
    """What does not hold; takes note of what must never go back."""
    yield from world.wrongs
    yield from _never_back(world)
    yield from _conserved(world)
    yield from _one_acts(world)
    yield from _seats(world)
    yield from _kept(world)
    if not world.inner():
        yield from _nothing_forgotten(world)


def _never_back(world: World) -> Iterator[str]:
    """Epochs and revisions only grow."""
    role = world.board.roles.get(ROLE)
    epoch = role.epoch if role else 0
    if epoch < world.epoch:
        yield f"the epoch went back from {world.epoch} to {epoch}"
    world.epoch = epoch
    for name in (IN, OUT):
        change = world.board.read(name, world.now)
        revision = change.revision if change else world.revisions.get(name, 0)
        if revision < world.revisions.get(name, 0):
            yield f"the revision of {name} went back from {world.revisions[name]} to {revision}"
        world.revisions[name] = revision


def _conserved(world: World) -> Iterator[str]:
    """Each change that the role watches waits, or was handled, or is a dead letter: one of these, and once."""
    places = Counter(world.waiting) + world.handled + Counter(world.set_aside)
    for revision in world.watched:
        if places[revision] != 1:
            yield f"change {revision} is in {places[revision]} places; handled {world.handled[revision]} times"
    if set(places) - set(world.watched):
        yield "something was handled that was not there"
    if world.seen_wrong:
        yield f"a watcher saw {world.seen}"


def _acts(world: World, process: Process) -> bool:
    """Whether what the process says as the one that acts would count."""
    role = world.board.roles.get(ROLE)
    return (
        role is not None
        and process.known
        and role.filled
        and process.epoch == role.epoch
        and process.doing == "runs"
    )


def _one_acts(world: World) -> Iterator[str]:
    """At most one process acts under the newest epoch, and no other has its seat."""
    acting = [process for process in world.processes if _acts(world, process)]
    if len(acting) > 1:
        yield f"{len(acting)} processes act under epoch {world.epoch}"
    if acting and world.board.seats.get(ROLE) is not acting[0]:
        yield "a process acts that has no seat"


def _seats(world: World) -> Iterator[str]:
    """A role is filled exactly if somebody has its seat; nobody stands by when no swap is under way."""
    seated = world.board.seats.get(ROLE)
    if world.filled and seated is None:
        yield "the role counts as filled, and nobody fills it"
    if seated is not None and not world.filled:
        yield "somebody has the seat of a role that counts as free"
    if seated is not None and seated.seat.number != world.board.roles[ROLE].epoch:
        yield "the seat is of another epoch"
    if ROLE not in world.board.swaps.under_way:
        if world.board.seats.get(ROLE, Part.STANDS_BY) is not None:
            yield "no swap is under way, and somebody stands by"
        if ROLE in world.board.roles and world.board.roles[ROLE].state == "handing over":
            yield "no swap is under way, and the role is being handed over"


def _kept(world: World) -> Iterator[str]:
    """What is kept for a successor tells of exactly the changes whose handlers have ended well."""
    role = world.board.roles.get(ROLE)
    kept = role.kept.value if role and role.kept else 0
    if kept != world.accepted:
        yield f"the state that is kept tells of {kept} changes; {world.accepted} were handled"


def _nothing_forgotten(world: World) -> Iterator[str]:
    """When nothing is on its way, and somebody acts, nothing waits; and nobody waits for what will never come."""
    role = world.board.roles.get(ROLE)
    if role is None:
        return
    if role.state == "running" and world.waiting:
        yield f"changes {world.waiting} wait, and nothing will hand them out"
    if ROLE in world.board.swaps.under_way:
        return  # which has its deadline
    if role.state == "starting":
        yield "an incarnation is starting, and nothing will let it run"
    if world.board.seats.get(ROLE, Part.RESTS) is not None:
        yield "no swap is under way, and somebody rests"
    if any(process.lives and not _acts(world, process) for process in world.processes):
        yield "a process waits for ever"
