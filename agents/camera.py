"""The camera: pictures from a device, a file or another slot."""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from agents.pictures.frame import Frame
from agents.pictures.rate_limit import RateLimit
from agents.pictures.source import PictureSource, SourceError, is_path, open_source
from agentspace import EMPTY, Agent, Parameter, SlotName, check_name
from agentspace.errors import AgentspaceError, SlotNameError
from models.arrays import Image, as_rgb

SLOT: Final = "slot:"
"""The prefix of a device that is a slot."""
OFTEN: Final = 1.0
"""Seconds between two accounts of how many pictures were lost."""


class Camera(Agent):
    """Pictures from a webcam, a video file, a folder of images, or another slot, such as a simulator's view."""

    image = SlotName("camera", "RGB image (H, W, 3) uint8")
    source = SlotName("camera/source", "str: a device that is used instead, as long as the slot is valid")
    state = SlotName(
        "camera/state", "dict: state (waiting, running, end, failed), device, message, pictures, lost"
    )
    arrived = SlotName("camera/arrived", "int: counts what a live device sends, which wakes the camera")
    device = Parameter("0", "webcam number, URL, video, image, folder of images, yarp:/PORT, or slot:NAME")
    rate = Parameter(30.0, "pictures per second at most", minimum=0.01, live=True)
    validity = Parameter(1.0, "seconds that a picture is valid, at least two periods", minimum=0.01, live=True)
    loop = Parameter(False, "begin a file or folder again at its end")
    stop_at_end = Parameter(False, "end this agent when the last picture of a file or folder has expired")
    retry = Parameter(2.0, "seconds until a device that failed is tried again; 0 for never", minimum=0.0)

    def lacks(self) -> Iterator[str]:
        """Says that a file or folder is not there, or that a slot cannot be; a live device may come later."""
        try:
            if self.device.startswith(SLOT):
                check_name(self.device.removeprefix(SLOT))
            elif is_path(self.device):
                open_source(self.device, self.project).close()
        except (SourceError, SlotNameError) as error:
            yield str(error)

    def init(self) -> None:
        """Opens the device."""
        self._used = ""
        self._source: PictureSource | None = None
        self._slot: str | None = None
        self._told: tuple[str, str, str] | None = None
        self._lost = self._lost_before = self._told_lost = 0
        self._told_at = 0.0
        self._count = 0
        self._idle_since = 0.0
        self._limit = RateLimit(self.rate)
        self._arrivals = itertools.count(1)
        self.attach_trigger(self.source)
        self.attach_trigger(self.arrived)
        self._timer = self.attach_timer(1.0 / self.rate)
        self._use(self.read(self.source, self.device))

    def sense_select_act(self) -> None:
        """Takes the next picture."""
        now = self.now()
        if self.source in self.wake.names:
            self._use(self.read(self.source, self.device))
        try:
            shown = self._from_slot(self._slot, now) if self._slot else self._from_device(now)
        except (SourceError, TypeError, ValueError) as error:
            self._fail(str(error))
            return
        if shown is not None:
            self._count += 1
            self._show(shown)
            self._tell("running")

    def _show(self, shown: Frame | Image) -> None:
        """Writes what a device gave, or another slot."""
        if isinstance(shown, Frame):
            with self.loan(self.image, shown.shape, np.uint8, validity=self._valid) as image:
                shown.put(image)
        else:
            self.write(self.image, shown, validity=self._valid)

    def parameters_changed(self, names: frozenset[str]) -> None:
        """Another rate."""
        self._limit = RateLimit(self.rate)
        self._timer.set_period(1.0 / self.rate)

    @property
    def _valid(self) -> float:
        """Seconds for which a picture is valid."""
        return max(self.validity, 2.0 / self.rate)

    def release(self) -> None:
        """Lets go of the device, so that its successor can open it."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def reclaim(self) -> None:
        """Opens it again."""
        if self._slot is None:
            self._open()

    def _from_slot(self, slot: str, now: float) -> Image | None:
        if slot in self.wake.names:
            self._limit.offer(self.read(slot, EMPTY))
        image = self._limit.take(now)
        return None if image is EMPTY else as_rgb(image)

    def _from_device(self, now: float) -> Frame | None:
        if not self.wake.timer and self.arrived not in self.wake.names:
            return None
        if self._source is None:
            self._rest(now)
            return None
        frame = self._source.next(now)
        self._lost = self._lost_before + self._source.lost
        if self._lost != self._told_lost and now - self._told_at >= OFTEN:
            self._told = None
        if self._source.ended:
            remark = self._source.remark
            self._leave()
            if self.loop:
                self._open()
            else:
                self._tell("end", remark)
            return frame
        return self._paced(frame, now) if self._source.live else frame

    def _paced(self, frame: Frame | None, now: float) -> Frame | None:
        """Of what comes by itself not more than `rate`, and the newest."""
        if frame is not None:
            self._limit.offer(frame)
        paced = self._limit.take(now)
        return None if paced is EMPTY else paced

    def _notify(self) -> None:
        """Wakes the handler; called in a thread of the device."""
        with contextlib.suppress(AgentspaceError):  # the agent's own thread hears of it, too
            self.space.write(self.arrived, next(self._arrivals))

    def _rest(self, now: float) -> None:
        """Nothing comes any more: tries a device that failed again, or stops at the end."""
        state = self._told[0] if self._told else ""
        if state == "failed" and 0.0 < self.retry <= now - self._idle_since:
            self._open()
        elif state == "end" and self.stop_at_end and now - self._idle_since >= self._valid:
            self.stop()

    def _use(self, device: Any) -> None:
        """Changes to a device, unless it is the one in use."""
        name = str(device)  # a webcam's number may come as an int
        if name == self._used:
            return
        self._leave()
        self._limit = RateLimit(self.rate)
        self._used, self._count, self._lost, self._lost_before = name, 0, 0, 0
        self._tell("waiting")
        self._open()

    def _open(self) -> None:
        try:
            if self._used.startswith(SLOT):
                self._follow(check_name(self._used.removeprefix(SLOT)))
            else:
                self._source = open_source(self._used, self.project, self._notify)
        except (SourceError, SlotNameError) as error:
            self._fail(str(error))

    def _follow(self, slot: str) -> None:
        if slot in (self.image, self.source, self.state, self.arrived):
            raise SourceError(f"the camera cannot look at its own slot {slot!r}")
        self._slot = slot
        self._limit = RateLimit(self.rate)
        self.attach_trigger(slot)

    def _fail(self, message: str) -> None:
        if self._slot is None:
            self._leave()
        self._tell("failed", message)

    def _leave(self) -> None:
        self._idle_since = self.now()
        if self._slot is not None:
            self.space.detach_trigger(self._slot)
        if self._source is not None:
            self._source.close()
        self._lost_before = self._lost
        self._slot = self._source = None

    def _tell(self, state: str, message: str = "") -> None:
        """Writes the state if it is news."""
        if (state, self._used, message) == self._told:
            return
        self._told, self._told_lost, self._told_at = (state, self._used, message), self._lost, self.now()
        account = {"state": state, "device": self._used, "pictures": self._count, "lost": self._lost}
        self.write(self.state, {**account, "message": message})
        if message:
            self.log.warning("%s: %s", self._used, message)

    def close(self) -> None:
        """Lets go of the device."""
        if getattr(self, "_source", None) is not None:
            self._leave()
