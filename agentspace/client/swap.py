"""Asking for a hot swap behind a server, or for other live parameters, and following it to its end."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from agentspace.client.account import ROLES, SWAPS, SpaceAccount
from agentspace.client.reports import SwapReport
from agentspace.client.settings import SETTINGS_TIMEOUT, checked, taken_up
from agentspace.client.slots import RemoteSlots
from agentspace.core.change import Kind
from agentspace.core.mailbox import Trigger
from agentspace.core.space import Watch
from agentspace.core.swap import Limits, Step
from agentspace.core.values.names import why_long
from agentspace.core.values.value import flaw
from agentspace.errors import RoleNotFoundError, SpaceUnreachableError, SwapError, suggest
from agentspace.wire import from_client
from agentspace.wire.codec import encode

GRACE: Final = 10.0  #: seconds beyond the time of all steps
LOOK: Final = 2.0  #: seconds without news after which it looks whether the server is still there


class RemoteSwaps(RemoteSlots):
    """A space behind a server that can be asked for swaps."""

    def swap(
        self,
        role: str,
        spec: str | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        force: bool = False,
        fresh: bool = False,
        limits: Mapping[str, float] | None = None,
        progress: Callable[[SwapReport], object] = lambda report: None,
    ) -> SwapReport:
        """Replaces the incarnation of a supervised role while everything else goes on; waits until that is over.

        Args:
            role: What to swap.
            spec: The class of the successor, MODULE:CLASS; None for the same, with new code from disk.
            settings: Parameters and slot names to change, a text read as on a command line; the others stay, as
                far as the class knows them.
            force: Fences a predecessor whose handler does not end in time, instead of giving up.
            fresh: Hands over no state.
            limits: Seconds for steps that are to have others than usual (`Limits`).
            progress: Is told of each step.

        Raises:
            RoleNotFoundError: There is no such role; the error lists them.
            SwapError: It was rolled back, or cannot be: the role is being swapped already, or is not supervised.
        """
        seconds = Limits.of(limits or {})
        _check_given(spec, settings or {})
        self._check_role(role)
        with self.watch(SWAPS + role) as reports:
            number = self.request_swap(role, spec, settings, force=force, fresh=fresh, limits=limits)
            return self._followed(reports, role, number, seconds, progress)

    def request_swap(
        self,
        role: str,
        spec: str | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        force: bool = False,
        fresh: bool = False,
        limits: Mapping[str, float] | None = None,
    ) -> int:
        """Asks for a swap and returns its number at once; see `swap`, which waits for its end."""
        _check_given(spec, settings or {})
        made, seconds = dict(settings or {}), dict(limits or {})
        reply, _ = self._order(
            lambda call: (from_client.RequestSwap(call, self.name, role, spec, made, seconds, force, fresh),)
        )
        number: int = reply.number
        return number

    def configure(
        self, role: str, settings: Mapping[str, Any], timeout: float = SETTINGS_TIMEOUT
    ) -> dict[str, Any]:
        """Sets live parameters of the agent that fills a role; see `Space.configure`."""
        frame = encode(checked(settings))
        with self.watch(f"{ROLES}{role}", Trigger.EVERY) as changes:
            reply, _ = self._call(lambda call: (from_client.Configure(call, self.name, role), frame))
            return taken_up(changes, role, reply.number, settings, timeout)

    def successor_lost(self, role: str, number: int, why: str) -> None:
        """Tells that there will be no successor in a swap."""
        self._call(lambda call: (from_client.SuccessorLost(call, self.name, role, number, why),))

    def _check_role(self, role: str) -> None:
        """Whether a launch can swap a role."""
        account = SpaceAccount.of(self)
        known = account.everybody
        if not isinstance(role, str) or role not in known:
            raise RoleNotFoundError(f"there is no role {role!r}: {suggest(str(role), sorted(known))}")
        if why := account.why_not_alone(role):
            raise SwapError(why)
        if not known[role].launch:
            raise SwapError(
                f"role {role!r} is not supervised by a launch: start its successor by hand, "
                f"agentspace agent MODULE:CLASS --role {role} --replace"
            )

    def _followed(
        self, reports: Watch, role: str, number: int, limits: Limits, progress: Callable[[SwapReport], object]
    ) -> SwapReport:
        """Waits until a swap is over."""
        until = time.monotonic() + sum(dataclasses.astuple(limits)) + GRACE
        while (left := until - time.monotonic()) > 0:
            entries = reports.next(min(left, LOOK)) or ()
            for report in [SwapReport.of(entry.value) for entry in entries if entry.kind is Kind.WRITTEN]:
                if report.number != number:
                    continue
                progress(report)
                if report.over and report.state != Step.DONE:
                    raise SwapError(f"swap of {report.role!r}: {report.state}: {report.reason}")
                if report.over:
                    return report
            if self.entry(SWAPS + role) is None:
                raise SpaceUnreachableError(f"the server was restarted during the swap of {role!r}")
        raise SwapError(f"swap {number} of {role!r} does not come to its end")


def _check_given(spec: str | None, settings: Mapping[str, Any]) -> None:
    """Whether a successor can be given these.

    Raises:
        SwapError: It cannot.
    """
    if spec is not None and not (isinstance(spec, str) and all(spec.partition(":"))):
        raise SwapError(f"{spec!r} is not an agent: write MODULE:CLASS, such as agents.camera:Camera")
    if why := flaw(spec):
        raise SwapError(f"no process can be given this class: {why}")
    if spec is not None and (why := why_long(spec)):
        raise SwapError(why)
    if not isinstance(settings, Mapping):
        raise SwapError(f"settings are a dict, not {settings!r:.80}")
    for name, value in settings.items():
        if not (isinstance(name, str) and name.isidentifier()):
            raise SwapError(f"{name!r} is no name of a parameter or slot")
        if why := flaw(value):
            raise SwapError(f"no process can be given this for {name!r}: {why}")
