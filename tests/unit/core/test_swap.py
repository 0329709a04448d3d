"""The steps of a hot swap, with time passed in."""

from __future__ import annotations

from typing import Any

import pytest

from agentspace import Trigger, Writer
from agentspace.core.board import Board
from agentspace.core.role import State
from agentspace.core.seats import Dismiss, Fence, Part, Reclaim, Resume, Suspend
from agentspace.core.slot import Erase, Put
from agentspace.core.swap import Limits, Step, Wish
from agentspace.errors import FencedError, RoleNotFoundError, SwapError

OLD, NEW = {"pid": 1, "class": "old"}, {"pid": 2, "class": "new"}


class Stage:
    """A board with a role ``anne`` that is triggered by ``x``, and a clock that tests turn."""

    def __init__(self) -> None:
        self.now = 100.0
        self.board: Board[Any] = Board("DATA", lambda value: value)
        self.epoch = self.board.claim("anne", OLD, self.now).epoch
        self.board.attach("anne", self.epoch, "x", Trigger.EVERY, self.now)
        self.board.running("anne", self.epoch, self.now)

    @property
    def role(self) -> Any:
        return self.board.roles["anne"]

    @property
    def report(self) -> dict[str, Any]:
        change = self.board.read("_/swaps/anne", self.now)
        return {} if change is None else change.value

    def orders(self) -> list[Any]:
        taken = self.board.swaps.orders[:]
        self.board.swaps.orders.clear()
        return taken

    def write(self, value: Any) -> None:
        assert self.board.apply(Put("x", value), self.writer, self.now)

    writer = Writer("world")

    def batch(self) -> Any:
        """What is dispatched to the role now."""
        found = [delivery.batch for delivery in self.board.deliveries(self.now) if delivery.to == "anne"]
        return found[0] if found else None

    def commit(self, epoch: int, batch: Any = None, *acts: Put[Any] | Erase, kept: Any = None) -> None:
        self.board.commit("anne", epoch, batch and batch.number, acts, self.now, kept)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.board.advance(self.now)

    # the way of a swap

    def request(self, **wish: Any) -> int:
        return self.board.swaps.request("anne", Wish(**wish), self.now)

    def prepare(self, number: int) -> None:
        self.board.swaps.stand_by("anne", number, NEW, self.now)
        self.board.swaps.prepared("anne", number, NEW, self.now)

    def yields(self, step: Step, kept: Any = None, error: str | None = None) -> None:
        self.board.swaps.handed_over("anne", self.epoch, step, kept, error, self.now)

    def hand_over(self, kept: Any = None) -> None:
        for step in (Step.QUIESCE, Step.SNAPSHOT, Step.RELEASE):
            self.yields(step, kept if step is Step.SNAPSHOT else None)

    def until(self, step: Step, kept: Any = None) -> int:
        """Goes on to a step; gives the number of the swap."""
        number = self.request()
        if step is Step.REQUESTED:
            return number
        self.board.swaps.stand_by("anne", number, NEW, self.now)
        if step is Step.PREPARE:
            return number
        self.board.swaps.prepared("anne", number, NEW, self.now)
        for each in (Step.QUIESCE, Step.SNAPSHOT, Step.RELEASE):
            if step is each:
                return number
            self.yields(each, kept if each is Step.SNAPSHOT else None)
        if step is Step.PROBATION:
            self.board.attach("anne", self.epoch + 1, "x", Trigger.EVERY, self.now)
            self.board.running("anne", self.epoch + 1, self.now)
        return number

    @property
    def acting(self) -> tuple[int, str, str]:
        """Epoch and class of who fills the role, and in which state."""
        return self.role.epoch, self.role.info["class"], self.role.state


@pytest.fixture
def stage() -> Stage:
    return Stage()


BEFORE_FENCE = [Step.REQUESTED, Step.PREPARE, Step.QUIESCE, Step.SNAPSHOT, Step.RELEASE]
AFTER_FENCE = [Step.RESUME, Step.PROBATION]


