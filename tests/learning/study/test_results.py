"""Results of measuring how well robots imitate: statistics, tables, plots, pages."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.files.artifact import ArtifactError
from models.study import mirror, robustness, speed
from models.study.outcome import Outcome, interval, resampled, spread, summary
from models.study.people import human
from models.study.results import page, targets
from models.study.results.result import Learned, keep, kept


def an_outcome(**changes: object) -> Outcome:
    usual = Outcome("fresh", "wide-2", "hog", "", 20, 0, (1.0, 3.0), 18.0, 2.5, 0.01)
    return dataclasses.replace(usual, **changes)  # type: ignore[arg-type]


# --- statistics


def test_an_interval_is_students() -> None:
    """Against a value computed by hand: t(0.975, 4) = 2.776, s = sqrt(2.5)."""
    found = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.mean == 3.0
    assert found.half == pytest.approx(2.776 * math.sqrt(2.5) / math.sqrt(5.0))
    assert (found.low, found.high) == pytest.approx((3.0 - found.half, 3.0 + found.half))
    assert str(found) == "3.0 ± 2.0"
    with pytest.raises(ValueError, match="two means at least, not 1"):
        interval([1.0])


@pytest.mark.parametrize("count", [2, 5, 21, 22, 40])
def test_95_of_100_intervals_hold_the_truth(count: int) -> None:
    """For any number of robots: 4 000 times, within what chance allows."""
    means = np.random.default_rng(count).normal(7.0, 2.0, (4000, count))
    found = [interval(row) for row in means]
    share = np.mean([one.low <= 7.0 <= one.high for one in found])
    assert abs(share - 0.95) < 4.0 * math.sqrt(0.95 * 0.05 / 4000)


def test_one_robot_has_the_interval_of_its_postures() -> None:
    """By the bootstrap, about what the normal distribution says of many postures."""
    errors = np.random.default_rng(0).normal(5.0, 2.0, 400)
    found = resampled(errors)
    assert found.mean == pytest.approx(errors.mean())
    assert found.half == pytest.approx(1.96 * 2.0 / 20.0, rel=0.15)
    with pytest.raises(ValueError, match="no posture"):
        resampled([])


def test_each_robot_counts_the_same() -> None:
    """However many postures it was shown."""
    found = summary([an_outcome(errors=(1.0,)), an_outcome(seed=1, errors=(3.0, 3.0, 3.0))])
    assert found is not None
    assert found.mean == 2.0
    assert summary([]) is None
    assert spread([]) == "-"
    assert spread([0.5]) == "0.50"


def test_outcomes_survive_json() -> None:
    """Also those without a scale."""
    one = an_outcome(scale=math.nan)
    again = Outcome.of(json.loads(json.dumps(one.plain())))
    assert math.isnan(again.scale)
    assert dataclasses.replace(again, scale=0.0) == dataclasses.replace(one, scale=0.0)


# --- tables and plots


def made(command: str) -> list[Outcome]:
    """Outcomes of two robots that never were."""
    cases = {
        "mirror": [(case, way) for case in ("fresh", "shown again") for way in ("", mirror.DRAWN)],
        "robustness": [(case, way) for case in robustness.SCENES for way in ("", robustness.CENTRED)],
        "human": [
            (case, human.way(copies, look))
            for case in human.SCENES
            for copies in (human.EXACT, human.INEXACT, human.FELT)
            for look in human.LOOKS
        ],
    }
    return [
        an_outcome(case=case, way=way, seed=seed, pairs=pairs, errors=(2.0 + seed, 4.0 + seed), extractor=name)
        for case, way in cases[command]
        for seed in (0, 1)
        for pairs in ((400,) if way.startswith(human.FELT) else (100,) if command == "robustness" else (20, 100))
        for name in ("efficientnet-lite0",)
    ]


@pytest.mark.parametrize("command", ["mirror", "robustness", "human"])
def test_every_cell_is_in_the_table_and_the_plot(command: str, tmp_path: Path) -> None:
    """3.5 on average, an interval of 12.7 * 0.5; no cell is empty; the plot is a picture."""
    found = Learned(command, 2, made(command))
    rows = [line for line in found.text().splitlines() if line.startswith("|") and "---" not in line]
    assert not [row for row in rows if row.startswith("|  ") or "| - |" in row]
    assert "| 3.5 ± 6.4 |" in found.text()
    picture = cv2.imread(str(found.plot(tmp_path)))
    assert picture is not None
    assert np.ptp(picture) == 255
    assert {cell["mean"] for cell in found.plain()["cells"]} == {3.5}


def test_bars_are_met_by_means() -> None:
    """Met, missed with its reason, excellent, or not measured."""
    cells = targets.compare({"mirror": Learned("mirror", 2, made("mirror")).plain()})
    fresh, shown, ancestor = cells[0], cells[2], cells[3]
    assert (fresh.ours, fresh.verdict) == (3.5, "met")
    assert shown.verdict == "**missed**"
    assert (ancestor.ours, ancestor.verdict) == (None, targets.NOT_MEASURED)
    assert dataclasses.replace(fresh, ours=2.6).verdict == "moonshot"
    lines = targets.table(cells).splitlines()
    assert len(lines) == 2 + len(targets.TARGETS)
    assert "3.50 ± 6.35 | met |" in lines[2]


def test_a_slow_machine_is_said_to_be_busy() -> None:
    """The load before, and the best time."""
    timing = {"name": "HOG", "p50": 9.0, "p99": 9.0, "best": 3.0, "count": 7}
    names = {str(target.wanted["name"]) for target in targets.TARGETS if target.command == "speed"}
    result = {"machine": {"load": 11.2, "cores": 2}, "timings": [{**timing, "name": name} for name in names]}
    found = [one for one in targets.compare({"speed": result}) if one.ours == 9.0]
    assert len(found) == 3
    assert (found[0].verdict, found[0].reason) == ("**missed**", "load 11 on 2 cores; the best of 7 is 3.0 ms")
    assert found[1].verdict == "met"


def test_every_bar_can_be_found() -> None:
    """Each is a cell that its command makes."""
    trembling = [dataclasses.replace(one, calmed=(3.5, 3.5)) for one in made("human")]
    outcomes = {"robustness": made("robustness"), "human": trembling}
    made_up = {command: Learned(command, 2, found).plain() for command, found in outcomes.items()}
    found = zip(targets.compare(made_up), targets.TARGETS, strict=True)
    assert {one.ours for one, target in found if target.command in made_up} == {3.5}


def test_results_are_kept_until_they_are_needed(tmp_path: Path) -> None:
    """None without a file; a damaged one is told."""
    path = tmp_path / "results" / "mirror.json"
    assert kept(path) is None
    keep(Learned("mirror", 2, made("mirror")), path)
    again = kept(path)
    assert again is not None
    assert [Outcome.of(one) for one in again["outcomes"]] == made("mirror")
    path.write_text("[1, 2")
    with pytest.raises(ArtifactError, match=r"mirror\.json is damaged"):
        kept(path)


def test_times_are_told() -> None:
    """Median, 99 %, the best."""
    found = speed.timed("nothing", lambda: None, 50)
    assert found.count == 50
    assert 0.0 <= found.best <= found.p50 <= found.p99 < 1000.0
    assert speed.table([found]).splitlines()[2].startswith("| nothing | 0.0")


# --- pages

PAGE = """# Title
By hand, above.
<!-- evaluate mirror: begin -->
old
<!-- evaluate mirror: end -->
Between.
<!-- evaluate human: begin -->
<!-- evaluate human: end -->
By hand, below
"""


def test_a_block_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    """What is written by hand stays; doing it again changes nothing."""
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    assert page.write(path, "mirror", "\nnew\n")
    once = path.read_text()
    assert once == PAGE.replace("\nold\n", "\n\nnew\n\n")
    assert not page.write(path, "mirror", "new")
    assert page.write(path, "human", "| a |")
    assert path.read_text() == once.replace("human: begin -->\n", "human: begin -->\n\n| a |\n\n")


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "<!-- evaluate mirror: begin -->\n",
        "<!-- evaluate mirror: end -->\n<!-- evaluate mirror: begin -->\n",
        PAGE + PAGE,
        "x <!-- evaluate mirror: begin -->\n<!-- evaluate mirror: end -->\n",
    ],
)
def test_a_page_without_its_marks_is_left_alone(text: str, tmp_path: Path) -> None:
    """The message has the path and the marks."""
    path = tmp_path / "page.md"
    path.write_text(text)
    with pytest.raises(ArtifactError, match=r"page\.md: there must be one line '<!-- evaluate mirror: begin -->'"):
        page.write(path, "mirror", "new")
    with pytest.raises(ArtifactError, match=r"page\.md"):
        page.check(path, ["mirror"])
    assert path.read_text() == text


def test_a_mark_in_the_content_is_refused(tmp_path: Path) -> None:
    """It would never be found again."""
    with pytest.raises(ValueError, match="its own mark"):
        page.replaced(PAGE, "mirror", "<!-- evaluate mirror: end -->")
    with pytest.raises(ArtifactError, match="No such file"):
        page.write(tmp_path / "missing.md", "mirror", "new")
