"""Clients that nobody closes, and those of a process that forks: they block nobody, and what is wrong is said."""

from __future__ import annotations

import subprocess
import sys

import pytest

PRELUDE = """
import gc, os, sys, threading
from agentspace import connect

def opened():
    space = connect(sys.argv[1])
    space.write("x", 1)
    return space
"""
WAYS = {
    "collected": "opened()",
    "in a cycle": "space = opened(); space.itself = space; del space",
    "with a watch": "space = opened(); watch = space.watch('*'); watch.next(5); space.itself = [space, watch]",
    "with a role": "space = opened(); session = space.join('forgotten'); session.running()",
    "of a thread": "thread = threading.Thread(target=opened); thread.start(); thread.join()",
    "used by two threads": """
space = opened()
thread = threading.Thread(target=space.read, args=("x",)); thread.start(); thread.join()
space.itself = space; del space, thread
""",
    "many": "for _ in range(20): space = opened(); space.itself = space",
    "at the end": "spaces = [opened() for _ in range(3)]; spaces.append(spaces)",
}
FORKS = """
space = opened()
child = os.fork()
if not child:
    for asks in (lambda: space.read("x"), lambda: space.write("x", 2), lambda: space.watch("x"), space.snapshot):
        try:
            asks()
        except Exception as error:
            print(type(error).__name__, error, flush=True)
    threading.Thread(target=lambda: print("thread", asks_once(space), flush=True)).start()
    space.close()
    with connect(sys.argv[1]) as anew:
        print("anew", anew.read("x"), flush=True)
    sys.exit(3)
_, status = os.waitpid(child, 0)
print("parent", space.read("x"), os.waitstatus_to_exitcode(status))
"""
ASKS = """
def asks_once(space):
    try:
        return space.read("x")
    except Exception as error:
        return type(error).__name__
"""
POOL = """
import multiprocessing
space = opened()
session = space.join("worker"); session.running()

def double(number):
    return 2 * number

with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map(double, range(4)))
session.write("x", 5)
session.leave("stopped")
space.close()
"""


def run(server, program: str) -> subprocess.CompletedProcess[str]:
    """A program that ends by itself."""
    command = [sys.executable, "-c", PRELUDE + ASKS + program, server.address]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_client_that_nobody_closes_ends(server, way):
    """However it is lost, its process goes on, and ends."""
    done = run(server, way + "\ngc.collect()\nprint('went on')\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


def test_the_child_of_a_fork_is_told(server):
    """What its parent opened is its parent's; it can open its own. The parent goes on."""
    done = run(server, FORKS)
    lines = done.stdout.splitlines()
    assert done.stderr == ""
    assert len(lines) == 7
    assert all("SpaceUnreachableError this space was opened in process" in line for line in lines[:4])
    assert set(lines[4:6]) == {"thread SpaceUnreachableError", "anew 1"}
    assert lines[6] == "parent 1 3"


def test_a_role_may_have_workers_of_its_own(server):
    """Processes that are forked and have nothing to do with the space harm neither it nor themselves."""
    done = run(server, POOL)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0, 2, 4, 6]\n", "")
