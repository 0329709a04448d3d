"""Addresses, the folder of local servers, their lock, and the keys."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agentspace.errors import AgentspaceError, SpaceUnreachableError
from agentspace.wire.address import (
    Address,
    Lock,
    client_key,
    is_listening,
    key_folder,
    local_servers,
    parse,
    private,
    run_folder,
    server_keys,
)


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for servers, and one for keys; nothing else in the environment."""
    for name in ("AGENTSPACE_SPACE", "AGENTSPACE_KEY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AGENTSPACE_RUN", str(tmp_path / "r"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "r"


@pytest.mark.parametrize(
    ("text", "endpoint", "space"),
    [
        ("", "ipc://{run}/default/server.sock", "DATA"),
        ("lab", "ipc://{run}/lab/server.sock", "DATA"),
        ("lab-2.b_c", "ipc://{run}/lab-2.b_c/server.sock", "DATA"),
        ("lab#LEFT", "ipc://{run}/lab/server.sock", "LEFT"),
        ("#LEFT", "ipc://{run}/default/server.sock", "LEFT"),
        ("ipc:///a/b.sock", "ipc:///a/b.sock", "DATA"),
        ("ipc:///a/b c.sock#X", "ipc:///a/b c.sock", "X"),
        ("tcp://10.0.0.1:7447", "tcp://10.0.0.1:7447", "DATA"),
        ("tcp://lab.example.org:7447#LEFT", "tcp://lab.example.org:7447", "LEFT"),
    ],
)
def test_addresses_mean_what_the_table_says(run, text, endpoint, space):
    """Names, sockets and endpoints, each with and without a named space."""
    assert parse(text) == Address(endpoint.format(run=run), space)


@pytest.mark.parametrize(
    "text",
    [
        "a b",
        "/tmp/x",
        "ipc://x",
        "ipc:///",
        "tcp://host",
        "tcp://:1",
        "http://a:1",
        "tcp://a:b",
        "a#b c",
        "a#b#c",
        "-x",
        "..",
        "a/b",
        "lab\n",
        "tcp://h:0",
        "tcp://h:65536",
        "tcp://h:99999999",
        "ipc:///a\0b",
    ],
)
def test_what_is_no_address_is_refused_with_what_one_looks_like(text):
    """The error names the text and the forms that are valid."""
    with pytest.raises(AgentspaceError, match=r"tcp://HOST:PORT|name of a space"):
        parse(text)


def test_environment_names_the_default(run, monkeypatch):
    """AGENTSPACE_SPACE is the address for whoever gives none; what is given wins."""
    monkeypatch.setenv("AGENTSPACE_SPACE", "lab#LEFT")
    assert parse() == Address(f"ipc://{run}/lab/server.sock", "LEFT")
    assert parse("other").space == "DATA"
    assert parse("#RIGHT") == Address(f"ipc://{run}/lab/server.sock", "RIGHT")


def test_path_too_long_for_a_socket_is_refused_with_its_remedy(tmp_path, monkeypatch):
    """Sockets have short names on Linux: the error says what to set."""
    monkeypatch.setenv("AGENTSPACE_RUN", str(tmp_path / ("x" * 100)))
    with pytest.raises(AgentspaceError, match="AGENTSPACE_RUN"):
        parse("lab")


def test_address_says_what_it_is():
    """An address as text parses to itself."""
    for text in ("ipc:///a/b.sock", "ipc:///a/b.sock#X", "tcp://h:1"):
        assert str(parse(text)) == text
    assert parse("ipc:///a").local
    assert not parse("tcp://h:1").local


def test_run_folder_follows_the_environment(tmp_path, monkeypatch):
    """AGENTSPACE_RUN, else XDG_RUNTIME_DIR/agentspace; made with mode 0700."""
    assert run_folder() == tmp_path / "r"
    monkeypatch.delenv("AGENTSPACE_RUN")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert run_folder() == tmp_path / "agentspace"
    assert stat.S_IMODE((tmp_path / "agentspace").stat().st_mode) == 0o700


def test_folder_that_others_may_enter_is_refused(run):
    """A socket in a folder that others can write could be theirs."""
    run.mkdir(mode=0o755)
    with pytest.raises(AgentspaceError, match="0700"):
        parse("lab")


def test_link_in_place_of_the_folder_is_refused(run, tmp_path):
    """A link may be somebody else's, even if what it leads to is ours."""
    private(tmp_path / "real")
    run.symlink_to(tmp_path / "real")
    with pytest.raises(AgentspaceError, match="0700"):
        run_folder()


def test_file_in_place_of_the_folder_is_refused(run):
    """Whatever stands in the way of the folder is told as one error that names it."""
    run.write_text("")
    with pytest.raises(AgentspaceError, match=str(run)):
        run_folder()


def test_folder_that_cannot_be_made_is_told(monkeypatch):
    """So is a place where no folder can be."""
    monkeypatch.setenv("AGENTSPACE_RUN", "/proc/nowhere/r")
    with pytest.raises(AgentspaceError, match="/proc/nowhere"):
        run_folder()


# --- the lock


def test_lock_is_held_by_one_and_names_its_holder():
    """A second server of an address is refused with the pid of the first; another address is free."""
    held = Lock(parse("lab"))
    with pytest.raises(AgentspaceError, match=f"pid {os.getpid()}"):
        Lock(parse("lab"))
    Lock(parse("other")).release()
    held.release()
    Lock(parse("lab")).release()


def test_released_lock_leaves_nothing_behind(run):
    """Neither a socket nor a lock stays in the folder."""
    held = Lock(parse("lab"))
    (run / "lab" / "server.sock").write_text("")
    held.release()
    assert list((run / "lab").iterdir()) == []


def test_lock_has_one_holder_at_any_moment():
    """However many servers start and end at once, never do two of them hold the address."""
    address, held, most = parse("lab"), list[int](), list[int]()

    def compete(number: int) -> int:
        wins = 0
        while wins < 25:
            try:
                lock = Lock(address)
            except AgentspaceError:
                continue
            held.append(number)
            most.append(len(held))
            wins += 1
            held.remove(number)
            lock.release()
        return wins

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(compete, range(3))) == [25, 25, 25]
    assert max(most) == 1


def test_server_that_is_looked_for_can_start(run):
    """Whoever asks which servers live, as `ps --all` does, holds the lock for a moment: that is waited for."""
    for _ in range(3):
        private(run_folder() / "lab")
        with (run / "lab" / "server.sock.lock").open("a+") as looking:
            fcntl.flock(looking, fcntl.LOCK_SH)
            done = threading.Timer(0.01, fcntl.flock, [looking, fcntl.LOCK_UN])
            done.start()
            Lock(parse("lab")).release()
            done.join()


def test_servers_start_beside_those_who_look(run):
    """However often that is asked."""
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            local_servers()

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(200):
            Lock(parse("lab")).release()
    finally:
        over.set()
        looking.join()


def test_lock_of_a_dead_process_is_free(run):
    """The kernel releases the lock of a process that was killed; its socket is cleared away."""
    code = (
        "import os, socket; from agentspace.wire.address import Lock, parse; held = Lock(parse('lab'));"
        "socket.socket(socket.AF_UNIX).bind(str(parse('lab').path)); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=30, check=False)
    assert done.returncode == -9
    assert (run / "lab" / "server.sock").exists()
    held = Lock(parse("lab"))
    assert not (run / "lab" / "server.sock").exists()
    held.release()


def test_lock_beside_others_files_is_refused(tmp_path):
    """A socket lies in a private folder, also if its path was given."""
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(AgentspaceError, match="0700"):
        Lock(parse(f"ipc://{tmp_path}/open/s.sock"))


# --- keys


def test_keys_are_made_once_and_private():
    """The first call makes the server's secret and the clients' key, which only the user can read."""
    secret, key = server_keys()
    assert server_keys() == (secret, key)
    assert client_key() == key
    assert len({secret, key.server, key.public, key.secret}) == 4
    for file in key_folder().iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_key_can_be_named(tmp_path, monkeypatch):
    """AGENTSPACE_KEY names the file of a key that was copied from the server's machine."""
    _, key = server_keys()
    copied = tmp_path / "copied.key"
    copied.write_text((key_folder() / "space.key").read_text())
    copied.chmod(0o600)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("AGENTSPACE_KEY", str(copied))
    assert client_key() == key


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "{}",
        '"x"',
        '{"server": 1}',
        '{"server": "a", "public": "b", "secret": 3}',
        json.dumps({"server": "short", "public": "x" * 40, "secret": "x" * 40}),
    ],
)
def test_missing_or_damaged_key_is_told_with_its_remedy(tmp_path, monkeypatch, text):
    """The error names the file and says where the key comes from."""
    file = tmp_path / "bad.key"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("AGENTSPACE_KEY", str(file))
    with pytest.raises(SpaceUnreachableError, match=r"bad\.key.*copy space\.key"):
        client_key()


def test_socket_is_not_a_folder(run):
    """A socket of an old layout in the place of a server's folder is refused by name."""
    private(run)
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(run / "lab"))
    with pytest.raises(AgentspaceError, match="lab"):
        Lock(parse("lab"))


def test_whether_somebody_listens(run: Path) -> None:
    """Told at once: of no file, of one that is left over, of a server, and of one that has too much to do."""
    address = parse("lab")
    assert not is_listening(address)
    private(address.path.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address.path))
        assert not is_listening(address)
        server.listen(0)
        assert [is_listening(address) for _ in range(3)] == [True] * 3  # nobody accepts: the queue is full
    assert not is_listening(address)
    assert is_listening(parse("tcp://192.0.2.1:7447"))
