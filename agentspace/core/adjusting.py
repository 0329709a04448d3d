"""The live settings of a role: anybody asks for a change, its incarnation takes it up between two handlers.

Pure. An incarnation declares what others may change while it runs, in ``live`` of what it says of itself; so
values are checked here, before it hears of them. What it has taken up belongs to the role: the next incarnation
begins with it, unless this one was asked to end, or ends well, of its own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agentspace.core.setting import Setting
from agentspace.core.values.value import flaw
from agentspace.errors import ParameterError, suggest

_REMEMBERED: Final = 16  # refusals, for those who still wait for them


@dataclass(slots=True)
class Adjustments:
    """The changes of a role's settings.

    Attributes:
        asked: The number of the last change that was asked for.
        answered: The number of the last one that was taken up, or refused.
        refusals: Why the last that were refused were, by number.
        held: What was set while the role ran, by name.
        given: What the present incarnation was given of that when it began.
        pending: What the incarnation has not answered yet, by number.
    """

    asked: int = 0
    answered: int = 0
    refusals: dict[int, str] = field(default_factory=dict)
    held: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    pending: dict[int, dict[str, Any]] = field(default_factory=dict)

    def ask(self, role: str, info: Mapping[str, Any], settings: Mapping[str, Any]) -> int:
        """Somebody asks for a change; returns its number.

        Args:
            role: The name of the role.
            info: What its incarnation says of itself.
            settings: The values by name; a text is read as on a command line.

        Raises:
            ParameterError: One is unknown, not live, or not valid; nothing is changed.
        """
        if not settings:
            raise ParameterError(f"nothing to set: name a parameter of role {role!r} and its value")
        values = {name: _checked(role, info, name, value) for name, value in settings.items()}
        self.asked += 1
        self.pending[self.asked] = values
        return self.asked

    def answer(self, number: int, error: str | None, info: dict[str, Any]) -> None:
        """The incarnation has taken a change up, or could not; an answer to what nobody asked is of no account."""
        values = self.pending.pop(number, None)
        if values is None:
            return
        self.answered = number
        if error is not None:
            self._refuse(number, error)
            return
        self.held.update(values)
        _show(info, values)

    def give(self, info: dict[str, Any], without: Collection[str] = ()) -> None:
        """Another incarnation begins, with what was set and it knows, but for what it was started with instead."""
        self.drop("another incarnation fills the role")
        known = _live(info)
        offered = {name: value for name, value in self.held.items() if name in known and name not in without}
        self.given = {name: value for name, value in offered.items() if _is_valid(known[name], name, value)}
        _show(info, self.given)

    def settle(self) -> None:
        """A successor stays: what it did not take over is over."""
        self.held = dict(self.given)

    def drop(self, why: str) -> None:
        """The incarnation that was asked will not answer any more."""
        for number in self.pending:
            self._refuse(number, why)
        if self.pending:
            self.answered = self.asked
            self.pending.clear()

    def forget(self, names: Collection[str] | None = None) -> None:
        """What was set is over: under these names, or all; the next incarnation begins without."""
        self.held = {} if names is None else {k: value for k, value in self.held.items() if k not in names}

    def told(self) -> dict[str, Any]:
        """The state of all that, as plain data."""
        refused = [[number, why] for number, why in self.refusals.items()]
        return {"values": self.held, "asked": self.asked, "answered": self.answered, "refused": refused}

    def _refuse(self, number: int, why: str) -> None:
        self.refusals[number] = why
        if len(self.refusals) > _REMEMBERED:
            del self.refusals[next(iter(self.refusals))]


def _live(info: Mapping[str, Any]) -> Mapping[str, Any]:
    """The declarations of what can change while it runs, by name."""
    declared = info.get("live")
    return declared if isinstance(declared, dict) else {}


def _checked(role: str, info: Mapping[str, Any], name: str, value: Any) -> Any:
    """The value as the agent takes it.

    Raises:
        ParameterError: It is not valid, or nothing that can be set.
    """
    live, settings = _live(info), info.get("settings")
    known = sorted({*live, *(settings if isinstance(settings, dict) else ())})
    if name not in known:
        raise ParameterError(f"role {role!r} has no parameter {name!r}: {suggest(name, known)}")
    if name not in live:
        able = ", ".join(live) or "none"
        raise ParameterError(
            f"{name!r} of role {role!r} cannot change while it runs (live: {able}): "
            f"agentspace swap {role} {name}=... does it"
        )
    if why := flaw(value):
        raise ParameterError(f"parameter {name!r} of role {role!r}: no process can be given this: {why}")
    try:
        return _taken(live[name], name, value)
    except ParameterError as error:
        raise ParameterError(f"parameter {name!r} of role {role!r}: {error}") from None


def _taken(declared: Any, name: str, value: Any) -> Any:
    try:
        setting = Setting.from_dict(name, declared)
        return setting.parse(value) if isinstance(value, str) else setting.check(value)
    except ParameterError:
        raise
    except Exception:  # what a program in another language declares may be anything
        raise ParameterError("its declaration cannot be read") from None


def _is_valid(declared: Any, name: str, value: Any) -> bool:
    try:
        return bool(_taken(declared, name, value) == value)
    except ParameterError:
        return False


def _show(info: dict[str, Any], values: Mapping[str, Any]) -> None:
    """What the incarnation says of itself has these values from now on."""
    settings = info.get("settings")
    if values and isinstance(settings, dict):
        info["settings"] = {**settings, **values}