def test_swap_goes_through_its_steps(stage):
    """Prepare, quiesce, snapshot, release, resume, probation, done: each party is told in its turn."""
    number = stage.request(spec="agents.new:New", settings={"rate": 2})
    assert stage.report["state"] == "requested"
    stage.board.swaps.stand_by("anne", number, NEW, stage.now)
    assert (stage.report["state"], stage.orders()) == ("prepare", [])
    stage.pass_time(2.0)
    stage.board.swaps.prepared("anne", number, NEW, stage.now)
    assert (stage.report["state"], stage.orders()) == ("quiesce", [Suspend("anne")])
    stage.hand_over(State(3, "memory"))
    assert stage.orders() == [Resume("anne", 2, State(3, "memory"), False)]
    assert stage.acting == (2, "new", "starting")
    stage.pass_time(0.25)
    stage.board.running("anne", 2, stage.now)
    assert (stage.report["state"], stage.report["gap"]) == ("probation", 0.25)
    stage.pass_time(Limits().probation)
    assert stage.orders() == [Dismiss("anne", Part.RESTS)]
    assert stage.acting == (2, "new", "running")
    report = stage.report
    assert report["state"] == "done"
    assert [step for step, _ in report["steps"]] == [
        "requested", "prepare", "quiesce", "snapshot", "release", "resume", "probation",
    ]  # fmt: skip
    assert dict(report["steps"])["prepare"] == 2.0
    assert (report["spec"], report["settings"]) == ("agents.new:New", {"rate": 2})
    assert (report["old"]["epoch"], report["new"]["epoch"]) == (1, 2)


def test_three_good_handlers_end_the_probation(stage):
    """The successor need not wait for the clock if it works."""
    stage.until(Step.PROBATION)
    stage.orders()
    for number in range(3):
        assert stage.report["state"] == "probation"
        stage.write(number)
        stage.commit(2, stage.batch())
    assert (stage.report["state"], stage.orders()) == ("done", [Dismiss("anne", Part.RESTS)])


def test_every_change_is_handled_once_across_a_swap(stage):
    """What is written at any step reaches one handler, whichever incarnation runs it, in order."""
    handled = []

    def handle(epoch: int) -> None:
        batch = stage.batch()
        if batch is not None:
            handled.extend(change.value for change in batch.every)
            stage.commit(epoch, batch)

    stage.write(0)
    at_work = stage.batch()
    number = stage.request()
    stage.write(1)
    stage.prepare(number)
    stage.write(2)
    assert stage.batch() is None, "nothing is dispatched to who yields"
    handled.extend(change.value for change in at_work.every)
    stage.commit(1, at_work)
    assert stage.batch() is None
    stage.hand_over()
    stage.write(3)
    assert stage.batch() is None
    stage.board.attach("anne", 2, "x", Trigger.EVERY, stage.now)
    stage.board.running("anne", 2, stage.now)
    assert stage.report["carried"] == 3
    handle(2)
    stage.write(4)
    handle(2)
    assert handled == [0, 1, 2, 3, 4]
    assert stage.role.mailbox.overflow == 0


@pytest.mark.parametrize("step", BEFORE_FENCE)
def test_successor_that_ends_before_it_acts_changes_nothing(stage, step):
    """The predecessor goes on under its own epoch, also with the handler that was running."""
    stage.write(1)
    batch = stage.batch()
    number = stage.until(step)
    stage.orders()
    stage.board.swaps.successor_lost("anne", number, "failed: no such module", stage.now)
    assert stage.report["state"] == "rolled back"
    assert stage.report["reason"] == "the successor failed: no such module"
    stage.commit(1, batch, Put("y", 1))
    assert stage.board.read("y", stage.now).writer.epoch == 1
    if stage.role.state == "starting":
        assert Reclaim("anne", 1) in stage.orders()
        stage.board.running("anne", 1, stage.now)
    stage.write(2)
    assert [change.value for change in stage.batch().every] == [2]
    assert stage.request() > number, "a new swap can begin"


@pytest.mark.parametrize("step", AFTER_FENCE)
@pytest.mark.parametrize("end", ["failed", "gone", "slow"])
def test_successor_that_fails_brings_its_predecessor_back(stage, step, end):
    """It acts again under a newer epoch, with its own triggers, and with what the successor had at hand."""
    stage.write(1)
    number = stage.until(Step.QUIESCE)
    stage.hand_over()
    if step is Step.PROBATION:
        stage.board.attach("anne", 2, "only-mine", Trigger.NORMAL, stage.now)
        stage.board.running("anne", 2, stage.now)
    stage.orders()
    if end == "slow":
        if step is Step.PROBATION:
            assert stage.batch() is not None
        stage.pass_time(31.0)
    else:
        stage.board.vacate("anne", 2, end, stage.now, "Traceback\nBoom: bang" if end == "failed" else None)
    assert stage.orders() == [Dismiss("anne", Part.ACTS), Reclaim("anne", 3)]
    assert stage.report["state"] == "rolled back"
    assert ("Boom: bang" in stage.report["reason"]) == (end == "failed")
    assert stage.acting == (3, "old", "starting")
    with pytest.raises(FencedError):
        stage.commit(2, None, Put("y", "zombie"))
    stage.board.running("anne", 3, stage.now)
    assert stage.role.mailbox.attachments.keys() == {("x", Trigger.EVERY)}
    assert [change.value for change in stage.batch().every] == [1]
    assert number not in [swap.number for swap in stage.board.swaps.under_way.values()]


