"""Files that come, go and change beside a server, and servers that are started with other masks."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from agentspace import Trigger
from agentspace.errors import StoreError
from agentspace.store.file import StoreFile
from agentspace.store.place import discard
from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess
from tests.system.durable.conftest import Durable
from tests.system.durable.test_store_file import agentspace


def restart(server: ServerProcess, mask: str) -> None:
    """Ends the server in order, and starts it with another mask."""
    assert server.end() == 0
    server._options = (*server._options[:-1], mask)  # private: nobody else changes how a server is started
    server.start()


def test_other_masks_bring_nothing_back_that_is_over(server: Durable) -> None:
    """What is in a store is durable under other masks, too: its changes and its end are kept."""
    with server.connect() as space:
        space.write("d/a", "old")
        space.write("d/b", "old")
    restart(server, "e/*")
    with server.connect() as space:
        space.write("d/a", "new")
        space.delete("d/b")
        space.write("d/c", "is not durable now")
        space.write("e/a", 1)
    restart(server, "d/*")
    with server.connect() as space:
        assert {name: entry.value for name, entry in space.snapshot("*").items()} == {"d/a": "new", "e/a": 1}


def test_other_masks_let_nothing_be_handled_twice(server: Durable) -> None:
    """What waits in a queue is handled once, whatever the masks are."""
    with server.connect() as space, space.join("r") as session:
        session.attach_trigger("d/q", Trigger.EVERY)
        session.running()
        space.write("d/q", 1)
        server.kill()
        server.process.wait()
    server.start()
    restart(server, "e/*")
    with server.connect() as space, space.join("r") as session:
        session.attach_trigger("d/q", Trigger.EVERY)
        session.running()
        wake = session.receive(10.0)
        assert [change.value for change in wake.changes] == [1]
        session.commit(wake, [])
        eventually(lambda: not space.read("_/loads", {}).get("r", {"busy": True})["busy"])
    restart(server, "d/*")
    with server.connect() as space, space.join("r") as session:
        session.attach_trigger("d/q", Trigger.EVERY)
        session.running()
        space.write("d/q", 2)
        assert [change.value for change in session.receive(10.0).changes] == [2]


@pytest.mark.parametrize("how", ["deleted", "replaced", "with its folder"])
def test_a_store_that_goes_away_is_told(how: str, tmp_path: Path) -> None:
    """A durable write is not answered as if it were kept; the space goes on."""
    folder = tmp_path / "stores"
    with ServerProcess("--store", str(folder / "x.db"), "--durable", "d/*") as server, server.connect() as space:
        assert space.write("d/a", 1)
        if how == "deleted":
            (folder / "x.db").unlink()
        elif how == "replaced":
            (folder / "other").write_bytes(b"other")
            (folder / "other").replace(folder / "x.db")
        else:
            shutil.rmtree(folder)
        with pytest.raises(StoreError, match="not kept"):
            space.write("d/a", 2)
        assert space.write("other", 2)
        failed = eventually(lambda: space.read("_/server")["store"]["failed"])
        assert "was deleted, or another file has its place" in failed
        assert (folder / "x.db").read_bytes() == b"other" if how == "replaced" else not (folder / "x.db").exists()


def test_only_stores_are_discarded(tmp_path: Path) -> None:
    """Another program's database, a text, a folder, a pipe are left as they are; nothing there is no mistake."""
    discard(tmp_path / "nothing" / "x.db")
    text, folder, pipe, database = (tmp_path / name for name in ("a.txt", "folder", "pipe", "other.db"))
    text.write_text("precious")
    folder.mkdir()
    os.mkfifo(pipe)
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    for path in (text, folder, pipe, database):
        with pytest.raises(StoreError, match="it is left as it is"):
            discard(path)
        assert path.exists()
    assert text.read_text() == "precious"
    made = StoreFile(tmp_path / "store.db")
    with pytest.raises(StoreError, match="in use"):
        discard(made.path)
    made.close()
    discard(made.path)
    assert not list(tmp_path.glob("store.db*"))


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    """A pipe, and an empty file that is only to be read, in words."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="is no file"):
        StoreFile(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    told = agentspace("store", str(tmp_path / "empty"))
    assert told.returncode == 1
    assert "there is no store" in told.stderr
    assert not (tmp_path / "empty").stat().st_size
