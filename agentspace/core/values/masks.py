"""Which names a mask over slot names covers. Pure."""

import fnmatch
import re
from typing import Final

from agentspace.core.values.names import MAX_NAME
from agentspace.errors import SlotNameError

_SET: Final = re.compile(r"\[(?:!.|[^!])[^\]]*\]", re.DOTALL)  # as fnmatch reads it
_RANGE: Final = re.compile(r"(.)-(.)", re.DOTALL)
_GLOB: Final = re.compile(r"[*?\[\]]")


class Mask:
    """A slot name or a glob over slot names: ``*`` any characters (also '/'), ``?`` one, ``[abc]`` one of them.

    The server's own slots (``_/...``) are matched only by masks that start with ``_``.

    Raises:
        SlotNameError: The mask is empty, too long, has spaces or control characters, a set that is not closed, or
            one with a range that ends before it begins.
    """

    __slots__ = ("_regex", "text")

    def __init__(self, text: str) -> None:
        if (
            not isinstance(text, str)
            or not 0 < len(text) <= MAX_NAME
            or re.search(r"[\x00-\x20\x7f\ud800-\udfff]", text)
        ):
            raise SlotNameError(
                f"{text!r} is not a slot name or a mask over slot names (such as 'camera' or 'arm/*')"
            )
        if set("[]") & set(_SET.sub("", text)):
            raise SlotNameError(f"{text!r} is not a mask: [ and ] enclose a set of characters, as in 'arm/[ab]'")
        for found in _SET.findall(text):
            for first, last in _RANGE.findall(found[1:-1].removeprefix("!")):
                if first > last:  # fnmatch leaves it out, and takes a ! behind it for that of the set
                    raise SlotNameError(f"{text!r} is not a mask: no character is from {first!r} to {last!r}")
        self.text = text
        self._regex = re.compile(fnmatch.translate(text)) if re.search(r"[*?\[]", text) else None

    @property
    def exact(self) -> bool:
        """Whether the mask is a plain name."""
        return self._regex is None

    @property
    def beginning(self) -> str:
        """The plain text that each name begins with which it covers."""
        return self.text if self._regex is None else _GLOB.split(self.text, maxsplit=1)[0]

    @property
    def end(self) -> str:
        """The plain text that each name ends with which it covers."""
        return self.text if self._regex is None else _GLOB.split(self.text)[-1]

    @property
    def folder(self) -> str:
        """The folder that all names are in, or below, which it covers; "" for all."""
        return self.beginning.rpartition("/")[0]

    def matches(self, name: str) -> bool:
        """Whether the mask covers the name."""
        if self._regex is None:
            return name == self.text
        return self._regex.match(name) is not None and (name[0] != "_" or self.text[0] == "_")
