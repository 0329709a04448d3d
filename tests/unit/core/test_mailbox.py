"""The mailbox, against a model that is one list of what waits; and masks, against a matcher that only searches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from agentspace.core import mailbox as module
from agentspace.core.change import Batch, Change, Kind, Writer
from agentspace.core.mailbox import BATCH_LIMIT, EVERY_LIMIT, Interest, Mailbox, Trigger
from agentspace.core.values.agenda import FOREVER
from agentspace.core.values.masks import Mask
from agentspace.errors import SlotNameError
from tests.support.examples import examples

NORMAL, NAMES, EVERY, QUIET = Trigger.NORMAL, Trigger.NAMES, Trigger.EVERY, Trigger.QUIET
ANNE = Writer("anne", 1)


def change(name: str, number: int) -> Change[int]:
    """The `number`-th change of a history; its value tells which one it is."""
    return Change(name, Kind.WRITTEN, number, number, ANNE, 0.0, float(number), FOREVER, float(number))


def numbers(batch: Batch[int]) -> tuple[dict[str, Any], list[Any]]:
    """The changes of a batch by their numbers."""
    return {name: c.value for name, c in batch.changed.items()}, [c.value for c in batch.every]


# --- masks

OPEN = ["[", "]", "[]", "[!]", "a/[b", "a]", "[a]]", "[[a]b]"]


def glob(mask: str, name: str) -> bool:
    """Whether a glob covers a name, by trying out everything."""
    if not mask:
        return not name
    head, rest = mask[0], mask[1:]
    if head == "*":
        return any(glob(rest, name[start:]) for start in range(len(name) + 1))
    end = mask.find("]", 3 if mask[1:2] == "!" else 2) if head == "[" else -1
    if not name:
        return False
    if end > 0:
        return in_set(mask[1:end], name[0]) and glob(mask[end + 1 :], name[1:])
    return head in ("?", name[0]) and glob(rest, name[1:])


def is_closed(mask: str) -> bool:
    """Whether all brackets of a glob enclose something."""
    if not mask:
        return True
    end = mask.find("]", 3 if mask[1:2] == "!" else 2) if mask[0] == "[" else 0
    return end >= 0 and mask[0] != "]" and is_closed(mask[end + 1 :])


def has_empty_range(mask: str) -> bool:
    """Whether a set of a glob has a range that ends before it begins."""
    if not mask:
        return False
    if mask[0] != "[":
        return has_empty_range(mask[1:])
    end = mask.find("]", 3 if mask[1:2] == "!" else 2)
    text = mask[1:end].removeprefix("!")
    while text:
        is_range = text[1:2] == "-" and len(text) > 2
        if is_range and text[0] > text[2]:
            return True
        text = text[3 if is_range else 1 :]
    return has_empty_range(mask[end + 1 :])


def in_set(text: str, char: str) -> bool:
    """Whether ``[text]`` covers a character."""
    return not in_ranges(text[1:], char) if text[0] == "!" else in_ranges(text, char)


def in_ranges(text: str, char: str) -> bool:
    """Whether a character is one of a text, in which a-c is a range."""
    while text:
        if text[1:2] == "-" and len(text) > 2:
            if text[0] <= char <= text[2]:
                return True
            text = text[3:]
        elif text[0] == char:
            return True
        else:
            text = text[1:]
    return False


@examples(600)
@given(st.text("ab*?[]!/-_", min_size=1, max_size=8), st.from_regex(r"[ab_!\-]+(/[ab_!\-]+)*", fullmatch=True))
def test_masks_match_as_searching_says(mask, name):
    """A mask is a glob over the whole name; one that does not begin with _ leaves names that do alone."""
    assume(is_closed(mask) and not has_empty_range(mask))
    expected = glob(mask, name)
    if any(char in mask for char in "*?["):
        expected = expected and (name[0] != "_" or mask[0] == "_")
    assert Mask(mask).matches(name) == expected


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_any_text_is_a_mask_or_is_refused(mask, name):
    """No text makes a mask that fails later, or that warns."""
    try:
        made = Mask(mask)
    except SlotNameError:
        unseen = any(char <= " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in mask)
        assert unseen or not is_closed(mask) or has_empty_range(mask)
    else:
        assert is_closed(mask)
        assert not has_empty_range(mask)
        assert made.matches(name) in (True, False)


@pytest.mark.parametrize("mask", ["a[z-a]", "[z-a!b]", "[!b-a]", "[[-?!]", "[a-b-az-y]"])
def test_a_range_that_ends_before_it_begins_is_told(mask):
    """What it would cover depends on what stands behind it."""
    with pytest.raises(SlotNameError, match=r"no character is from '.' to '.'"):
        Mask(mask)


@pytest.mark.parametrize(
    "mask", ["", " ", "a b", "a\n", "\x00", "\x7f", "\ud800", "x" * 256, None, 1, b"a", *OPEN]
)
def test_texts_that_are_no_masks(mask):
    """Empty, too long, unprintable or no text at all: refused, and the mailbox has no trigger of it."""
    box: Mailbox[int] = Mailbox()
    with pytest.raises(SlotNameError):
        box.attach(mask, NORMAL)
    assert box.attachments == {}


def test_exact_masks_are_names():
    """A mask without glob characters is one name, also one of the space's own."""
    assert Mask("_/roles/x").exact
    assert Mask("_/roles/x").matches("_/roles/x")
    assert not Mask("a?").exact


