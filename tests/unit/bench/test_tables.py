"""What the benchmark says: tables, pages, the machine."""

from __future__ import annotations

import dataclasses
import json

import pytest

from agentspace.bench.chart import draw_chart
from agentspace.bench.figures import Spread
from agentspace.bench.machine import Machine, Traffic, processor, this_machine, traffic
from agentspace.bench.outcome import Footprint, Growth, LatencyCase, Outcome, Rate, Timing
from agentspace.bench.page import PAGE, PageError, block, fill, write_page
from agentspace.bench.peers.all import BY_NAME, OTHERS
from agentspace.bench.tables import missing, preface, sheets

BEGIN, END = "<!-- written by `agentspace bench --output`: begin -->", "<!-- end -->"
QUIET, BUSY = Traffic(0.1, 0.01), Traffic(7.5, 0.93)
TIMINGS = {
    "agentspace": Timing(Spread(90, 300.0, 400.0, 512.4), None, 0),
    "pyzmq broker": Timing(Spread(90, 250.0, 300.0, 350.0), 1.234, 7),
    "redis": Timing(None, None, 90),
}
OUTCOME = Outcome(
    Machine("A Processor", 2, 8 << 30, "Linux 6.1", "CPython 3.11.7", {"agentspace": "0.1.0"}, "2026-12-01"),
    QUIET,
    QUIET,
    12.3,
    {"zenoh": "not installed: pip install 'agentspace[bench]'"},
    (
        LatencyCase("1536 B", 1536, 200.0, 1, TIMINGS),
        LatencyCase("1536 B", 1536, 200.0, 16, TIMINGS),
    ),
    (Rate("commits", "commits of 8 writers", 39812.4, {"pyzmq broker": 70312.0}, 21.04),),
    (Growth("slots", 10, 100_000, 70.0, 77.0, 1.1, 30.0, 33.0, 1.1),),
    Footprint(100_000, 0.0012, 0.001, 30 << 20, 800.0, 4096.0, 3.0),
)


def test_there_is_a_table_for_each_number_of_readers_and_one_for_all_else():
    """We stand last; a peer has p50, p99, and how many times its p50 ours is, and losses."""
    one, many, rates, growth, footprint = sheets(OUTCOME)
    assert one.columns == ["to one reader", "1536 B, 200 Hz"]
    assert many.columns[0] == "to the last of 16 readers"
    assert one.rows == [["pyzmq broker", "250 / 350 (1.23), 7 lost"], ["redis", "-"], ["agentspace", "300 / 512"]]
    assert rates.rows == [["commits of 8 writers", "39 812", "21.0", "pyzmq broker 70 312"]]
    assert growth.rows[0][:4] == ["10 or 100 000 slots", "70", "77", "1.10"]
    assert footprint.rows[0] == ["processor, idle, 100 000 slots", "0.12% of a core"]


def test_what_was_not_measured_has_no_table():
    """A part of the benchmark may be run alone."""
    assert sheets(dataclasses.replace(OUTCOME, latency=(), growth=(), footprint=None))[0].title.startswith(
        "How much"
    )


def test_each_table_is_one_in_markdown():
    """All lines have as many cells."""
    for sheet in sheets(OUTCOME):
        lines = [line for line in sheet.to_markdown().splitlines() if line.startswith("|")]
        assert {line.count("|") for line in lines} == {len(sheet.columns) + 1}


def test_a_busy_machine_is_named():
    """Figures of a busy machine are not to be trusted; the text says so."""
    assert "not quiet" not in preface(OUTCOME)
    assert "not quiet" in preface(dataclasses.replace(OUTCOME, after=BUSY))


def test_who_was_not_compared_is_named_with_what_to_do():
    """Nobody is left out silently."""
    assert missing(OUTCOME) == ["zenoh: not installed: pip install 'agentspace[bench]'"]
    assert "Not compared: zenoh" in block(OUTCOME, None)


@pytest.mark.parametrize("peer", OTHERS, ids=lambda peer: peer.name)
def test_a_peer_that_is_not_installed_says_how_it_gets_there(peer, monkeypatch):
    """All of them come with one extra."""
    monkeypatch.setattr(
        "agentspace.bench.peers.contestant.find_spec", lambda name: None if name == peer.module else name
    )
    assert peer.missing() == "not installed: pip install 'agentspace[bench]'"
    assert BY_NAME[peer.name] is peer


def test_only_what_is_between_the_markers_changes(tmp_path):
    """The prose around the tables is somebody's."""
    page = tmp_path / PAGE
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert write_page(tmp_path, OUTCOME, "performance.png") == page
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "](performance.png)" in text
    write_page(tmp_path, OUTCOME, "performance.png")
    assert page.read_text() == text


def test_a_page_is_made_where_there_is_none(tmp_path):
    """A folder of any name will do."""
    assert "pyzmq broker" in write_page(tmp_path, OUTCOME, None).read_text()


@pytest.mark.parametrize("page", ["", f"{BEGIN}\n", f"{END}\n{BEGIN}", f"{BEGIN}\n{END}\n{BEGIN}\n{END}"])
def test_a_page_without_one_place_is_refused(page):
    """It is not guessed where the tables belong."""
    with pytest.raises(PageError):
        fill(page, "new")


def test_an_outcome_is_json():
    """Every number of it, and by which estimator the percentiles were found."""
    data = json.loads(json.dumps(OUTCOME.to_json()))
    assert data["latency"][0]["timings"]["pyzmq broker"]["ratio"] == 1.234
    assert "numpy.percentile" in data["percentiles"]


def test_a_chart_is_a_picture(tmp_path):
    """Also if a contestant has no values."""
    pytest.importorskip("matplotlib")
    draw_chart(OUTCOME, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_the_machine_is_described(tmp_path):
    """With processor, kernel, Python and versions of what is installed."""
    machine = this_machine(["no-such-package"])
    assert machine.cores >= 1
    assert machine.processor
    assert "numpy" in machine.packages
    assert "no-such-package" not in machine.packages
    assert machine.python in str(machine)
    info = tmp_path / "cpuinfo"
    info.write_text("processor : 0\nmodel name\t: One @ 2: GHz\nprocessor : 1\nmodel name\t: Two\n")
    assert processor(info) == "One @ 2: GHz"
    assert processor(tmp_path / "none") == ""


def test_traffic_is_a_share():
    """Whatever else the machine does."""
    assert 0.0 <= traffic(0.01).others <= 1.0
    assert (QUIET.quiet, BUSY.quiet) == (True, False)
