"""The settings that a supervisor gives a process: on its standard input, where nothing is too long."""

import json
import os
from typing import Any, NamedTuple, Self

from agentspace.errors import ParameterError


class Given(NamedTuple):
    """The settings of a process.

    Attributes:
        values: Parameters and slot names; a text is read as on a command line.
        offers: The same of its predecessor, to be used as far as it can.
        packages: Those of the classes that its launch names, if it is swapped in; None: it may come from anywhere.
    """

    values: dict[str, Any]
    offers: dict[str, Any]
    packages: list[str] | None = None

    def packed(self) -> bytes:
        """As a process reads them."""
        return json.dumps(self._asdict()).encode()

    @classmethod
    def read(cls) -> Self:
        """Reads those of this process from its standard input, which is empty from then on.

        Raises:
            ParameterError: There are none.
        """
        parts = []
        while part := os.read(0, 1 << 20):
            parts.append(part)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        try:
            return cls(**json.loads(b"".join(parts)))
        except (ValueError, TypeError) as error:
            raise ParameterError(f"the supervisor has given no settings: {error}") from None
