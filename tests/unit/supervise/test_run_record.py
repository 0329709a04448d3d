"""The record of a run, kept by its supervisor: arguments, end, and what disturbed it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from agentspace.client.account import SpaceAccount
from agentspace.client.orders import Want
from agentspace.core.change import Kind, Writer
from agentspace.core.space import Entry
from agentspace.launch.plan import Plan
from agentspace.supervise.run_record import RunRecord


class Run:
    """A record with a clock that is turned by hand, and what holds the slots now."""

    def __init__(self, folder: Path) -> None:
        file = folder / "mirror.yaml"
        file.write_text("version: 1\n")
        self.now = 100.0
        self.held: dict[str, Entry] = {}
        plan = Plan("mirror", file, folder, (), arguments={"seed": 7, "pairs": 20})
        self.record = RunRecord(folder, plan, lambda: self.now)

    def see(self, counts: dict[str, int], *recent: dict[str, Any]) -> None:
        """A second later the space tells its refusals."""
        self.now += 1.0
        told = {"_/refusals": {"counts": counts, "recent": list(recent)}}
        self.record.see(SpaceAccount(told), self.held.get)

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.record.folder / "run.json").read_text())
        return found


def refusal(slot: str, holder: str, priority: float) -> dict[str, Any]:
    return {"slot": slot, "writer": "generator#1", "priority": 0.0, "holder": holder, "held_priority": priority}


def entry(slot: str, value: Any, holder: str, priority: float, age: float) -> Entry:
    return Entry(slot, Kind.WRITTEN, value, 1, priority, Writer(holder), age, None, 0.0)


def test_it_says_what_is_run_and_how_it_ended(tmp_path: Path) -> None:
    """From the first moment on without an end; then code, reason and length."""
    run = Run(tmp_path)
    told = run.told
    assert (told["name"], told["seed"], told["arguments"]) == ("mirror", 7, {"seed": 7, "pairs": 20})
    assert told["file_sha256"] == hashlib.sha256(b"version: 1\n").hexdigest()
    assert told["end"] is None
    run.record.hear("motor", "exited")
    run.record.hear("launch", "stopping on SIGINT")
    run.now += 3.0
    run.record.end(130)
    assert run.told["end"]["seconds"] == 3.0
    assert (run.told["end"]["code"], run.told["end"]["reason"]) == (130, "stopping on SIGINT")


def test_a_stop_is_told_from_an_override(tmp_path: Path) -> None:
    """By what the slot holds; each with holder, time and what was refused; one that lasts ends with the run."""
    run = Run(tmp_path)
    run.held["joints"] = entry("joints", None, "operator", 1e6, age=2.0)
    run.see({"joints": 3}, refusal("joints", "operator", 1e6))
    run.see({"joints": 8}, refusal("joints", "operator", 1e6))
    del run.held["joints"]
    run.see({"joints": 8})
    run.held["joints"] = entry("joints", [1.0], "cli", 50.0, age=0.5)
    run.see({"joints": 9}, refusal("joints", "operator", 1e6), refusal("joints", "cli", 50.0))
    run.record.end(0)
    stop, override = run.told["disturbances"]["holds"]
    assert stop == {
        "kind": "stop",
        "slot": "joints",
        "holder": "operator",
        "priority": 1e6,
        "at": -1.0,
        "seconds": 4.0,
        "refused": 8,
    }
    assert (override["kind"], override["holder"], override["refused"], override["seconds"]) == (
        "override",
        "cli",
        1,
        0.5,
    )
    assert run.told["disturbances"]["refused"] == {"joints": 9}


def test_a_hold_that_disturbed_nobody_is_told(tmp_path: Path) -> None:
    """By somebody outside of the launch, above the priority 0: from when it was written; late refusals are its."""
    run = Run(tmp_path)
    links = {
        "_/links": {"writes": {"operator": ["joints", "mode", "launch/mirror"], "cli": ["act", "orders/motor"]}}
    }
    run.held["joints"] = entry("joints", None, "operator", 1e6, age=0.5)
    run.held["mode"] = entry("mode", "use", "operator", 0.0, age=0.5)
    run.held["act"] = entry("act", [0.0], "cli", 9.0, age=0.25)
    run.held["orders/motor"] = entry(
        "orders/motor", {"do": "stop"}, "supervisor", 1.0, age=0.25
    )  # counted as such
    run.now += 1.0
    run.record.see(SpaceAccount(links), run.held.get)
    run.now += 1.0
    recent = [refusal("act", "cli", 9.0)]
    run.record.see(SpaceAccount(links | {"_/refusals": {"counts": {"act": 2}, "recent": recent}}), run.held.get)
    run.held.clear()
    run.now += 1.0
    run.record.see(SpaceAccount(links | {"_/refusals": {"counts": {"act": 2}, "recent": recent}}), run.held.get)
    run.see({"act": 5}, *recent)
    told = [(each["kind"], each["slot"], each["at"], each["seconds"], each["refused"]) for each in holds(run)]
    assert told == [("override", "act", 0.75, 2.25, 5), ("stop", "joints", 0.5, 2.5, 0)]


def holds(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run.told["disturbances"]["holds"]
    return found


def test_restarts_and_swaps_are_counted(tmp_path: Path) -> None:
    """Of roles that had any."""
    run = Run(tmp_path)
    run.record.lives({"roles": {"motor": {"restarts": 2}, "camera": {"restarts": 0}}})
    run.now += 5.0
    done = {"number": 3, "state": "done", "done": {"number": 3}}
    run.record.see(
        SpaceAccount({"_/swaps/motor": done, "_/swaps/eye": {"number": 1, "state": "rolled back"}}), run.held.get
    )
    assert run.told["disturbances"]["restarts"] == {"motor": 2}
    assert run.told["disturbances"]["swaps"] == {"motor": 3}


def test_what_people_do_to_roles_is_counted(tmp_path: Path) -> None:
    """Orders; settings that were taken up, not those that were refused. An order forgets no restart."""
    run = Run(tmp_path)
    for restarts in (1, 2, 0, 1):
        run.record.lives({"roles": {"motor": {"restarts": restarts}}})
    run.record.ordered("motor", Want.RESTART)
    run.record.ordered("motor", Want.RESTART)
    run.record.ordered("eye", Want.STOP)
    for answered in (1, 3, 3, 1):
        run.now += 1.0
        role = {"state": "running", "set": {"values": {}, "answered": answered, "refused": [[2, "too large"]]}}
        run.record.see(SpaceAccount({"_/roles/eye": role}), run.held.get)
    told = run.told["disturbances"]
    assert told["restarts"] == {"motor": 3}
    assert told["orders"] == {"motor": {"restart": 2}, "eye": {"stop": 1}}
    assert told["settings"] == {"eye": 3}  # 1, 3, and 1 of the next server


def test_settings_of_a_role_that_was_forgotten_count_anew(tmp_path: Path) -> None:
    """A role that comes again has answered nothing yet, whatever its forgotten namesake had."""
    run = Run(tmp_path)
    for roles in ("eye", "", "eye"):
        run.now += 1.0
        role = {"state": "running", "set": {"values": {}, "answered": 2, "refused": []}}
        run.record.see(SpaceAccount({f"_/roles/{name}": role for name in roles.split()}), run.held.get)
    assert run.told["disturbances"]["settings"] == {"eye": 4}


def test_few_slots_are_asked_for(tmp_path: Path) -> None:
    """One look a second, at slots that were written since, a few at a time; all of them have their turn."""
    run = Run(tmp_path)
    asked: list[str] = []

    def ask(slot: str) -> Entry | None:
        asked.append(slot)
        return run.held.get(slot)

    slots = [f"slot{number}" for number in range(50)]
    links = {"_/links": {"writes": {"cli": slots}}}
    counts = []
    for _ in range(20):
        run.now += 0.2
        run.record.see(SpaceAccount(links), ask)
        counts.append(len(asked))
    assert counts[0] == counts[4] <= 20
    assert sorted(asked) == sorted(slots)
    run.held["slot7"] = entry("slot7", [1.0], "cli", 5.0, age=0.1)
    run.record.see(SpaceAccount(links | {"_/rates": {"slot7": 1.0}}), ask)  # too soon to ask, not to take note
    run.now += 1.0
    run.record.see(SpaceAccount(links), ask)
    assert asked[50:] == ["slot7"]
    assert [hold["slot"] for hold in holds_so_far(run)] == ["slot7"]


def holds_so_far(run: Run) -> list[dict[str, Any]]:
    run.record.write()
    return holds(run)


def test_a_disk_that_fails_ends_no_robot(tmp_path: Path) -> None:
    """What cannot be written is given up."""
    run = Run(tmp_path)
    run.record.folder = tmp_path / "missing"
    run.record.hear("launch", "why")
    run.record.end(0)
    assert not (tmp_path / "missing").exists()
