"""The viewer: shows a slot's picture in a window, or keeps it in a file."""

import re
from collections.abc import Iterator
from datetime import datetime

from agents.pictures.pair_pictures import write_picture
from agents.pictures.screen import open_screen, why_no_window
from agentspace import EMPTY, Agent, Parameter, SlotName
from models.arrays import Image, as_rgb


class Viewer(Agent):
    """Shows a slot's picture in a window, or writes it to an image or video file (without a display).

    In the window the key s saves the picture that is shown in the folder of the run, with the time in its name;
    q and Escape end the viewer.
    """

    image = SlotName("camera", "RGB image (H, W, 3) uint8; grey and RGBA are taken as well")
    output = Parameter("", "file to write: .png or .jpg for the newest picture, .mp4 or .avi; empty for a window")
    title = Parameter("", "of the window, and of pictures that are saved; empty for the name of the slot")
    rate = Parameter(10.0, "pictures per second", minimum=0.01, maximum=100.0)

    def lacks(self) -> Iterator[str]:
        """Says that there is no display for a window."""
        if not self.output and (why := why_no_window()):
            yield why

    def init(self) -> None:
        """Opens the window or the file."""
        path = self.project / self.output if self.output else None
        self._screen = open_screen(path, self.title or self.image, self.rate, self._save)
        self.attach_timer(1.0 / self.rate)

    def sense_select_act(self) -> None:
        """Shows the newest picture; a window that is closed ends the agent."""
        value = self.read(self.image, EMPTY)
        try:
            image = None if value is EMPTY else as_rgb(value)
        except (TypeError, ValueError) as error:
            self.log.warning("cannot show %s: %s", self.image, error)
            return
        if not self._screen.show(image):
            self.stop()

    def _save(self, image: Image) -> None:
        """Keeps a picture with the time of day in its name."""
        name = re.sub(r"[^\w.-]+", "-", self.title or self.image).strip("-") or "picture"
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S-%f")[:-3]
        path = self.run_folder / f"{name}-{stamp}.png"
        try:
            write_picture(path, image)
        except OSError as error:
            self.log.warning("the picture is not saved: %s", error)
        else:
            self.log.info("saved %s", path)

    def close(self) -> None:
        """Closes the window or the file."""
        if hasattr(self, "_screen"):
            self._screen.close()
