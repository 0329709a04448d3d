"""An attack on a live server, before the handshake and after it; `make fuzz TARGET=server` takes longer."""

from __future__ import annotations

from tests.fuzz.live_server import Attack
from tests.support.server_process import ServerProcess

MEBI = 1 << 20


def test_an_attack_at_the_sockets_harms_nobody():
    """Whatever comes, in messages or in what is none: others are served, nothing fails inside, memory stays."""
    with ServerProcess(
        "--bind", "tcp://127.0.0.1:0"
    ) as server:  # which says at its end if something failed inside
        attack = Attack(server, seed=1)
        for _ in range(10):
            attack.burst()
        before = server.memory
        for _ in range(40):
            attack.burst()
        assert attack.tally.served == 50
        assert attack.tally.answers > 500
        assert server.memory < before + 32 * MEBI
        attack.close()
