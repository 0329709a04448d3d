"""Leases of clients: who is silent is found in time, and nobody is looked at more than once in a lease."""

from __future__ import annotations

import random

from agentspace.core.values.budget import Budget
from agentspace.server.clients import ClientProcess, ClientTable

LEASE, LOOK = 5.0, 0.25


class Looked(ClientTable):
    """Counts how often it is looked when a lease is over."""

    looks = 0

    def _due(self, ident: bytes) -> tuple[float, int]:  # private: what is counted is seen nowhere else
        self.looks += 1
        return super()._due(ident)


def process(number: int, now: float = 0.0) -> ClientProcess:
    """A client whose process cannot be seen."""
    ident = number.to_bytes(16, "big")
    return ClientProcess(ident, "x", number, -1, lambda: 1, set(), now, Budget().share("x"))


def test_the_silent_are_found_as_a_walk_through_all_finds_them():
    """Whoever says something, comes or goes: within a look, those are told that were silent for a lease."""
    chance, table, now = random.Random(1), ClientTable(LEASE), 0.0
    for number in range(200):
        table.add(process(number))
    for _ in range(400):
        now += LOOK
        for one in chance.sample(list(table.values()), 20):
            one.silent_since = now
        if chance.random() < 0.3:
            table.add(process(chance.randrange(1000, 10**6), now))
        silent = {each.ident for each in table.values() if each.silent_since + LEASE <= now}
        found = list(table.silent(now, now + LOOK))
        assert {each.ident for each in found} == silent
        for each in found:
            if chance.random() < 0.5:
                table.remove(each)


def test_who_speaks_all_the_time_is_looked_at_once_in_a_lease():
    """Not in each of the twenty looks of a lease, however many they are."""
    table = Looked(LEASE)
    clients = [process(number) for number in range(100)]
    for client in clients:
        table.add(client)
    table.looks = 0
    for look in range(1, 201):
        for client in clients:
            client.silent_since = look * LOOK
        assert not list(table.silent(look * LOOK, look * LOOK + LOOK))
    leases = 200 * LOOK / LEASE
    assert table.looks <= 3 * leases * len(clients)


def test_who_stays_though_silent_is_looked_at_again():
    """With the next look: an import may hold its interpreter for long, and end."""
    table = ClientTable(LEASE)
    table.add(process(1))
    assert [each.pid for each in table.silent(6.0, 6.25)] == [1]
    assert list(table.silent(6.2, 6.5)) == []
    assert [each.pid for each in table.silent(6.25, 6.5)] == [1]


def test_processes_are_told_once_in_order_and_known_by_their_descriptors():
    """Several clients of one process are one, as long as one of them is here."""
    table = ClientTable(LEASE)
    several = [process(number) for number in (3, 1, 2)]
    several[2].pid, several[0].pidfd = 3, 77
    for each in several:
        table.add(each)
    assert table.pids == [1, 3]
    assert table.of(77) is several[0]
    table.remove(several[0])
    assert (table.pids, table.of(77)) == ([1, 3], None)
    table.remove(several[2])
    table.remove(several[2])
    assert table.pids == [1]
