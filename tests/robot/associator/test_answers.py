"""The associator: what it learns and when, and what it answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agentspace import LocalSpace
from models.attention.memory import Memory
from tests.robot.associator.teaching import KEYS, VALUES, answered, ask, confirm, start, teach, teach_all
from tests.support.eventually import eventually
from tests.support.recording import recording


def test_it_answers_what_it_was_taught(space: LocalSpace) -> None:
    """Four pairs in one shot each; then each key is answered with its value, with a validity and coefficients."""
    start(space)
    space.write("mode", "acquire")
    teach_all(space)
    assert space.read("pairs") == 4
    assert space.entry("act") is None
    space.write("mode", "use")
    for index, key in enumerate(KEYS):
        np.testing.assert_allclose(ask(space, key), VALUES[index], atol=1e-6)
        attention = eventually(lambda: space.entry("attention"))
        assert (attention.value.dtype, attention.value.shape) == (np.float32, (4,))
        assert attention.value.argmax() == index
        assert attention.value.sum() == pytest.approx(1.0, abs=1e-5)
        act = space.entry("act")
        assert act is not None
        assert 0 < act.time_left <= 0.5


def test_the_answer_of_a_memory_is_that_of_attention(space: LocalSpace) -> None:
    """Between keys it answers what models.attention.memory answers to the same pairs."""
    start(space, scale=0.3, keys="raw")
    teach_all(space)
    space.write("mode", "use")
    reference = Memory()
    reference.comparison = type(reference.comparison)("raw", False, 0.3)
    for key, value in zip(KEYS, VALUES, strict=True):
        reference.add(key, value)
    query = np.linspace(0, 1, 16, dtype=np.float32)
    np.testing.assert_allclose(ask(space, query), reference.answer(query)[0], rtol=1e-6)


def test_a_pair_takes_a_picture_taken_after_the_confirmation(space: LocalSpace) -> None:
    """Features that are there already are not used: they may show the robot still on its way."""
    start(space, patience=5.0)
    space.write("proprio", VALUES[1])
    space.write("camera", KEYS[0])
    eventually(lambda: space.entry("features"))
    before = confirm(space)
    assert space.entry("memory/answer") is None
    space.write("camera", KEYS[1])
    assert answered(space, before)["added"]
    space.write("mode", "use")
    np.testing.assert_allclose(ask(space, KEYS[1]), VALUES[1])


def test_no_confirmation_is_lost(space: LocalSpace) -> None:
    """Confirmations that come at once are all answered, in their order, each with what was confirmed."""
    start(space, novelty=0.0)
    space.write("proprio", VALUES[0])
    with recording(space, "memory/answer") as answers:
        for number in range(20):
            space.write("confirm", {"number": number})
        eventually(lambda: space.write("camera", KEYS[0]) and len(answers) == 20)
    assert [entry.value["confirm"]["number"] for entry in answers] == list(range(20))
    assert space.read("pairs") == 20


def test_expiry_of_a_confirmation_adds_nothing(space: LocalSpace) -> None:
    """A confirmation with a validity counts once: its expiry is a change, but no second one."""
    start(space, novelty=0.0)
    space.write("proprio", VALUES[0])
    space.write("confirm", "now", validity=0.05)
    space.write("camera", KEYS[0])
    eventually(lambda: space.entry("memory/answer"))
    eventually(lambda: space.entry("confirm") is None)
    space.write("camera", KEYS[1])
    eventually(lambda: space.read("features")[1] == 1.0)
    assert teach(space, KEYS[2], VALUES[2])["pairs"] == 2


def test_the_gate_lets_only_news_pass(space: LocalSpace) -> None:
    """A pair whose value the memory predicts within the gate is not added; the answer says how far it was."""
    start(space, novelty=0.2)
    first = teach(space, KEYS[0], VALUES[0])
    assert (first["added"], first["novelty"], first["pairs"]) == (True, None, 1)
    again = teach(space, KEYS[0], VALUES[0] + 0.1)
    assert (again["added"], again["reason"], again["pairs"]) == (False, "known already", 1)
    assert again["novelty"] == pytest.approx(0.1 * np.sqrt(2))
    news = teach(space, KEYS[0], VALUES[0] + 0.2)
    assert (news["added"], news["pairs"]) == (True, 2)


def test_without_gate_every_pair_passes(space: LocalSpace) -> None:
    """novelty 0 adds the same pair twice."""
    start(space, novelty=0.0)
    assert [teach(space, KEYS[0], VALUES[0])["pairs"] for _ in range(2)] == [1, 2]


def test_a_confirmation_without_picture_or_posture_is_answered(space: LocalSpace) -> None:
    """Nobody who confirms waits for ever: no picture in time, no proprioception, features of a wrong kind."""
    agent = start(space, patience=0.1)
    assert answered(space, confirm(space))["reason"] == "no picture came within 0.1 s"
    agent.patience = 30.0  # it looks at it each time
    before = confirm(space, {"number": 1})
    space.write("camera", KEYS[0])
    answer = answered(space, before)
    assert (answer["reason"], answer["confirm"]) == ("proprio is empty", {"number": 1})
    assert "shape (2, 2)" in teach(space, np.zeros((2, 2)), VALUES[0])["reason"]
    assert not space.snapshot("_/errors/*")
    assert space.read("pairs") == 0


def test_features_of_another_length_or_type_get_no_answer(space: LocalSpace) -> None:
    """Bad queries are logged, and answered with nothing; the agent lives and answers the next good one."""
    start(space)
    teach_all(space)
    space.write("mode", "use")
    for bad in (np.zeros(3), np.full(16, np.nan), "text", None):
        space.write("camera", bad)
    np.testing.assert_allclose(ask(space, KEYS[2]), VALUES[2], atol=1e-6)
    assert not space.snapshot("_/errors/*")


def test_without_pairs_it_is_silent(space: LocalSpace) -> None:
    """In use with an empty memory nothing is written to act."""
    start(space)
    space.write("mode", "use")
    space.write("camera", KEYS[0])
    eventually(lambda: space.entry("features"))
    assert teach(space, KEYS[1], VALUES[1])["added"]
    acts = space.entry("act")
    assert acts is None or acts.revision == 1


@pytest.mark.parametrize("bad", ["aquire", 3, np.zeros(2), ["use"]])
def test_mode_that_is_none_is_refused_and_the_one_before_goes_on(space: LocalSpace, bad: Any) -> None:
    """A mistyped mode is told in a slot with the valid ones; the robot goes on as before."""
    start(space, novelty=0.0)
    space.write("mode", "acquire")
    space.write("mode", bad)
    assert "'acquire' and 'use'" in eventually(lambda: space.read("mode/refused"))
    space.write("proprio", VALUES[0])
    confirm(space)
    space.write("camera", KEYS[0])
    eventually(lambda: space.read("pairs") == 1)


def postures_seen(count: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Keys (count, 16) that are somewhat alike, and values."""
    random = np.random.default_rng(0)
    keys = np.hstack([random.uniform(1, 2, (count, 8)), np.zeros((count, 8))])
    return keys.astype(np.float32), random.uniform(-1, 1, (count, 2))


