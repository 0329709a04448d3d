"""The explorer: what it tries, when it confirms, and when it is done."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from agents.explorer import Explorer
from agentspace import LocalSpace
from models.icub.kinematics import JOINT_LIMITS
from models.icub.simulator import REST
from models.postures import autoencoder, decoders
from tests.support.eventually import eventually
from tests.support.recording import recording


def start(space: LocalSpace, **parameters: Any) -> None:
    space.run(Explorer(**parameters))
    eventually(lambda: space.read("_/roles/explorer", {}).get("state") == "running")


def posture_of(act: np.ndarray) -> np.ndarray:
    return autoencoder.load().decode(act)


def stand_at(space: LocalSpace, posture: np.ndarray, seconds: float = 0.3) -> None:
    """The robot is seen in a posture, 100 times a second."""
    until = time.monotonic() + seconds
    eventually(lambda: space.write("icub/encoders", posture) and time.monotonic() > until)


def confirmed(space: LocalSpace, number: int, variant: str = "wide") -> dict[str, Any]:
    """Stands where the explorer wants it until it confirms try `number`."""

    def look() -> bool:
        if (act := space.read("act")) is not None:
            space.write("icub/encoders", autoencoder.load(variant).decode(act))
        return (space.read("confirm") or {}).get("number") == number

    eventually(look)
    found: dict[str, Any] = space.read("confirm")
    return found


def answer(space: LocalSpace, pairs: int, added: bool = True) -> None:
    """Answers the last confirmation, as an associator does."""
    told = {"confirm": space.read("confirm"), "added": added, "pairs": pairs, "novelty": 1.0, "reason": ""}
    assert space.write("memory/answer", told)


def test_it_rests_until_the_mode_is_acquire(space: LocalSpace) -> None:
    """Nothing is tried in another mode; in acquire a plausible posture is, and it is its own decoder's."""
    start(space)
    space.write("mode", "use")
    stand_at(space, REST)
    assert space.entry("act") is None
    space.write("mode", "acquire")
    act = eventually(lambda: space.entry("act"))
    seen = autoencoder.load().seen
    assert np.linalg.norm(seen - act.value, axis=1).min() < 0.2
    assert act.time_left is not None


def test_it_confirms_when_the_robot_stands_where_it_was_sent(space: LocalSpace) -> None:
    """Not while the robot rests elsewhere or passes by; the confirmation carries the posture of the robot."""
    start(space)
    space.write("mode", "acquire")
    goal = posture_of(eventually(lambda: space.entry("act")).value)
    stand_at(space, goal + 20.0)
    assert space.entry("confirm") is None
    for step in np.linspace(0, 20, 30):
        stand_at(space, goal + 20.0 - step, 0.01)
    assert space.entry("confirm") is None
    confirm = confirmed(space, 1)
    np.testing.assert_allclose(confirm["posture"], goal)


def test_the_next_try_waits_for_the_answer_to_this_one(space: LocalSpace) -> None:
    """Answers to others' confirmations, and repeated ones, move nothing; the right one brings another posture."""
    start(space)
    space.write("mode", "acquire")
    confirmed(space, 1)
    first = space.entry("act")
    assert first is not None
    for other in ({"confirm": "by hand", "pairs": 1}, {"confirm": {"number": 7}, "pairs": 1}, "nonsense", {}):
        space.write("memory/answer", other)
    stand_at(space, posture_of(first.value), 0.1)
    assert space.entry("act").revision == first.revision
    answer(space, pairs=1)
    eventually(lambda: space.entry("act").revision > first.revision)
    assert np.abs(space.read("act") - first.value).max() > 1e-6
    confirmed(space, 2)


def test_it_is_done_with_enough_pairs(space: LocalSpace) -> None:
    """Rejected tries do not count; with the wanted number of pairs it says so and moves no more."""
    start(space, wanted=2)
    space.write("mode", "acquire")
    for number, pairs in ((1, 1), (2, 1), (3, 2)):
        assert space.entry("explorer/done") is None
        confirmed(space, number)
        answer(space, pairs, added=number != 2)
    assert eventually(lambda: space.read("explorer/done")) == {"pairs": 2, "tries": 3, "enough": True}
    revision = space.entry("act").revision
    stand_at(space, REST)
    assert space.entry("act").revision == revision


def test_it_gives_up_after_its_tries(space: LocalSpace) -> None:
    """With too few pairs after the allowed tries it is done, and says that it is not enough."""
    start(space, wanted=5, tries=2)
    space.write("mode", "acquire")
    for number in (1, 2):
        confirmed(space, number)
        answer(space, pairs=1, added=False)
    assert eventually(lambda: space.read("explorer/done")) == {"pairs": 1, "tries": 2, "enough": False}


