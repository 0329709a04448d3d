"""The collapse alarm: it is silent in a healthy training, and loud in one that was made to collapse."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from models.dino.collapse import NAMES, Alarm, Limits, Signs, measure
from models.dino.probe import predict, score
from models.dino.recipe import DinoRecipe
from models.dino.training import Trainer
from tests.support.learning.synthetic_frames import synthetic

HEALTHY = DinoRecipe(
    network="vit-nano8",
    stem="conv",
    size=32,
    local_size=16,
    local=1,
    local_low=0.2,
    local_high=0.6,
    global_low=0.6,
    answers=64,
    hidden=64,
    bottleneck=16,
    steps=100,
    batch=24,
    rate=2e-2,
    momentum=0.9,
    method="sinkhorn",
    teacher_temperature=0.02,
    teacher_start=0.02,
)
NO_CENTRE = {"method": "centring", "centre_momentum": 1.0, "teacher_temperature": 0.04, "teacher_start": 0.04}
NOT_SHARP = {"method": "centring", "centre_momentum": 0.0, "teacher_temperature": 1.0, "teacher_start": 1.0}
WELL = Signs(entropy=0.6, marginal=0.9, centre=0.3, spread=0.6, probe=0.5, random=0.8)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, set()), (NO_CENTRE, {"one answer", "no spread"}), (NOT_SHARP, {"uniform", "no spread"})],
    ids=["healthy", "no centring", "no sharpening"],
)
def test_the_alarm_tells_collapse_from_health(changes, expected):
    """Without centring all images get one answer, without sharpening each gets all of them; both are noticed."""
    trainer = Trainer(dataclasses.replace(HEALTHY, **changes), synthetic(120))
    alarm, found = Alarm(Limits(grace=40)), {}
    while trainer.step < 60:
        done = trainer.advance()
        if trainer.step % 4 == 0:
            found.update(alarm.check(trainer.step, done.signs))
    assert expected <= set(found)
    assert bool(found) == bool(expected)


def test_what_is_measured():
    """Each number, for answers and features that say what it must be."""
    n, k = 16, 16
    same = torch.eye(k)[:1].expand(n, k)
    found = measure(same, 5.0 * same, torch.ones(n, 4))
    assert (found.entropy, found.marginal, found.spread) == pytest.approx((0.0, 0.0, 0.0), abs=1e-6)
    assert found.centre == pytest.approx(1.0)
    equal = measure(torch.full((n, k), 1 / k), torch.zeros(n, k), torch.eye(n))
    assert (equal.entropy, equal.marginal) == pytest.approx((1.0, 1.0))
    assert equal.centre == 1.0
    each = measure(torch.eye(n), torch.eye(n), torch.randn(4000, 8, generator=torch.Generator().manual_seed(0)))
    assert (each.entropy, each.marginal) == pytest.approx((0.0, 1.0), abs=1e-6)
    assert each.centre < 1e-6
    assert each.spread == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("uniform", {"entropy": 0.999}),
        ("one answer", {"marginal": 0.01}),
        ("centre", {"centre": 0.999}),
        ("no spread", {"spread": 0.001}),
        ("chance", {"probe": 1.0}),
        ("random", {"random": 1.2}),
    ],
)
def test_each_sign_is_an_alarm_when_it_stays(name, change):
    """After the grace, at the third check in a row; a healthy check in between begins anew."""
    assert name in NAMES
    bad, alarm = dataclasses.replace(WELL, **change), Alarm(Limits(grace=10, patience=3))
    assert [set(alarm.check(step, bad)) for step in (1, 5, 9, 10, 11)] == [set()] * 5
    assert set(alarm.check(12, bad)) == {name}
    assert alarm.check(13, WELL) == {}
    assert alarm.check(14, bad) == {}


def test_checks_without_a_probe_do_not_interrupt_its_count():
    """The probe is seldom; what it said last stays until it says something else."""
    alarm, unknown = Alarm(Limits(grace=0, patience=2)), dataclasses.replace(WELL, probe=math.nan, random=math.nan)
    bad = dataclasses.replace(WELL, probe=1.0)
    assert alarm.check(1, bad) == {}
    assert alarm.check(2, unknown) == {}
    assert set(alarm.check(3, bad)) == {"chance"}


def test_an_alarm_goes_on_where_it_was():
    """Its counts are all that it remembers."""
    bad, alarm = dataclasses.replace(WELL, spread=0.0), Alarm(Limits(grace=0, patience=2))
    alarm.check(1, bad)
    other = Alarm(alarm.limits)
    other.restore(alarm.counts)
    assert set(other.check(2, bad)) == {"no spread"}


def test_the_probe_reads_what_is_there():
    """Features that hold the joints give nearly no error; noise gives about that of chance."""
    random = np.random.default_rng(0)
    frames = synthetic(200)
    mixed = frames.postures @ random.normal(size=(10, 30)) + random.normal(0.0, 1e-3, (200, 30))
    known, asked = slice(0, 150), slice(150, 200)
    error, chance = score(mixed[known], frames.postures[known], mixed[asked], frames.postures[asked])
    assert error < 0.05 * chance
    noise = random.normal(size=(200, 30))
    error, chance = score(noise[known], frames.postures[known], noise[asked], frames.postures[asked])
    assert 0.85 * chance < error < 1.25 * chance


def test_leave_one_out_of_the_probe_is_what_it_says():
    """Features that never change do no harm, and the probe of one image does not depend on the others."""
    frames = synthetic(60)
    features = np.hstack([frames.postures[:, [0, 5]], np.ones((60, 1))])
    together = predict(features[:40], frames.postures[:40], features[40:])
    alone = predict(features[:40], frames.postures[:40], features[45:46])
    assert np.allclose(together[5], alone[0])
