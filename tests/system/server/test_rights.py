"""Who came in with a key may do what it is authorized for, and nothing else; every message, every verb."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from agentspace.client.space import connect
from agentspace.errors import FencedError, RightsError, SpaceUnreachableError
from agentspace.rights.authorized import Authorized, AuthorizedKeys
from agentspace.rights.right import Right, Rights, Verb
from agentspace.server.registry import IDENT
from agentspace.wire import from_client, from_server
from agentspace.wire.address import Key, client_key, machine
from agentspace.wire.codec import encode
from agentspace.wire.format import Message
from tests.support.eventually import eventually
from tests.support.server_process import ServerProcess
from tests.system.server.raw_client import Raw

ROLE = ("DATA", "eye", 1)
VALUE = encode({"a": 1})
SENT: list[tuple[Message, str]] = [
    (from_client.Write(7, "DATA", "", 0, "arm/x", None, 0.0, 0.0, []), "write:arm/x"),
    (from_client.Write(7, *ROLE, "arm/x", None, 0.0, 0.0, []), "act:eye write:arm/x"),
    (from_client.Write(7, "DATA", "", 0, "orders/eye", 1.0, 0.0, 0.0, []), "operate:eye"),
    (from_client.Write(7, "DATA", "", 0, "launch/eye", 1.0, 0.0, 0.0, []), "operate:eye"),
    (from_client.Delete(7, "DATA", "", 0, "arm/x", 0.0, None), "write:arm/x"),
    (from_client.Delete(7, *ROLE, "arm/x", 0.0, None), "act:eye write:arm/x"),
    (from_client.Commit(7, *ROLE, None, 0, [["arm/x", None, 0.0, 0.0, []]], None), "act:eye write:arm/x"),
    (from_client.Commit(7, *ROLE, None, 0, [["orders/eye", 0.0, None]], None), "act:eye operate:eye"),
    (from_client.Read(7, "DATA", "arm/x", False), "read:arm/x"),
    (from_client.Read(7, "DATA", "arm/*", True), "read:arm/*"),
    (from_client.Read(7, "OTHER", "*", True), "read:*"),
    (from_client.Read(7, "DATA", "_/*", True), "read:_/*"),
    (from_client.Follow(7, "DATA", "arm/*", "every", {}), "trigger:arm/*"),
    (from_client.Follow(7, "DATA", "_/*", "normal", {}), "trigger:_/*"),
    (from_client.Attach(7, *ROLE, "arm/*", "every"), "act:eye trigger:arm/*"),
    (from_client.Attach(7, *ROLE, "arm/*", None), "act:eye"),
    (from_client.Join(7, "DATA", "eye"), "act:eye"),
    (from_client.Running(7, *ROLE), "act:eye"),
    (from_client.Collect(7, *ROLE), "act:eye"),
    (from_client.AtFault(*ROLE, 0), "act:eye"),
    (from_client.Configured(*ROLE, 1, None), "act:eye"),
    (from_client.HandOver(*ROLE, "quiesce", None, None), "act:eye"),
    (from_client.Leave(7, *ROLE, "stopped", None, 0), "act:eye"),
    (from_client.StandBy(7, "DATA", "eye", 0), "act:eye swap:eye"),
    (from_client.StandBy(7, "DATA", "eye", 5), "act:eye"),
    (from_client.Prepared(7, "DATA", "eye", 5), "act:eye"),
    (from_client.SuccessorLost(7, "DATA", "eye", 5, "why"), "act:eye"),
    (from_client.RequestSwap(7, "DATA", "eye", "os:path", {}, {}, True, False), "swap:eye"),
    (from_client.Stop(7, "DATA", "eye"), "stop:eye"),
    (from_client.Stop(7, "DATA", "*"), "stop"),
    (from_client.Configure(7, "DATA", "eye"), "operate:eye"),
    (from_client.Idle(*ROLE, 0, None), "act:eye"),
    (from_client.Advance(7, 0.0), "operate"),
    (from_client.Conduct(7, "DATA", ["eye"]), "operate"),
    (from_client.Before(1e9), ""),
    (from_client.Seen(1), ""),
    (from_client.Release([1]), ""),
    (from_client.Beat(7), ""),
    (from_client.HangUp(7), ""),
    (from_client.Bye(), ""),
]
FRAMES = {from_client.Write, from_client.Join, from_client.StandBy, from_client.Prepared, from_client.Configure}
KEYS = {
    "nobody": "",
    "elsewhere": " ".join(f"{verb}:leg/*" for verb in Verb),
    **{f"only-{verb}": f"{verb}" for verb in Verb},
    **{f"all-but-{verb}": " ".join(str(other) for other in Verb if other is not verb) for verb in Verb},
    "narrow": "read:arm/x write:arm/x trigger:arm/* act:eye operate:ey? stop:* swap:[e]ye",
    "everything": " ".join(Verb),
}


@pytest.fixture(scope="module")
def folder(server: ServerProcess) -> Path:
    """The server's key folder."""
    return server.run / "config" / "agentspace"