def test_hostile_mask_is_matched_fast():
    """A mask with many stars does not search exponentially long."""
    assert not Mask("*a" * 60).matches("a" * 59 + "b" * 190)


# --- the mailbox, against a model


@dataclass
class Item:
    """A change that waits, and for what."""

    change: Change[int]
    coalesced: bool  # its name is told, with all other changes of that name at once
    valued: bool  # and its newest value
    every: bool  # it is told itself


class Machine(RuleBasedStateMachine):
    """Offers, takes, acknowledges, crashes, replaces; small limits, so that they are reached."""

    LIMIT = 5
    BATCH = 3

    def __init__(self) -> None:
        super().__init__()
        module.BATCH_LIMIT = self.BATCH
        self.box: Mailbox[int] = Mailbox(self.LIMIT)
        self.triggers: dict[tuple[str, Trigger], bool] = {}  # stale?
        self.waiting: list[Item] = []
        self.out: list[Item] | None = None
        self.awake = False
        self.overflow = 0
        self.offered: list[int] = []  # for EVERY
        self.handled: list[int] = []
        self.dropped: list[int] = []
        self.told = 0  # of these
        self.count = 0

    def teardown(self) -> None:
        module.BATCH_LIMIT = BATCH_LIMIT

    masks = st.sampled_from(["a", "b", "a*", "*", "c/?"])
    kinds = st.sampled_from(list(Trigger))

    @rule(mask=masks, kind=kinds)
    def attach(self, mask, kind):
        assert self.box.attach(mask, kind) == ((mask, kind) not in self.triggers)
        self.triggers[mask, kind] = False

    @rule(mask=masks)
    def detach(self, mask):
        self.box.detach(mask)
        self.triggers = {key: stale for key, stale in self.triggers.items() if key[0] != mask}

    @rule(name=st.sampled_from(["a", "b", "ab", "c/d", "_/a"]))
    def offer(self, name):
        self.count += 1
        new = change(name, self.count)
        kinds = {kind for mask, kind in self.triggers if glob(mask, name) and (name[0] != "_" or mask[0] == "_")}
        if kinds:
            self.waiting.append(Item(new, kinds != {EVERY}, NORMAL in kinds, EVERY in kinds))
            self.awake |= kinds != {QUIET}
        if EVERY in kinds:
            self.offered.append(self.count)
            queue = [item for item in self.waiting if item.every]
            if len(queue) - 1 >= self.LIMIT:
                queue[0].every = False
                self.dropped.append(queue[0].change.value)
        assert self.box.offer(new) == (bool(kinds) and self.awake)

    @precondition(lambda self: self.box.ready)
    @rule()
    def take(self):
        batch = self.box.take()
        queue = [item for item in self.waiting if item.every]
        told = [item for item in self.waiting if item.coalesced]
        changed = {item.change.name: None for item in told} | {item.change.name: item.change for item in told}
        assert batch.changed == changed
        assert list(batch.changed) == list(changed)
        assert batch.every == tuple(item.change for item in queue[: self.BATCH])
        assert batch.values == {item.change.name for item in told if item.valued}
        assert batch.lost == len(self.dropped) - self.told
        assert self.box.outstanding is batch
        late = queue[self.BATCH :]
        self.out = [
            replace(item, every=not any(item is x for x in late)) if item.every else item for item in self.waiting
        ]
        self.waiting = [replace(item, coalesced=False, valued=False) for item in late]
        self.awake = bool(late)

    @rule()
    def acknowledge(self):
        out = self.box.outstanding
        assert self.box.acknowledge(out.number if out else 1) is out
        self.handled += [item.change.value for item in self.out or () if item.every]
        self.told += out.lost if out else 0
        self.out = None

    @rule(off=st.sampled_from([-1, 1]))
    def acknowledge_another(self, off):
        out = self.box.outstanding
        assert self.box.acknowledge((out.number if out else 0) + off) is None
        assert self.box.outstanding is out

    @rule()
    def give_back(self):
        self.box.give_back()
        if self.out is not None:
            self.waiting = self.out + self.waiting
            self.out, self.awake = None, True

    @rule()
    def rouse(self):
        self.box.rouse()
        self.awake |= any(item.coalesced for item in self.waiting)

    @rule()
    def renew(self):
        self.box.renew()
        self.triggers = dict.fromkeys(self.triggers, True)

    @rule()
    def settle(self):
        self.box.settle()
        self.triggers = {key: stale for key, stale in self.triggers.items() if not stale}

    @invariant()
    def agrees(self):
        assert set(self.box.attachments) == set(self.triggers)
        assert self.box.ready == (self.awake and self.out is None)
        names = {item.change.name for item in self.waiting if item.coalesced}
        assert self.box.pending == len(names) + sum(item.every for item in self.waiting)
        assert self.box.overflow == len(self.dropped)
        assert (self.box.outstanding is None) == (self.out is None)

    @invariant()
    def loses_and_repeats_nothing(self):
        """What was offered for EVERY is handled, out, waiting or counted as dropped: once each, and in order."""
        left = [item.change.value for item in (*(self.out or ()), *self.waiting) if item.every]
        assert self.handled + left == [n for n in self.offered if n not in self.dropped]

    @invariant()
    def says_what_is_missing(self):
        """Who has handled a change was told of all that was lost before it."""
        assert self.told >= sum(number < max(self.handled, default=0) for number in self.dropped)


