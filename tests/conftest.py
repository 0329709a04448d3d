"""What tests share: the settings of hypothesis, Ctrl-C, and what is left out without YARP."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.support.yarp.network import has_yarp

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

_NO_YARP = "YARP is not installed: `make yarp` installs it"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out the tests that need YARP where it is not; where CI is set, that is an error."""
    needy = [item for item in items if item.get_closest_marker("yarp")]
    if not needy or has_yarp():
        return
    if os.environ.get("CI"):
        raise pytest.UsageError(f"{len(needy)} tests need YARP, and CI must run them. {_NO_YARP}.")
    for item in needy:
        item.add_marker(pytest.mark.skip(reason=_NO_YARP))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which tests were left out for want of YARP: nobody should believe that they ran."""
    skipped = terminalreporter.stats.get("skipped", [])
    left_out = [report.nodeid for report in skipped if _NO_YARP in str(report.longrepr)]
    if left_out:
        terminalreporter.section("left out", yellow=True)
        terminalreporter.line(f"{_NO_YARP}. {len(left_out)} tests did not run:")
        for name in left_out:
            terminalreporter.line(f"  {name}")