def authorize(folder: Path, name: str, rights: str) -> Key:
    """A key with these rights."""
    public, secret = (key.decode() for key in zmq.curve_keypair())
    allowed = tuple(map(Right.parse, rights.split()))
    AuthorizedKeys(folder / "authorized_keys").authorize(Authorized(public, Rights(name, allowed)))
    return Key(client_key(folder / "space.key").server, public, secret)


@pytest.fixture
def guests(server: ServerProcess, folder: Path) -> Iterator[Any]:
    """Makes connections with a key of these rights."""
    with ExitStack() as stack:

        def make(name: str, rights: str) -> Raw:
            guest = Raw(server.tcp or "", authorize(folder, name, rights))
            stack.callback(guest.close)
            return guest.hello()

        yield make


def granted(needs: str, rights: str) -> bool:
    """Whether rights have what is needed, by the masks that this module uses."""
    has = set(rights.split())
    narrow = {"operate:ey?": "operate:eye", "stop:*": "stop:eye", "swap:[e]ye": "swap:eye"}
    has |= {narrow[right] for right in has & narrow.keys()} | ({"read:arm/x"} if "read:arm/*" in has else set())
    return all(need in has or need.partition(":")[0] in has for need in needs.split())


def errors_of(guest: Raw, sent: Message) -> list[list[Any]]:
    """The errors with which a message is answered."""
    writes = type(sent) in FRAMES or (type(sent) is from_client.Commit and len(sent.acts[0]) > 3)
    guest.say(sent.pack(), *([VALUE] if writes else []))
    guest.say(from_client.Beat(99).pack())
    errors = []
    while (answer := guest.hear())[:2] != [from_server.Done.CODE, 99]:
        if answer[0] == from_server.Failed.CODE:
            errors.append(answer[1:])
            if answer[1] == 99:  # it has said goodbye
                break
    return errors


def test_the_table_has_each_message():
    """A message that is added has to be added here."""
    kinds = vars(from_client).values()
    messages = {kind for kind in kinds if getattr(kind, "__module__", "") == from_client.__name__}
    assert {type(sent) for sent, _ in SENT} | {from_client.Hello} == messages


@pytest.mark.parametrize("name", KEYS)
def test_each_message_needs_its_right(server, space, guests, name):
    """What a key has no right to is refused in words that name it, and does nothing; all else is not."""
    guest = guests(name, KEYS[name])
    for sent, needs in SENT:
        allowed = granted(needs, KEYS[name])
        if allowed and sent == from_client.Stop(7, "DATA", "*"):
            continue  # it would end the server
        before = space.snapshot("arm/*").keys(), space.read("launch/eye"), space.read("orders/eye")
        denied = [error for error in errors_of(guest, sent) if error[1] == "RightsError"]
        assert bool(denied) is not allowed, (sent, denied)
        if denied:
            after = space.snapshot("arm/*").keys(), space.read("launch/eye"), space.read("orders/eye")
            assert after == before, sent
            assert f"key '{name}' may not" in denied[0][2]
            assert denied[0][0] == getattr(sent, "call", 0)
        if type(sent) in (from_client.HangUp, from_client.Bye):
            guest.hello()
    assert space.read("_/server") is not None


def test_a_revoked_key_is_cut_off_at_its_next_message(server, space, guests, folder):
    """Its role is free, its watch ends, and whatever it sends is refused; others with a key go on."""
    other = guests("bob", "read")
    guest = guests("anna", "act:hand trigger read write")
    guest.say(from_client.Join(1, "DATA", "hand").pack(), VALUE)
    assert guest.hear()[0] == from_server.Joined.CODE
    assert guest.ask(from_client.Follow.CODE, 2, "DATA", "seen", "normal", {})[0] == from_server.Done.CODE
    assert guest.hear()[0] == from_server.Changes.CODE
    guest.say(from_client.Seen(1).pack())
    assert guest.ask(from_client.Beat.CODE, 2)[0] == from_server.Done.CODE
    AuthorizedKeys(folder / "authorized_keys").revoke("anna")
    assert guest.refused(from_client.Read.CODE, 3, "DATA", "x", False) == (
        "RightsError",
        "this key is authorized no more",
    )
    space.write("seen", 1)
    assert not guest.socket.poll(100)
    assert space.read("_/roles/hand")["state"] == "gone"
    assert guest.refused(1, 4, os.urandom(IDENT), "raw", 1, "")[0] == "RightsError"
    assert other.ask(from_client.Read.CODE, 3, "DATA", "x", False)[0] == from_server.Entries.CODE


def test_a_revoked_key_that_says_nothing_is_cut_off_too(space, guests, folder):
    """Within a moment: what it watched is not shown to it any more."""
    guest = guests("carl", "act:foot")
    guest.say(from_client.Join(1, "DATA", "foot").pack(), VALUE)
    assert guest.hear()[0] == from_server.Joined.CODE
    AuthorizedKeys(folder / "authorized_keys").revoke("carl")
    eventually(lambda: space.read("_/roles/foot")["state"] == "gone")


