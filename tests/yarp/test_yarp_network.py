"""Claims about the YARP networks of the tests themselves."""

from __future__ import annotations

import signal

import pytest

from tests.support.yarp.network import YarpNetwork

pytestmark = pytest.mark.yarp


def test_networks_are_apart(yarp_network: YarpNetwork) -> None:
    """A port of one network is not known in another one that runs beside it."""
    here = yarp_network.client("port = yarp.Port(); say(port.open('/here')); wait()")
    here.expect("True")
    with YarpNetwork() as other:
        assert "/here" in yarp_network.run("yarp", "name", "list")
        assert "/here" not in other.run("yarp", "name", "list")


def test_name_server_can_be_killed_stopped_and_restarted(yarp_network: YarpNetwork) -> None:
    """What the table of YARP's behaviour needs: all of it on one network, and the end of it ends everything."""
    assert "/root" in yarp_network.run("yarp", "name", "list")
    yarp_network.kill()
    client = yarp_network.client("say(yarp.Network.checkNetwork(1.0))")
    client.expect("False")
    yarp_network.start()
    yarp_network.client("say(yarp.Network.checkNetwork(1.0))").expect("True")
    yarp_network.server.signal(signal.SIGSTOP)
