"""What tests share: the settings of hypothesis, Ctrl-C, and what is left out for want of something."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from tests.support.learning.mediapipe_apart import has_mediapipe
from tests.support.yarp.network import has_yarp
from tests.system.hosts.two_hosts import NEEDED, can_have_hosts

# No deadline per example: the tests run on shared, busy machines, and pytest-timeout guards against hanging.
settings.register_profile("agentspace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "fast", settings.get_profile("agentspace"), max_examples=10
)  # see tests/support/examples.py
settings.load_profile("agentspace")

# A shell without job control starts what runs in the background deaf to Ctrl-C, and the processes that tests start
# and interrupt inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Need(NamedTuple):
    """What tests with a mark need of the machine.

    Attributes:
        what: In a word.
        is_met: Whether it is there.
        missing: What is said where it is not.
        owed: Whether CI has to see to it; what a kernel or a container does not give, it cannot.
    """

    what: str
    is_met: Callable[[], bool]
    missing: str
    owed: bool


NEEDS = {
    "yarp": Need("YARP", has_yarp, "YARP is not installed: `make yarp` installs it", owed=True),
    "mediapipe": Need(
        "mediapipe",
        has_mediapipe,
        "mediapipe 0.10.21 could not be installed beside the others: `make test` tries, with Python 3.11 or 3.12",
        owed=False,
    ),
    "hosts": Need("two hosts", can_have_hosts, NEEDED, owed=False),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out the tests that need what is not there; where CI owes it, that is an error."""
    for mark, need in NEEDS.items():
        needy = [item for item in items if item.get_closest_marker(mark)]
        if not needy or need.is_met():
            continue
        if need.owed and os.environ.get("CI"):
            raise pytest.UsageError(f"{len(needy)} tests need {need.what}, and CI must run them. {need.missing}.")
        for item in needy:
            item.add_marker(pytest.mark.skip(reason=need.missing))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which tests were left out: nobody should believe that they ran."""
    skipped = terminalreporter.stats.get("skipped", [])
    for need in NEEDS.values():
        left_out = [report.nodeid for report in skipped if need.missing in str(report.longrepr)]
        if left_out:
            terminalreporter.section("left out", yellow=True)
            terminalreporter.line(f"{need.missing}. {len(left_out)} tests did not run:")
            for name in left_out:
                terminalreporter.line(f"  {name}")