def test_acquiring_again_begins_again(space: LocalSpace) -> None:
    """A new acquire clears done; leaving it in the middle ends the exploration without done."""
    start(space, wanted=1)
    space.write("mode", "acquire")
    confirmed(space, 1)
    answer(space, pairs=1)
    eventually(lambda: space.entry("explorer/done"))
    space.write("mode", "use")
    space.write("mode", "acquire")
    eventually(lambda: space.entry("explorer/done") is None)
    space.write("mode", "use")
    revision = eventually(lambda: space.entry("act")).revision
    stand_at(space, REST)
    assert space.entry("act").revision <= revision + 1
    assert space.entry("explorer/done") is None


def test_a_try_that_leads_nowhere_is_given_up(space: LocalSpace) -> None:
    """Without a robot, or without an answer, another posture is tried after a while."""
    with recording(space, "act") as acts:
        start(space, patience=0.6)
        space.write("mode", "acquire")
        eventually(lambda: len(acts) >= 2)
        eventually(lambda: space.write("icub/encoders", posture_of(space.read("act"))) and space.read("confirm"))
        before = len(acts)
        eventually(lambda: len(acts) > before)
    assert not space.snapshot("_/errors/*")


def tries(seed: int, starts: int = 1) -> list[np.ndarray]:
    """The first postures that an explorer tries, which is started some times."""
    with LocalSpace() as space:
        space.write("mode", "acquire")
        found = []
        for epoch in range(1, starts + 1):
            start(space, seed=seed)
            eventually(lambda: (entry := space.entry("act")) is not None and entry.writer.epoch == epoch)  # noqa: B023
            found.append(space.read("act"))
            space.stop("explorer")
            eventually(lambda: space.read("_/roles/explorer")["state"] == "stopped")
        return found


def test_the_seed_decides_what_is_tried_and_a_restart_tries_other_postures() -> None:
    """Same seed, same postures; another seed, others; a restarted one, which reads the mode anew, others too."""
    first, second = tries(seed=3, starts=2)
    np.testing.assert_array_equal(first, tries(seed=3)[0])
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, tries(seed=4)[0])


def test_somebody_else_may_confirm(space: LocalSpace) -> None:
    """Then it does not; any answer brings the next posture, after the pause, and counts as its pair."""
    start(space, confirms=False, wanted=2, pause=0.3, patience=60.0)
    space.write("mode", "acquire")
    first = eventually(lambda: space.entry("act"))
    assert first.time_left > 50.0
    stand_at(space, posture_of(first.value))
    assert space.entry("confirm") is None
    told = {"confirm": "whistle 1", "added": True, "pairs": 1, "novelty": None, "reason": ""}
    space.write("memory/answer", told)
    began = time.monotonic()
    eventually(lambda: space.entry("act").revision > first.revision)
    assert time.monotonic() - began >= 0.29
    space.write("memory/answer", told | {"confirm": "whistle 2", "pairs": 2})
    assert eventually(lambda: space.read("explorer/done")) == {"pairs": 2, "tries": 2, "enough": True}


@pytest.mark.parametrize("variant", ["wide", "free"])
def test_an_invitation_shows_the_nice_postures_in_a_circle(space: LocalSpace, variant: str) -> None:
    """All eight, in their order, with every decoder; after the last comes the first, for as long as one likes."""
    nice = decoders.nice(decoders.load(variant))
    start(space, confirms=False, variant=variant, nice=True, wanted=0, tries=0, patience=0.0)
    with recording(space, "act") as acts:
        space.write("mode", "acquire")
        for count in range(1, 18):
            eventually(lambda count=count: len(acts) == count)
            space.write("memory/answer", {"confirm": "whistle", "added": True, "pairs": count})
        eventually(lambda: len(acts) == 18)
    np.testing.assert_allclose([act.value for act in acts], np.vstack([nice, nice, nice])[:18])
    assert space.entry("explorer/done") is None


def test_each_invitation_begins_with_the_first_nice_posture(space: LocalSpace) -> None:
    """Also one that is come back to."""
    start(space, confirms=False, variant="ancestor", nice=True, wanted=0, patience=0.0)
    with recording(space, "act") as acts:
        space.write("mode", "acquire")
        eventually(lambda: len(acts) == 1)
        space.write("memory/answer", {"confirm": "whistle", "added": True, "pairs": 1})
        eventually(lambda: len(acts) == 2)
        space.write("mode", "use")
        space.write("mode", "acquire")
        eventually(lambda: len(acts) == 3)
    np.testing.assert_allclose([act.value for act in acts], autoencoder.NICE_LATENTS[[0, 1, 0]])


