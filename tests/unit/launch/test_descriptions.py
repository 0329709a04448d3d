"""Launch files: classes are asked in a process of their own what they take; nothing is imported here."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from agentspace.errors import LaunchError
from agentspace.launch import description as descriptions
from agentspace.launch.description import Description, DescriptionError
from agentspace.launch.launchfile import load
from tests.support.launch_files import Write, one_agent


def test_nothing_is_imported(write: Write) -> None:
    """Neither the loader nor the supervisor imports the classes of a launch file."""
    path = write(one_agent("after: []"))
    program = f"""
import sys
from agentspace.launch.description import Description
from agentspace.launch.launchfile import load
from agentspace.supervise.localhost import launch
load({str(path)!r}, describe=lambda specs, project: {{spec: Description() for spec in specs}})
print([name for name in ("agents", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_describe_failure(write: Write) -> None:
    """When classes cannot be asked, that is one problem, and the others are reported beside it."""

    def broken(specs: Sequence[str], project: Path) -> Mapping[str, Description]:
        raise DescriptionError("python is broken")

    with pytest.raises(LaunchError) as error:
        load(write(one_agent("group: x")), describe=broken)
    assert [problem.message.partition(";")[0] for problem in error.value.problems] == [
        "python is broken",
        "there is no group 'x'",
    ]


def test_describe_reads_the_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules may print while they are imported; no answer at all is an error with what was said."""
    program = tmp_path / "python"
    program.write_text("""#!/bin/sh\necho hello\necho '{"a:B": {"doc": "x", "parameters": {}, "slots": {}}}'\n""")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert descriptions.describe(["a:B"], tmp_path)["a:B"].doc == "x"
    with pytest.raises(DescriptionError, match="hello"):
        descriptions.describe(["c:D"], tmp_path)
    program.write_text("#!/bin/sh\nsleep 100 >/dev/null 2>&1\n")
    monkeypatch.setattr(descriptions, "PATIENCE", 0.2)
    with pytest.raises(DescriptionError, match=r"took more than 0\.2 s"):
        descriptions.describe(["a:B"], tmp_path)
