"""Stores that cannot be: refused in words; and disks that fill up: told, and gone on from."""

from __future__ import annotations

import json
import operator
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from agentspace.client.space import RemoteSpace
from agentspace.errors import StoreError
from tests.support.eventually import eventually
from tests.system.durable.conftest import Durable

ROOM = 1 << 16  # bytes that the files of a server may still grow by


def agentspace(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agentspace", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def serve(server: Durable, *words: str) -> subprocess.CompletedProcess[str]:
    """Another server, at an address of its own, which is to be refused."""
    return agentspace("server", "--space", f"ipc://{server.run / 'other' / 'server.sock'}", *words)


def filled(server: Durable) -> Path:
    """A copy of the store of a server that has ended, with a thousand slots."""
    with server.connect() as space:
        for number in range(1000):
            space.write(f"d/{number}", {"number": number, "text": "x" * 100})
    assert server.end() == 0
    return Path(shutil.copy(server.store, server.run / "copy.db"))


def test_two_servers_do_not_share_a_store(server: Durable) -> None:
    """The second is refused, and does no harm."""
    refused = serve(server, "--store", str(server.store))
    assert refused.returncode == 1
    assert "is in use: another server has it" in refused.stderr
    told = agentspace("store", str(server.store))
    assert "is in use" in told.stderr
    with server.connect() as space:
        assert space.write("d/x", 1)


def test_a_store_that_others_may_use_is_theirs_no_more(server: Durable) -> None:
    """Its mode is that of a new one, also of what SQLite has beside it, and the log has a word of it."""
    with server.connect() as space:
        space.write("d/x", 1)
    server.kill()
    for file in server.run.glob("store.db*"):
        file.chmod(0o666)
    server.start()
    assert "its mode is 0600 now" in server.process.expect_error("others could use")
    assert {file.stat().st_mode & 0o777 for file in server.run.glob("store.db*")} == {0o600}
    with server.connect() as space:
        assert space.read("d/x") == 1


def test_a_folder_that_cannot_be_made_is_named(server: Durable) -> None:
    """A store is made with its folder; where that cannot be, the refusal says which one."""
    refused = serve(server, "--store", "/proc/none/x.db")
    assert refused.returncode == 1
    assert "its folder cannot be made: /proc/none: " in refused.stderr


@pytest.mark.parametrize(
    ("words", "content"),
    [
        ("is damaged", b"no database" * 1000),
        ("but no store of agentspace", None),
        ("Is a directory", "folder"),
    ],
)
def test_what_is_no_store(server: Durable, words: str, content: bytes | str | None) -> None:
    """Another file, a database of others, a folder: it is left as it is."""
    path = server.run / "other.db"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "folder":
        path.mkdir()
    else:
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE mine (x)")
        database.close()
    before = path.read_bytes() if path.is_file() else b""
    refused = serve(server, "--store", str(path))
    assert refused.returncode in (1, 2)
    assert words.lower() in refused.stderr.lower()
    assert "Traceback" not in refused.stderr
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_options_that_do_not_fit(server: Durable) -> None:
    """Durable slots without a store, masks that are none, a clock that begins anew: wrong usage."""
    assert "needs a --store" in serve(server, "--durable", "d/*").stderr
    assert "the space's own" in serve(server, "--store", str(server.run / "x.db"), "--durable", "_/*").stderr
    refused = serve(server, "--store", str(server.run / "x.db"), "--clock", "simulated")
    assert "cannot be kept" in refused.stderr


def test_a_store_is_for_its_user_only(server: Durable) -> None:
    """The file, and what SQLite writes beside it."""
    files = list(server.run.glob("store.db*"))
    assert files
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files} == {0}


