"""The helper program of a face: tells an iCub's emotion interface which face to make.

It says ``ready`` when it is connected, and ``made`` with what the interface has answered; it hears ``make`` with a
command, such as "set all hap".
"""

import time
from typing import Final

from agents.yarp.client.child import CALL, Child, run
from agents.yarp.client.names import trouble_at
from agents.yarp.client.port import ConnectedPort

LOOK: Final = 0.3
"""Seconds between two looks whether the interface is still there."""


class Emotions(ConnectedPort):
    """A client of one emotion interface.

    Args:
        child: The process; its settings are port and local.
    """

    def __init__(self, child: Child) -> None:
        super().__init__(
            child,
            lambda yarp: yarp.RpcClient(),
            lambda yarp, here, remote: yarp.Network.connect(here, remote),
        )

    def run(self) -> None:
        """Makes faces until the agent has had enough."""
        self._child.pipe.send({"is": "ready"})
        due = time.monotonic() + LOOK
        while True:
            message = self._child.pipe.receive(LOOK)
            if message is not None and message.header["do"] == "end":
                break
            if message is not None:
                self._make(message.header["command"])
            if time.monotonic() >= due:
                self._look()
                due = time.monotonic() + LOOK
        self._close()

    def _make(self, command: str) -> None:
        question, answer = self._yarp.Bottle(), self._yarp.Bottle()
        question.fromString(command)
        with self._step(f"telling {self._remote} to {command}", CALL):
            told = self._port.write(question, answer)
        if not told:
            self._child.fail(self._trouble() or f"{self._remote} did not take {command!r}")
        self._child.pipe.send({"is": "made", "command": command, "answer": answer.toString()})

    def _look(self) -> None:
        with self._step("looking at the connection", CALL):
            connected = self._port.getOutputCount() > 0
        trouble = "" if connected else self._trouble() or f"{self._remote} has closed the connection"
        trouble = trouble or trouble_at(self._remote, self._place)
        if trouble:
            self._child.fail(trouble)


if __name__ == "__main__":
    run(lambda child: Emotions(child).run())