@pytest.mark.parametrize("step", [Step.PREPARE, *BEFORE_FENCE[2:]])
def test_predecessor_that_dies_is_not_waited_for(stage, step):
    """The successor takes over with what was kept last, and with what the dead had at hand."""
    stage.write(1)
    first = stage.batch()
    stage.commit(1, first, kept=State(1, "checkpoint"))
    stage.write(2)
    assert stage.batch() is not None
    number = stage.until(step, State(2, "snapshot"))
    stage.orders()
    stage.board.vacate("anne", 1, "gone", stage.now)
    if step is Step.PREPARE:
        assert stage.orders() == []
        stage.board.swaps.prepared("anne", number, NEW, stage.now)
    kept = State(2, "snapshot") if step is Step.RELEASE else State(1, "checkpoint")
    assert stage.orders() == [Resume("anne", 2, kept, True)]
    stage.board.running("anne", 2, stage.now)
    assert stage.role.mailbox.redelivered == 1


@pytest.mark.parametrize("step", AFTER_FENCE)
def test_who_rests_may_end_too(stage, step):
    """Then there is no way back: a successor that fails leaves the role empty, and it says so."""
    stage.until(step)
    stage.orders()
    stage.board.swaps.predecessor_lost("anne", stage.now)
    assert stage.report["state"] == str(step), "the successor goes on"
    stage.board.vacate("anne", 2, "gone", stage.now)
    assert stage.report["state"] == "failed"
    assert not stage.role.filled
    assert [type(order) for order in stage.orders()] == [Dismiss]
    assert stage.board.claim("anne", OLD, stage.now).epoch == 3


@pytest.mark.parametrize(
    ("step", "seconds", "why"),
    [
        (Step.REQUESTED, 15.0, "nobody started a successor"),
        (Step.PREPARE, 60.0, "the successor did not finish prepare within 60 s"),
        (Step.QUIESCE, 5.0, "handler did not end within 5 s"),
        (Step.SNAPSHOT, 5.0, "the predecessor did not finish snapshot within 5 s"),
        (Step.RELEASE, 5.0, "the predecessor did not finish release within 5 s"),
        (Step.RESUME, 30.0, "the successor did not finish resume within 30 s"),
    ],
)
def test_each_step_has_its_time(stage, step, seconds, why):
    """A step that takes longer ends the swap, and the predecessor goes on."""
    stage.until(step)
    stage.pass_time(seconds - 0.001)
    assert stage.report["state"] == str(step)
    assert stage.board.next_deadline() == pytest.approx(stage.now + 0.001)
    stage.pass_time(0.001)
    assert stage.report["state"] == "rolled back"
    assert why in stage.report["reason"]


@pytest.mark.parametrize("step", BEFORE_FENCE[2:])
@pytest.mark.parametrize("why", ["silent", "force"])
def test_predecessor_that_does_not_answer_is_fenced(stage, step, why):
    """If it gives no sign of life, or if that is wished for; its end is waited for, but not for ever."""
    number = stage.request(force=why == "force")
    stage.board.swaps.is_silent = lambda role: why == "silent"
    stage.prepare(number)
    for each in BEFORE_FENCE[2:][: BEFORE_FENCE[2:].index(step)]:
        stage.yields(each)
    stage.orders()
    stage.pass_time(5.0)
    assert stage.orders() == [Fence("anne")]
    assert (stage.report["state"], stage.report["old"]["fenced"]) == ("fence", True)
    with pytest.raises(FencedError):
        stage.commit(1, None, Put("y", "zombie"))
    stage.pass_time(3.0)
    assert stage.orders() == [Resume("anne", 3, None, True)]
    stage.board.running("anne", 3, stage.now)
    stage.board.vacate("anne", 3, "gone", stage.now)
    assert stage.report["state"] == "failed", "there is nobody to go back to"


def test_fenced_predecessor_that_ends_lets_its_successor_begin(stage):
    """The wait is over when its process is."""
    number = stage.request(force=True)
    stage.prepare(number)
    stage.pass_time(5.0)
    stage.orders()
    stage.board.swaps.predecessor_lost("anne", stage.now)
    assert [type(order) for order in stage.orders()] == [Resume]