def test_a_damaged_store_is_refused_and_saved(server: Durable) -> None:
    """A page is overwritten: the server says so and does not start; what is whole is told, and can be saved."""
    path = filled(server)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = bytes(4096)
    path.write_bytes(data)
    refused = serve(server, "--store", str(path))
    assert refused.returncode == 1
    assert f"the store {path} is damaged" in refused.stderr
    told = agentspace("store", str(path), "--json")
    assert told.returncode == 1
    found = json.loads(told.stdout)
    assert found["damage"]
    names = {slot["name"] for slot in found["spaces"]["DATA"]["slots"]}
    assert 900 < len(names) < 1000
    assert agentspace("store", str(path), "--salvage", str(server.store) + ".new").returncode == 0
    shutil.move(str(server.store) + ".new", server.store)
    server.start()
    with server.connect() as space:
        assert set(space.snapshot("d/*")) == names
        assert all(entry.value["number"] == int(name[2:]) for name, entry in space.snapshot("d/*").items())


def test_a_full_disk_is_told_and_gone_on_from(server: Durable) -> None:
    """Durable writes fail in words, all else goes on; with room again everything is kept, of the meantime too."""
    process = psutil.Process(server.process.pid)
    with server.connect() as space:
        space.write("d/before", 1)
        largest = max(file.stat().st_size for file in server.run.glob("store.db*"))
        process.rlimit(resource.RLIMIT_FSIZE, (largest + ROOM, resource.RLIM_INFINITY))
        with pytest.raises(StoreError, match="the store cannot be written"):
            _fill(space)
        assert space.write("other", 1)
        assert space.read("other") == 1
        assert space.read("d/0") == bytes(10_000)
        eventually(lambda: (space.read("_/server")["store"] or {}).get("failed"))
        with pytest.raises(StoreError, match="is in the space, but not kept"):
            space.write("d/during", 1)
        process.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        eventually(lambda: space.read("_/server")["store"]["failed"] is None)
        assert space.write("d/after", 1)
    server.process.expect_error("the space goes on, and nothing is kept")
    server.reborn()
    with server.connect() as space:
        assert space.read("d/before") == space.read("d/during") == space.read("d/after") == 1


def test_numbers_of_a_time_without_room_do_not_come_again(server: Durable) -> None:
    """Roles are filled while the disk is full; after a kill no epoch and no revision of then is given again."""
    process, given = psutil.Process(server.process.pid), []
    with server.connect() as space:
        assert space.write("d/x", 1)
        process.rlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        for _ in range(3):
            session = space.join("r")
            session.running()
            given.append((session.epoch, session.write("other", 1).revision))
            session.leave("stopped")
        eventually(lambda: (space.read("_/server")["store"] or {}).get("failed"))
    server.process.expect_error("the space goes on, and nothing is kept")
    server.reborn()
    with server.connect() as space, space.join("r") as session:
        session.running()
        assert all(map(operator.gt, (session.epoch, session.write("other", 1).revision), max(given)))


def _fill(space: RemoteSpace) -> None:
    for number in range(100):
        space.write(f"d/{number}", bytes(10_000))


def test_a_listing_tells_all_that_is_kept(server: Durable) -> None:
    """For people and for programs; of what has not been made, that it is not there."""
    with server.connect("anna") as space:
        space.write("d/x", [1, 2], priority=2, validity=600)
        with space.join("r") as session:
            session.running()
    assert server.end() == 0
    shown = agentspace("store", str(server.store)).stdout
    assert "space DATA: 1 slots, 1 roles" in shown
    assert "[1, 2]" in shown
    found = json.loads(agentspace("store", str(server.store), "--json").stdout)
    assert found["clean"]
    (slot,), (role,) = found["spaces"]["DATA"]["slots"], found["spaces"]["DATA"]["roles"]
    assert (slot["name"], slot["value"], slot["priority"]) == ("d/x", [1, 2], 2.0)
    assert 0 < slot["time_left"] < 600
    assert (role["name"], role["epoch"]) == ("r", 1)
    missing = agentspace("store", str(server.run / "nothing.db"))
    assert missing.returncode == 1
    assert "there is no store" in missing.stderr
