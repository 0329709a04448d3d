"""What a server writes into its audit log: who did what, from where, and whether it was allowed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from agentspace.client.space import connect
from agentspace.errors import RoleNotFoundError, SpaceUnreachableError
from agentspace.rights.authorized import Authorized, AuthorizedKeys
from agentspace.rights.right import Right, Rights, Verb
from agentspace.wire import from_client
from agentspace.wire.address import Key, client_key
from agentspace.wire.codec import encode
from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess
from tests.system.server.raw_client import Raw


def log(server: ServerProcess) -> list[dict[str, Any]]:
    """Its lines; none before the first."""
    file = server.run / server.NAME / "server.audit.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def new(server: ServerProcess) -> Iterator[Any]:
    """Gives the lines that came since."""
    before = len(log(server))
    return lambda: log(server)[before:]


def test_what_clients_of_this_machine_do(server, space, new):
    """With user, process and name; reads and writes are not there, orders are."""
    session = space.join("eye")
    session.running()
    space.write("x", 1)
    space.read("x")
    space.write("orders/eye", {"do": "restart", "state": "requested", "secret": 1}, validity=1.0)
    space.stop("eye")
    session.leave("stopped")
    with pytest.raises(RoleNotFoundError):
        space.stop("nobody")
    lines = new()
    assert [(line["what"], line["ok"]) for line in lines] == [
        ("Join", True), ("Order", True), ("Stop", True), ("Leave", True), ("Stop", False),
    ]  # fmt: skip
    assert {(line["uid"], line["pid"], line["from"], line["client"]) for line in lines} == {
        (os.getuid(), os.getpid(), "ipc", "test")
    }
    assert (lines[1]["name"], lines[1]["do"], "secret" in str(lines[1])) == ("orders/eye", "restart", False)
    assert lines[4]["why"].startswith("RoleNotFoundError")


def test_who_came_in_at_the_port(server, space, new):
    """With the name of the key and the machine; keys and operations that were refused, too."""
    folder = server.run / "config" / "agentspace"
    owner = client_key(folder / "space.key")
    public, secret = (key.decode() for key in zmq.curve_keypair())
    stranger = Raw(server.tcp or "", Key(owner.server, public, secret))
    eventually(lambda: [line for line in new() if line["what"] == "Key" and not line["ok"]])
    stranger.close()
    assert [new()[0][name] for name in ("key", "from", "why")] == [public, "127.0.0.1", "not authorized"]
    allowed = Authorized(public, Rights("anna", (Right(Verb.ACT),)))
    AuthorizedKeys(folder / "authorized_keys").authorize(allowed)
    guest = Raw(server.tcp or "", Key(owner.server, public, secret)).hello()
    assert guest.refused(from_client.Stop.CODE, 2, "DATA", "*")[0] == "RightsError"
    guest.say(from_client.Join(3, "DATA", "ear").pack(), encode({}))
    guest.hear()
    AuthorizedKeys(folder / "authorized_keys").revoke("anna")
    eventually(lambda: [line for line in new() if line["what"] == "Gone"])
    told = [(line["what"], line["ok"], line["key"], line["from"]) for line in new() if line["key"] != public]
    assert told == [
        ("Key", True, "anna", "127.0.0.1"),
        ("Stop", False, "anna", "127.0.0.1"),
        ("Join", True, "anna", "127.0.0.1"),
        ("Gone", True, "anna", "127.0.0.1"),
    ]
    guest.close()


def test_a_forged_write_is_in_it(server, space, raw, new):
    """It names the role that another one fills."""
    session = space.join("arm")
    thief = raw().hello()
    thief.say(from_client.Write(1, "DATA", "arm", 1, "x", None, 0.0, 0.0, []).pack(), encode(1))
    thief.hear()
    line = new()[-1]
    assert (line["what"], line["ok"], line["client"], line["role"], line["name"]) == (
        "Write",
        False,
        "raw",
        "arm",
        "x",
    )
    session.leave("stopped")


def test_who_moves_simulated_time():
    """Who conducts it, and who begins to drive it; neither each step nor who only asks for the time."""
    with ServerProcess("--clock", "simulated") as server, server.connect() as space:
        space.simulated_time()
        for _ in range(3):
            space.advance(1.0)
        space.conduct(["eye"])
        lines = eventually(lambda: len(log(server)) > 1 and log(server))
    assert [(line["what"], line["ok"], line["client"]) for line in lines] == [
        ("Advance", True, "test"), ("Conduct", True, "test"),
    ]  # fmt: skip
    assert (lines[0]["to"] > 1.0, lines[1]["roles"]) == (True, "['eye']")


def test_it_stays_when_the_server_has_ended(tmp_path: Path):
    """The next one adds to it; only its user reads it."""
    with ServerProcess() as server:
        for _ in range(2):
            with server.connect() as space:
                space.join("eye").leave("stopped")
            server.end()
            file = server.run / server.NAME / "server.audit.jsonl"
            assert file.stat().st_mode & 0o777 == 0o600
            server.process.close()
            server.start()
        assert [line["what"] for line in log(server)] == ["Join", "Leave"] * 2


def test_a_folder_that_takes_no_file_does_not_matter(server, space):
    """As with a disk that is full, the server serves."""
    file = server.run / server.NAME / "server.audit.jsonl"
    with ServerProcess() as other:
        (other.run / other.NAME / "server.audit.jsonl").symlink_to(file)
        with connect(other.address, "x") as there:
            there.join("eye").leave("stopped")
            assert there.write("x", 1)
    with pytest.raises(SpaceUnreachableError):
        connect(other.address, "x")
