"""The command keys: making, authorizing, revoking; and what a client with such a key then may do."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentspace.client.space import connect
from agentspace.errors import RightsError, SpaceUnreachableError
from agentspace.wire.address import client_key
from tests.support.server_process import ServerProcess


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The key folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("AGENTSPACE_KEY", raising=False)
    return tmp_path / "agentspace"


@pytest.fixture
def keys(cli: Any, folder: Path) -> Callable[..., Any]:
    """The command, with that folder."""
    return lambda *words: cli("keys", *words, XDG_CONFIG_HOME=str(folder.parent))


def test_a_key_from_its_making_to_its_end(cli, monkeypatch):
    """A server that runs takes each step up at once."""
    with ServerProcess("--bind", "tcp://127.0.0.1:0") as server:
        home = {"XDG_CONFIG_HOME": str(server.run / "config")}
        file = server.run / "config" / "agentspace" / "anna.key"
        made = cli("keys", "new", "anna", **home)
        assert (made.exit_code, made.stdout.strip()) == (0, client_key(file).public)
        assert file.stat().st_mode & 0o777 == 0o600
        monkeypatch.setenv("AGENTSPACE_KEY", str(file))
        with pytest.raises(SpaceUnreachableError):
            connect(server.tcp or "", timeout=1.0)
        assert cli("keys", "authorize", "anna", "--may", "read:a", "--may", "write:arm/*", **home).exit_code == 0
        with connect(server.tcp or "", timeout=30.0) as far:
            assert far.write("arm/x", 1)
            with pytest.raises(RightsError, match="needs write:leg"):
                far.write("leg", 1)
            assert cli("keys", "authorize", file, "--may", "write:leg", **home).exit_code == 0
        with connect(server.tcp or "", timeout=30.0) as far:
            assert far.write("leg", 1)
            assert cli("keys", "revoke", "anna", **home).exit_code == 0
            with pytest.raises(RightsError, match="no more"):
                far.write("leg", 2)
        assert json.loads(cli("keys", "list", "--json", **home).stdout)[0]["name"] == "owner"


def test_a_key_made_elsewhere(keys, folder):
    """Only its public key travels; it needs a name, and the server's public key."""
    server, public = "S" * 40, "P" * 40
    assert keys("new", "far", "--server", server).exit_code == 0
    assert client_key(folder / "far.key").server == server
    nameless = keys("authorize", public, "--may", "read")
    assert (nameless.exit_code, "--as" in nameless.stderr) == (2, True)
    assert keys("authorize", public, "--as", "ben", "--may", "read").exit_code == 0
    shown = keys("show", "ben")
    assert shown.stdout == f"public key: {public}\nread\n"
    told = json.loads(keys("show", "ben", "--json").stdout)
    assert told == {"name": "ben", "public": public, "may": ["read"]}
    assert re.search(rf"ben +read +{public}", keys("list").stdout)


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["authorize", "nowhere", "--may", "read"], 1, "neither a file of keys nor a public key"),
        (
            ["authorize", "P" * 40, "--as", "x", "--may", "fly"],
            2,
            "write, trigger, act, swap, stop",
        ),
        (["authorize", "P" * 40, "--as", "x"], 2, "--may"),
        (["authorize", "P" * 40, "--as", "owner", "--may", "read"], 1, "all rights"),
        (["new", "a/b"], 1, "no name of a key"),
        (["revoke", "x"], 1, "no key 'x' is authorized"),
        (["show", "x"], 1, "no key 'x' is authorized"),
    ],
)
def test_mistakes_are_told(keys, folder, words, code, what):
    """With what is valid; nothing is written."""
    result = keys(*words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert what in result.stderr
    assert not (folder / "authorized_keys").exists()


def test_no_key_is_overwritten(keys, folder):
    """The client that has it would be locked out."""
    keys("new", "anna")
    before = (folder / "anna.key").read_text()
    again = keys("new", "anna")
    assert (again.exit_code, "already" in again.stderr) == (1, True)
    assert (folder / "anna.key").read_text() == before


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o666])
def test_keys_that_others_may_read_are_refused(cli, keys, folder, mode):
    """By clients, by servers, by this command; the remedy is told."""
    keys("new", "anna")
    for name, words in (("anna.key", ["authorize", "anna", "--may", "read"]), ("server.secret", ["new", "bob"])):
        (folder / name).chmod(mode)
        result = keys(*words)
        assert result.exit_code != 0
        assert f"(mode {mode:04o}); chmod 600 {folder / name}" in result.stderr
    (folder / "space.key").chmod(mode)
    result = cli("slots", "--space", "tcp://127.0.0.1:9", XDG_CONFIG_HOME=str(folder.parent))
    assert (result.exit_code, f"chmod 600 {folder / 'space.key'}" in result.stderr) == (3, True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("agentspace keys re", {"revoke"}),
        ("agentspace keys revoke a", {"anna"}),
        ("agentspace keys authorize an", {"anna", "an"}),
        ("agentspace keys authorize anna --may s", {"swap", "stop"}),
    ],
)
def test_completion(cli, keys, folder, words, expected):
    """It knows commands, keys and verbs."""
    keys("new", "anna")
    keys("authorize", "anna", "--may", "read")
    asked = {
        "_AGENTSPACE_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    told = cli(**asked, XDG_CONFIG_HOME=str(folder.parent))
    assert {line.partition(",")[2] for line in told.stdout.splitlines()} - {""} == expected


def test_nobody_else_gets_in_here():
    """The socket of a server is its user's alone, in a folder that is, too."""
    with ServerProcess() as server:
        place = server.run / server.NAME
        assert place.stat().st_mode & 0o777 == 0o700
        modes = {file.name: file.stat().st_mode & 0o777 for file in place.iterdir()}
        assert {name for name, mode in modes.items() if mode & 0o077} <= set(), modes
        assert {file.stat().st_uid for file in place.iterdir()} == {os.getuid()}
