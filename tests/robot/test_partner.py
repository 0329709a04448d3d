"""The partner: how people move, and how a simulated one plays the game with the robot."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from agents.partner import Partner
from agentspace import Entry, LocalSpace
from models.icub.kinematics import JOINT_LIMITS
from models.icub.simulator import REST
from models.measures import swap_arms
from models.people.gesture import SHORTEST, Gesture, inaccurate
from models.postures import autoencoder
from tests.support.eventually import eventually
from tests.support.recording import recording

SHOWN = np.array([-40.0, 60, 10, 60, 0, -20, 30, 20, 40, 0])
"""A posture of the robot, far from the ends of the joints' ranges."""


# --- gestures


def test_a_gesture_begins_after_a_while_and_ends_at_its_goal() -> None:
    """Nothing moves before the delay is over; all joints arrive together, and stay."""
    gesture = Gesture(REST, 180.0)
    gesture.go(SHOWN, now=10.0, delay=0.4)
    np.testing.assert_array_equal(gesture.at(10.39), REST)
    np.testing.assert_array_equal(gesture.at(gesture.ends), SHOWN)
    np.testing.assert_array_equal(gesture.at(99.0), SHOWN)
    middle = (gesture.at(10.4 + (gesture.ends - 10.4) / 2) - REST) / (SHOWN - REST + 1e-12)
    np.testing.assert_allclose(middle[np.abs(SHOWN - REST) > 1], 0.5)


@pytest.mark.parametrize("speed", [30.0, 180.0])
def test_a_gesture_is_smooth_and_never_too_fast(speed: float) -> None:
    """No joint is faster than allowed, at the beginning and the end all are slow, and no movement is hurried."""
    gesture = Gesture(REST, speed)
    gesture.go(SHOWN, now=0.0)
    times = np.linspace(0.0, gesture.ends, 1001)
    speeds = np.abs(np.diff([gesture.at(now) for now in times], axis=0)).max(axis=1) / times[1]
    assert 0.99 * speed < speeds.max() <= speed * (1 + 1e-6)
    assert max(speeds[0], speeds[-1]) < 0.001 * speed
    gesture.go(SHOWN + 0.1, now=100.0)
    assert gesture.ends == 100.0 + SHORTEST


def test_a_new_goal_does_not_make_the_arms_jump() -> None:
    """They go on from where they are."""
    gesture = Gesture(REST, 180.0)
    gesture.go(SHOWN, now=0.0)
    before = gesture.at(0.3)
    gesture.go(REST, now=0.3)
    np.testing.assert_allclose(gesture.at(0.3), before)
    np.testing.assert_allclose(gesture.at(0.301), before, atol=0.3)


def test_people_miss_by_what_was_said() -> None:
    """Misses of each joint have mean 0 and the given deviation, are independent, and stay in the ranges."""
    random = np.random.default_rng(0)
    misses = np.array([inaccurate(SHOWN, 4.0, random) - SHOWN for _ in range(4000)])
    np.testing.assert_allclose(misses.mean(axis=0), 0.0, atol=0.25)
    np.testing.assert_allclose(misses.std(axis=0), 4.0, rtol=0.05)
    assert np.abs(np.corrcoef(misses.T) - np.eye(10)).max() < 0.06
    far = np.array([inaccurate(JOINT_LIMITS[:, 1], 50.0, random) for _ in range(100)])
    assert ((far >= JOINT_LIMITS[:, 0]) & (far <= JOINT_LIMITS[:, 1])).all()
    np.testing.assert_array_equal(inaccurate(SHOWN, 0.0, random), SHOWN)


# --- the agent


def start(space: LocalSpace, **parameters: Any) -> None:
    space.run(Partner(size=16, fps=60.0, speed=2000.0, delay=0.0, **parameters))
    eventually(lambda: space.read("partner/view") is not None, 30.0)


def show(space: LocalSpace, posture: np.ndarray) -> None:
    """The robot is seen in a posture."""
    space.write("icub/encoders", posture)


def whistled(space: LocalSpace, kind: int, posture: np.ndarray = SHOWN) -> float:
    """Waits for a whistle of a kind while the robot shows a posture; gives its age."""

    def heard() -> Entry | None:
        show(space, posture)
        entry = space.entry("whistle")
        return entry if entry is not None and entry.value == kind else None

    return eventually(heard).age


def posture_of_partner(space: LocalSpace) -> np.ndarray:
    """As it is told next: on a busy machine nothing may be there for a moment."""
    return eventually(lambda: space.entry("partner/posture")).value


def test_it_is_seen_with_its_true_posture(space: LocalSpace) -> None:
    """A picture of the wished size, the posture and its limits; picture and posture expire with the person."""
    start(space)
    picture = eventually(lambda: space.entry("partner/view"))
    assert (picture.value.shape, picture.value.dtype) == ((16, 16, 3), np.uint8)
    assert 0 < picture.time_left <= 0.5
    np.testing.assert_array_equal(posture_of_partner(space), REST)
    np.testing.assert_array_equal(space.read("partner/limits"), JOINT_LIMITS)


def test_it_whistles_long_until_the_robot_acquires(space: LocalSpace) -> None:
    """As long as there is no mode; the whistle is valid for a second."""
    start(space)
    whistle = eventually(lambda: (entry := space.entry("whistle")) is not None and entry.value == 2 and entry)
    assert 0 < whistle.time_left <= 1.0


