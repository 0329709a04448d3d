"""Who acts as a role must fill it, whatever epoch it names; also after a restart of the server."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest

from agentspace.client.space import RemoteSession
from agentspace.errors import FencedError
from agentspace.server.registry import IDENT
from agentspace.wire import from_client, from_server
from agentspace.wire.codec import encode
from agentspace.wire.format import Message
from tests.support.server_process import ServerProcess
from tests.system.server.raw_client import Raw

ROLE = ("DATA", "eye", 1)
FORGED = (
    from_client.Write(7, *ROLE, "seen", None, 0.0, 0.0, []),
    from_client.Delete(7, *ROLE, "seen", 0.0, None),
    from_client.Commit(7, *ROLE, None, 0, [["seen", None, 0.0, 0.0, []]], None),
    from_client.Attach(7, *ROLE, "image", "every"),
    from_client.Attach(7, *ROLE, "image", None),
    from_client.Running(7, *ROLE),
    from_client.Collect(7, *ROLE),
    from_client.Leave(7, *ROLE, "stopped", None, 0),
    from_client.AtFault(*ROLE, 0),
    from_client.Configured(*ROLE, 1, None),
    from_client.HandOver(*ROLE, "quiesce", None, None),
)


@pytest.mark.parametrize("forged", FORGED, ids=[type(message).__name__ for message in FORGED])
def test_nobody_acts_as_a_role_that_another_fills(raw: Callable[[], Raw], space, forged: Message):
    """With its name and its epoch; it goes on as if nothing had been."""
    owner = raw().hello()
    owner.say(from_client.Join(1, *ROLE[:2]).pack(), encode({"class": "x"}))
    joined = owner.hear()
    before = space.read("_/roles/eye")
    epoch = before["epoch"]
    assert joined[:3] == [from_server.Joined.CODE, 1, epoch]
    for thief in (raw().hello(), raw().hello()):
        message = type(forged)(*[epoch if name == "epoch" else getattr(forged, name) for name, _ in forged.FIELDS])
        thief.say(
            message.pack(), *([encode(3)] if isinstance(forged, from_client.Write | from_client.Commit) else [])
        )
        answer = thief.hear()
        assert (answer[0], answer[2]) == (from_server.Failed.CODE, "FencedError"), answer
        assert "is not of this process" in answer[3]
    assert space.read("_/roles/eye") == before
    assert space.read("seen") is None
    owner.say(from_client.Leave(2, *ROLE[:2], epoch, "stopped", None).pack())
    assert owner.hear()[0] == from_server.Done.CODE


def test_threads_of_a_process_act_as_its_role(raw: Callable[[], Raw], space):
    """Each connection of the process that fills it may."""
    ident = os.urandom(IDENT)
    owner, other = raw().hello(ident), raw().hello(ident)
    owner.say(from_client.Join(1, "DATA", "hand").pack(), encode({"class": "x"}))
    epoch = owner.hear()[2]
    other.say(from_client.Write(2, "DATA", "hand", epoch, "moved", None, 0.0, 0.0, []).pack(), encode(1))
    assert other.hear()[0] == from_server.Decided.CODE
    assert space.entry("moved").writer == ("hand", epoch)


def test_who_was_away_while_the_server_was_restarted_acts_no_more():
    """Epochs begin anew with a server: that of another is not taken for one's own, by whichever thread."""
    with ServerProcess() as server:
        old = server.connect("old")
        session = old.join("eye", {"class": "x"})
        session.running()
        assert session.epoch == 1
        server.kill()
        server.start()
        with server.connect("new") as user:
            heir = user.join("eye", {"class": "y"})
            heir.running()
            assert heir.epoch == session.epoch
            refused: list[str] = []

            def act(session: RemoteSession) -> None:
                for acts in (lambda: session.write("seen", 1), lambda: session.delete("seen")):
                    try:
                        acts()
                    except FencedError as error:
                        refused.append(str(error))

            for _ in range(3):
                thread = threading.Thread(target=act, args=(session,))
                thread.start()
                thread.join()
            assert len(refused) == 6
            assert user.read("seen") is None
            assert heir.write("seen", 2)
        old.close()
