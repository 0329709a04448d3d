"""The parameter that says whether an associator compares relative to running means."""

from typing import Any, Final

from agentspace import Parameter
from models.extractors.felt import says_where_arms_point

AUTO, YES, NO = "auto", "true", "false"
CENTRING: Final = (AUTO, YES, NO)


class Centring(Parameter[str]):
    """A parameter that is true, false, or left to the features; false by default."""

    def __init__(self) -> None:
        told = f"compare relative to running means; {AUTO}: unless features say where arms point"
        super().__init__(NO, told, choices=CENTRING)

    def parse(self, value: Any) -> str:
        """The value as one of `CENTRING`; a bool is taken, too.

        Raises:
            ParameterError: It is something else.
        """
        return super().parse(str(value).lower() if isinstance(value, bool) else value)


def is_centred(wanted: str, features: str) -> bool:
    """Whether such features are compared relative to running means.

    Left to them, those are which also tell who somebody is, and what is around them.

    Args:
        wanted: One of `CENTRING`.
        features: Identifier of the feature space.
    """
    return wanted == YES or (wanted == AUTO and not says_where_arms_point(features))
