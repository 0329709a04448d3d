"""The judge: which right each message needs; a message that it does not know is refused."""

from __future__ import annotations

import pytest

from agentspace.rights.judge import NEEDS, refusal
from agentspace.rights.right import Need, Rights, Verb, full_rights
from agentspace.wire import from_client, from_server
from agentspace.wire.format import CODES, Message, message

FROM_SERVER = {
    kind
    for kind in vars(from_server).values()
    if isinstance(kind, type) and kind.__module__ == from_server.__name__
}
FROM_CLIENT = {
    kind
    for kind in vars(from_client).values()
    if isinstance(kind, type) and kind.__module__ == from_client.__name__
}


def test_each_message_of_clients_has_a_verb():
    """Whoever adds one has to say what it needs."""
    assert NEEDS.keys() == FROM_CLIENT
    assert {
        kind for kind in CODES.values() if kind.__module__.startswith("agentspace")
    } <= FROM_CLIENT | FROM_SERVER


@pytest.mark.parametrize("kind", sorted(FROM_SERVER, key=lambda kind: kind.__name__))
def test_messages_of_servers_are_refused(kind):
    """With all rights, too."""
    assert "no right covers it" in (refusal(full_rights("anna"), kind.__new__(kind)) or "")


def test_a_message_that_is_not_in_the_table_is_refused():
    """A new one, of which nobody has said what it needs."""

    @message(250)
    class Unheard(Message):
        call: int

    del CODES[250]
    assert "may not send Unheard" in (refusal(full_rights("anna"), Unheard(1)) or "")


WRITE = from_client.Write(1, "DATA", "eye", 0, "arm/left", None, 0.0, 0.0, [])


@pytest.mark.parametrize(
    ("sent", "needs"),
    [
        (WRITE, ["write:arm/left"]),
        (from_client.Write(1, "DATA", "eye", 3, "arm/left", None, 0.0, 0.0, []), ["act:eye", "write:arm/left"]),
        (from_client.Write(1, "DATA", "", 0, "orders/eye", None, 0.0, 0.0, []), ["operate:eye"]),
        (from_client.Delete(1, "DATA", "", 0, "launch/robot", 0.0, None), ["operate:robot"]),
        (
            from_client.Commit(
                1, "DATA", "eye", 1, None, 0, [["a", None, 0.0, 0.0, []], ["orders/x", 0.0, None]], None
            ),
            ["act:eye", "write:a", "operate:x"],
        ),
        (from_client.Commit(1, "DATA", "eye", 1, None, 0, ["a", [], [7], {}], None), ["act:eye", *["write"] * 4]),
        (from_client.Attach(1, "DATA", "eye", 1, "arm/*", "every"), ["act:eye", "trigger:arm/*"]),
        (from_client.Attach(1, "DATA", "eye", 1, "arm/*", None), ["act:eye"]),
        (from_client.StandBy(1, "DATA", "eye", 0), ["act:eye", "swap:eye"]),
        (from_client.StandBy(1, "DATA", "eye", 4), ["act:eye"]),
        (from_client.Stop(1, "DATA", "eye"), ["stop:eye"]),
        (from_client.Stop(1, "DATA", "*"), ["stop"]),
        (from_client.Read(1, "DATA", "*", False), ["read:*"]),
    ],
)
def test_needs(sent, needs):
    """A write in a role needs both; orders and reports of launches are operated; what cannot be read needs all."""
    assert list(map(str, NEEDS[type(sent)](sent))) == needs


def test_who_has_nothing_may_only_be_there():
    """Say hello, that it lives, and goodbye."""
    nobody = Rights("nobody", ())
    free = {kind for kind in FROM_CLIENT if not list(NEEDS[kind](Anything()))}
    names = {"Hello", "Beat", "Bye", "HangUp", "Before", "Seen", "Release"}
    assert {kind.__name__ for kind in free} == names
    assert (
        refusal(nobody, WRITE)
        == "key 'nobody' may not write 'arm/left': it needs write:arm/left, and has no right to write"
    )
    assert Need(Verb.STOP, None) in list(NEEDS[from_client.Stop](from_client.Stop(1, "DATA", "*")))


class Anything:
    """Has every field."""

    acts: tuple[()] = ()
    kind = name = mask = role = "x"
    epoch = number = 1