def test_mailbox_does_what_its_model_says():
    """Coalescing, one outstanding batch, order, giving back, overflow, masks, successors: in random histories."""
    run_state_machine_as_test(Machine, settings=settings(examples(250), stateful_step_count=40))


# --- single rules, spelled out


def box_with(**triggers: Trigger) -> Mailbox[int]:
    """A mailbox with triggers."""
    box: Mailbox[int] = Mailbox()
    for mask, kind in triggers.items():
        box.attach(mask, kind)
    return box


def test_many_changes_are_one_batch_with_the_newest():
    """Changes of one slot coalesce to the newest; the batch tells whose values travel along."""
    box = box_with(a=NORMAL, b=NAMES)
    for number, name in enumerate("abab", 1):
        box.offer(change(name, number))
    batch = box.take()
    assert numbers(batch) == ({"a": 3, "b": 4}, [])
    assert batch.values == {"a"}


def test_one_batch_is_out_at_a_time():
    """Until the batch is acknowledged, by its own number, nothing is ready; then what collected is."""
    box = box_with(a=NORMAL)
    box.offer(change("a", 1))
    batch = box.take()
    box.offer(change("a", 2))
    assert not box.ready
    assert box.acknowledge(batch.number + 1) is None
    assert not box.ready
    assert box.acknowledge(batch.number) is batch
    assert box.ready
    assert box.acknowledge(batch.number) is None
    assert box.take().number > batch.number


def test_quiet_changes_wait_for_a_loud_one():
    """QUIET does not make a batch ready, but is in the next one."""
    box = box_with(a=QUIET, b=NAMES)
    assert not box.offer(change("a", 1))
    assert not box.ready
    assert box.pending == 1
    assert box.offer(change("b", 2))
    assert numbers(box.take()) == ({"a": 1, "b": 2}, [])


def test_quiet_changes_can_be_asked_for():
    """Roused, the mailbox is ready if it has collected something, and only then."""
    box = box_with(a=QUIET)
    box.rouse()
    assert not box.ready
    box.offer(change("a", 1))
    box.rouse()
    assert numbers(box.take()) == ({"a": 1}, [])
    assert not box.ready


