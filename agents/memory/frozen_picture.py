"""A frozen picture: a camera that hangs shows the last picture again, while the robot goes elsewhere."""

from typing import Any, Final

import numpy as np

ELSEWHERE: Final = 0.2
"""Difference of latents of which one picture cannot be: no posture looks like another one to the last bit."""


class FrozenPicture:
    """Features and latent of the pair that came last."""

    def __init__(self) -> None:
        self._last: tuple[Any, Any] | None = None

    def remember(self, key: Any, value: Any) -> None:
        """This pair was learned."""
        self._last = (np.array(key), np.array(value))

    def forget(self) -> None:
        """The pairs are others now."""
        self._last = None

    def shows(self, key: Any, value: Any) -> bool:
        """Whether the picture cannot be that of this posture: it was seen before, with another one."""
        if self._last is None or not np.array_equal(key, self._last[0]):
            return False
        before, now = self._last[1], np.asarray(value)
        return before.shape == now.shape and bool(np.abs(now - before).max() > ELSEWHERE)
