"""The store of a launch."""

from pathlib import Path

import pytest

from agentspace.errors import LaunchError
from agentspace.launch.plan import Storage
from agentspace.supervise.command import server_command
from tests.support.launch_files import Load, Write, one_agent, problems


def test_a_launch_has_no_store_unless_it_is_said(read: Load) -> None:
    """An empty path is none either."""
    assert read(one_agent("")).storage is None
    assert read('store: ""\ndurable: [mode]\n' + one_agent("")).storage is None
    assert "--store" not in server_command(read(one_agent(""))).argv


def test_its_path_counts_from_the_project(read: Load) -> None:
    """It is in the plan, also as people read it, and the server is started with it."""
    plan = read("store: runs/${launch}.db\ndurable: [mode, memory/*]\n" + one_agent(""))
    path = plan.project / "runs" / "robot.db"
    assert plan.storage == Storage(path, ("mode", "memory/*"))
    assert f"durable in {path}: mode, memory/*" in plan.describe()
    assert plan.to_dict()["storage"] == {"path": str(path), "durable": ["mode", "memory/*"]}
    assert server_command(plan).argv[-4:] == ("--store", str(path), "--durable=mode", "--durable=memory/*")
    absolute = read("store: /srv/x.db\n" + one_agent("")).storage
    assert absolute == Storage(Path("/srv/x.db"))


def test_an_argument_may_choose_it(read: Load) -> None:
    """As the file's own launches do."""
    text = "args: {store: {default: '', type: str}}\nstore: ${store}\ndurable: [mode]\n" + one_agent("")
    assert read(text).storage is None
    storage = read(text, {"store": "x.db"}).storage
    assert storage is not None
    assert storage.path.name == "x.db"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "durable: [mode]\n",
            "1:1: durable slots need a store to be kept in; for instance store: runs/${launch}.db",
        ),
        ("store: x\ndurable: ['a b']\n", "2:11: 'a b' is not a slot name or a mask over slot names"),
        ("store: x\ndurable: [ok, '_/roles/*']\n", "2:15: '_/roles/*' is the space's own"),
        ("store: x\nclock: simulated\n", "1:1: a simulated clock begins anew with each server"),
        ('store: "a\\0b"\n', "1:8: no process can be given this"),
        ("store: 7\n", "1:8: store: 7 is int, not text"),
        ("store: x\ndurable: mode\n", "2:10: durable: 'mode' is text, not a list"),
    ],
)
def test_what_is_none_is_told_with_its_place(read: Load, text: str, problem: str) -> None:
    """Masks, paths, clocks, types."""
    with pytest.raises(LaunchError) as error:
        read(text + one_agent(""))
    (found,) = problems(error)
    assert found.startswith(f"robot.yaml:{problem}")


def test_only_that_of_the_file_that_is_launched_counts(read: Load, write: Write) -> None:
    """A file that is included keeps what the launch keeps."""
    write("store: x.db\n" + one_agent(""), "other.yaml")
    assert read("include: [{file: other.yaml}]\n").storage is None
