"""The verdict on a soak: leaks that are planted are found, and noise is none."""

from __future__ import annotations

import numpy as np
import pytest

from tests.soak.verdict import HOUR, STILL, Sample, judge, rise, slope, standstills

PERIOD = 5.0  # seconds between two samples


def samples(seconds: float, leak: float = 0.0, seed: int = 0) -> list[Sample]:
    """A noisy hour or less: memory that warms up, swings with the load, has peaks, and leaks (MB/h)."""
    random = np.random.default_rng(seed)
    found = []
    for time in np.arange(0.0, seconds + PERIOD, PERIOD):
        warm = 15.0 * (1 - np.exp(-time / 60))
        swing = 0.5 * np.sin(time / 40) + random.normal(0.0, 0.2)
        peak = 30.0 * (random.random() < 0.05)
        memory = 40.0 + warm + swing + peak + leak * time / HOUR
        found.append(Sample(time, {"memory/server": memory, "latency/value/p99": time}))
    return found


def test_slope_is_that_of_a_line():
    """Whatever the times between the points."""
    times = [0.0, 1.0, 5.0, 5.5, 100.0]
    assert slope(times, [3.0 - 2.0 * time for time in times]) == pytest.approx(-2.0)


def test_slope_does_not_heed_peaks():
    """A quarter of the points may be anything."""
    values = np.arange(100.0)
    values[::4] = 1e6
    assert slope(range(100), values) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("times", [[], [1.0], [1.0, 1.0]])
def test_without_two_times_there_is_no_slope(times):
    """That is an error, and no flat line."""
    with pytest.raises(ValueError, match="two points"):
        slope(times, times)


@pytest.mark.parametrize("seed", range(10))
def test_noise_is_no_growth(seed):
    """Neither warming up, nor swings, nor peaks; what has no limit is not judged."""
    (growth,) = judge(samples(HOUR, seed=seed), 600.0)
    assert not growth.grows, str(growth)


@pytest.mark.parametrize("seed", range(10))
def test_a_leak_is_found(seed):
    """Of 4 MB in an hour, in an hour; the allowed growth is told beside it."""
    (growth,) = judge(samples(HOUR, leak=4.0, seed=seed), 600.0)
    assert growth.grows
    assert growth.rate == pytest.approx(4.0, abs=0.5)
    assert str(growth).startswith("memory/server")
    assert "GROWS" in str(growth)


@pytest.mark.parametrize("seed", range(10))
def test_a_short_run_finds_steep_leaks_only(seed):
    """In two minutes, 4 MB cannot be told from noise, and 10 MB can; in an hour there is no slack."""
    flat, leaking = (
        [sample for sample in samples(720.0, leak, seed) if sample.time >= 600.0] for leak in (0.0, 300.0)
    )
    assert judge(flat, 0.0)[0].allowed == pytest.approx(114.0)
    assert judge(samples(HOUR), 600.0)[0].allowed == 2.0
    assert not judge(flat, 0.0)[0].grows
    assert judge(leaking, 0.0)[0].grows


@pytest.mark.parametrize("seed", range(10))
def test_what_grows_late_is_found(seed):
    """In the last nine minutes of an hour alone, which the slope of a line through all of it does not heed."""
    found = samples(HOUR, seed=seed)
    late = [Sample(t, {"memory/server": v["memory/server"] + max(0.0, t - 3060.0) / 60}) for t, v in found]
    kept = [sample for sample in late if sample.time >= 600.0]
    times, memory = zip(*((sample.time, sample.values["memory/server"]) for sample in kept), strict=True)
    assert HOUR * slope(times, memory) < 2.0
    assert judge(late, 600.0)[0].grows


def test_what_comes_at_once_and_stays_is_growth():
    """A rise is that of medians: a step counts, a peak at the end does not."""
    times = np.arange(0.0, 100.0)
    assert rise(times, 5.0 * (times > 60)) == pytest.approx(5.0 / 75.0)
    assert rise(times, 5.0 * (times > 90)) == 0.0
    with pytest.raises(ValueError, match="two points"):
        rise([1.0], [1.0])


def test_who_stood_still_is_named():
    """Once, with the time; whoever comes late, or rests for a while that is not too long, is not."""
    found = [
        Sample(
            time,
            {
                "progress/page": min(time, 300.0),
                "progress/swaps": time // (STILL / 2),
                **({"progress/late": time} if time > STILL / 2 else {}),
                "memory/server": 1.0,
            },
        )
        for time in np.arange(0.0, 1200.0, PERIOD)
    ]
    assert standstills(found) == ["page stood still after 5.0 min"]
    assert standstills(found, STILL / 4) == ["page stood still after 5.0 min"] + [
        f"{name} stood still after 0.0 min" for name in ("swaps", "late")
    ]
    assert standstills([Sample(time, {"progress/never": 0.0}) for time in (0.0, 200.0)]) == [
        "never stood still after 0.0 min"
    ]


def test_a_leaking_descriptor_is_found():
    """One in ten minutes, in an hour: steps do not hide it."""
    steps = [Sample(time, {"descriptors/server": 60.0 + time // 600}) for time in np.arange(0.0, HOUR, PERIOD)]
    flat = [Sample(sample.time, {"descriptors/server": 60.0}) for sample in steps]
    assert judge(steps, 600.0)[0].grows
    assert not judge(flat, 600.0)[0].grows


def test_each_kind_is_sorted_by_growth():
    """The steepest first; a value that is not in every sample is judged by those that have it."""
    found = [
        Sample(time, {"memory/a": time, **({"memory/b": -time} if time > 10 else {}), "descriptors/a": 1.0})
        for time in np.arange(0.0, 60.0, PERIOD)
    ]
    assert [growth.name for growth in judge(found, 0.0)] == ["memory/a", "memory/b", "descriptors/a"]
