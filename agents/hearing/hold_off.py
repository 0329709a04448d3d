"""The hold-off: what comes right after a whistle is its echo, or the second half of a double whistle."""


class HoldOff:
    """Lets one whistle through, and then none for a while; time is passed in.

    Args:
        seconds: For which nothing passes after one that did; 0 to let all through.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = float("-inf")

    def passes(self, time: float) -> bool:
        """Whether a whistle that came at a time (s) counts; those that do not hold up nothing themselves."""
        if time - self._last < self._seconds:
            return False
        self._last = time
        return True
