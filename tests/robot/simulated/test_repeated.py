"""The flagship in simulated time: the same seed gives the same run, bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import pytest

from agentspace.core.simulated.conductor import START
from tests.support.paths import ROOT

LAUNCH = """
version: 1
clock: simulated
include:
  - file: {mirror}
    args: {{pairs: 2, shown: 1, fresh: 1, seed: {seed}, out: {out}}}
agents:
  witness: {{class: "tests.robot.simulated.witness:Witness", params: {{out: {out}/changes}}}}
"""
AROUND = 3  # lines before a difference that are shown


def run(folder: Path, seed: int = 0) -> list[str]:
    """One run of `launch/mirror.yaml`; every change of every slot."""
    folder.mkdir(mode=0o700)  # the socket lies there
    file = folder / "mirror.yaml"
    file.write_text(LAUNCH.format(mirror=ROOT / "launch" / "mirror.yaml", out=folder, seed=seed))
    command = [sys.executable, "-m", "agentspace", "launch", str(file), "--project", str(ROOT)]
    environment = {**os.environ, "AGENTSPACE_SPACE": f"ipc://{folder}/server.sock"}
    done = subprocess.run(
        [*command, "--logs", str(folder / "runs")], cwd=ROOT, env=environment, capture_output=True, text=True,
        timeout=280.0, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return (folder / "changes").read_text().splitlines()


def first_difference(one: list[str], other: list[str]) -> str:
    """Where two runs part, with what came before; "" if they do not."""
    for number, (here, there) in enumerate(zip_longest(one, other, fillvalue="(it has ended)")):
        if here != there:
            before = "\n".join(one[max(0, number - AROUND) : number])
            return f"change {number} of {len(one)} and {len(other)}:\n{before}\none:   {here}\nother: {there}"
    return ""


@pytest.mark.timeout(500)
def test_mirror_in_simulated_time_is_the_same_twice(tmp_path: Path) -> None:
    """Every slot, revision, time, writer, value and refusal of two runs with the same seed; and the report."""
    one, other = run(tmp_path / "one"), run(tmp_path / "other")
    assert len(one) > 1000
    assert first_difference(one, other) == ""
    reports = [json.loads((tmp_path / name / "report.json").read_text()) for name in ("one", "other")]
    assert reports[0]["pairs"] == 2
    for key in ("pairs", "tries", "shown", "fresh", "seconds"):
        assert reports[0][key] == reports[1][key], key
    assert float(one[-1].split()[0]) > START + 2.0


def test_a_difference_is_found_where_it_is() -> None:
    """The first line that is another, also if one run is longer."""
    assert first_difference(["a", "b"], ["a", "b"]) == ""
    assert "change 1 of 2 and 2" in first_difference(["a", "b"], ["a", "c"])
    assert "change 2 of 2 and 3" in first_difference(["a", "b"], ["a", "b", "c"])
