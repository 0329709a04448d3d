"""A server after a peak: what it had to open and to remember is let go."""

from __future__ import annotations

import numpy as np

from agentspace.core.role import MAX_ROLES
from agentspace.wire import from_client, from_server
from agentspace.wire.codec import encode
from agentspace.wire.pool import UNUSED
from tests.support.eventually import eventually
from tests.support.images import SEGMENT, image
from tests.support.server_process import ServerProcess, pool_of

IMAGES = 40


def test_descriptors_and_shared_memory_of_a_peak_come_back(server: ServerProcess):
    """Images that are there no more leave no descriptors and no memory behind, at the server and at their writer;
    after that, one is shared as before."""
    with server.connect("writer") as writer, writer.watch("steady"):
        writer.write("steady", 1)
        before = server.descriptors
        for number in range(IMAGES):
            writer.write(f"image/{number}", image(number))
        assert server.descriptors >= before + IMAGES
        assert pool_of(writer).size == IMAGES * SEGMENT
        for number in range(IMAGES):
            writer.delete(f"image/{number}")
        eventually(lambda: server.descriptors <= before, timeout=6 * UNUSED)
        eventually(lambda: pool_of(writer).size == 0, timeout=6 * UNUSED)
        eventually(lambda: writer.read("_/server")["shared_bytes"] == 0, timeout=6 * UNUSED)
        writer.write("image/1", image(1))
        assert np.array_equal(writer.read("image/1"), image(1))
        assert server.descriptors > before


def test_roles_that_ended_leave_room(server: ServerProcess, raw):
    """More roles than a space can have, which ended one after the other, leave room; epochs go on."""
    there, own = raw().hello(), (encode({}),)
    for number in range(MAX_ROLES + 1):
        joined = there.ask(from_client.Join.CODE, 1, "ROLES", f"role-{number}", frames=own)
        assert joined[0] == from_server.Joined.CODE, joined
        leaves = (1, "ROLES", f"role-{number}", joined[2], "stopped", None)
        assert there.ask(from_client.Leave.CODE, *leaves)[0] == from_server.Done.CODE
    with server.connect(space="ROLES") as user:
        assert user.read("_/roles/role-0") is None
        assert user.read(f"_/roles/role-{MAX_ROLES}")["state"] == "stopped"
        again = user.join("role-0")
        assert again.epoch > 1
        again.leave("stopped")
