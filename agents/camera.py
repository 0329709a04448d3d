"""The camera: pictures from a device, a file or another slot."""

from __future__ import annotations

import time
from typing import Any

from agents.pace import Pace
from agents.posture import EMPTY
from agents.source import Source, SourceError, open_source
from agentspace import Agent, Parameter, SlotName
from agentspace.errors import SlotNameError
from agentspace.slot import check_name
from models.extractor import Image, as_rgb

SLOT = "slot:"
"""What a device begins with if it is a slot."""


class Camera(Agent):
    """Pictures from a webcam, a video file, a folder of images, or another slot, such as a simulator's view."""

    image = SlotName("camera", "RGB image (H, W, 3) uint8")
    source = SlotName("camera/source", "str: a device that is used instead, as long as the slot is valid")
    state = SlotName("camera/state", "dict: state (waiting, running, end, failed), device, pictures, message")
    device = Parameter("0", "webcam number, URL, video file, image, folder of images, or slot:NAME")
    rate = Parameter(30.0, "pictures per second at most", minimum=0.01)
    validity = Parameter(1.0, "seconds for which a picture is valid, at least two periods", minimum=0.01)
    loop = Parameter(False, "begin a file or folder again at its end")
    stop_at_end = Parameter(False, "end this agent when the last picture of a file or folder has expired")
    retry = Parameter(2.0, "seconds until a device that failed is tried again; 0 for never", minimum=0.0)

    def init(self) -> None:
        """Opens the device."""
        self._used = ""
        self._source: Source | None = None
        self._slot: str | None = None
        self._state: dict[str, Any] = {}
        self._changed = 0.0  # when the state became what it is
        self._pace = Pace(self.rate)
        self._valid = max(self.validity, 2.0 / self.rate)
        self.attach_trigger(self.source)
        self.attach_timer(1.0 / self.rate)
        self._use(self.read(self.source, self.device), time.monotonic())

    def sense_select_act(self) -> None:
        """Takes the next picture."""
        now = time.monotonic()
        if self.source in self.wake.names:
            self._use(self.read(self.source, self.device), now)
        if self._slot is not None and self._slot in self.wake.names:
            self._pace.offer(self.read(self._slot, EMPTY))
        try:
            image = self._next(now)
        except (SourceError, TypeError, ValueError) as error:
            self._tell("failed", now, str(error))
            return
        if image is not None:
            self.write(self.image, image, validity=self._valid)
            self._tell("running", now, pictures=self._state["pictures"] + 1)

    def _next(self, now: float) -> Image | None:
        """The picture that is due, as RGB."""
        if self._slot is not None:
            image = self._pace.take(now)
            return None if image is EMPTY else as_rgb(image)
        if not self.wake.timer:
            return None
        if self._source is None or self._state["state"] in ("failed", "end"):
            self._rest(now)
            return None
        image = self._source.next(now)
        if self._source.ended:
            self._tell("end", now, self._source.remark)
            if self.loop:
                self._open(now)
        return image

    def _use(self, device: Any, now: float) -> None:
        """Changes to a device, unless it is the one in use."""
        if not isinstance(device, str):
            self._tell("failed", now, f"{self.source} is {device!r}; valid is the name of a device, a str")
        elif device != self._used:
            self._used = device
            self._state = {}
            self._open(now)

    def _open(self, now: float) -> None:
        self._leave()
        pictures = self._state.get("pictures", 0)
        self._tell("waiting", now, pictures=pictures)
        try:
            if self._used.startswith(SLOT):
                self._follow(self._used.removeprefix(SLOT))
            else:
                self._source = open_source(self._used, self.project)
        except (SourceError, SlotNameError) as error:
            self._tell("failed", now, str(error))

    def _follow(self, slot: str) -> None:
        if check_name(slot) in (self.image, self.source, self.state):
            raise SourceError(f"the camera cannot look at its own slot {slot!r}")
        self._slot = slot
        self._pace = Pace(self.rate)
        self.attach_trigger(slot)

    def _leave(self) -> None:
        if self._slot is not None:
            self.space.detach_trigger(self._slot)
        if self._source is not None:
            self._source.close()
        self._slot = self._source = None

    def _rest(self, now: float) -> None:
        """Nothing comes any more: tries a failed device again, or ends at the end."""
        since = now - self._changed
        if self._state["state"] == "failed" and 0.0 < self.retry <= since:
            self._open(now)
        if self._state["state"] == "end" and self.stop_at_end and since >= self._valid:
            self.stop()

    def _tell(self, state: str, now: float, message: str = "", pictures: int | None = None) -> None:
        """Notes the state, and writes it if it is news."""
        before = self._state
        count = before.get("pictures", 0) if pictures is None else pictures
        self._state = {"state": state, "device": self._used, "pictures": count, "message": message}
        if (state, self._used) != (before.get("state"), before.get("device")):
            self._changed = now
            self.write(self.state, self._state)
            if message:
                self.log.warning("%s: %s", self._used, message)

    def close(self) -> None:
        """Lets go of the device."""
        if getattr(self, "_source", None) is not None:
            self._leave()