def test_slot_without_trigger_is_nobodys_business():
    """A change that no mask covers is not noted."""
    box = box_with(a=NORMAL)
    assert not box.offer(change("b", 1))
    assert box.pending == 0


def test_every_comes_in_batches_of_bounded_size():
    """A long queue goes out piece by piece, in order, each piece ready when the one before is acknowledged."""
    box = box_with(a=EVERY)
    for number in range(2 * BATCH_LIMIT + 1):
        box.offer(change("a", number))
    sizes, seen = [], []
    while box.ready:
        batch = box.take()
        sizes.append(len(batch.every))
        seen += numbers(batch)[1]
        box.acknowledge(batch.number)
    assert sizes == [BATCH_LIMIT, BATCH_LIMIT, 1]
    assert seen == list(range(2 * BATCH_LIMIT + 1))


def test_full_queue_drops_its_oldest_and_counts():
    """The queue holds EVERY_LIMIT changes; each one more costs the oldest, visibly."""
    box = box_with(a=EVERY)
    for number in range(EVERY_LIMIT + 3):
        box.offer(change("a", number))
    assert (box.overflow, box.pending) == (3, EVERY_LIMIT)
    assert box.take().every[0].value == 3


def test_what_is_lost_is_told_until_it_was_heard():
    """The next batch says how many changes are missing; after a handler that died the next one does, with more."""
    box = box_with(a=EVERY)
    for number in range(EVERY_LIMIT + 3):
        box.offer(change("a", number))
    assert box.take().lost == 3
    box.give_back()
    box.offer(change("a", EVERY_LIMIT + 3))
    batch = box.take()
    assert (batch.lost, batch.every[0].value) == (4, 4)
    box.acknowledge(batch.number)
    assert box.take().lost == 0


def test_given_back_batch_comes_first_but_not_with_stale_values():
    """A handler that died leaves its batch: EVERY changes before the later ones, coalesced ones by the newer."""
    box = box_with(a=NORMAL, b=NAMES, c=EVERY)
    for number, name in enumerate("abcc", 1):
        box.offer(change(name, number))
    box.take()
    for number, name in enumerate("cb", 5):
        box.offer(change(name, number))
    box.give_back()
    assert box.redelivered == 1
    batch = box.take()
    assert numbers(batch) == ({"a": 1, "b": 6}, [3, 4, 5])
    assert batch.values == {"a"}


def test_giving_back_nothing_changes_nothing():
    """Without an outstanding batch there is nothing to give back, and nothing becomes ready."""
    box = box_with(a=QUIET)
    box.offer(change("a", 1))
    box.give_back()
    assert (box.redelivered, box.ready, box.pending) == (0, False, 1)


def test_successor_inherits_until_it_has_settled():
    """Triggers of the predecessor collect while the successor starts; then only its own count."""
    box = box_with(a=NORMAL, b=NORMAL)
    box.renew()
    assert not box.attach("a", NORMAL)
    assert box.attach("c", NORMAL)
    assert box.offer(change("b", 1))
    box.settle()
    assert set(box.attachments) == {("a", NORMAL), ("c", NORMAL)}
    box.take()
    assert not box.offer(change("b", 2))
    assert box.pending == 0


def test_detached_mask_is_not_settled_again():
    """A successor may detach what it inherited; settling then has nothing to forget."""
    box = box_with(a=NORMAL)
    box.renew()
    box.detach("a")
    box.settle()
    assert box.attachments == {}


def test_preloaded_mailbox_is_ready_even_if_empty():
    """The first batch is the present state, also if there is none; changes after it follow in order."""
    box = box_with(**{"*": EVERY})
    box.preload({}, set())
    assert box.ready
    assert numbers(box.take()) == ({}, [])
    box = box_with(**{"*": EVERY})
    box.preload({"a": change("a", 1), "b": change("b", 2)}, {"a", "b"})
    box.offer(change("a", 3))
    batch = box.take()
    assert numbers(batch) == ({"a": 1, "b": 2}, [3])
    assert batch.values == {"a", "b"}


def test_offer_may_be_meant_for_some_kinds_only():
    """What is told to a new trigger does not reach the older triggers of that name."""
    box = box_with(a=EVERY)
    box.attach("a", NORMAL)
    box.offer(change("a", 1), Interest.of(frozenset({NORMAL})))
    batch = box.take()
    assert numbers(batch) == ({"a": 1}, [])
