"""What is over is forgotten: slots, roles, spaces; and no number of any of them comes twice."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspace.core import mailbox as mailbox_module
from agentspace.core import role as role_module
from agentspace.core import slot as slot_module
from agentspace.core import spaces
from agentspace.core.board import SLOT_KEPT, Board
from agentspace.core.change import Kind, Writer
from agentspace.core.mailbox import Trigger
from agentspace.core.role import OVER_KEPT, ROLE_KEPT, State
from agentspace.core.seats import Part, Seat
from agentspace.core.slot import Erase, Put
from agentspace.core.spaces import SPACE_KEPT, Spaces
from agentspace.core.swap import Wish
from agentspace.errors import FencedError, LimitError
from tests.support.examples import examples
from tests.unit.core.boards import ANNE, out, read, start, write

NAMES = int(os.environ.get("AGENTSPACE_NAMES", "40000"))  # `make names` takes ten million


@pytest.fixture
def board() -> Board[Any]:
    return Board("test", lambda value: value)


@pytest.fixture
def three_roles(monkeypatch):
    """A table of roles has room for three."""
    monkeypatch.setattr(role_module, "MAX_ROLES", 3)
    monkeypatch.setattr(role_module, "_ROOM", 1)  # private: so that each of a few is one that was chosen


# --- slots


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def remembered(board: Board[Any]) -> int:
    """How many slots the board knows, held or not."""
    return len(board._table)  # private: what must not grow is seen nowhere else


@pytest.mark.timeout(300 + NAMES // 1000)
def test_names_without_end_leave_nothing_behind(board, monkeypatch):
    """Values under ever new names, which expire: tables and memory stay as large as what is valid, and what is new
    is told, read and refused as ever."""
    most = min(slot_module.MAX_SLOTS, NAMES // 4)
    monkeypatch.setattr(slot_module, "MAX_SLOTS", most)
    epoch = start(board, "reader", **{"n/*": Trigger.NORMAL})
    watcher = board.watch("n/*", Trigger.NORMAL, {}, 0.0)
    out(board)
    board.seen(watcher, 1)
    told, now, early = 0, 0.0, 0
    for number in range(NAMES):
        now = number * 1e-3
        assert board.apply(Put(f"n/{number}", number, 0.05), Writer("anne", 1), now)
        if number % 100 == 0:
            for to, batch in board.deliveries(now):
                told += to == "reader"
                if to == "reader":
                    board.commit("reader", epoch, batch.number, [], now)
                else:
                    board.seen(watcher, batch.number)
        if number % 1000 == 0:
            board.publish(now)
            board.sweep(now, 512)
        if number == NAMES // 2:
            early = resident()
    assert told == -(-NAMES // 100)
    assert not board.apply(Put(f"n/{NAMES - 1}", 0, priority=-1.0), ANNE, now)
    assert len(board.snapshot("n/*", now)) <= 51
    assert remembered(board) <= most
    assert len(board._subscribers._routes) <= most + 64  # private: what must not grow is seen nowhere else
    assert resident() - early < 32 << 20
    print(f"{NAMES} names: {early >> 20} MiB after a half, {resident() >> 20} MiB after all")


def test_full_board_takes_new_names_while_old_ones_are_over(board, monkeypatch):
    """As many names as there are slots, each valid for a moment, leave room for as many again, in commits too."""
    monkeypatch.setattr(slot_module, "MAX_SLOTS", 100)
    epoch = start(board, "anne")
    for number in range(500):
        write(board, f"a/{number}", 1, now=number * 0.1, validity=0.05)
    acts = [Put(f"b/{number}", 1) for number in range(100)]
    assert all(board.commit("anne", epoch, None, acts, 99.0))
    with pytest.raises(LimitError):
        board.commit("anne", epoch, None, [Put("c", 1)], 99.0)


def test_slots_are_forgotten_after_a_while_a_few_at_a_time(board):
    """A slot that nothing holds is remembered for a while; a sweep looks at no more than it is told to."""
    for number in range(10):
        write(board, f"a/{number}", 1, validity=1.0)
    board.advance(1.0)
    board.sweep(SLOT_KEPT, 100)
    assert remembered(board) == 10
    board.sweep(1.0 + SLOT_KEPT, 4)
    assert remembered(board) == 6
    board.sweep(1.0 + SLOT_KEPT, 100)
    assert remembered(board) == 0


def test_watcher_that_comes_back_sees_a_name_that_came_again(board):
    """What a watcher knows of a slot that was forgotten does not hide what the slot holds now."""
    known = write(board, "a", "old").revision
    board.apply(Erase("a"), ANNE, 0.0)
    board.sweep(SLOT_KEPT, 9)
    write(board, "a", "new", now=SLOT_KEPT)
    number = board.watch("a", Trigger.NORMAL, {"a": known}, SLOT_KEPT)
    assert out(board) == {number: ({"a": "new"}, [])}


def test_mailbox_is_bounded_by_the_slots_that_there_can_be(board, monkeypatch):
    """A role that reads nothing is told in the end of all slots that there are; what was lost is counted."""
    monkeypatch.setattr(mailbox_module, "CHANGED_LIMIT", 20)
    epoch = start(board, "anne", **{"*": Trigger.NORMAL})
    write(board, "lasts", 1)
    for number in range(50):
        write(board, f"a/{number}", 1, now=number, validity=0.5)
    (delivery,) = board.deliveries(99.0)
    assert len(delivery.batch.changed) <= 21
    assert "lasts" in delivery.batch.changed
    assert delivery.batch.changed["a/49"].kind is Kind.WRITTEN
    assert board.roles["anne"].mailbox.overflow >= 30
    board.commit("anne", epoch, delivery.batch.number, [], 99.0)


# --- roles


def end(board: Board[Any], name: str, how: str = "stopped", now: float = 0.0, **triggers: Trigger) -> int:
    """A role that somebody filled, and that ended."""
    epoch = start(board, name, now, **triggers)
    board.vacate(name, epoch, how, now, "Error: bad" if how == "failed" else None)
    return epoch


def test_full_space_forgets_a_role_that_is_over(board, three_roles):
    """A new role takes the place of the one that ended first; nothing is told of that any more."""
    for now, name in enumerate(("a", "b", "c")):
        end(board, name, "failed" if name == "a" else "stopped", float(now))
    start(board, "d", 4.0)
    assert sorted(board.roles) == ["b", "c", "d"]
    assert {read(board, f"_/{kind}/a", 4.0) for kind in ("roles", "errors")} == {"empty"}


def test_epochs_of_a_forgotten_role_go_on(board, three_roles):
    """Who acted under an epoch of a role that was forgotten is fenced, before it comes again and then."""
    for _ in range(4):
        zombie = end(board, "a")
    for name in ("b", "c", "d"):
        start(board, name)
    assert "a" not in board.roles
    with pytest.raises(FencedError):
        board.commit("a", zombie, None, [Put("x", 1)], 0.0)
    board.vacate("b", board.roles["b"].epoch, "stopped", 0.0)
    assert start(board, "a") > zombie
    for old in range(1, zombie + 1):
        with pytest.raises(FencedError):
            board.commit("a", old, None, [Put("x", 1)], 0.0)


def fill(board: Board[Any]) -> None:
    """Two more roles, which somebody fills."""
    for name in ("b", "c"):
        start(board, name)


def kept_state(board):
    epoch = start(board, "a")
    board.commit("a", epoch, None, [], 0.0, State(1, "much"))
    board.vacate("a", epoch, "gone", 0.0)


def queued_change(board):
    end(board, "a", "gone", x=Trigger.EVERY)
    write(board, "x", 1)


def dead_letter(board):
    for attempt in range(3):
        epoch = start(board, "a", x=Trigger.NORMAL)
        if attempt == 0:
            write(board, "x", 1)
        list(board.deliveries(0.0))
        board.vacate("a", epoch, "failed", 0.0, "bad")
    assert board.roles["a"].letters.count == 1


def setting(board):
    live = {"rate": {"type": "float", "default": 1.0}}
    epoch = board.claim("a", {"live": live, "settings": {"rate": 1.0}}, 0.0).epoch
    board.running("a", epoch, 0.0)
    number, _ = board.settings.ask("a", {"rate": 2.0}, 0.0)
    board.settings.answered("a", epoch, number, None, 0.0)
    board.vacate("a", epoch, "gone", 0.0)


def role_of_a_launch(board):
    end(board, "a")
    write(board, "launch/robot", {"roles": {"a": {"state": "stopped"}}})


def swap_under_way(board):
    end(board, "a")
    board.swaps.request("a", Wish(), 0.0)


def seat(board):
    end(board, "a")

    class Party:
        seat = None

    board.seats.take(Party(), Seat("test", "a", 1, Part.RESTS))


@pytest.mark.parametrize(
    "wanted", [kept_state, queued_change, dead_letter, setting, role_of_a_launch, swap_under_way, seat]
)
def test_role_that_somebody_may_want_is_not_forgotten(board, three_roles, wanted):
    """What a successor, a launch, a swap or a party counts on stays, though room is needed and time passes."""
    wanted(board)
    fill(board)
    with pytest.raises(LimitError, match="stop ROLE"):
        start(board, "d", 1.0)
    board.sweep(2 * ROLE_KEPT, 99)
    assert "a" in board.roles


def test_role_that_was_given_up_is_forgotten_with_its_state(board, three_roles):
    """Who asks a role to end that nobody fills says that nobody wants it any more."""
    kept_state(board)
    fill(board)
    board.request_stop("a", 0.0)
    start(board, "d", 1.0)
    assert "a" not in board.roles


def test_what_is_missed_least_goes_first(board, three_roles):
    """One that holds nothing goes before one that has changes waiting, and that before one with a queue."""
    end(board, "queue", x=Trigger.EVERY)
    end(board, "newest", x=Trigger.NORMAL)
    write(board, "x", 1)
    end(board, "nothing", now=1.0)
    gone = []
    for number in range(3):
        before = set(board.roles)
        start(board, f"new-{number}", 2.0)
        gone += before - set(board.roles)
    assert gone == ["nothing", "newest", "queue"]


def test_role_that_ended_well_is_forgotten_after_a_while(board):
    """Without need only roles that ended well go, after a while; one that failed is shown until room is needed."""
    end(board, "well")
    end(board, "badly", "failed")
    start(board, "runs")
    board.sweep(ROLE_KEPT - 1, 99)
    assert sorted(board.roles) == ["badly", "runs", "well"]
    board.sweep(ROLE_KEPT, 99)
    assert sorted(board.roles) == ["badly", "runs"]
    assert read(board, "_/roles/well") == "empty"


def test_roles_that_come_and_go_leave_few_behind(board):
    """Of ever new names only the last ones stay, however they ended; what somebody may want stays besides."""
    end(board, "a")
    kept_state(board)
    for number in range(10 * OVER_KEPT):
        end(board, f"guest-{number:03}", "gone" if number % 2 else "stopped", float(number), x=Trigger.NORMAL)
        write(board, "x", number)
        assert len(board.roles) <= 2 * OVER_KEPT
    assert "a" in board.roles
    last = [f"guest-{number:03}" for number in range(9 * OVER_KEPT, 10 * OVER_KEPT)]
    assert set(last) <= board.roles.keys()
    assert read(board, "_/roles/guest-000") == "empty"


@dataclass
class Lives:
    """All that ever happened to roles, by name: what a table of roles may forget, this does not."""

    epochs: dict[str, list[int]] = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)
    keeps: set[str] = field(default_factory=set)


ROLE_OPS = st.tuples(st.sampled_from(["fill", "fill", "keep", "stop", "die", "sweep"]), st.sampled_from("abcdef"))


@examples(1000)
@given(st.lists(ROLE_OPS, max_size=40))
def test_table_of_roles_does_what_their_lives_allow(ops):
    """On random lives: no epoch comes twice or goes back, none that is over acts, nothing wanted is lost."""
    board: Board[Any] = Board("test", lambda value: value)
    lives, now = Lives(), 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(role_module, "MAX_ROLES", 3)
        for what, name in ops:
            now += 1.0
            live_through(board, lives, what, name, now)
            assert len(board.roles) <= 3
            assert {each for each, role in board.roles.items() if role.filled} == set(lives.filled)
            assert lives.keeps <= board.roles.keys()
            for each, epochs in lives.epochs.items():
                for epoch in epochs:
                    assert acts(board, each, epoch) == (lives.filled.get(each) == epoch)


def live_through(board: Board[Any], lives: Lives, what: str, name: str, now: float) -> None:
    """One thing happens to one role."""
    epoch = lives.filled.get(name)
    if what == "sweep":
        board.sweep(now + 2 * ROLE_KEPT, 99)
    elif what == "fill" and epoch is None:
        try:
            new = board.claim(name, {}, now).epoch
        except LimitError:
            assert len(lives.filled.keys() | lives.keeps) >= 3
            return
        assert new > max(lives.epochs.get(name, [0]))
        lives.epochs.setdefault(name, []).append(new)
        lives.filled[name] = new
    elif what == "keep" and epoch is not None:
        board.commit(name, epoch, None, [], now, State(1, "much"))
        lives.keeps.add(name)
    elif what in ("stop", "die") and epoch is not None:
        board.vacate(name, epoch, "stopped" if what == "stop" else "gone", now)
        del lives.filled[name]
        if what == "stop":
            lives.keeps.discard(name)


def acts(board: Board[Any], name: str, epoch: int) -> bool:
    """Whether who has this epoch may act."""
    try:
        board.roles.check(name, epoch)
    except FencedError:
        return False
    return True


# --- spaces


@pytest.fixture
def host() -> Spaces[Any]:
    return Spaces(lambda name, floors: Board(name, lambda value: value, floors=floors))


def test_spaces_that_were_only_read_make_room(host):
    """As many spaces as there may be, each looked at once, leave room for others; one with a value stays."""
    write(host.board("DATA"), "x", 1)
    write(host.board("kept"), "x", 1)
    for number in range(3 * spaces.MAX_SPACES):
        assert read(host.board(f"S{number}"), "x") == "empty"
        host.board(f"S{number}").publish(0.0)
    assert len(host) == spaces.MAX_SPACES
    assert {"DATA", "kept"} <= host.keys()


@pytest.mark.parametrize("what", ["value", "delayed", "watcher", "role", "state"])
def test_space_in_which_something_is_stays(host, what):
    """A value, also one to come, a watcher, or a role that runs or left something, keeps its space."""
    there = host.board("there")
    match what:
        case "value":
            write(there, "x", 1)
        case "delayed":
            write(there, "x", 1, delay=1e6)
        case "watcher":
            there.watch("*", Trigger.NORMAL, {}, 0.0)
        case "role":
            start(there, "a")
        case "state":
            kept_state(there)
    for number in range(2 * spaces.MAX_SPACES):
        host.board(f"S{number}")
    host.sweep(0.0)
    host.sweep(2 * SPACE_KEPT)
    assert "there" in host


def test_empty_space_is_forgotten_after_a_while(host):
    """A space in which nothing is goes by itself, but not the default one, nor one that is used meanwhile."""
    host.board("DATA")
    write(host.board("there"), "x", 1, validity=1.0)
    host["there"].advance(1.0)
    host.sweep(2.0)
    write(host.board("there"), "x", 1, now=3.0, validity=1.0)
    host.sweep(3.0)
    host["there"].advance(4.0)
    host.sweep(4.0)
    host.sweep(3.0 + SPACE_KEPT)
    assert "there" in host
    host.sweep(4.0 + SPACE_KEPT)
    assert list(host) == ["DATA"]


@pytest.mark.parametrize("past", [0, 1024])
def test_numbers_of_a_space_that_comes_again_go_on(host, monkeypatch, past):
    """Revisions, epochs and numbers of swaps go on, whether the floors are kept by name or for all."""
    monkeypatch.setattr(spaces, "_PAST", past)  # private: see above
    there = host.board("there")
    for number in range(9):
        revision = write(there, "x", number, validity=1.0).revision
    epoch = end(there, "a")
    swap = there.swaps.request("a", Wish(), 0.0)
    there.swaps.roll_back("a", "enough", 0.0)
    there.advance(1.0)
    for number in range(spaces.MAX_SPACES):
        write(host.board(f"S{number}"), "x", 1)
    assert "there" not in host
    host["S0"].apply(Erase("x"), ANNE, 0.0)
    again = host.board("there")
    assert write(again, "x", 1).revision > revision
    assert start(again, "a") > epoch
    assert again.swaps.request("a", Wish(), 0.0) > swap