@pytest.mark.parametrize("doubt", [True, False])
def test_what_looks_like_nothing_that_was_learned_is_not_acted_on(space: LocalSpace, doubt: bool) -> None:
    """A strange query is unknown: act is not written, so that the robot holds its pose; without doubt it is."""
    start(space, doubt=doubt, novelty=0.0, validity=0.3)
    keys, values = postures_seen()
    for key, value in zip(keys, values, strict=True):
        teach(space, key, value)
    space.write("mode", "use")
    ask(space, keys[2])
    certainty = space.read("certainty")
    assert (certainty["known"], certainty["distance"] < certainty["threshold"]) == (True, True)
    assert 0.0 <= certainty["entropy"] <= 1.0 <= certainty["effective"] <= 8.0
    before = space.entry("act")
    space.write("camera", keys[2][::-1])
    eventually(lambda: not space.read("certainty", {"known": True})["known"])
    if doubt:
        eventually(lambda: space.entry("act") is None or space.read("act") is None)
        ask(space, keys[1])  # and goes on when something known is seen again
        assert space.read("certainty")["known"]
    else:
        assert before is not None
        eventually(lambda: (entry := space.entry("act")) is not None and entry.revision > before.revision)


def test_bad_features_are_counted_and_the_answer_expires(space: LocalSpace) -> None:
    """NaN, infinity and another length: reason and number are told, act expires, nothing is learned of it."""
    start(space, validity=0.2)
    teach_all(space)
    space.write("mode", "use")
    ask(space, KEYS[1])
    bad = [np.full(16, np.nan, np.float32), np.where(KEYS[0] > 0, np.inf, 0.0), np.zeros(3, np.float32)]
    reasons = ["NaN or infinity", "NaN or infinity", "shape (3,); valid is (16,)"]
    for count, (features, reason) in enumerate(zip(bad, reasons, strict=True), 1):
        space.write("camera", features)
        eventually(lambda count=count: space.read("features/refused_by_memory", {}).get("count") == count)
        assert reason in space.read("features/refused_by_memory")["reason"]
    eventually(lambda: space.entry("act") is None or space.read("act") is None)
    assert "NaN or infinity" in teach(space, bad[0], VALUES[0])["reason"]
    assert space.read("pairs") == 4
    np.testing.assert_allclose(ask(space, KEYS[2]), VALUES[2], atol=1e-6)


def test_of_many_pairs_only_the_strongest_are_told(space: LocalSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots stay small: attention/best instead of attention, and the values at most once a second."""
    monkeypatch.setattr("agents.associator.MANY", 5)
    monkeypatch.setattr("agents.associator.TELLING", 0.3)
    start(space, novelty=0.0)
    keys, values = postures_seen(20)
    for key, value in zip(keys, values, strict=True):
        teach(space, key, value)
    eventually(lambda: len(space.read("memory/values")) == 20)
    space.write("mode", "use")
    ask(space, keys[3])
    best = eventually(lambda: space.read("attention/best"))
    assert best["pairs"][0] == 3
    assert len(best["pairs"]) == len(best["shares"]) == 8
    assert best["shares"] == sorted(best["shares"], reverse=True)
    assert space.entry("attention") is None