def test_successor_lost_while_a_fenced_predecessor_ends_leaves_the_role_empty(stage):
    """Nobody acts then, and it is said."""
    number = stage.request(force=True)
    stage.prepare(number)
    stage.pass_time(5.0)
    stage.board.swaps.successor_lost("anne", number, "died", stage.now)
    assert stage.report["state"] == "failed"
    assert not stage.role.filled


def test_predecessor_that_cannot_say_what_it_knows_goes_on(stage):
    """An error in `get_state` or `release` ends the swap."""
    stage.until(Step.SNAPSHOT)
    stage.orders()
    stage.yields(Step.SNAPSHOT, error="failed at snapshot: ValueError: no")
    assert stage.report["state"] == "rolled back"
    assert "ValueError: no" in stage.report["reason"]
    assert stage.orders() == [Dismiss("anne", Part.STANDS_BY), Reclaim("anne", 1)]


def test_two_swaps_of_one_role_are_refused(stage):
    """The second is told where the first is, whoever asks."""
    number = stage.until(Step.PREPARE)
    with pytest.raises(SwapError, match=f"swap {number} is at prepare"):
        stage.request()
    with pytest.raises(SwapError, match="being swapped already"):
        stage.board.swaps.stand_by("anne", 0, NEW, stage.now)
    with pytest.raises(SwapError, match="has its successor already"):
        stage.board.swaps.stand_by("anne", number, NEW, stage.now)
    assert stage.report["state"] == "prepare"


def test_unknown_role_cannot_be_swapped(stage):
    """The error lists the roles."""
    with pytest.raises(RoleNotFoundError, match="anne"):
        stage.board.swaps.request("ann", Wish(), stage.now)


def test_successor_of_a_swap_that_is_over_is_refused(stage):
    """It came too late."""
    number = stage.request()
    stage.pass_time(15.0)
    with pytest.raises(SwapError, match="is over"):
        stage.board.swaps.stand_by("anne", number, NEW, stage.now)


def test_role_that_restarts_is_swapped_when_it_runs(stage):
    """A predecessor that is in `init` yields when it has finished; if it dies, the successor takes over."""
    stage.board.vacate("anne", 1, "failed", stage.now, "bang")
    stage.epoch = stage.board.claim("anne", OLD, stage.now).epoch
    stage.prepare(stage.request())
    assert stage.orders() == []
    stage.board.running("anne", 2, stage.now)
    assert stage.orders() == [Suspend("anne")]
    stage.hand_over()
    assert stage.acting == (3, "new", "starting")


def test_empty_role_is_filled_by_the_swap(stage):
    """Nobody has to hand over."""
    stage.board.vacate("anne", 1, "failed", stage.now, "bang")
    stage.prepare(stage.request())
    assert stage.orders() == [Resume("anne", 2, None, True)]


def test_stop_ends_a_swap(stage):
    """A role that was asked to stop is not swapped: the predecessor comes back, and ends."""
    stage.until(Step.RESUME)
    stage.orders()
    stage.board.request_stop("anne", stage.now)
    assert stage.orders() == [Dismiss("anne", Part.ACTS), Reclaim("anne", 3)]
    assert stage.role.stop_requested


def test_class_whose_name_is_too_long_is_not_begun(stage):
    """No process could be given it."""
    with pytest.raises(SwapError, match=r"agents\.new:CCC.*\.\.\. is not an agent: MODULE:CLASS has 311 bytes"):
        stage.request(spec="agents.new:" + "C" * 300)
    assert stage.report == {}


def test_fresh_successor_takes_over_no_state(stage):
    """If that is wished for."""
    number = stage.request(fresh=True)
    stage.prepare(number)
    stage.hand_over(State(1, "memory"))
    assert stage.orders()[-1] == Resume("anne", 2, None, False)


def test_state_is_kept_for_who_comes_after_a_crash_but_not_after_a_good_end(stage):
    """A role that ended well begins anew."""
    stage.commit(1, None, kept=State(1, "memory"))
    stage.board.vacate("anne", 1, "gone", stage.now)
    role = stage.board.claim("anne", OLD, stage.now)
    assert role.kept == State(1, "memory")
    stage.board.vacate("anne", role.epoch, "stopped", stage.now)
    assert stage.board.claim("anne", OLD, stage.now).kept is None


def test_limits_are_checked():
    """An unknown step or a time that is none is named."""
    assert Limits.of({"prepare": 5}) == Limits(prepare=5.0)
    with pytest.raises(SwapError, match="prepar"):
        Limits.of({"prepar": 5})
    for bad in (0, -1, float("inf"), float("nan"), "5", True, None):
        with pytest.raises(SwapError, match="positive number of seconds"):
            Limits.of({"prepare": bad})