def test_a_key_with_other_rights_has_these_at_once(guests, server, folder):
    """Its client has to come in anew, and then has what it was given."""
    key = authorize(folder, "dora", "read:a")
    guest = Raw(server.tcp or "", key).hello()
    assert guest.refused(from_client.Read.CODE, 3, "DATA", "b", False)[0] == "RightsError"
    changed = Authorized(key.public, Rights("dora", (Right(Verb.READ, "b"),)))
    AuthorizedKeys(folder / "authorized_keys").authorize(changed)
    assert guest.refused(from_client.Read.CODE, 3, "DATA", "a", False)[0] == "RightsError"
    assert guest.refused(from_client.Read.CODE, 4, "DATA", "b", False)[0] == "FencedError"
    guest.hello()
    assert guest.ask(from_client.Read.CODE, 3, "DATA", "b", False)[0] == from_server.Entries.CODE
    guest.close()


def test_a_key_that_is_not_authorized_does_not_come_in(server, folder, monkeypatch, tmp_path):
    """As one that the server has never seen."""
    public, secret = (key.decode() for key in zmq.curve_keypair())
    file = tmp_path / "new.key"
    of_server = client_key(folder / "space.key").server
    file.write_text(json.dumps({"server": of_server, "public": public, "secret": secret}))
    file.chmod(0o600)
    monkeypatch.setenv("AGENTSPACE_KEY", str(file))
    with pytest.raises(SpaceUnreachableError):
        connect(server.tcp or "", timeout=1.0)
    allowed = Authorized(public, Rights("emil", (Right(Verb.WRITE, "a"),)))
    AuthorizedKeys(folder / "authorized_keys").authorize(allowed)
    with connect(server.tcp or "", timeout=30.0) as far:
        assert far.write("a", 1)
        with pytest.raises(RightsError, match="key 'emil' may not write 'b': it needs write:b, and has write:a"):
            far.write("b", 1)


def test_nobody_uses_the_mark_of_a_client_with_another_key(space, guests, raw):
    """Neither with a key nor on this machine: its roles would be his."""
    mark = os.urandom(IDENT)
    owner = raw().hello(mark)
    guest = guests("finn", "act read write")
    assert guest.refused(1, 2, mark, "raw", 1, "") == ("FencedError", "this client came in with another key")
    assert owner.ask(13, 3)[0] == from_server.Done.CODE
    mine = os.urandom(IDENT)
    guest.hello(mine)
    assert raw().refused(1, 2, mine, "raw", 1, "")[0] == "FencedError"


def test_a_role_with_wider_triggers_is_not_taken_over(server, guests):
    """They belong to the role: it would hear of more than it may."""
    with server.connect("eyes", timeout=10.0) as owner:
        session = owner.join("wide")
        session.attach_trigger("secret/*")
        session.running()
        session.leave("failed")
    guest = guests("gerd", "act:wide trigger:public/*")
    guest.say(from_client.Join(1, "DATA", "wide").pack(), VALUE)
    answer = guest.hear()
    assert answer[2] == "RightsError"
    assert "trigger:secret/*" in answer[3]


def test_a_restricted_key_shares_no_memory(guests, server, folder):
    """It could name a process of this machine as its own, and be shown what that has in its memory."""
    for name, rights, shares in (("hans", "read write", False), ("ida", " ".join(Verb), True)):
        guest = Raw(server.tcp or "", authorize(folder, name, rights))
        guest.say(from_client.Hello(1, os.urandom(IDENT), "raw", os.getpid(), machine()).pack())
        welcome = msgpack.unpackb(guest.socket.recv_multipart()[0])
        assert welcome[7] is shares
        guest.close()


def test_nobody_signs_as_a_role_that_he_may_not_fill(server, space, folder):
    """What he writes is signed by the name of his key; who may act as a role may have its name."""
    for key, rights, signs in (("kurt", "write:arm/*", "kurt"), ("lena", "write:arm/* act:motor/*", "motor/left")):
        guest = Raw(server.tcp or "", authorize(folder, key, rights))
        guest.say(from_client.Hello(1, os.urandom(IDENT), "motor/left", os.getpid(), "").pack())
        assert guest.hear()[0] == from_server.Welcome.CODE
        guest.say(from_client.Write(2, "DATA", "", 0, "arm/signed", None, 0.0, 0.0, []).pack(), VALUE)
        assert guest.hear()[0] == from_server.Decided.CODE
        assert str(space.entry("arm/signed").writer) == signs
        guest.close()


def test_nobody_prepares_for_another(server, raw):
    """Only the process that stands by for a role is prepared to take it over."""
    with server.connect("owner") as owner:
        session = owner.join("paw")
        session.running()
        successor = raw().hello()
        successor.say(from_client.StandBy(1, "DATA", "paw", 0).pack(), VALUE)
        number = successor.hear()[2]
        thief = raw().hello()
        error = thief.refused(from_client.Prepared.CODE, 2, "DATA", "paw", number, frames=(VALUE,))
        assert error == ("FencedError", "another process stands by for role 'paw'")
        assert FencedError.__name__ == error[0]
        session.leave("stopped")