@pytest.mark.parametrize("reason", ["no picture", "no posture", "frozen picture", "stopped"])
def test_a_confirmation_that_led_to_no_pair_brings_no_posture(space: LocalSpace, reason: str) -> None:
    """The person takes the same one again; what is known already is an answer like any other."""
    start(space, confirms=False, variant="ancestor", nice=True, wanted=0, patience=0.0)
    told = {"confirm": "whistle", "added": False, "pairs": 0}
    with recording(space, "act") as acts:
        space.write("mode", "acquire")
        eventually(lambda: len(acts) == 1)
        space.write("memory/answer", told | {"left_out": reason})
        space.write("memory/answer", told | {"reason": "known already"})
        eventually(lambda: len(acts) == 2)
        space.write("memory/answer", told | {"added": True, "pairs": 1})
        eventually(lambda: len(acts) == 3)
    np.testing.assert_allclose([act.value for act in acts], autoencoder.NICE_LATENTS[[0, 1, 2]])


def test_a_successor_goes_on_with_the_posture_that_is_shown(space: LocalSpace) -> None:
    """A person in the middle of it need not take another one."""
    parameters: dict[str, Any] = {
        "confirms": False,
        "variant": "ancestor",
        "nice": True,
        "wanted": 0,
        "patience": 0.0,
    }
    start(space, **parameters)
    space.write("mode", "acquire")
    with recording(space, "act") as acts:
        for count in (1, 2):
            eventually(lambda count=count: len(acts) == count)
            space.write("memory/answer", {"confirm": "whistle", "added": True, "pairs": count})
        eventually(lambda: len(acts) == 3)
        space.run(Explorer(**parameters), replace=True)
        eventually(lambda: acts[-1].writer.epoch == 2)
        np.testing.assert_allclose(acts[-1].value, autoencoder.NICE_LATENTS[2])
        space.write("memory/answer", {"confirm": "whistle", "added": True, "pairs": 3})
        eventually(lambda: np.allclose(acts[-1].value, autoencoder.NICE_LATENTS[3]))


def test_a_robot_alone_has_enough_when_it_has_tried_the_nice_postures(space: LocalSpace) -> None:
    """Each once, however many pairs are wanted: before a mirror nothing new would be seen in a second round."""
    start(space, variant="ancestor", nice=True, wanted=50)
    space.write("mode", "acquire")
    seen = []
    for number in range(1, 9):
        confirm = confirmed(space, number, variant="ancestor")
        seen.append(confirm["posture"])
        answer(space, pairs=min(number, 7))
    np.testing.assert_allclose(seen, autoencoder.load("ancestor").decode(autoencoder.NICE_LATENTS))
    assert eventually(lambda: space.read("explorer/done")) == {"pairs": 7, "tries": 8, "enough": True}


def test_it_waits_for_a_person_without_limit(space: LocalSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The posture is kept, by commands that are renewed: those of an explorer that is gone run out."""
    monkeypatch.setattr("agents.explorer.RENEWED", 0.05)
    start(space, confirms=False, variant="ancestor", nice=True, wanted=0, patience=0.0)
    with recording(space, "act") as acts:
        space.write("mode", "acquire")
        eventually(lambda: space.write("icub/encoders", REST) and len(acts) >= 4)
    assert {tuple(act.value) for act in acts} == {tuple(autoencoder.NICE_LATENTS[0])}
    assert all(act.time_left is not None for act in acts)
    space.stop("explorer")
    eventually(lambda: space.entry("act") is None)


@pytest.mark.parametrize("variant", decoders.NAMES)
def test_nice_postures_are_the_same_for_every_decoder(variant: str) -> None:
    """As near as its map has them: some 6 per cent off on a map of two dimensions; and all of them differ."""
    decoder = decoders.load(variant)
    shown = decoder.decode(decoders.nice(decoder))
    wanted = np.clip(autoencoder.load("ancestor").decode(autoencoder.NICE_LATENTS), *JOINT_LIMITS.T)
    errors = np.abs(shown - wanted) / np.ptp(JOINT_LIMITS, axis=1)
    assert errors.mean() < 0.07
    apart = np.abs(shown[:, None] - shown).max(axis=-1)[~np.eye(8, dtype=bool)]
    assert apart.min() > 12.0