def test_it_copies_and_confirms(space: LocalSpace) -> None:
    """It stands like a mirror image, but for its inaccuracy, when it whistles shortly; once for each posture."""
    with recording(space, "whistle") as heard:
        space.write("mode", "acquire")
        start(space, inaccuracy=4.0)
        whistled(space, 1)
        miss = posture_of_partner(space) - swap_arms(SHOWN)
        assert 0.5 < np.abs(miss).max() < 20.0
        other = SHOWN + 10.0
        space.delete("whistle")
        whistled(space, 1, other)
        second = posture_of_partner(space) - swap_arms(other)
        assert 0.5 < np.abs(second).max() < 20.0
        assert np.abs(second - miss).max() > 0.5
        eventually(lambda: [change.value for change in heard] == [1, 1])


@pytest.mark.alone
def test_it_does_not_copy_a_robot_that_moves_or_is_away(space: LocalSpace) -> None:
    """While the robot moves the person waits; it copies where that comes to rest."""
    space.write("mode", "acquire")
    start(space, inaccuracy=0.0)
    began = time.monotonic()

    def moved() -> bool:
        passed = time.monotonic() - began
        show(space, REST + 60.0 * passed)
        return passed > 0.6 and space.read("partner/posture") is not None  # not starved of its turn, just now

    eventually(moved)
    assert space.read("whistle") is None
    np.testing.assert_array_equal(posture_of_partner(space), REST)
    whistled(space, 1)
    np.testing.assert_allclose(posture_of_partner(space), swap_arms(SHOWN))


def test_it_whistles_again_if_nobody_heard(space: LocalSpace) -> None:
    """When the robot still shows the same posture some seconds later."""
    with recording(space, "whistle") as heard:
        space.write("mode", "acquire")
        start(space)
        eventually(lambda: show(space, SHOWN) or len(heard) >= 2)
    assert [change.value for change in heard] == [1, 1]


def test_it_lets_the_robot_imitate_when_that_has_shown_enough(space: LocalSpace) -> None:
    """A long whistle; in mode use it shows postures of its own, one after the other, and does not whistle."""
    space.write("mode", "acquire")
    space.write("explorer/done", {"pairs": 3, "tries": 3, "enough": True})
    start(space, hold=0.1)
    whistled(space, 2)
    space.write("mode", "use")
    space.delete("whistle")
    seen: list[np.ndarray] = []

    def varied() -> bool:
        posture = space.read("partner/posture")
        if posture is not None and not any(np.abs(posture - other).max() < 5 for other in seen):
            seen.append(posture)
        return len(seen) >= 5

    eventually(varied)
    assert space.read("whistle") is None


def test_it_shows_what_it_is_asked_for(space: LocalSpace) -> None:
    """Exactly, as long as the slot holds it; what is no posture is refused with a reason, and moves nothing."""
    space.write("mode", "use")
    start(space, hold=0.1)
    space.write("partner/target", SHOWN)
    eventually(lambda: np.array_equal(space.read("partner/posture"), SHOWN))
    space.write("partner/target", [1, 2])
    assert "partner/target: a posture is 10 finite angles" in eventually(lambda: space.read("partner/refused"))
    np.testing.assert_array_equal(posture_of_partner(space), SHOWN)
    space.delete("partner/target")
    eventually(lambda: np.abs(posture_of_partner(space) - SHOWN).max() > 5.0)


def test_the_same_seed_is_the_same_person() -> None:
    """Misses and own postures are those of the seed, and others with another."""
    found = []
    for seed in (5, 5, 6):
        with LocalSpace() as space:
            space.write("mode", "acquire")
            start(space, seed=seed)
            whistled(space, 1)
            copied = posture_of_partner(space)
            found.append(copied)
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 0.5


def test_its_own_postures_are_those_of_the_decoder(space: LocalSpace) -> None:
    """With the ancestor's decoder, too, they are within the ranges of the joints."""
    space.write("mode", "use")
    start(space, hold=0.1, variant="ancestor")
    latents = autoencoder.load("ancestor").seen
    known = np.clip(autoencoder.load("ancestor").decode(latents), *JOINT_LIMITS.T)

    def plausible() -> bool:
        posture = space.read("partner/posture")
        return posture is not None and not np.array_equal(posture, REST) and near(posture)

    def near(posture: np.ndarray) -> bool:
        return bool(np.abs(known - posture).max(axis=1).min() < 10.0)

    eventually(plausible)


def test_who_cannot_be_is_refused(space: LocalSpace) -> None:
    """The agent fails with the reason."""
    space.run(Partner(shirt=[2.0, 0.0, 0.0]))
    eventually(lambda: space.read("_/roles/partner", {}).get("state") == "failed")
    assert "shirt is a number from 0 to 1, not 2.0" in space.read("_/errors/partner")["traceback"]


def test_another_person_can_take_the_place(space: LocalSpace) -> None:
    """In a swap: they go on in the posture of the one before, and nobody is seen at rest in between."""
    space.write("mode", "use")
    start(space, hold=60.0)
    space.write("partner/target", SHOWN)
    eventually(lambda: np.array_equal(space.read("partner/posture"), SHOWN))
    with recording(space, "partner/posture") as postures:
        other = Partner(size=24, fps=60.0, gender=0.0, room="office", hold=60.0)
        space.run(other, replace=True)
        eventually(lambda: np.shape(space.read("partner/view")) == (24, 24, 3), 30.0)
    assert all(np.array_equal(entry.value, SHOWN) for entry in postures)
