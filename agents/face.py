"""The face: shows expressions on an iCub, by its emotion interface on YARP."""

import os
from typing import Final

from agents.yarp.client.helper import Helper
from agents.yarp.client.pipe import Message
from agentspace import EMPTY, Agent, Parameter, SlotName
from models.icub.face import EXPRESSIONS, TALKING, FaceError, check_expression, syllable

_TICK: Final = 0.2
"""Seconds after which a change of the connection is told at the latest."""
_FRESH: Final = 2.0
"""Seconds for which the state is valid."""


class Face(Agent):
    """An expression -> the LEDs of an iCub's face."""

    expression = SlotName("expression", f"str: {', '.join(EXPRESSIONS)}")
    state = SlotName("face/state", "dict: state (connecting, connected, lost), shown, error")
    refused_expression = SlotName("face/refused", "str: why the last bad expression was refused")
    port = Parameter("/emotion/in", "of the emotion interface")

    def init(self) -> None:
        """Looks for the robot; it may come later."""
        local = f"/agentspace/{self.role}/{os.uname().nodename}-{os.getpid()}"
        settings = {"port": self.port, "local": local}
        self._told: dict[str, str] = {}
        self._account = {"state": "connecting", "shown": "", "error": ""}
        self._wanted = ""
        self._asked = ""
        self._helper = Helper("agents.yarp.client.emotions", settings, self._hear, self.log)
        self._helper.open()
        self.attach_trigger(self.expression)
        self.attach_timer(_TICK)

    def sense_select_act(self) -> None:
        """Shows the newest expression; tells how it goes."""
        if self.expression in self.wake.names:
            self._want(self.read(self.expression, EMPTY))
        account = dict(self._account)
        if account["state"] != "connected":
            self._asked = ""
        elif (command := self._command()) != self._asked and self._helper.say({"do": "make", "command": command}):
            self._asked = command
        if account != self._told and account["error"] != self._told.get("error", ""):
            self.log.warning("%s: %s", self.port, account["error"] or account["state"])
        self._told = account
        self.write(self.state, account, validity=_FRESH)

    def _want(self, value: object) -> None:
        if value is EMPTY:
            return
        try:
            self._wanted = check_expression(value)
        except FaceError as error:
            self.write(self.refused_expression, str(error))

    def _command(self) -> str:
        """What the emotion interface is to be told now; the mouth of who talks moves."""
        if self._wanted == TALKING:
            return f"set mou {syllable(self.now())}"
        return f"set all {EXPRESSIONS[self._wanted]}" if self._wanted else ""

    def _hear(self, message: Message) -> None:
        """In the helper's thread: replaces the account as a whole."""
        header = message.header
        if header["is"] == "ready":
            self._account = {"state": "connected", "shown": "", "error": ""}
        elif header["is"] == "made":
            self._account = {"state": "connected", "shown": header["command"], "error": ""}
        elif header["is"] == "gone":
            state = "connecting" if self._account["state"] == "connecting" else "lost"
            self._account = {"state": state, "shown": "", "error": header["why"]}

    def close(self) -> None:
        """Lets go of the robot, whose face stays as it is."""
        if hasattr(self, "_helper"):
            self._helper.close()
